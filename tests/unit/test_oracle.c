/* SPDX-License-Identifier: MIT
 *
 * Oracles: each holds on a device that is right, and says what is wrong with one that is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oracle.h"

#include <string.h>

#define SLOT 0x20200u
#define FLOOR 0x4000u

struct fixture {
    struct profile profile;
    struct profile_recovered any[2];
    struct profile_vectors vectors;
    struct profile_running running;
    struct profile_counter counter;
    struct profile_area area;
    struct arrays device, arrays;
    struct oracle oracle;
    struct session_result session;
    struct verdict verdict;
    struct problem problem;
};

static void put_word(struct arrays *arrays, uint32_t offset, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        arrays->cells[ARRAY_INTERNAL][offset + i] = (uint8_t)(word >> 8 * i);
}

/* A device that is right: vectors and VTOR in the slot, a floor of 3. */
static int set_up(void **state)
{
    static struct fixture fixture;
    struct profile_recovered *recovered = &fixture.profile.recovered;
    fixture = (struct fixture){.session = {.end = SESSION_REACHED, .vectors = 0x08020200}, .verdict = {.pass = true}};
    *state = &fixture;
    fixture.vectors = (struct profile_vectors){"slot", 0x08020200, 0x1FE00, ARRAY_INTERNAL, SLOT};
    fixture.running = (struct profile_running){0x08020200, 0x1FE00};
    fixture.counter =
        (struct profile_counter){"floor", RAIL_CHIP_INTERNAL, 0x08004000, 4, COUNTER_UNARY, ARRAY_INTERNAL, FLOOR};
    recovered->vectors = &fixture.vectors;
    recovered->vectors_count = 1;
    recovered->running = &fixture.running;
    recovered->counters = &fixture.counter;
    recovered->counters_count = 1;
    fixture.session.watch.wanted = &recovered->wanted;
    assert_true(arrays_allocate(&fixture.device, &fixture.problem) &&
                arrays_allocate(&fixture.arrays, &fixture.problem));
    put_word(&fixture.device, SLOT, 0x20020000);
    put_word(&fixture.device, SLOT + 4, 0x08020301);
    put_word(&fixture.device, FLOOR, 0xFFFFFFF8);
    for (enum array array = 0; array < ARRAYS; array++)
        memcpy(fixture.arrays.cells[array], fixture.device.cells[array], arrays_size(array));
    assert_true(oracle_open(&fixture.oracle, &fixture.profile, &fixture.device, "/", &fixture.problem));
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    oracle_close(&fixture->oracle);
    arrays_free(&fixture->device);
    arrays_free(&fixture->arrays);
    return 0;
}

static bool judge(struct fixture *fixture)
{
    return oracle_judge(&fixture->oracle, &fixture->oracle.update, &fixture->session, &fixture->arrays, "test",
                        &fixture->verdict);
}

static void expect_failure(struct fixture *fixture, const char *oracle, const char *said)
{
    assert_false(judge(fixture));
    assert_false(fixture->verdict.pass);
    assert_string_equal(fixture->verdict.oracle, oracle);
    if (strstr(fixture->verdict.detail, said) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", fixture->verdict.detail, said);
}

static void what_is_right_passes(void **state)
{
    struct fixture *fixture = *state;
    oracle_count(&fixture->oracle.update, &fixture->device, false, &fixture->verdict);
    assert_true(judge(fixture));
    assert_int_equal(fixture->verdict.counters[0], 3);
    put_word(&fixture->arrays, SLOT, 0x10010000); /* the stack may be in the CCM */
    assert_true(judge(fixture));
}

static void a_vector_table_makes_sense(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        uint32_t stack, entry;
        const char *said;
    } bad[] = {
        {0xFFFFFFFF, 0xFFFFFFFF, "initial stack pointer 0xFFFFFFFF is not in RAM"},
        {0x20000000, 0x08020301, "not in RAM"},
        {0x20020004, 0x08020301, "not in RAM"},
        {0x2001FFFE, 0x08020301, "not in RAM"},
        {0x20020000, 0x08020300, "reset vector 0x08020300 is no Thumb address"},
        {0x20020000, 0x08040001, "in its range"},
        {0x20020000, 0x080201FF, "in its range"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put_word(&fixture->arrays, SLOT, bad[i].stack);
        put_word(&fixture->arrays, SLOT + 4, bad[i].entry);
        expect_failure(fixture, "vectors", bad[i].said);
    }
}

static void the_core_runs_in_the_range(void **state)
{
    struct fixture *fixture = *state;
    fixture->session.vectors = 0x08040200;
    expect_failure(fixture, "running", "the core's vector table is at 0x08040200, outside 0x08020200 to 0x0803FFFF");
    fixture->session.vectors = 0x080201FF;
    expect_failure(fixture, "running", "0x080201FF");
    fixture->session.vectors = 0x0803FFFF;
    assert_true(judge(fixture));
}

static void a_counter_of_bits_never_falls(void **state)
{
    struct fixture *fixture = *state;
    oracle_count(&fixture->oracle.update, &fixture->device, false, &fixture->verdict);
    put_word(&fixture->arrays, FLOOR, 0xFFFFFFFC);
    expect_failure(fixture, "counter", "floor fell from 3 to 2");
    fixture->verdict = (struct verdict){.pass = true};
    put_word(&fixture->arrays, FLOOR, 0xFFFFFFE0);
    assert_true(judge(fixture));
    put_word(&fixture->arrays, FLOOR, 0xFFFFFFF0); /* what it was after one session is the least for the next */
    expect_failure(fixture, "counter", "floor fell from 5 to 4");
}

/* In the state that a power loss leaves, a bit that is weak is not yet cleared. */
static void weak_bits_do_not_count(void **state)
{
    struct fixture *fixture = *state;
    struct nor_marks *marks = &fixture->arrays.marks[ARRAY_INTERNAL];
    put_word(&fixture->arrays, FLOOR, 0xFFFFFFF0);
    marks->list[marks->count++] = (struct nor_mark){NOR_WEAK, FLOOR, 1, 3};
    oracle_count(&fixture->oracle.update, &fixture->arrays, true, &fixture->verdict);
    assert_int_equal(fixture->verdict.counters[0], 3);
    oracle_count(&fixture->oracle.update, &fixture->arrays, false, &fixture->verdict);
    assert_int_equal(fixture->verdict.counters[0], 4);
}

/* A state that the recovery would heal. */
static void a_counter_of_bits_does_not_fall_for_a_moment_either(void **state)
{
    struct fixture *fixture = *state;
    assert_true(oracle_judge_loss(&fixture->oracle, &fixture->oracle.update, &fixture->arrays, &fixture->verdict));
    put_word(&fixture->arrays, FLOOR, 0xFFFFFFFF);
    assert_false(oracle_judge_loss(&fixture->oracle, &fixture->oracle.update, &fixture->arrays, &fixture->verdict));
    assert_string_equal(fixture->verdict.detail, "when power was lost: floor fell from 3 to 0");
    fixture->counter.form = COUNTER_LITTLE; /* a word must be erased to be written */
    assert_true(oracle_judge_loss(&fixture->oracle, &fixture->oracle.update, &fixture->arrays, &fixture->verdict));
}

static void a_word_never_falls_and_may_be_written_piece_by_piece(void **state)
{
    struct fixture *fixture = *state;
    fixture->counter.form = COUNTER_LITTLE;
    put_word(&fixture->device, FLOOR, 0x00000107);
    put_word(&fixture->arrays, FLOOR, 0xFFFF0107);
    oracle_count(&fixture->oracle.update, &fixture->device, false, &fixture->verdict);
    oracle_count(&fixture->oracle.update, &fixture->arrays, true,
                 &fixture->verdict); /* half written: it says nothing */
    assert_int_equal(fixture->verdict.counters[0], 0x107);
    put_word(&fixture->arrays, FLOOR, 0x00000106);
    expect_failure(fixture, "counter", "floor fell from 263 to 262");
    put_word(&fixture->arrays, FLOOR, 0xFFFFFFFF);
    expect_failure(fixture, "counter", "floor fell from 263 to 0");
    fixture->counter.form = COUNTER_BIG;
    fixture->verdict = (struct verdict){.pass = true};
    put_word(&fixture->arrays, FLOOR, 0x08010000); /* 00 00 01 08 */
    assert_true(judge(fixture));
    assert_int_equal(fixture->verdict.counters[0], 0x108);
}

/* The arrays are judged by the way that was seen, not by the others. */
static void each_way_to_end_has_its_own_oracles(void **state)
{
    struct fixture *fixture = *state;
    static const char *new_line[] = {"new"}, *old_line[] = {"old"};
    struct profile_recovered *recovered = &fixture->profile.recovered;
    oracle_close(&fixture->oracle);
    fixture->area = (struct profile_area){"config", RAIL_CHIP_INTERNAL, 0x0800C000, 4, ARRAY_INTERNAL, 0xC000};
    fixture->any[0] = (struct profile_recovered){.name = "new"};
    fixture->any[1] = (struct profile_recovered){.name = "old", .unchanged = &fixture->area, .unchanged_count = 1};
    recovered->wanted_any[0] = (struct watch_wanted){.name = "new", .lines = new_line, .line_count = 1};
    recovered->wanted_any[1] = (struct watch_wanted){.name = "old", .lines = old_line, .line_count = 1};
    recovered->wanted = (struct watch_wanted){.any = recovered->wanted_any, .any_count = 2};
    recovered->any = fixture->any;
    recovered->any_count = 2;
    assert_true(oracle_open(&fixture->oracle, &fixture->profile, &fixture->device, "/", &fixture->problem));
    put_word(&fixture->arrays, 0xC000, 0);
    pages_add(&fixture->arrays.pages, ARRAY_INTERNAL, 0xC000, 4);
    fixture->session.watch.any[0].lines[0] = true;
    assert_true(judge(fixture));
    fixture->session.watch.any[0].lines[0] = false;
    fixture->session.watch.any[1].lines[0] = true;
    expect_failure(fixture, "unchanged", "test, old: config was changed at 0x0800C000");
}

static void a_start_without_work_may_do_as_much_as_the_budget_says(void **state)
{
    struct fixture *fixture = *state;
    uint32_t budget = 3;
    fixture->session.operations = 3;
    assert_false(oracle_finds_work(&fixture->oracle, &fixture->session)); /* nobody asks */
    fixture->profile.budget.idle_operations = &budget;
    assert_false(oracle_finds_work(&fixture->oracle, &fixture->session));
    budget = 2;
    assert_true(oracle_finds_work(&fixture->oracle, &fixture->session));
    fixture->profile.budget.idle_operations = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_right_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_vector_table_makes_sense, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_core_runs_in_the_range, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_counter_of_bits_never_falls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(weak_bits_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_counter_of_bits_does_not_fall_for_a_moment_either, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_word_never_falls_and_may_be_written_piece_by_piece, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_way_to_end_has_its_own_oracles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_start_without_work_may_do_as_much_as_the_budget_says, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
