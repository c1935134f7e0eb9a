/* SPDX-License-Identifier: MIT
 *
 * Watching a boot, reading traces, and pins in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pins.h"
#include "recorded.h"
#include "watch.h"

#define GREEN (4 * 16 + 13)

static const char *const wanted_lines[] = {"update: confirmed"};
static const struct watch_edges wanted_edges[] = {{GREEN, 2}};
static const struct watch_wanted wanted = {
    .lines = wanted_lines, .line_count = 1, .edges = wanted_edges, .edge_count = 1};

static void take_all(struct watch *watch, struct recording *recording)
{
    struct trace_item item;
    size_t position = 0;
    while (trace_next(recording->events, recording->size, &position, &item))
        watch_take(watch, &item);
    assert_int_equal(position, recording->size);
    recording_free(recording);
}

static void edge(struct recording *recording, uint32_t level)
{
    record(recording, 0, 0, RAIL_PIN, RAIL_CHIP_NONE, GREEN, level, NULL);
}

static void what_is_seen_counts_from_the_last_reset(void **state)
{
    (void)state;
    struct recording recording = {0};
    struct watch watch;
    char missing[100];
    watch_begin(&watch, &wanted);
    record(&recording, 0, 0, RAIL_POWER_ON, RAIL_CHIP_NONE, 0, 0, NULL);
    record_line(&recording, 0, "1.0 update: confirmed.");
    edge(&recording, 1);
    edge(&recording, 0);
    take_all(&watch, &recording);
    assert_true(watch_all_seen(&watch));
    assert_false(watch_missing(&watch, missing, sizeof missing));
    record(&recording, 0, 0, RAIL_RESET, RAIL_CHIP_NONE, 0, 0, NULL);
    edge(&recording, 1);
    take_all(&watch, &recording);
    assert_int_equal(watch.boots, 2);
    assert_false(watch_lines_seen(&watch));
    assert_true(watch_missing(&watch, missing, sizeof missing));
    assert_string_equal(missing, "no line with \"update: confirmed\"");
    record_line(&recording, 0, "update: confirmed");
    take_all(&watch, &recording);
    assert_true(watch_missing(&watch, missing, sizeof missing));
    assert_string_equal(missing, "1 of 2 edges at PE13");
}

static void a_line_is_complete_at_its_line_feed(void **state)
{
    (void)state;
    struct recording recording = {0};
    struct watch watch;
    watch_begin(&watch, &wanted);
    for (const char *c = "update: confirmed\r"; *c != '\0'; c++)
        record(&recording, 0, 0, RAIL_UART, RAIL_CHIP_NONE, 1, (uint8_t)*c, NULL);
    take_all(&watch, &recording);
    assert_false(watch_lines_seen(&watch));
    record(&recording, 0, 0, RAIL_UART, RAIL_CHIP_NONE, 2, '\n', NULL); /* another USART */
    take_all(&watch, &recording);
    assert_false(watch_lines_seen(&watch));
    record(&recording, 0, 0, RAIL_UART, RAIL_CHIP_NONE, 1, '\n', NULL);
    take_all(&watch, &recording);
    assert_true(watch_lines_seen(&watch));
}

static void half_a_line_before_a_reset_is_not_a_line(void **state)
{
    (void)state;
    static const char said[] = "update: confirmed";
    struct recording recording = {0};
    struct watch watch;
    watch_begin(&watch, &wanted);
    record(&recording, 0, 0, RAIL_POWER_ON, RAIL_CHIP_NONE, 0, 0, NULL);
    for (const char *c = said; *c != '\0'; c++)
        record(&recording, 0, 0, RAIL_UART, RAIL_CHIP_NONE, 1, (uint8_t)*c, NULL);
    record(&recording, 0, 0, RAIL_RESET, RAIL_CHIP_NONE, 0, 0, NULL);
    record_line(&recording, 0, "boot: nothing is installed");
    take_all(&watch, &recording);
    assert_false(watch_lines_seen(&watch));
}

static void unwanted_text_counts_for_the_whole_session(void **state)
{
    (void)state;
    static const char *const texts[] = {"on fire", "not confirmed"};
    const struct watch_wanted picky = {.lines = wanted_lines,
                                       .line_count = 1,
                                       .edges = wanted_edges,
                                       .edge_count = 1,
                                       .unwanted = texts,
                                       .unwanted_count = 2};
    struct recording recording = {0};
    struct watch watch;
    watch_begin(&watch, &picky);
    record(&recording, 0, 0, RAIL_POWER_ON, RAIL_CHIP_NONE, 0, 0, NULL);
    record_line(&recording, 0, "update: confirmed");
    take_all(&watch, &recording);
    assert_null(watch.unwanted);
    record_line(&recording, 0, "boot: not confirmed yet");
    record(&recording, 0, 0, RAIL_RESET, RAIL_CHIP_NONE, 0, 0, NULL);
    take_all(&watch, &recording);
    assert_string_equal(watch.unwanted, "not confirmed");
}

/* Makes a pattern; the caller frees it. */
static void compile(regex_t *pattern, const char *text)
{
    assert_int_equal(regcomp(pattern, text, REG_EXTENDED | REG_NOSUB), 0);
}

static void a_pattern_is_matched_by_a_whole_line(void **state)
{
    (void)state;
    static const char *const texts[] = {"^app [0-9]+: (up|ready)$"};
    regex_t pattern;
    compile(&pattern, texts[0]);
    const struct watch_wanted any_version = {.patterns = &pattern, .pattern_texts = texts, .pattern_count = 1};
    struct recording recording = {0};
    struct watch watch;
    char missing[100];
    watch_begin(&watch, &any_version);
    record_line(&recording, 0, "app 12: up and down");
    take_all(&watch, &recording);
    assert_true(watch_missing(&watch, missing, sizeof missing));
    assert_string_equal(missing, "no line matches \"^app [0-9]+: (up|ready)$\"");
    assert_false(watch_lines_seen(&watch) || watch_all_seen(&watch));
    record_line(&recording, 0, "app 12: ready");
    take_all(&watch, &recording);
    assert_true(watch_lines_seen(&watch) && watch_all_seen(&watch));
    regfree(&pattern);
}

static void a_level_is_what_the_pin_has_now(void **state)
{
    (void)state;
    static const struct watch_level high[] = {{GREEN, 1}}, low[] = {{GREEN, 0}};
    const struct watch_wanted lit = {.levels = high, .level_count = 1}, dark = {.levels = low, .level_count = 1};
    struct recording recording = {0};
    struct watch on, off;
    char missing[100];
    watch_begin(&on, &lit);
    watch_begin(&off, &dark);
    assert_true(!watch_all_seen(&on) && watch_all_seen(&off)); /* it is not driven */
    edge(&recording, 1);
    take_all(&on, &recording);
    edge(&recording, 1);
    take_all(&off, &recording);
    assert_true(watch_all_seen(&on) && !watch_all_seen(&off));
    assert_true(watch_missing(&off, missing, sizeof missing));
    assert_string_equal(missing, "PE13 is high");
    record(&recording, 0, 0, RAIL_RESET, RAIL_CHIP_NONE, 0, 0, NULL);
    take_all(&on, &recording);
    assert_false(watch_all_seen(&on));
}

static void one_of_several_ways_to_end_is_enough_but_it_must_be_whole(void **state)
{
    (void)state;
    static const char *const new_lines[] = {"app 2"}, *const old_lines[] = {"back", "app 1"},
                             *const common[] = {"boot"};
    static const struct watch_edges blinks[] = {{GREEN, 1}};
    const struct watch_wanted any[] = {
        {.lines = new_lines, .line_count = 1, .edges = blinks, .edge_count = 1, .name = "new"},
        {.lines = old_lines, .line_count = 2, .name = "old"},
    };
    const struct watch_wanted either = {.lines = common, .line_count = 1, .any = any, .any_count = 2};
    struct recording recording = {0};
    struct watch watch;
    char missing[200];
    watch_begin(&watch, &either);
    record_line(&recording, 0, "app 1");
    record_line(&recording, 0, "app 2");
    take_all(&watch, &recording);
    assert_false(watch_lines_seen(&watch)); /* what is common was not said */
    record_line(&recording, 0, "boot");
    take_all(&watch, &recording);
    assert_true(watch_lines_seen(&watch));
    assert_false(watch_all_seen(&watch)); /* half of either is none of them */
    assert_int_equal(watch_alternative(&watch), 2);
    assert_true(watch_missing(&watch, missing, sizeof missing));
    assert_string_equal(missing, "new: 0 of 1 edges at PE13; old: no line with \"back\"");
    record_line(&recording, 0, "the old one is back");
    take_all(&watch, &recording);
    assert_true(watch_all_seen(&watch));
    assert_int_equal(watch_alternative(&watch), 1);
    record(&recording, 0, 0, RAIL_RESET, RAIL_CHIP_NONE, 0, 0, NULL);
    take_all(&watch, &recording);
    assert_false(watch_lines_seen(&watch) || watch_all_seen(&watch));
}

static void endless_lines_are_cut_short(void **state)
{
    (void)state;
    struct trace_lines lines = {0};
    struct rail_event event = {.kind = RAIL_UART, .address = 6, .value = 0x80};
    for (int i = 0; i < 2 * TRACE_LINE; i++)
        assert_null(trace_line(&lines, &event));
    event.value = '\n';
    assert_int_equal(strlen(trace_line(&lines, &event)), TRACE_LINE - 1);
    event.address = 4000000000u; /* no such USART */
    assert_null(trace_line(&lines, &event));
}

static void a_broken_trace_is_noticed(void **state)
{
    (void)state;
    struct recording recording = {0};
    struct trace_item item;
    size_t position = 0;
    record_program(&recording, 0, RAIL_CHIP_NOR, 0, 0);
    assert_false(trace_next(recording.events, recording.size - 8, &position, &item));
    assert_int_equal(position, 0);
    recording_free(&recording);
}

static void pins_have_names(void **state)
{
    (void)state;
    char name[TRACE_PIN_NAME];
    trace_pin_name(GREEN, name);
    assert_string_equal(name, "PE13");
    assert_int_equal(trace_pin_number("PE13"), GREEN);
    assert_int_equal(trace_pin_number("PA0"), 0);
    assert_int_equal(trace_pin_number("PE16"), UINT32_MAX);
    assert_int_equal(trace_pin_number("PE1x"), UINT32_MAX);
    assert_int_equal(trace_pin_number("E13"), UINT32_MAX);
}

#define MS UINT64_C(1000000)

static void blinking_is_said_once(void **state)
{
    (void)state;
    struct pin_view view = {0};
    char text[32];
    assert_true(pin_edge(&view, 0 * MS, true, text, sizeof text));
    assert_string_equal(text, "on");
    assert_true(pin_edge(&view, 100 * MS, false, text, sizeof text));
    assert_string_equal(text, "off");
    assert_true(pin_edge(&view, 500 * MS, true, text, sizeof text));
    assert_true(pin_edge(&view, 600 * MS, false, text, sizeof text));
    assert_string_equal(text, "blinking 2.0 Hz");
    for (uint64_t i = 2; i < 8; i++) {
        assert_false(pin_edge(&view, (500 * i) * MS, true, text, sizeof text));
        assert_false(pin_edge(&view, (500 * i + 100) * MS, false, text, sizeof text));
    }
    assert_false(pin_tick(&view, 4000 * MS, text, sizeof text));
    assert_true(pin_tick(&view, 4400 * MS, text, sizeof text));
    assert_string_equal(text, "steady off");
    assert_false(pin_tick(&view, 9000 * MS, text, sizeof text));
}

static void another_rhythm_is_said(void **state)
{
    (void)state;
    struct pin_view view = {0};
    char text[32];
    for (uint64_t i = 0; i < 8; i++)
        pin_edge(&view, 500 * i * MS, i % 2 == 0, text, sizeof text);
    assert_string_equal(text, "blinking 1.0 Hz");
    uint64_t now = 3500 * MS;
    for (uint64_t i = 0; i < 8; i++)
        pin_edge(&view, now += 100 * MS, i % 2 == 0, text, sizeof text);
    assert_string_equal(text, "blinking 5.0 Hz");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_seen_counts_from_the_last_reset),
        cmocka_unit_test(a_line_is_complete_at_its_line_feed),
        cmocka_unit_test(half_a_line_before_a_reset_is_not_a_line),
        cmocka_unit_test(unwanted_text_counts_for_the_whole_session),
        cmocka_unit_test(a_pattern_is_matched_by_a_whole_line),
        cmocka_unit_test(a_level_is_what_the_pin_has_now),
        cmocka_unit_test(one_of_several_ways_to_end_is_enough_but_it_must_be_whole),
        cmocka_unit_test(endless_lines_are_cut_short),
        cmocka_unit_test(a_broken_trace_is_noticed),
        cmocka_unit_test(pins_have_names),
        cmocka_unit_test(blinking_is_said_once),
        cmocka_unit_test(another_rhythm_is_said),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
