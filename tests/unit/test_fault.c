/* SPDX-License-Identifier: MIT
 *
 * Faults by name, and what they do to cells, times and status registers.
 */
#include "chip.h"

#include "fault.h"

#include <stdio.h>

static struct fault_set parsed(const char *text)
{
    struct fault_set set = {0};
    char why[FAULT_WHY];
    if (!fault_parse(&set, text, why))
        fail_msg("%s", why);
    return set;
}

/// Names ///

static void every_name_is_read_and_written(void **state)
{
    (void)state;
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        const struct fault_kind *kind = &fault_menu[fault];
        struct fault_set set = {0};
        char text[FAULT_TEXT], again[FAULT_TEXT];
        set.of[fault].on = true;
        set.of[fault].value = kind->most;
        set.of[fault].bit = kind->shape == FAULT_BIT ? 7 : 0;
        set.of[fault].length = kind->shape == FAULT_SPAN ? 70000 : 0;
        fault_format(&set, fault, text);
        struct fault_set read = parsed(text);
        assert_true(read.of[fault].on);
        assert_int_equal(read.of[fault].value, set.of[fault].value);
        assert_int_equal(read.of[fault].length, set.of[fault].length);
        fault_format(&read, fault, again);
        assert_string_equal(text, again);
        assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF-=."), strlen(text));
        assert_true(kind->effect[0] != '\0' && kind->source[0] != '\0');
        assert_null(strchr(kind->effect, '\n'));
    }
}

static void expect_bad(const char *text, const char *said)
{
    struct fault_set set = parsed("nor-dead=3"), before = set;
    char why[FAULT_WHY] = "";
    assert_false(fault_parse(&set, text, why));
    if (strstr(why, said) == NULL || strchr(why, '\n') != NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", text, why, said);
    assert_memory_equal(&set, &before, sizeof set);
}

static void what_is_wrong_is_said_and_changes_nothing(void **state)
{
    (void)state;
    expect_bad("", "int-stuck-0");
    expect_bad("nor-wip", "nor-powerup-slow");
    expect_bad("nor-dead", "twice");
    expect_bad("int-worn", "int-worn=N");
    expect_bad("int-worn=", "0 to 1000000");
    expect_bad("int-worn=1000001", "0 to 1000000");
    expect_bad("int-worn=4294967297", "0 to 1000000");
    expect_bad("int-worn=+1", "0 to 1000000");
    expect_bad("nor-wip-stuck=x", "nor-wip-stuck[=N]");
    expect_bad("nor-jedec=g", "000000 to FFFFFF");
    expect_bad("nor-retention=800000.0", "7FFFFF");
    expect_bad("nor-retention=0.8", "bits 0 to 7");
    expect_bad("nor-miso-low=1", "no argument");
    expect_bad("vdd-low=1719", "1720 to 3600");
    expect_bad("vcc-low=2000", "0 to 1999");
    expect_bad("vcc-dip=1", "vcc-dip=FROM.FOR");
    expect_bad("vcc-dip=1.0", "FOR from 1");
    expect_bad("vcc-dip=1.4294967296", "FOR from 1");
    expect_bad("vdd-dip=1.2.3", "FOR from 1");
    expect_bad("reset-at=0", "1 to 4294967295");
}

static void sets_are_joined(void **state)
{
    (void)state;
    struct fault_set set = parsed("nor-dead=3"), more = parsed("nor-dead=4");
    assert_false(fault_any(&(struct fault_set){0}));
    assert_true(fault_any(&set));
    assert_false(fault_beyond_cells(&set));
    fault_add(&set, &more);
    assert_int_equal(set.of[FAULT_NOR_DEAD].value, 4);
    more = parsed("int-worn=1");
    fault_add(&set, &more);
    assert_true(set.of[FAULT_NOR_DEAD].on && set.of[FAULT_INT_WORN].on);
    assert_true(fault_beyond_cells(&set));
}

/// Cells ///

static unsigned zeros(const struct nor_array *array, uint32_t offset, uint32_t length)
{
    return 8 * length - ones(array->cells + offset, length);
}

static void a_worn_sector_keeps_some_zeros(void **state)
{
    (void)state;
    struct fault_set set = parsed("int-worn=1");
    struct nor_defects defects = fault_defects_internal(&set);
    struct nor_array array = chip(&nor_stm32f407_x32);
    const struct nor_op op = erase(0x20000, 0x20000), whole = erase(0, array.part->size);
    array.defects = &defects;
    assert_true(nor_apply(&array, &op));
    assert_false(nor_worn_out(&array, &op));
    assert_int_equal(zeros(&array, 0x20000, 0x20000), 0);
    assert_true(nor_apply(&array, &op));
    assert_true(nor_worn_out(&array, &op));
    assert_int_equal(zeros(&array, 0x20000, 0x20000), NOR_BAD_PER_SECTOR);
    assert_true(nor_tear(&array, &op, NOR_TEAR_BEFORE));
    assert_int_equal(array.erases[5], 2);
    assert_true(nor_apply(&array, &whole));
    assert_true(nor_worn_out(&array, &whole));
    assert_int_equal(zeros(&array, 0x20000, 0x20000), NOR_BAD_PER_SECTOR);
    assert_int_equal(zeros(&array, 0, array.part->size), NOR_BAD_PER_SECTOR);
    release(&array);
}

/* Each of its erases counts for the sectors that it clears. */
static void a_worn_sector_of_the_spi_nor_keeps_some_zeros(void **state)
{
    (void)state;
    struct fault_set set = parsed("nor-worn=100000");
    struct nor_defects defects = fault_defects_nor(&set);
    struct nor_array array = chip(&nor_s25fl064k);
    const struct nor_op op = erase(0x7FF000, 4 * KB), block = erase(0x7F0000, 64 * KB);
    array.defects = &defects;
    array.erases[2047] = 99999;
    assert_true(nor_apply(&array, &op));
    assert_int_equal(zeros(&array, 0x7FF000, 4 * KB), 0);
    assert_true(nor_apply(&array, &op));
    assert_int_equal(zeros(&array, 0x7FF000, 4 * KB), NOR_BAD_PER_SECTOR);
    assert_true(nor_tear(&array, &op, NOR_TEAR_NOTAKE));
    assert_int_equal(zeros(&array, 0x7FF000, 4 * KB), NOR_BAD_PER_SECTOR);
    assert_true(nor_apply(&array, &block));
    assert_int_equal(zeros(&array, 0x7F0000, 64 * KB), NOR_BAD_PER_SECTOR);
    assert_int_equal(array.erases[2047], 100003);
    assert_int_equal(array.erases[2046], 1);
    assert_false(fault_defects_internal(&set).wears);
    assert_true(fault_beyond_cells(&set));
    release(&array);
}

static void a_stuck_bit_keeps_its_value(void **state)
{
    (void)state;
    struct fault_set set = parsed("int-stuck-0=08020001.2"), other = parsed("int-stuck-1=08020002.3");
    fault_add(&set, &other);
    struct nor_defects defects = fault_defects_internal(&set);
    struct nor_array array = chip(&nor_stm32f407_x32);
    const uint8_t nothing[4] = {0};
    const struct nor_op op = program(0x20000, nothing, 4);
    array.defects = &defects;
    for (enum nor_tear tear = NOR_TEAR_HALF; tear < NOR_TEARS; tear++) {
        if (nor_tear_applies(NOR_ERASE, tear)) {
            const struct nor_op torn = erase(0x20000, 0x20000);
            assert_true(nor_tear(&array, &torn, tear));
            assert_int_equal(array.cells[0x20001] & 4, 0);
            assert_int_equal(array.cells[0x20002] & 8, 8);
        }
    }
    const struct nor_op complete = erase(0x20000, 0x20000);
    assert_true(nor_apply(&array, &complete));
    assert_true(nor_apply(&array, &op));
    assert_memory_equal(array.cells + 0x20000, "\0\0\10\0", 4);
    release(&array);
}

static void what_is_stored_is_stored_once(void **state)
{
    (void)state;
    struct fault_set set = parsed("int-stuck-0=08000010.0");
    const char *const more[] = {"nor-retention=000020.5", "int-options-torn=9", "int-stuck-1=08000011.1"};
    static uint8_t internal[32], options[16], nor[64], again[16];
    for (unsigned i = 0; i < 3; i++) {
        struct fault_set one = parsed(more[i]);
        fault_add(&set, &one);
    }
    memset(internal, 0x0F, sizeof internal);
    memset(options, 0xFF, sizeof options);
    options[1] = 0xAA;
    fault_store(&set, internal, options, nor);
    assert_int_equal(internal[0x10], 0x0E);
    assert_int_equal(nor[0x20], 0x20);
    assert_true(options[1] != 0xAA && options[1] != 0xCC);
    memcpy(again, options, sizeof again);
    fault_store(&set, internal, options, nor);
    assert_memory_equal(again, options, sizeof again);
    assert_int_equal(internal[0x11], 0x0F);
    assert_int_equal(nor[0x20], 0x20);
}

static void torn_options_are_always_level_1(void **state)
{
    (void)state;
    uint8_t internal[1] = {0}, nor[1] = {0}, options[16];
    for (unsigned seed = 0; seed < 5000; seed++) {
        char text[FAULT_TEXT];
        snprintf(text, sizeof text, "int-options-torn=%u", seed);
        struct fault_set set = parsed(text);
        fault_store(&set, internal, options, nor);
        assert_true(options[1] != 0xAA && options[1] != 0xCC);
        assert_int_equal(options[9] & 0xF0, 0xF0);
    }
}

/// Times ///

static void slow_parts_take_longer(void **state)
{
    (void)state;
    struct nor_array array = chip(&nor_s25fl064k);
    const struct nor_op op = erase(0x1000, 0x1000);
    struct fault_set set = parsed("nor-slow=3");
    struct nor_defects defects = fault_defects_nor(&set);
    array.defects = &defects;
    assert_int_equal(nor_duration_ns(&array, &op), UINT64_C(1200000000));
    assert_int_equal(nor_status_duration_ns(&array), UINT64_C(45000000));
    release(&array);
}

static void each_erase_ages_its_sector(void **state)
{
    (void)state;
    struct nor_array array = chip(&nor_stm32f407_x32);
    const struct nor_op op = erase(0x20000, 0x20000), other = erase(0x40000, 0x20000);
    const uint8_t data[4] = {0};
    const struct nor_op word = program(0x20000, data, 4);
    struct fault_set set = parsed("int-aging=10");
    struct nor_defects defects = fault_defects_internal(&set);
    array.defects = &defects;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(nor_duration_ns(&array, &op), UINT64_C(10000000) * (100 + 10 * i));
        assert_int_equal(nor_duration_ns(&array, &word), 160 * (100 + 10 * i));
        assert_true(nor_apply(&array, &op));
    }
    assert_int_equal(nor_duration_ns(&array, &other), UINT64_C(1000000000));
    release(&array);
}

/// Status registers ///

static void status_is_torn_where_it_can_be_written(void **state)
{
    (void)state;
    static const uint8_t factory[3] = {0x00, 0x02, 0x60}, writable[3] = {0xFC, 0x7B, 0x64};
    uint8_t ever[3] = {0};
    for (unsigned seed = 0; seed < 64; seed++) {
        char text[FAULT_TEXT];
        uint8_t status[3];
        snprintf(text, sizeof text, "nor-status-torn=%u", seed);
        struct fault_set set = parsed(text);
        memcpy(status, factory, 3);
        fault_status(&set, status, writable, 3);
        for (unsigned i = 0; i < 3; i++)
            ever[i] |= status[i] ^ factory[i];
    }
    assert_int_equal(ever[0], 0xFC);
    assert_int_equal(ever[1], 0x7A); /* SRL ends with the power */
    assert_int_equal(ever[2], 0x64);
    struct fault_set set = parsed("nor-read-only");
    uint8_t status[2] = {0x00, 0x40};
    fault_status(&set, status, writable, 2);
    assert_int_equal(status[0], 0x1C);
    assert_int_equal(status[1], 0x00);
}

int main(void)
{
    const struct CMUnitTest fault_tests[] = {
        cmocka_unit_test(every_name_is_read_and_written),
        cmocka_unit_test(what_is_wrong_is_said_and_changes_nothing),
        cmocka_unit_test(sets_are_joined),
        cmocka_unit_test(a_worn_sector_keeps_some_zeros),
        cmocka_unit_test(a_worn_sector_of_the_spi_nor_keeps_some_zeros),
        cmocka_unit_test(a_stuck_bit_keeps_its_value),
        cmocka_unit_test(what_is_stored_is_stored_once),
        cmocka_unit_test(torn_options_are_always_level_1),
        cmocka_unit_test(slow_parts_take_longer),
        cmocka_unit_test(each_erase_ages_its_sector),
        cmocka_unit_test(status_is_torn_where_it_can_be_written),
    };
    return cmocka_run_group_tests(fault_tests, NULL, NULL);
}
