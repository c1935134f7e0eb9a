/* SPDX-License-Identifier: MIT
 *
 * What power loss leaves of an operation (sim/nor): every tear of every kind on both parts.
 */
#include "chip.h"

/// The menu ///

static void the_menu_has_names_and_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool program, erase;
    } expected[NOR_TEARS] = {
        {"before", true, true}, {"half", true, true},    {"mask", true, true},
        {"weak", true, true},   {"after", true, true},   {"onebit", true, false},
        {"last", true, false},  {"zeros", false, true},  {"notake", false, true},
    };
    for (int tear = 0; tear < NOR_TEARS; tear++) {
        assert_string_equal(nor_tear_name((enum nor_tear)tear), expected[tear].name);
        assert_int_equal(nor_tear_named(expected[tear].name), tear);
        assert_int_equal(nor_tear_applies(NOR_PROGRAM, (enum nor_tear)tear), expected[tear].program);
        assert_int_equal(nor_tear_applies(NOR_ERASE, (enum nor_tear)tear), expected[tear].erase);
    }
    assert_false(nor_tear_applies(NOR_PROGRAM, NOR_TEARS));
    assert_false(nor_tear_applies((enum nor_kind)2, NOR_TEAR_BEFORE));
}

/* Both chips lose power together, with one name. */
static void other_kinds_take_the_nearest_tear(void **state)
{
    (void)state;
    static const uint8_t data[4] = {0};
    static const struct {
        enum nor_tear asked, nearest;
        bool program;
    } cases[] = {
        {NOR_TEAR_ZEROS, NOR_TEAR_HALF, true},
        {NOR_TEAR_NOTAKE, NOR_TEAR_WEAK, true},
        {NOR_TEAR_ONEBIT, NOR_TEAR_MASK, false},
        {NOR_TEAR_LAST, NOR_TEAR_HALF, false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nor_array one = chip(&nor_stm32f407_x32), other = chip(&nor_stm32f407_x32);
        struct nor_op op = cases[i].program ? program(0x4000, data, 4) : erase(0x4000, 16 * KB);
        assert_true(nor_tear(&one, &op, cases[i].asked));
        assert_true(nor_tear(&other, &op, cases[i].nearest));
        assert_memory_equal(one.cells, other.cells, one.part->size);
        assert_int_equal(one.marks->count, other.marks->count);
        release(&one);
        release(&other);
    }
}

/// Programs ///

/* Number of bits that a whole program would have cleared; the cells hold old & data with some of these still set. */
static unsigned assert_between_old_and_done(const struct torn *torn)
{
    unsigned wanted = 0;
    for (uint32_t i = 0; i < torn->op.length; i++) {
        uint8_t done = torn->old[i] & torn->data[i];
        assert_int_equal(torn->cells[i] & ~torn->old[i], 0);
        assert_int_equal(done & ~torn->cells[i], 0);
        wanted += differing(&torn->old[i], &done, 1);
    }
    return wanted;
}

static void a_torn_program_never_sets_a_bit(void **state)
{
    (void)state;
    for (unsigned which = 0; which < PROGRAMS; which++)
        for (int tear = 0; tear < NOR_TEARS; tear++) {
            struct torn torn;
            tear_program(&torn, which, (uint8_t)tear, (enum nor_tear)tear);
            assert_true(assert_between_old_and_done(&torn) > 2);
            release(&torn.array);
        }
}

static void a_program_may_not_have_begun_or_be_done(void **state)
{
    (void)state;
    for (unsigned which = 0; which < PROGRAMS; which++) {
        struct torn torn;
        tear_program(&torn, which, 1, NOR_TEAR_BEFORE);
        assert_memory_equal(torn.cells, torn.old, torn.op.length);
        release(&torn.array);
        tear_program(&torn, which, 1, NOR_TEAR_AFTER);
        for (uint32_t i = 0; i < torn.op.length; i++)
            assert_int_equal(torn.cells[i], torn.old[i] & torn.data[i]);
        assert_int_equal(torn.array.marks->count, 0);
        release(&torn.array);
    }
}

static void a_program_may_be_half_done_or_lack_its_last_byte(void **state)
{
    (void)state;
    static const enum nor_tear tears[] = {NOR_TEAR_HALF, NOR_TEAR_LAST};
    for (unsigned which = 0; which < PROGRAMS; which++)
        for (unsigned t = 0; t < 2; t++) {
            struct torn torn;
            tear_program(&torn, which, 2, tears[t]);
            uint32_t done = tears[t] == NOR_TEAR_HALF ? torn.op.length / 2 : torn.op.length - 1;
            for (uint32_t i = 0; i < torn.op.length; i++)
                assert_int_equal(torn.cells[i], i < done ? torn.old[i] & torn.data[i] : torn.old[i]);
            assert_int_equal(torn.array.marks->count, 0);
            release(&torn.array);
        }
}

static void a_masked_program_did_some_of_its_bits(void **state)
{
    (void)state;
    for (unsigned which = 0; which < PROGRAMS; which++) {
        unsigned cleared_first_wanted_bit = 0;
        for (unsigned seed = 0; seed < 64; seed++) {
            struct torn torn;
            tear_program(&torn, which, (uint8_t)seed, NOR_TEAR_MASK);
            unsigned wanted = assert_between_old_and_done(&torn);
            unsigned done = differing(torn.cells, torn.old, torn.op.length);
            assert_true(done > 0 && done < wanted);
            if (torn.op.length == 256)
                assert_true(done > wanted / 3 && done < wanted - wanted / 3);
            uint8_t first = torn.old[0] & ~torn.data[0];
            cleared_first_wanted_bit += first != 0 && (torn.cells[0] & first & -first) == 0;
            assert_int_equal(torn.array.marks->count, 0);
            release(&torn.array);
        }
        assert_true(cleared_first_wanted_bit > 4); /* which bits are done depends on the data */
    }
}

static void one_bit_of_a_program_was_done(void **state)
{
    (void)state;
    for (unsigned which = 0; which < PROGRAMS; which++) {
        uint32_t seen = 0;
        for (unsigned seed = 0; seed < 32; seed++) {
            struct torn torn;
            tear_program(&torn, which, (uint8_t)seed, NOR_TEAR_ONEBIT);
            assert_between_old_and_done(&torn);
            assert_int_equal(differing(torn.cells, torn.old, torn.op.length), 1);
            for (uint32_t i = 0; i < torn.op.length; i++)
                if (torn.cells[i] != torn.old[i])
                    seen |= 1u << i % 32;
            release(&torn.array);
        }
        assert_true((seen & (seen - 1)) != 0); /* in more than one byte */
    }
}

static void a_weak_program_is_done_but_for_one_weak_bit(void **state)
{
    (void)state;
    for (unsigned which = 0; which < PROGRAMS; which++) {
        struct torn torn;
        tear_program(&torn, which, 3, NOR_TEAR_WEAK);
        assert_int_equal(torn.array.marks->count, 1);
        struct nor_mark mark = torn.array.marks->list[0];
        assert_int_equal(mark.kind, NOR_WEAK);
        assert_int_equal(mark.length, 1);
        uint32_t byte = mark.offset - torn.op.offset;
        assert_true(byte < torn.op.length);
        assert_int_equal((torn.old[byte] & ~torn.data[byte]) >> mark.bit & 1, 1); /* it was to be cleared */
        bool read[2] = {false, false};
        for (uint64_t noise = 0; noise < 32; noise++)
            for (uint32_t i = 0; i < torn.op.length; i++) {
                uint8_t done = torn.old[i] & torn.data[i];
                uint8_t found = nor_read(&torn.array, torn.op.offset + i, noise);
                if (i == byte) {
                    unsigned value = nor_weak_value(&mark, noise);
                    read[value] = true;
                    done |= (uint8_t)(value << mark.bit);
                }
                assert_int_equal(found, done);
            }
        assert_true(read[0] && read[1]);
        release(&torn.array);
    }
}

/* Bytes of 0xFF are as if they were not there, whatever the cells hold. */
static void bytes_not_programmed_have_no_influence(void **state)
{
    (void)state;
    for (int tear = 0; tear < NOR_TEARS; tear++) {
        struct nor_array one = chip(&nor_s25fl064k), other = chip(&nor_s25fl064k);
        uint8_t data[256];
        memset(data, 0xFF, sizeof data);
        for (unsigned i = 64; i < 128; i++)
            data[i] = (uint8_t)i;
        memset(other.cells, 0x5A, 64);
        memset(other.cells + 128, 0, 128);
        struct nor_op op = program(0, data, 256);
        assert_true(nor_tear(&one, &op, (enum nor_tear)tear));
        assert_true(nor_tear(&other, &op, (enum nor_tear)tear));
        assert_memory_equal(one.cells + 64, other.cells + 64, 64);
        assert_true(filled(other.cells, 0x5A, 64) && filled(other.cells + 128, 0, 128));
        assert_int_equal(one.marks->count, other.marks->count);
        assert_memory_equal(one.marks->list, other.marks->list, one.marks->count * sizeof *one.marks->list);
        release(&one);
        release(&other);
    }
}

static void a_program_with_nothing_to_clear_leaves_nothing(void **state)
{
    (void)state;
    for (int tear = 0; tear < NOR_TEARS; tear++) {
        struct nor_array array = chip(&nor_stm32f407_x32);
        uint8_t same[4];
        memcpy(same, array.cells + 0x1000, 4);
        struct nor_op op = program(0x1000, same, 4);
        assert_true(nor_tear(&array, &op, (enum nor_tear)tear));
        assert_memory_equal(array.cells + 0x1000, same, 4);
        assert_int_equal(array.marks->count, 0);
        release(&array);
    }
}

/// Erases ///

static const struct {
    const struct nor_part *part;
    uint32_t offset, length;
} erases[] = {
    {&nor_stm32f407_x32, 0xC000, 16 * KB},   {&nor_stm32f407_x32, 0x10000, 64 * KB},
    {&nor_stm32f407_x32, 0xA0000, 128 * KB}, {&nor_s25fl064k, 0x701000, 4 * KB},
    {&nor_s25fl064k, 0x708000, 32 * KB},     {&nor_s25fl064k, 0x7F0000, 64 * KB},
};
#define ERASES (sizeof erases / sizeof *erases)

static struct nor_array torn_erase(unsigned which, enum nor_tear tear, struct nor_op *op)
{
    struct nor_array array = chip(erases[which].part);
    *op = erase(erases[which].offset, erases[which].length);
    assert_true(nor_tear(&array, op, tear));
    assert_outside_untouched(&array, op);
    uint32_t sector = nor_sector_at(array.part, op->offset, NULL, NULL);
    assert_int_equal(array.erases[sector], tear == NOR_TEAR_BEFORE ? 0 : 1);
    return array;
}

static void a_half_erase_has_zeros_at_its_end(void **state)
{
    (void)state;
    for (unsigned which = 0; which < ERASES; which++) {
        struct nor_op op;
        struct nor_array array = torn_erase(which, NOR_TEAR_HALF, &op), fresh = chip(array.part);
        assert_memory_equal(array.cells, fresh.cells, op.offset + op.length / 2);
        assert_true(filled(array.cells + op.offset + op.length / 2, 0, op.length / 2));
        assert_int_equal(array.marks->count, 0);
        release(&array);
        release(&fresh);
    }
}

static void an_erase_may_be_a_mixture(void **state)
{
    (void)state;
    for (unsigned which = 0; which < ERASES; which++) {
        struct nor_op op;
        struct nor_array array = torn_erase(which, NOR_TEAR_MASK, &op), fresh = chip(array.part);
        const uint8_t *cells = array.cells + op.offset, *old = fresh.cells + op.offset;
        unsigned was_set = ones(old, op.length), was_clear = 8 * op.length - was_set, set = 0, cleared = 0;
        for (uint32_t i = 0; i < op.length; i++) {
            uint8_t risen = cells[i] & ~old[i], fallen = old[i] & ~cells[i];
            set += ones(&risen, 1);
            cleared += ones(&fallen, 1);
        }
        /* A quarter of either. */
        assert_in_range(set, was_clear / 4 - was_clear / 20, was_clear / 4 + was_clear / 20);
        assert_in_range(cleared, was_set / 4 - was_set / 20, was_set / 4 + was_set / 20);
        assert_int_equal(array.marks->count, 0);
        release(&array);
        release(&fresh);
    }
}

/* What a byte becomes depends on no other byte. */
static void a_torn_erase_treats_each_byte_by_itself(void **state)
{
    (void)state;
    for (int tear = 0; tear < NOR_TEARS; tear++) {
        struct nor_op op = erase(0x1000, 4 * KB);
        struct nor_array one = chip(&nor_s25fl064k), other = chip(&nor_s25fl064k);
        for (uint32_t i = 0; i < 4 * KB; i += 2)
            other.cells[0x1000 + i] ^= 0xFF;
        assert_true(nor_tear(&one, &op, (enum nor_tear)tear));
        assert_true(nor_tear(&other, &op, (enum nor_tear)tear));
        for (uint32_t i = 1; i < 4 * KB; i += 2)
            assert_int_equal(one.cells[0x1000 + i], other.cells[0x1000 + i]);
        assert_int_equal(one.marks->count, other.marks->count);
        assert_memory_equal(one.marks->list, other.marks->list, one.marks->count * sizeof *one.marks->list);
        release(&one);
        release(&other);
    }
}

/* Two chips with other cells and other weak bits are the same from there on, and only where that is said. */
static void a_torn_erase_may_forget_what_was_there(void **state)
{
    (void)state;
    for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++) {
        struct nor_array one = chip(&nor_s25fl064k), other = chip(&nor_s25fl064k);
        struct nor_op op = erase(0x1000, 4 * KB);
        const struct nor_mark weak = {.kind = NOR_WEAK, .offset = 0x1FF0, .bit = 2};
        uint32_t from = 0;
        for (uint32_t i = 0; i < op.length; i++)
            other.cells[op.offset + i] = (uint8_t)~one.cells[op.offset + i];
        assert_true(nor_mark(&other, &weak));
        assert_true(nor_tear(&one, &op, tear) && nor_tear(&other, &op, tear));
        bool forgets = nor_tear_forgets(tear, op.length, &from);
        assert_in_range(from, 0, op.length - 1);
        assert_int_equal(memcmp(one.cells + op.offset + from, other.cells + op.offset + from, op.length - from) == 0,
                         forgets || tear == NOR_TEAR_NOTAKE);
        assert_true(!forgets || one.marks->count == other.marks->count);
        for (uint32_t i = 0; forgets && i < one.marks->count; i++) {
            assert_int_equal(one.marks->list[i].offset, other.marks->list[i].offset);
            assert_int_equal(one.marks->list[i].bit, other.marks->list[i].bit);
        }
        release(&one);
        release(&other);
    }
}

static void a_range_that_does_not_take_is_found(void **state)
{
    (void)state;
    struct nor_array array = chip(&nor_s25fl064k);
    assert_false(nor_marks_notake(array.marks));
    assert_true(nor_mark(&array, &(struct nor_mark){.kind = NOR_WEAK, .offset = 0x2FF0, .bit = 2}));
    assert_false(nor_marks_notake(array.marks));
    assert_true(nor_mark(&array, &(struct nor_mark){.kind = NOR_NOTAKE, .offset = 0x1000, .length = 16}));
    assert_true(nor_marks_notake(array.marks));
    release(&array);
}

static void a_weak_erase_reads_ones_but_for_its_weak_bits(void **state)
{
    (void)state;
    for (unsigned which = 0; which < ERASES; which++) {
        struct nor_op op;
        struct nor_array array = torn_erase(which, NOR_TEAR_WEAK, &op);
        assert_true(filled(array.cells + op.offset, 0xFF, op.length));
        assert_int_equal(array.marks->count, NOR_WEAK_PER_ERASE);
        unsigned read_as_zero = 0;
        for (unsigned n = 0; n < NOR_WEAK_PER_ERASE; n++) {
            const struct nor_mark *mark = &array.marks->list[n];
            assert_int_equal(mark->kind, NOR_WEAK);
            assert_int_equal((mark->offset - op.offset) / (op.length / NOR_WEAK_PER_ERASE), n);
            read_as_zero += nor_read(&array, mark->offset, 7) != 0xFF;
        }
        assert_in_range(read_as_zero, NOR_WEAK_PER_ERASE / 5, NOR_WEAK_PER_ERASE * 4 / 5);
        release(&array);
    }
}

static void an_erase_may_only_have_programmed_zeros(void **state)
{
    (void)state;
    for (unsigned which = 0; which < ERASES; which++) {
        struct nor_op op;
        struct nor_array array = torn_erase(which, NOR_TEAR_ZEROS, &op);
        assert_true(filled(array.cells + op.offset, 0, op.length));
        release(&array);
        array = torn_erase(which, NOR_TEAR_AFTER, &op);
        assert_true(filled(array.cells + op.offset, 0xFF, op.length));
        release(&array);
        array = torn_erase(which, NOR_TEAR_BEFORE, &op);
        assert_false(filled(array.cells + op.offset, 0xFF, op.length));
        release(&array);
    }
}

/* One bit of each program stays 1, however often it is programmed, until the range is erased. */
static void programs_do_not_take_after_an_incomplete_erase(void **state)
{
    (void)state;
    for (unsigned which = 0; which < ERASES; which++) {
        struct nor_op op;
        struct nor_array array = torn_erase(which, NOR_TEAR_NOTAKE, &op);
        uint32_t page = array.part->page;
        assert_true(filled(array.cells + op.offset, 0xFF, op.length));
        assert_int_equal(array.marks->count, 1);
        assert_int_equal(array.marks->list[0].kind, NOR_NOTAKE);
        assert_int_equal(array.marks->list[0].offset, op.offset);
        assert_int_equal(array.marks->list[0].length, op.length);
        static const uint8_t zeros[256];
        uint32_t places = 0;
        for (uint32_t at = op.offset; at < op.offset + op.length && at < op.offset + 16 * page; at += page) {
            struct nor_op write = program(at, zeros, page);
            for (unsigned again = 0; again < 3; again++) {
                assert_true(nor_apply(&array, &write));
                assert_int_equal(ones(array.cells + at, page), 1);
            }
            for (uint32_t i = 0; i < page; i++)
                if (array.cells[at + i] != 0)
                    places |= 1u << i % 32;
        }
        assert_true((places & (places - 1)) != 0);
        assert_true(nor_apply(&array, &op));
        assert_int_equal(array.marks->count, 0);
        struct nor_op write = program(op.offset, zeros, page);
        assert_true(nor_apply(&array, &write));
        assert_true(filled(array.cells + op.offset, 0, page));
        release(&array);
    }
}

/* A torn program into such a range is torn as well; the bit does not take in either case. */
static void a_torn_program_does_not_take_either(void **state)
{
    (void)state;
    for (int tear = 0; tear < NOR_TEARS; tear++) {
        static const uint8_t zeros[256];
        struct nor_array array = chip(&nor_s25fl064k), done = chip(&nor_s25fl064k);
        struct nor_op clear = erase(0x1000, 4 * KB), write = program(0x1100, zeros, 256);
        assert_true(nor_tear(&array, &clear, NOR_TEAR_NOTAKE));
        assert_true(nor_tear(&done, &clear, NOR_TEAR_NOTAKE));
        assert_true(nor_tear(&array, &write, (enum nor_tear)tear));
        assert_true(nor_apply(&done, &write));
        assert_int_equal(ones(done.cells + 0x1100, 256), 1);
        for (uint32_t i = 0; i < 256; i++)
            assert_int_equal(done.cells[0x1100 + i] & ~array.cells[0x1100 + i], 0);
        release(&array);
        release(&done);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_menu_has_names_and_kinds),
        cmocka_unit_test(other_kinds_take_the_nearest_tear),
        cmocka_unit_test(a_torn_program_never_sets_a_bit),
        cmocka_unit_test(a_program_may_not_have_begun_or_be_done),
        cmocka_unit_test(a_program_may_be_half_done_or_lack_its_last_byte),
        cmocka_unit_test(a_masked_program_did_some_of_its_bits),
        cmocka_unit_test(one_bit_of_a_program_was_done),
        cmocka_unit_test(a_weak_program_is_done_but_for_one_weak_bit),
        cmocka_unit_test(bytes_not_programmed_have_no_influence),
        cmocka_unit_test(a_program_with_nothing_to_clear_leaves_nothing),
        cmocka_unit_test(a_half_erase_has_zeros_at_its_end),
        cmocka_unit_test(an_erase_may_be_a_mixture),
        cmocka_unit_test(a_torn_erase_treats_each_byte_by_itself),
        cmocka_unit_test(a_torn_erase_may_forget_what_was_there),
        cmocka_unit_test(a_range_that_does_not_take_is_found),
        cmocka_unit_test(a_weak_erase_reads_ones_but_for_its_weak_bits),
        cmocka_unit_test(an_erase_may_only_have_programmed_zeros),
        cmocka_unit_test(programs_do_not_take_after_an_incomplete_erase),
        cmocka_unit_test(a_torn_program_does_not_take_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
