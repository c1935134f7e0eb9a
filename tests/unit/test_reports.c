/* SPDX-License-Identifier: MIT
 *
 * JUnit XML and the HTML page of a sweep that was made by hand: counts, escaping, size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "junit.h"
#include "page.h"
#include "recorded.h"

#include <stdio.h>
#include <stdlib.h>

#define WORDS 4000u
#define APPLICATION 0x080A0000u

static struct profile_phase phases[] = {{"<store>", "storing"}};
static struct profile_area areas[] = {{"a & b", RAIL_CHIP_INTERNAL, APPLICATION, 0x20000, ARRAY_INTERNAL, 0xA0000}};
static struct profile_pin pins[] = {{"PE13", "\"green\"", 4 * 16 + 13}};
static struct profile profile = {.name = "it's <odd>",
                                 .machine = "board & co",
                                 .phases = phases,
                                 .phases_count = 1,
                                 .areas = areas,
                                 .areas_count = 1,
                                 .pins = pins,
                                 .pins_count = 1};
static const struct id_target nothing_said;

static struct sweep_outcome *new_outcome(struct sweep_result *result, bool pass)
{
    struct sweep_outcome *outcome = calloc(1, sizeof *outcome);
    assert_non_null(outcome);
    *outcome = (struct sweep_outcome){.verdict = {.pass = pass, .oracle = pass ? NULL : "time"}, .other = result->outcomes};
    result->outcomes = outcome;
    result->run++;
    return outcome;
}

/* Case `index` is credited with what came of case `representative`. */
static void credit(struct sweep_result *result, size_t index, size_t representative)
{
    result->cases[index].outcome = result->cases[representative].outcome;
    result->cases[index].representative = representative;
    result->run--;
    result->credited++;
}

/* An erase, WORDS words and a journal page; the first `bad` operations are not recovered. */
static struct sweep_result example(size_t bad)
{
    struct sweep_result result = {.firmware = "0123456789abcdef", .seeds = {1, 1, 1}, .jobs = 2, .wall_s = 1};
    struct recording *recording = &result.recording;
    struct problem problem = {0};
    record_line(recording, 10, "storing");
    record(recording, 20, 0, RAIL_PIN, RAIL_CHIP_NONE, 4 * 16 + 13, 1, NULL);
    record_erase(recording, 1000, RAIL_CHIP_INTERNAL, APPLICATION, 0x20000);
    for (uint32_t i = 0; i < WORDS; i++)
        record_program(recording, 2000000 + i * 20000, RAIL_CHIP_INTERNAL, APPLICATION + 4 * i, i);
    record_program(recording, 200000000, RAIL_CHIP_NOR, 0x7FE000, 1);
    assert_true(recording_index(recording, &profile, &problem));
    result.clean = (struct verdict){.pass = true, .recovery_ns = 300000000, .boots = 2};
    result.plan.count = recording->count;
    result.plan.points = 2 * recording->count;
    result.plan.tears[0] = NOR_TEAR_BEFORE;
    result.plan.tears[1] = NOR_TEAR_AFTER;
    result.plan.tear_count = 2;
    result.plan.cuts = calloc(recording->count, sizeof *result.plan.cuts);
    result.cases = calloc(recording->count, sizeof *result.cases);
    for (size_t i = 0; i < recording->count; i++) {
        struct sweep_outcome *outcome = new_outcome(&result, i >= bad);
        if (i < bad)
            snprintf(outcome->verdict.detail, sizeof outcome->verdict.detail, "no \"line\" <%zu>", i % 3);
        result.cases[i] = (struct sweep_case){.cut = {.operation = i, .tear = NOR_TEAR_BEFORE},
                                              .fired = true,
                                              .outcome = outcome,
                                              .representative = i};
    }
    return result;
}

typedef bool write_fn(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                      const struct id_target *target);

static char *written(write_fn *write, const struct sweep_result *result, const struct id_target *target)
{
    char *memory = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&memory, &size);
    assert_true(write(stream, result, &profile, target));
    fclose(stream);
    return memory;
}

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;
    for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part))
        count++;
    return count;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not there", part);
}

static void junit_has_a_case_per_group_and_per_finding(void **state)
{
    (void)state;
    struct sweep_result result = example(4);
    char *text = written(junit_write, &result, &nothing_said);
    assert_int_equal(occurrences(text, "<testcase "), 3 + 4);
    assert_int_equal(occurrences(text, "</testcase>"), 3 + 4);
    /* the erase and the words have findings, the journal none */
    assert_int_equal(occurrences(text, "<failure "), 2 + 4);
    assert_has(text, "tests=\"7\" failures=\"6\" errors=\"0\" skipped=\"0\"");
    assert_has(text, "<system-out>matterhorn replay &#39;it&#39;\\&#39;&#39;s &lt;odd&gt;~s1/int.080A0000.e1.before@0123456789ab&#39;"
                     "</system-out>");
    assert_has(text, "message=\"no &quot;line&quot; &lt;1&gt;\"");
    assert_null(strstr(text, "a & b"));
    free(text);
    sweep_free(&result);
}

/* Five words that go the same way are one finding of five members. */
static void reports_count_findings_with_their_members(void **state)
{
    (void)state;
    struct sweep_result result = example(8);
    for (size_t i = 3; i < 7; i++)
        credit(&result, i, 2);
    size_t count, members = 0;
    struct sweep_finding *findings = sweep_findings(&result, &count);
    for (size_t i = 0; i < count; i++)
        members += findings[i].members;
    assert_int_equal(count, 4);
    assert_int_equal(members, 8);
    free(findings);
    char *text = written(junit_write, &result, &nothing_said);
    assert_int_equal(occurrences(text, "<testcase "), 3 + 4);
    assert_int_equal(occurrences(text, "<failure "), 2 + 4);
    assert_int_equal(occurrences(text, "<system-err>5 power losses go this way, up to "), 1);
    assert_has(text, "7 of 4000 power losses not recovered");
    free(text);
    text = written(page_write, &result, &nothing_said);
    assert_has(text, "8 of 4,002 power losses were not recovered");
    assert_has(text, "<dt>States run</dt><dd>3,998<small>4 credited with their verdicts</small>");
    assert_int_equal(occurrences(text, "<li><code>"), 3); /* the first cause is a single power loss */
    assert_int_equal(occurrences(text, "; 4 more go this way, up to int.080A0014.p1.before"), 1);
    free(text);
    sweep_free(&result);
}

static void junit_of_an_update_that_fails_anyway(void **state)
{
    (void)state;
    struct sweep_result result = {.firmware = "0123456789ab", .clean = {.oracle = "time", .detail = "never"}};
    char *text = written(junit_write, &result, &nothing_said);
    assert_has(text, "tests=\"1\" failures=\"1\"");
    assert_has(text, "message=\"never\"");
    free(text);
}

static void page_has_every_id_and_escapes(void **state)
{
    (void)state;
    struct sweep_result result = example(20);
    char *text = written(page_write, &result, &(struct id_target){.root = "my root"});
    for (size_t i = 0; i < 20; i++) {
        char id[SWEEP_ID];
        sweep_id(&result, &profile, &result.cases[i], id);
        assert_has(text, strchr(id, '/') + 1);
    }
    assert_has(text, "20 of 4,002 power losses were not recovered");
    assert_has(text, "--root &#39;my root&#39;");
    assert_has(text, "no &quot;line&quot; &lt;2&gt;");
    assert_null(strstr(text, "<store>"));
    assert_null(strstr(text, "<odd>"));
    assert_null(strstr(text, "a & b"));
    assert_null(strstr(text, "http"));
    assert_int_equal(occurrences(text, "<div"), occurrences(text, "</div>"));
    assert_int_equal(occurrences(text, "<i "), occurrences(text, "</i>"));
    free(text);
    sweep_free(&result);
}

/* What a cell of the table says: areas and kinds by phase. */
static void page_counts_cut_points_and_shows_holes(void **state)
{
    (void)state;
    struct sweep_result result = example(4);
    result.plan.count = result.recording.count - 1; /* nothing is tried at the journal page */
    char *text = written(page_write, &result, &nothing_said);
    assert_int_equal(occurrences(text, "class=\"cell f\" style=\"--o:0.27\" tabindex=\"-1\" data-points=\"8000\" data-tried=\"4000\" "
                                       "data-cuts=\"4000\" data-failing=\"3\""), 2); /* in its phase, and in all */
    assert_int_equal(occurrences(text, "class=\"cell hole\" style=\"--o:0.00\" tabindex=\"-1\" data-points=\"2\" data-tried=\"0\""), 2);
    assert_has(text, "<b>0</b> of 2</td>");
    assert_has(text, "4,001 of 8,004 were tried; <b class=\"holes\">1 hole</b>");
    free(text);
    sweep_free(&result);
}

/* In the order of time: nothing, an erase, its words; at the end, the page of the other chip. */
static void page_tells_what_sectors_held(void **state)
{
    (void)state;
    struct sweep_result result = example(0);
    char *text = written(page_write, &result, &nothing_said);
    assert_int_equal(occurrences(text, "{\"chip\":"), 2);
    assert_has(text, "{\"chip\":\"internal\",\"address\":134873088,\"size\":131072,\"sectors\":1,\"at\":[[0,0,1,1,0,1,0],[1,20,0,0,80,20,0],");
    assert_has(text, ",16000,"); /* 4,000 words are held in the end */
    assert_has(text, "{\"chip\":\"nor\",\"address\":8380416,\"size\":4096,\"sectors\":1,\"at\":[[166,1,0,0,4,1,0]]}");
    free(text);
    sweep_free(&result);
}

/* An erase takes away what was programmed, and what is programmed twice is held once. */
static void page_forgets_what_was_erased(void **state)
{
    (void)state;
    struct sweep_result result = {.firmware = "0123456789abcdef", .clean = {.pass = true, .recovery_ns = 250000000}};
    struct problem problem = {0};
    record_line(&result.recording, 10, "storing");
    record_program(&result.recording, 1000000, RAIL_CHIP_NOR, 0x7FE000, 1);
    record_program(&result.recording, 2000000, RAIL_CHIP_NOR, 0x7FE004, 1);
    record_program(&result.recording, 3000000, RAIL_CHIP_NOR, 0x7FE004, 0);
    record_erase(&result.recording, 4000000, RAIL_CHIP_NOR, 0x7FE000, 0x1000);
    record_program(&result.recording, 6000000, RAIL_CHIP_NOR, 0x7FE008, 1);
    assert_true(recording_index(&result.recording, &profile, &problem));
    char *text = written(page_write, &result, &nothing_said);
    assert_has(text, "\"at\":[[1,1,0,0,4,0,0],[2,1,0,0,8,0,0],[3,1,0,0,8,0,0],[4,0,1,1,0,0,0],[5,0,0,1,0,0,0],[6,1,0,0,4,0,0]]}");
    free(text);
    sweep_free(&result);
}

/* 500 sectors of the SPI NOR share rows of 16; each erase and each program is counted. */
static void page_takes_many_sectors_together(void **state)
{
    (void)state;
    struct sweep_result result = {.firmware = "0123456789abcdef",
                                  .clean = {.pass = true, .recovery_ns = UINT64_C(5000000000)}};
    struct problem problem = {0};
    record_line(&result.recording, 10, "storing");
    for (uint32_t i = 0; i < 500; i++) {
        record_erase(&result.recording, 1000 + i * UINT64_C(9000000), RAIL_CHIP_NOR, i * 0x1000, 0x1000);
        record_program(&result.recording, 2000000 + i * UINT64_C(9000000), RAIL_CHIP_NOR, i * 0x1000, i);
    }
    assert_true(recording_index(&result.recording, &profile, &problem));
    char *text = written(page_write, &result, &nothing_said);
    assert_int_equal(occurrences(text, "\"size\":65536,\"sectors\":16,"), 31);
    assert_int_equal(occurrences(text, "\"size\":65536,\"sectors\":4,"), 1);
    assert_int_equal(occurrences(text, "{\"chip\":"), 32);
    assert_int_equal(occurrences(text, ">16 erases, 16 programs</span>"), 31);
    free(text);
    sweep_free(&result);
}

/* Something happens to each of 200 sectors all the time, and half of it is not recovered: moments are longer, and
 * there is room left for findings. */
static void page_stays_small_whatever_is_written(void **state)
{
    (void)state;
    struct sweep_result result = {.firmware = "0123456789abcdef",
                                  .clean = {.pass = true, .recovery_ns = UINT64_C(5000000000)}};
    struct recording *recording = &result.recording;
    struct problem problem = {0};
    record_line(recording, 10, "storing");
    for (uint32_t i = 0; i < 50000; i++)
        record_program(recording, 1000 + i * UINT64_C(100000), RAIL_CHIP_NOR, i % 200 * 0x1000 + i / 200 * 4, i);
    assert_true(recording_index(recording, &profile, &problem));
    result.plan = (struct plan){.count = recording->count, .points = recording->count};
    result.cases = calloc(recording->count, sizeof *result.cases);
    for (size_t i = 0; i < recording->count; i++)
        result.cases[i] = (struct sweep_case){.cut.operation = i,
                                              .outcome = new_outcome(&result, i / 400 % 2 == 0),
                                              .representative = i};
    char *text = written(page_write, &result, &nothing_said);
    assert_in_range(strlen(text), PAGE_LIMIT / 2, PAGE_LIMIT);
    assert_has(text, "\"moments\":100,");
    assert_int_equal(occurrences(text, "{\"chip\":"), 25);
    assert_in_range(occurrences(text, "<li><code>"), 1000, 25000);
    free(text);
    sweep_free(&result);
}

static void page_of_a_sweep_without_findings(void **state)
{
    (void)state;
    struct sweep_result result = example(0);
    char *text = written(page_write, &result, &nothing_said);
    assert_has(text, "Recovered from all 4,002 power losses");
    assert_null(strstr(text, "<h2>Findings"));
    free(text);
    sweep_free(&result);
}

static void page_of_an_update_that_fails_anyway(void **state)
{
    (void)state;
    struct sweep_result result = {.firmware = "0123456789ab", .clean = {.oracle = "time", .detail = "never <so>"}};
    char *text = written(page_write, &result, &nothing_said);
    assert_has(text, "fails without any power loss");
    assert_has(text, "never &lt;so&gt;");
    free(text);
}

/* Cuts repeat operations here, so that there are many. */
static void page_stays_small_and_counts_the_rest(void **state)
{
    (void)state;
    struct sweep_result result = example(WORDS);
    size_t operations = result.recording.count, many = 40000;
    result.cases = realloc(result.cases, many * sizeof *result.cases);
    for (size_t i = operations; i < many; i++) {
        struct sweep_outcome *outcome = new_outcome(&result, false);
        result.cases[i] = result.cases[i % WORDS];
        outcome->verdict = result.cases[i].outcome->verdict;
        result.cases[i].outcome = outcome;
    }
    result.plan.count = many;
    char *text = written(page_write, &result, &nothing_said);
    assert_in_range(strlen(text), PAGE_LIMIT / 2, PAGE_LIMIT);
    size_t listed = occurrences(text, "<li><code>");
    char rest[80];
    snprintf(rest, sizeof rest, "And %zu,%03zu more,", (many - 2 - listed) / 1000, (many - 2 - listed) % 1000);
    assert_has(text, rest);
    free(text);
    sweep_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(junit_has_a_case_per_group_and_per_finding),
        cmocka_unit_test(reports_count_findings_with_their_members),
        cmocka_unit_test(junit_of_an_update_that_fails_anyway),
        cmocka_unit_test(page_has_every_id_and_escapes),
        cmocka_unit_test(page_counts_cut_points_and_shows_holes),
        cmocka_unit_test(page_tells_what_sectors_held),
        cmocka_unit_test(page_forgets_what_was_erased),
        cmocka_unit_test(page_takes_many_sectors_together),
        cmocka_unit_test(page_stays_small_whatever_is_written),
        cmocka_unit_test(page_of_a_sweep_without_findings),
        cmocka_unit_test(page_of_an_update_that_fails_anyway),
        cmocka_unit_test(page_stays_small_and_counts_the_rest),
    };
    return cmocka_run_group_tests_name("reports", tests, NULL, NULL);
}
