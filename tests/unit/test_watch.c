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
    const struct watch_wanted picky = {
        .lines = wanted_lines, .line_count = 1, .edges = wanted_edges, .edge_count = 1, .unwanted = texts, .unwanted_count = 2};
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
        cmocka_unit_test(endless_lines_are_cut_short),
        cmocka_unit_test(a_broken_trace_is_noticed),
        cmocka_unit_test(pins_have_names),
        cmocka_unit_test(blinking_is_said_once),
        cmocka_unit_test(another_rhythm_is_said),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
