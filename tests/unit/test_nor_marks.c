/* SPDX-License-Identifier: MIT
 *
 * What power loss leaves that cells do not show (sim/nor), and that all of it is the same everywhere.
 */
#include "chip.h"

/// Marks ///

static void programming_a_weak_bit_again_makes_it_firm(void **state)
{
    (void)state;
    for (unsigned which = 0; which < PROGRAMS; which++) {
        struct torn torn;
        tear_program(&torn, which, 4, NOR_TEAR_WEAK);
        struct nor_mark mark = torn.array.marks->list[0];
        uint32_t byte = mark.offset - torn.op.offset;
        torn.data[byte] |= (uint8_t)(1u << mark.bit); /* everything but the weak bit */
        assert_true(nor_apply(&torn.array, &torn.op));
        assert_int_equal(torn.array.marks->count, 1);
        torn.data[byte] &= (uint8_t)~(1u << mark.bit);
        torn.array.cells[mark.offset] |= (uint8_t)(1u << mark.bit); /* means nothing while it is weak */
        assert_true(nor_apply(&torn.array, &torn.op));
        assert_int_equal(torn.array.marks->count, 0);
        assert_int_equal(torn.cells[byte], torn.old[byte] & torn.data[byte]);
        assert_int_equal(nor_read(&torn.array, mark.offset, 1), nor_read(&torn.array, mark.offset, 2));
        release(&torn.array);
    }
}

/* The value that the cells hold of a weak bit has no influence on any tear. */
static void a_weak_bits_cell_means_nothing(void **state)
{
    (void)state;
    for (int tear = 0; tear < NOR_TEARS; tear++) {
        struct nor_array one = chip(&nor_stm32f407_x32), other = chip(&nor_stm32f407_x32);
        static const uint8_t data[4] = {0, 0, 0xF0, 0x0F};
        struct nor_mark weak = {.kind = NOR_WEAK, .offset = 0x8002, .length = 1, .bit = 3};
        struct nor_op op = program(0x8000, data, 4);
        assert_true(nor_mark(&one, &weak));
        assert_true(nor_mark(&other, &weak));
        one.cells[0x8002] |= 8;
        other.cells[0x8002] &= (uint8_t)~8;
        assert_true(nor_tear(&one, &op, (enum nor_tear)tear));
        assert_true(nor_tear(&other, &op, (enum nor_tear)tear));
        assert_int_equal(one.marks->count, other.marks->count);
        assert_memory_equal(one.marks->list, other.marks->list, one.marks->count * sizeof *one.marks->list);
        for (uint32_t at = 0x8000; at < 0x8004; at++)
            assert_int_equal(nor_read(&one, at, 5), nor_read(&other, at, 5));
        release(&one);
        release(&other);
    }
}

static unsigned count_of(const struct nor_array *array, enum nor_mark_kind kind)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < array->marks->count; i++)
        count += array->marks->list[i].kind == kind;
    return count;
}

static void an_erase_makes_firm(void **state)
{
    (void)state;
    for (int tear = 0; tear < NOR_TEARS; tear++) {
        if (!nor_tear_applies(NOR_ERASE, (enum nor_tear)tear))
            continue;
        struct nor_op op = erase(0x8000, 16 * KB);
        struct nor_array array = chip(&nor_stm32f407_x32);
        for (uint32_t i = 0; i < 64; i++) /* 32 in each half */
            assert_true(nor_mark(&array, &(struct nor_mark){NOR_WEAK, 0x8000 + i * 256 + 5, 1, i % 8}));
        assert_true(nor_mark(&array, &(struct nor_mark){NOR_WEAK, 0x7FFF, 1, 0}));
        assert_true(nor_mark(&array, &(struct nor_mark){NOR_WEAK, 0xC000, 1, 0}));
        assert_true(nor_tear(&array, &op, (enum nor_tear)tear));
        unsigned left = count_of(&array, NOR_WEAK) - 2;
        assert_int_equal(array.marks->list[0].offset, 0x7FFF);
        assert_int_equal(array.marks->list[left + 1].offset, 0xC000);
        if (tear == NOR_TEAR_BEFORE)
            assert_int_equal(left, 64);
        else if (tear == NOR_TEAR_HALF)
            assert_int_equal(left, 32);
        else if (tear == NOR_TEAR_MASK)
            assert_in_range(left, 20, 44);
        else
            assert_int_equal(left, tear == NOR_TEAR_WEAK ? NOR_WEAK_PER_ERASE : 0);
        release(&array);
    }
}

static void not_taking_ranges_are_canonical(void **state)
{
    (void)state;
    struct nor_array array = chip(&nor_s25fl064k);
    struct nor_op block = erase(0x10000, 64 * KB), middle = erase(0x14000, 4 * KB), next = erase(0x20000, 4 * KB);
    assert_true(nor_tear(&array, &middle, NOR_TEAR_NOTAKE));
    assert_true(nor_tear(&array, &block, NOR_TEAR_NOTAKE)); /* swallows it */
    assert_true(nor_tear(&array, &next, NOR_TEAR_NOTAKE));  /* is appended */
    assert_int_equal(array.marks->count, 1);
    assert_int_equal(array.marks->list[0].offset, 0x10000);
    assert_int_equal(array.marks->list[0].length, 68 * KB);
    assert_true(nor_apply(&array, &middle)); /* leaves two */
    assert_int_equal(array.marks->count, 2);
    assert_int_equal(array.marks->list[0].length, 0x4000);
    assert_int_equal(array.marks->list[1].offset, 0x15000);
    assert_int_equal(array.marks->list[1].length, 0x21000 - 0x15000);
    assert_true(nor_tear(&array, &middle, NOR_TEAR_NOTAKE)); /* joins them */
    assert_int_equal(array.marks->count, 1);
    assert_true(nor_tear(&array, &block, NOR_TEAR_WEAK)); /* not complete: the range stays */
    assert_int_equal(count_of(&array, NOR_NOTAKE), 1);
    assert_int_equal(array.marks->list[NOR_WEAK_PER_ERASE].length, 68 * KB);
    assert_int_equal(count_of(&array, NOR_WEAK), NOR_WEAK_PER_ERASE);
    assert_true(nor_apply(&array, &block));
    assert_int_equal(array.marks->count, 1);
    assert_int_equal(array.marks->list[0].offset, 0x20000);
    assert_true(nor_apply(&array, &next));
    assert_int_equal(array.marks->count, 0);
    release(&array);
}

static void marks_need_room_and_a_place(void **state)
{
    (void)state;
    struct nor_array array = chip(&nor_s25fl064k);
    struct nor_marks *marks = array.marks;
    static const struct nor_mark bad[] = {
        {NOR_WEAK, 0x800000, 1, 0}, {NOR_WEAK, 0, 1, 8}, {NOR_NOTAKE, 0x7FF000, 0x1001, 0}, {NOR_NOTAKE, 0, 0, 0},
        {(enum nor_mark_kind)2, 0, 1, 0},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(nor_mark(&array, &bad[i]));
    assert_int_equal(marks->count, 0);
    struct nor_op block = erase(0, 64 * KB), sector = erase(0x1000, 4 * KB);
    marks->capacity = NOR_MARKS_PER_TEAR - 1;
    assert_false(nor_tear(&array, &block, NOR_TEAR_WEAK));
    assert_false(filled(array.cells, 0xFF, 64 * KB));
    assert_true(nor_mark(&array, &(struct nor_mark){NOR_NOTAKE, 0, 64 * KB, 0}));
    marks->capacity = 1;
    assert_false(nor_mark(&array, &(struct nor_mark){NOR_WEAK, 0, 1, 0}));
    assert_true(nor_mark(&array, &(struct nor_mark){NOR_NOTAKE, 0x10000, 1, 0}));
    assert_false(nor_apply(&array, &sector)); /* would leave two ranges */
    assert_false(filled(array.cells + 0x1000, 0xFF, 4 * KB));
    marks->capacity = 2;
    assert_true(nor_apply(&array, &sector));
    array.marks = NULL;
    assert_false(nor_tear(&array, &block, NOR_TEAR_NOTAKE));
    assert_false(nor_mark(&array, &(struct nor_mark){NOR_WEAK, 0, 1, 0}));
    assert_true(nor_tear(&array, &block, NOR_TEAR_ZEROS));
    array.marks = marks;
    release(&array);
}

static void equal_marks_are_equal_lists(void **state)
{
    (void)state;
    struct nor_array one = chip(&nor_s25fl064k), other = chip(&nor_s25fl064k);
    static const struct nor_mark list[] = {
        {NOR_WEAK, 9, 1, 7}, {NOR_NOTAKE, 0x3000, 0x1000, 0}, {NOR_WEAK, 9, 1, 2}, {NOR_WEAK, 4, 1, 0},
        {NOR_NOTAKE, 0x1000, 0x1000, 0}, {NOR_WEAK, 9, 1, 7},
    };
    for (int i = 0; i < 6; i++) {
        assert_true(nor_mark(&one, &list[i]));
        assert_true(nor_mark(&other, &list[5 - i]));
    }
    assert_int_equal(one.marks->count, 5);
    assert_int_equal(other.marks->count, 5);
    assert_memory_equal(one.marks->list, other.marks->list, 5 * sizeof *list);
    assert_int_equal(nor_weak_bits(&one, 9), 0x84);
    assert_int_equal(nor_weak_bits(&one, 4), 0x01);
    assert_int_equal(nor_weak_bits(&one, 0x1000), 0);
    release(&one);
    release(&other);
}

/// Determinism ///

/* Fixed values: ids of findings rest on them. */
static void tears_are_the_same_everywhere(void **state)
{
    (void)state;
    static const uint8_t zeros[4];
    struct nor_array array = chip(&nor_stm32f407_x32);
    struct nor_op word = program(0x20000, zeros, 4), sector = erase(0x4000, 16 * KB);
    memset(array.cells + 0x20000, 0xFF, 4);
    assert_true(nor_tear(&array, &word, NOR_TEAR_MASK));
    assert_memory_equal(array.cells + 0x20000, "\x35\x1C\x40\xF7", 4);
    assert_true(nor_tear(&array, &sector, NOR_TEAR_MASK));
    assert_memory_equal(array.cells + 0x4000, "\x40\x7D\x1F\x0F", 4);
    assert_true(nor_tear(&array, &sector, NOR_TEAR_WEAK));
    assert_int_equal(array.marks->list[0].offset, 0x40E2);
    assert_int_equal(array.marks->list[0].bit, 3);
    release(&array);
}

static void weak_bits_follow_the_noise(void **state)
{
    (void)state;
    unsigned set = 0;
    for (uint64_t noise = 0; noise < 10; noise++)
        for (uint32_t i = 0; i < 1000; i++) {
            struct nor_mark mark = {.kind = NOR_WEAK, .offset = i / 8, .bit = i % 8};
            unsigned value = nor_weak_value(&mark, noise);
            assert_in_range(value, 0, 1);
            assert_int_equal(value, nor_weak_value(&mark, noise));
            set += value;
        }
    assert_in_range(set, 4700, 5300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programming_a_weak_bit_again_makes_it_firm),
        cmocka_unit_test(a_weak_bits_cell_means_nothing),
        cmocka_unit_test(an_erase_makes_firm),
        cmocka_unit_test(not_taking_ranges_are_canonical),
        cmocka_unit_test(marks_need_room_and_a_place),
        cmocka_unit_test(equal_marks_are_equal_lists),
        cmocka_unit_test(tears_are_the_same_everywhere),
        cmocka_unit_test(weak_bits_follow_the_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
