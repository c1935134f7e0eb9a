/* SPDX-License-Identifier: MIT
 *
 * What a result store gives back: what was kept, of results that were made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recorded.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define APPLICATION 0x080A0000u
#define CUTS 4

static struct profile profile = {.name = "example", .text = (char *)(uintptr_t)"name: example", .text_size = 13};

/* Some words, and a cut at each, numbered as in a plan of which this is a part. */
static struct sweep_result blank(void)
{
    struct sweep_result result = {.clean = {.pass = true, .boots = 2, .recovery_ns = 77, .virtual_ns = 78},
                                  .clean_instructions = 79};
    struct problem problem = {0};
    for (uint32_t i = 0; i < CUTS; i++)
        record_program(&result.recording, 1000 + i * 20000, RAIL_CHIP_INTERNAL, APPLICATION + 4 * i, i);
    assert_true(recording_index(&result.recording, &profile, &problem));
    result.plan.count = CUTS;
    result.plan.cuts = calloc(CUTS, sizeof *result.plan.cuts);
    result.cases = calloc(CUTS, sizeof *result.cases);
    for (size_t i = 0; i < CUTS; i++)
        result.plan.cuts[i] = result.cases[i].cut = (struct cut){.operation = i,
                                                                 .tear = NOR_TEAR_AFTER,
                                                                 .number = 10 * i};
    return result;
}

static struct sweep_outcome *add_outcome(struct sweep_result *result, const struct sweep_outcome *like)
{
    struct sweep_outcome *outcome = malloc(sizeof *outcome);
    *outcome = *like;
    outcome->other = result->outcomes;
    result->outcomes = outcome;
    return outcome;
}

static void settle(struct sweep_result *result, size_t index, size_t representative,
                   const struct sweep_outcome *outcome)
{
    result->cases[index].outcome = outcome;
    result->cases[index].representative = representative;
    result->cases[index].fired = true;
}

/* The first was run and recovers, the second is credited with it but wears, the third was run and
 * fails, the last is not known. */
static struct sweep_result example(void)
{
    struct sweep_result result = blank();
    struct sweep_outcome good = {.verdict = {.pass = true,
                                             .boots = 3,
                                             .recovery_ns = UINT64_C(5) << 40,
                                             .virtual_ns = 6,
                                             .operations = 7,
                                             .sram = UINT64_MAX - 1},
                                 .recovered = true,
                                 .trace = UINT64_MAX,
                                 .instructions = 8,
                                 .erases = {1, 0, 2, [FOOTPRINT_SECTORS - 1] = UINT32_MAX}};
    struct sweep_outcome *run = add_outcome(&result, &good);
    run->run = run;
    struct sweep_outcome *worn = add_outcome(&result, run);
    worn->verdict.pass = false;
    worn->verdict.oracle = "wear";
    strcpy(worn->verdict.detail, "sector 5, \"too often\" 'so'");
    struct sweep_outcome *bad = add_outcome(&result,
                                            &(struct sweep_outcome){.verdict = {.oracle = "time", .detail = "never"}});
    bad->run = bad;
    settle(&result, 0, 0, run);
    settle(&result, 1, 0, worn);
    settle(&result, 2, 2, bad);
    return result;
}

static char path[] = "/tmp/matterhorn-store-XXXXXX";

static void begin(struct store **store, const struct sweep_result *result, const char *seed, bool good)
{
    struct campaign campaign = {.count = 0};
    struct problem problem = {0};
    assert_true(store_open(store, path, STORE_WORK, &problem));
    assert_true(campaign_add(&campaign, "seed", seed, &problem));
    assert_int_equal(store_begin(*store, &campaign, &profile, result, &problem), good);
    if (!good)
        assert_non_null(strstr(problem.text, "seed 1, not 2"));
    campaign_free(&campaign);
}

static void load(struct sweep_result *result, size_t wanted)
{
    struct store *store;
    struct problem problem = {0};
    size_t known;
    *result = blank();
    result->clean = (struct verdict){.pass = false};
    result->clean_instructions = 0;
    assert_true(store_open(&store, path, STORE_READ, &problem));
    assert_true(store_clean(store, result, &problem));
    assert_true(store_load(store, result, NULL, &known, &problem));
    assert_int_equal(known, wanted);
    store_close(store);
}

static void it_gives_back_what_was_kept(void **state)
{
    (void)state;
    struct sweep_result result = example(), again;
    struct store *store;
    struct problem problem = {0};
    begin(&store, &result, "1", true);
    for (size_t i = 0; i < 3; i++)
        store_keep(store, &result, i);
    result.cases[0].live = true;
    store_keep_marks(store, &result.cases[0]);
    assert_true(store_flush(store, &problem));
    store_close(store);
    load(&again, 3);
    assert_true(again.clean.pass);
    assert_int_equal(again.clean.recovery_ns, 77);
    assert_int_equal(again.clean_instructions, 79);
    for (size_t i = 0; i < 3; i++) {
        const struct sweep_case *one = &result.cases[i], *other = &again.cases[i];
        assert_non_null(other->outcome);
        assert_int_equal(other->representative, one->representative);
        assert_int_equal(other->live, one->live);
        assert_int_equal(other->outcome->trace, one->outcome->trace);
        assert_int_equal(other->outcome->instructions, one->outcome->instructions);
        assert_int_equal(other->outcome->verdict.pass, one->outcome->verdict.pass);
        assert_int_equal(other->outcome->verdict.recovery_ns, one->outcome->verdict.recovery_ns);
        assert_int_equal(other->outcome->verdict.sram, one->outcome->verdict.sram);
        assert_string_equal(other->outcome->verdict.detail, one->outcome->verdict.detail);
        assert_memory_equal(other->outcome->erases, one->outcome->erases, sizeof one->outcome->erases);
        if (!one->outcome->verdict.pass)
            assert_string_equal(other->outcome->verdict.oracle, one->outcome->verdict.oracle);
    }
    assert_ptr_equal(again.cases[1].outcome->run, again.cases[0].outcome);
    assert_null(again.cases[3].outcome);
    sweep_free(&again);
    sweep_free(&result);
}

static void what_is_not_flushed_is_not_kept(void **state)
{
    (void)state;
    struct sweep_result result = example(), again;
    struct store *store;
    begin(&store, &result, "1", true);
    store_keep(store, &result, 0);
    store_close(store);
    load(&again, 0);
    sweep_free(&again);
    sweep_free(&result);
}

static void another_sweep_is_refused(void **state)
{
    (void)state;
    struct sweep_result result = example();
    struct store *store;
    begin(&store, &result, "1", true);
    store_close(store);
    begin(&store, &result, "2", false);
    store_close(store);
    sweep_free(&result);
}

static int new_file(void **state)
{
    (void)state;
    strcpy(path + sizeof path - 7, "XXXXXX");
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_gives_back_what_was_kept, new_file, remove_file),
        cmocka_unit_test_setup_teardown(what_is_not_flushed_is_not_kept, new_file, remove_file),
        cmocka_unit_test_setup_teardown(another_sweep_is_refused, new_file, remove_file),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
