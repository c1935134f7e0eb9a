/* SPDX-License-Identifier: MIT
 *
 * What is left of an operation when power is lost at a moment of it (sim/nor/phase.c).
 */
#include "chip.h"

#define MOMENTS 16u

/* The operation of `torn`, on a fresh chip, at moment n of MOMENTS. */
static void tear_program_at(struct torn *torn, unsigned which, unsigned n)
{
    tear_program(torn, which, 3, NOR_TEAR_BEFORE);
    uint64_t duration = nor_duration_ns(&torn->array, &torn->op);
    assert_true(nor_tear_at(&torn->array, &torn->op, duration * n / MOMENTS, duration));
    assert_outside_untouched(&torn->array, &torn->op);
}

static const struct {
    const struct nor_part *part;
    uint32_t offset, length;
} erases[] = {
    {&nor_stm32f407_x32, 0x20000, 128 * KB}, {&nor_stm32f407_x8, 0x4000, 16 * KB},
    {&nor_s25fl064k, 0x7F0000, 64 * KB},
};
#define ERASES (sizeof erases / sizeof *erases)

static struct nor_array erased_at(unsigned which, unsigned n)
{
    struct nor_array array = chip(erases[which].part);
    struct nor_op op = erase(erases[which].offset, erases[which].length);
    uint64_t duration = nor_duration_ns(&array, &op);
    assert_true(nor_tear_at(&array, &op, duration * n / MOMENTS, duration));
    assert_outside_untouched(&array, &op);
    return array;
}

/// Programs ///

static void a_program_grows(void **state)
{
    (void)state;
    for (unsigned which = 0; which < PROGRAMS; which++) {
        unsigned steps = 0, last = 0;
        struct torn before, torn;
        tear_program_at(&before, which, 0);
        assert_memory_equal(before.cells, before.old, before.op.length);
        for (unsigned n = 1; n <= MOMENTS; n++) {
            tear_program_at(&torn, which, n);
            for (uint32_t i = 0; i < torn.op.length; i++) {
                uint8_t cell = n < MOMENTS * 7 / 8 || n == MOMENTS ? torn.cells[i] : torn.old[i] & torn.data[i];
                assert_int_equal(cell & ~before.cells[i], 0);            /* nothing comes back */
                assert_int_equal(torn.old[i] & torn.data[i] & ~cell, 0); /* nothing too much is cleared */
            }
            unsigned done = differing(torn.old, torn.cells, torn.op.length);
            steps += done != last;
            last = done;
            release(&before.array);
            before = torn;
            before.cells = before.array.cells + before.op.offset;
        }
        assert_true(steps >= 5);
        for (uint32_t i = 0; i < torn.op.length; i++)
            assert_int_equal(torn.cells[i], torn.old[i] & torn.data[i]);
        assert_int_equal(torn.array.marks->count, 0);
        release(&before.array);
    }
}

static void half_way_some_of_the_bits_are_done(void **state)
{
    (void)state;
    struct torn torn;
    tear_program_at(&torn, 2, MOMENTS * 7 / 16); /* a page of 256 bytes */
    unsigned done = differing(torn.old, torn.cells, 256), wanted = 0;
    for (unsigned i = 0; i < 256; i++) {
        uint8_t whole = torn.old[i] & torn.data[i];
        wanted += differing(&torn.old[i], &whole, 1);
    }
    assert_in_range(done, wanted * 4 / 10, wanted * 6 / 10);
    assert_int_equal(torn.array.marks->count, 0);
    release(&torn.array);
}

static void a_program_ends_weak(void **state)
{
    (void)state;
    for (unsigned which = 0; which < PROGRAMS; which++) {
        struct torn torn, menu;
        tear_program_at(&torn, which, MOMENTS - 1);
        tear_program(&menu, which, 3, NOR_TEAR_WEAK);
        assert_int_equal(torn.array.marks->count, 1);
        assert_memory_equal(torn.array.marks->list, menu.array.marks->list, sizeof *menu.array.marks->list);
        assert_memory_equal(torn.cells, menu.cells, torn.op.length);
        release(&torn.array);
        release(&menu.array);
    }
}

static void what_is_programmed_becomes_firm_and_nothing_else(void **state)
{
    (void)state;
    static const uint8_t zeros[4] = {0};
    struct nor_array array = chip(&nor_stm32f407_x32);
    struct nor_op op = program(0x100, zeros, 4);
    memset(array.cells + 0x100, 0xFF, 4);
    for (uint8_t bit = 0; bit < 8; bit++)
        assert_true(nor_mark(&array, &(struct nor_mark){.kind = NOR_WEAK, .offset = 0x102, .length = 1, .bit = bit}));
    assert_true(nor_tear_at(&array, &op, 7000, 16000));
    assert_in_range(array.marks->count, 1, 7);
    assert_int_equal(nor_weak_bits(&array, 0x102), array.cells[0x102]);
    release(&array);
}

static void bytes_of_ones_are_as_if_they_were_not_there(void **state)
{
    (void)state;
    uint8_t some[256], one[1] = {0};
    memset(some, 0xFF, sizeof some);
    some[77] = 0;
    for (unsigned n = 0; n < MOMENTS * 7 / 8; n++) {
        struct nor_array whole = chip(&nor_w25q64), single = chip(&nor_w25q64);
        struct nor_op page = program(0x3000, some, 256), byte = program(0x3000 + 77, one, 1);
        assert_true(nor_tear_at(&whole, &page, n, MOMENTS));
        assert_true(nor_tear_at(&single, &byte, n, MOMENTS));
        assert_memory_equal(whole.cells, single.cells, whole.part->size);
        release(&whole);
        release(&single);
    }
}

/// Erases ///

static void an_erase_first_clears_from_the_end(void **state)
{
    (void)state;
    for (unsigned which = 0; which < ERASES; which++) {
        uint32_t length = erases[which].length;
        for (unsigned n = 0; n < MOMENTS / 4; n++) {
            struct nor_array array = erased_at(which, n), fresh = chip(array.part);
            uint32_t head = length - length / (MOMENTS / 4) * n;
            const uint8_t *cells = array.cells + erases[which].offset;
            assert_memory_equal(cells, fresh.cells + erases[which].offset, head);
            assert_true(filled(cells + head, 0, length - head));
            assert_int_equal(array.marks->count, 0);
            release(&array);
            release(&fresh);
        }
    }
}

static void then_bit_by_bit_becomes_one(void **state)
{
    (void)state;
    for (unsigned which = 0; which < ERASES; which++) {
        uint32_t length = erases[which].length;
        struct nor_array before = erased_at(which, MOMENTS / 4);
        assert_true(filled(before.cells + erases[which].offset, 0, length));
        for (unsigned n = MOMENTS / 4 + 1; n < MOMENTS * 3 / 4; n++) {
            struct nor_array array = erased_at(which, n);
            const uint8_t *cells = array.cells + erases[which].offset, *old = before.cells + erases[which].offset;
            for (uint32_t i = 0; i < length; i++)
                assert_int_equal(old[i] & ~cells[i], 0);
            unsigned share = ones(cells, length) / (length * 8 / 256),
                     expected = (n - MOMENTS / 4) * 256 / (MOMENTS / 2);
            assert_in_range(share, expected - 4, expected + 4);
            release(&before);
            before = array;
        }
        release(&before);
    }
}

static void at_last_it_reads_erased_but_is_weak(void **state)
{
    (void)state;
    for (unsigned which = 0; which < ERASES; which++)
        for (unsigned n = MOMENTS * 3 / 4; n < MOMENTS; n++) {
            struct nor_array array = erased_at(which, n);
            assert_true(filled(array.cells + erases[which].offset, 0xFF, erases[which].length));
            assert_int_equal(array.marks->count, NOR_WEAK_PER_ERASE);
            release(&array);
        }
}

static void an_erase_that_was_torn_has_worn_its_sector(void **state)
{
    (void)state;
    for (unsigned which = 0; which < ERASES; which++)
        for (unsigned n = 1; n <= MOMENTS; n += 7) {
            struct nor_array array = erased_at(which, n);
            uint32_t sector = nor_sector_at(array.part, erases[which].offset, NULL, NULL);
            assert_int_equal(array.erases[sector], 1);
            release(&array);
        }
}

static void weak_bits_go_with_the_zeros_and_not_before(void **state)
{
    (void)state;
    struct nor_array array = chip(&nor_w25q64);
    struct nor_op op = erase(0x1000, 4 * KB);
    static const uint32_t places[] = {0xFFF, 0x1000, 0x1BFF, 0x1C00, 0x1FFF, 0x2000};
    for (unsigned i = 0; i < 6; i++)
        assert_true(nor_mark(&array, &(struct nor_mark){.kind = NOR_WEAK, .offset = places[i], .length = 1}));
    assert_true(nor_tear_at(&array, &op, 1, 16)); /* a quarter of the first quarter */
    assert_int_equal(array.marks->count, 4);
    assert_int_equal(array.marks->list[2].offset, 0x1BFF);
    assert_int_equal(array.marks->list[3].offset, 0x2000);
    assert_true(nor_tear_at(&array, &op, 8, 16));
    assert_int_equal(array.marks->count, 2);
    release(&array);
}

/// Both ///

static void the_same_moment_leaves_the_same(void **state)
{
    (void)state;
    struct nor_array one = erased_at(2, 7), other = erased_at(2, 7);
    assert_memory_equal(one.cells, other.cells, one.part->size);
    release(&one);
    release(&other);
}

static void what_cannot_be_torn_is_refused(void **state)
{
    (void)state;
    static const uint8_t data[4] = {0};
    struct nor_array array = chip(&nor_stm32f407_x32), fresh = chip(&nor_stm32f407_x32);
    struct nor_op beyond = program(0xFFFFE, data, 4), end = erase(0x4000, 16 * KB);
    assert_false(nor_tear_at(&array, &beyond, 1, 2));
    array.marks->capacity = NOR_MARKS_PER_TEAR - 1;
    assert_false(nor_tear_at(&array, &end, 15, 16));
    assert_memory_equal(array.cells, fresh.cells, array.part->size);
    assert_int_equal(array.erases[1], 0);
    release(&array);
    release(&fresh);
}

static void a_status_write_clears_before_it_sets(void **state)
{
    (void)state;
    assert_int_equal(nor_status_tear_at(0, 100), NOR_TEAR_BEFORE);
    assert_int_equal(nor_status_tear_at(1, 100), NOR_TEAR_ZEROS);
    assert_int_equal(nor_status_tear_at(49, 100), NOR_TEAR_ZEROS);
    assert_int_equal(nor_status_tear_at(50, 100), NOR_TEAR_MASK);
    assert_int_equal(nor_status_tear_at(99, 100), NOR_TEAR_MASK);
    assert_int_equal(nor_status_tear_at(100, 100), NOR_TEAR_AFTER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_grows),
        cmocka_unit_test(half_way_some_of_the_bits_are_done),
        cmocka_unit_test(a_program_ends_weak),
        cmocka_unit_test(what_is_programmed_becomes_firm_and_nothing_else),
        cmocka_unit_test(bytes_of_ones_are_as_if_they_were_not_there),
        cmocka_unit_test(an_erase_first_clears_from_the_end),
        cmocka_unit_test(then_bit_by_bit_becomes_one),
        cmocka_unit_test(at_last_it_reads_erased_but_is_weak),
        cmocka_unit_test(an_erase_that_was_torn_has_worn_its_sector),
        cmocka_unit_test(weak_bits_go_with_the_zeros_and_not_before),
        cmocka_unit_test(the_same_moment_leaves_the_same),
        cmocka_unit_test(what_cannot_be_torn_is_refused),
        cmocka_unit_test(a_status_write_clears_before_it_sets),
    };
    return cmocka_run_group_tests_name("nor_phase", tests, NULL, NULL);
}
