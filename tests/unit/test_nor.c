/* SPDX-License-Identifier: MIT
 *
 * The physics of NOR flash (sim/nor).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nor.h"

#define KB 1024u
#define MS UINT64_C(1000000)

static struct nor_array erased(const struct nor_part *part)
{
    struct nor_array array = {.part = part, .cells = malloc(part->size)};
    assert_non_null(array.cells);
    memset(array.cells, 0xFF, part->size);
    array.erases = calloc(nor_sector_count(part), sizeof(*array.erases));
    assert_non_null(array.erases);
    return array;
}

static void release(struct nor_array *array)
{
    free(array->cells);
    free(array->erases);
}

static struct nor_op program(uint32_t offset, const void *data, uint32_t length)
{
    return (struct nor_op){.kind = NOR_PROGRAM, .offset = offset, .length = length, .data = data};
}

static struct nor_op erase(uint32_t offset, uint32_t length)
{
    return (struct nor_op){.kind = NOR_ERASE, .offset = offset, .length = length};
}

static void assert_filled(const uint8_t *cells, uint8_t value, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(cells[i], value);
}

/// Semantics ///

static void programming_only_clears_bits(void **state)
{
    (void)state;
    struct nor_array array = erased(&nor_stm32f407_x32);
    const uint8_t first[4] = {0xF0, 0x0F, 0xAA, 0x00}, second[4] = {0xFF, 0xFF, 0x55, 0xFF};
    assert_true(nor_apply(&array, &(struct nor_op){NOR_PROGRAM, 8, 4, first}));
    assert_memory_equal(array.cells + 8, first, 4);
    assert_true(nor_apply(&array, &(struct nor_op){NOR_PROGRAM, 8, 4, second}));
    const uint8_t both[4] = {0xF0, 0x0F, 0x00, 0x00};
    assert_memory_equal(array.cells + 8, both, 4);
    assert_filled(array.cells, 0xFF, 8);
    assert_filled(array.cells + 12, 0xFF, 100);
    release(&array);
}

/* Every pair of old and new byte. */
static void programming_is_the_and_of_old_and_new(void **state)
{
    (void)state;
    struct nor_array array = erased(&nor_s25fl064k);
    uint8_t data[256];
    for (unsigned old = 0; old < 256; old++) {
        memset(array.cells, (int)old, 256);
        for (unsigned i = 0; i < 256; i++)
            data[i] = (uint8_t)i;
        struct nor_op op = program(0, data, 256);
        assert_true(nor_apply(&array, &op));
        for (unsigned i = 0; i < 256; i++)
            assert_int_equal(array.cells[i], old & i);
    }
    release(&array);
}

static void erasing_sets_exactly_its_sectors(void **state)
{
    (void)state;
    struct nor_array array = erased(&nor_stm32f407_x32);
    memset(array.cells, 0, array.part->size);
    struct nor_op op = erase(0x10000, 64 * KB);
    assert_true(nor_apply(&array, &op));
    assert_filled(array.cells, 0, 0x10000);
    assert_filled(array.cells + 0x10000, 0xFF, 64 * KB);
    assert_filled(array.cells + 0x20000, 0, 0xE0000);
    release(&array);
}

static void erases_are_counted_per_sector(void **state)
{
    (void)state;
    struct nor_array array = erased(&nor_s25fl064k);
    struct nor_op small = erase(4 * KB, 4 * KB), block = erase(0, 64 * KB);
    assert_true(nor_apply(&array, &small));
    assert_true(nor_apply(&array, &block));
    assert_int_equal(array.erases[0], 1);
    assert_int_equal(array.erases[1], 2);
    assert_int_equal(array.erases[15], 1);
    assert_int_equal(array.erases[16], 0);
    const uint8_t zero = 0;
    struct nor_op write = program(0, &zero, 1);
    assert_true(nor_apply(&array, &write));
    assert_int_equal(array.erases[0], 1);
    free(array.erases);
    array.erases = NULL; /* nobody counts */
    assert_true(nor_apply(&array, &small));
    release(&array);
}

/// Geometry ///

static void sectors_of_the_internal_flash(void **state)
{
    (void)state;
    static const uint32_t starts[] = {0x00000, 0x04000, 0x08000, 0x0C000, 0x10000, 0x20000,
                                      0x40000, 0x60000, 0x80000, 0xA0000, 0xC0000, 0xE0000};
    const struct nor_part *part = &nor_stm32f407_x32;
    assert_int_equal(nor_sector_count(part), 12);
    for (uint32_t sector = 0; sector < 12; sector++) {
        uint32_t end = sector == 11 ? part->size : starts[sector + 1];
        const uint32_t offsets[] = {starts[sector], starts[sector] + 1, end - 1};
        for (unsigned i = 0; i < 3; i++) {
            uint32_t start = 0, size = 0;
            assert_int_equal(nor_sector_at(part, offsets[i], &start, &size), sector);
            assert_int_equal(start, starts[sector]);
            assert_int_equal(size, end - starts[sector]);
        }
    }
    assert_int_equal(nor_sector_at(part, part->size, NULL, NULL), UINT32_MAX);
    assert_int_equal(nor_sector_at(part, UINT32_MAX, NULL, NULL), UINT32_MAX);
}

static void runs_cover_their_parts(void **state)
{
    (void)state;
    const struct nor_part *parts[] = {&nor_stm32f407_x8,  &nor_stm32f407_x16, &nor_stm32f407_x32,
                                             &nor_stm32f407_x64, &nor_stm32f407_otp, &nor_s25fl064k,
                                      &nor_w25q64};
    for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        uint32_t covered = 0;
        for (const struct nor_run *run = parts[i]->runs; run->count != 0; run++)
            covered += run->count * run->size;
        assert_int_equal(covered, parts[i]->size);
        for (const struct nor_erase_time *time = parts[i]->erase; time->size != 0; time++) {
            assert_true(time->typical_ns <= time->maximum_ns);
            assert_true(time[1].size == 0 || time[1].size > time->size);
        }
    }
    assert_int_equal(nor_sector_count(&nor_s25fl064k), 2048);
    assert_int_equal(nor_sector_at(&nor_s25fl064k, 0x7FFFFF, NULL, NULL), 2047);
}

/// Limits ///

static void a_program_stays_within_a_page(void **state)
{
    (void)state;
    struct nor_array internal = erased(&nor_stm32f407_x32), spi = erased(&nor_s25fl064k);
    uint8_t data[257];
    memset(data, 0, sizeof(data));
    static const struct {
        uint32_t offset, length;
        bool internal, spi;
    } cases[] = {
        {0, 1, true, true},       {0, 2, true, true},      {0, 4, true, true},        {0, 5, false, true},
        {2, 2, true, true},       {2, 4, false, true},     {3, 1, true, true},        {3, 2, false, true},
        {0, 256, false, true},    {0, 257, false, false},  {1, 256, false, false},    {0xFE, 2, true, true},
        {0xFE, 3, false, false},  {0, 0, false, false},    {0xFFFFC, 4, true, true},  {0xFFFFE, 4, false, false},
        {0x100000, 4, false, true}, {0x7FFF00, 256, false, true}, {0x800000, 1, false, false},
        {UINT32_MAX, 1, false, false}, {UINT32_MAX - 1, 4, false, false},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct nor_op op = program(cases[i].offset, data, cases[i].length);
        assert_int_equal(nor_valid(&internal, &op), cases[i].internal);
        assert_int_equal(nor_valid(&spi, &op), cases[i].spi);
        assert_int_equal(nor_duration_ns(&internal, &op) != 0, cases[i].internal);
        assert_int_equal(nor_apply(&internal, &op), cases[i].internal);
        assert_int_equal(nor_apply(&spi, &op), cases[i].spi);
    }
    release(&internal);
    release(&spi);
}

static void an_erase_covers_whole_sectors(void **state)
{
    (void)state;
    struct nor_array array = erased(&nor_stm32f407_x32);
    memset(array.cells, 0, array.part->size);
    static const struct {
        uint32_t offset, length;
        bool valid;
    } cases[] = {
        {1, 16 * KB, false},           {0, 8 * KB, false},          {0, 0, false},
        {0x2000, 16 * KB, false},      {0x10000, 16 * KB, false},   {0x20000, 64 * KB, false},
        {0xE0000, 256 * KB, false},    {0x100000, 16 * KB, false},  {0xFFFFC000, 16 * KB, false},
        {0, UINT32_MAX, false},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct nor_op op = erase(cases[i].offset, cases[i].length);
        assert_int_equal(nor_valid(&array, &op), cases[i].valid);
        assert_false(nor_apply(&array, &op));
        assert_int_equal(nor_duration_ns(&array, &op), 0);
        for (int tear = 0; tear < NOR_TEARS; tear++)
            assert_false(nor_tear(&array, &op, (enum nor_tear)tear));
    }
    assert_filled(array.cells, 0, array.part->size);
    for (unsigned sector = 0; sector < 12; sector++)
        assert_int_equal(array.erases[sector], 0);
    release(&array);
}

static void otp_cannot_be_erased(void **state)
{
    (void)state;
    struct nor_array array = erased(&nor_stm32f407_otp);
    assert_int_equal(array.part->size, 528);
    struct nor_op block = erase(0, 32), all = erase(0, 528);
    assert_false(nor_valid(&array, &block));
    assert_false(nor_apply(&array, &all));
    const uint8_t lock = 0;
    struct nor_op op = program(512 + 3, &lock, 1);
    assert_true(nor_apply(&array, &op));
    assert_int_equal(array.cells[515], 0);
    release(&array);
}

static void a_program_without_data_is_invalid(void **state)
{
    (void)state;
    struct nor_array array = erased(&nor_s25fl064k);
    struct nor_op op = program(0, NULL, 4), odd = {.kind = (enum nor_kind)7, .length = 4};
    assert_false(nor_valid(&array, &op));
    assert_false(nor_valid(&array, &odd));
    release(&array);
}

/// Time ///

static void times_are_those_of_the_data_sheets(void **state)
{
    (void)state;
    struct nor_array internal = erased(&nor_stm32f407_x32), spi = erased(&nor_s25fl064k);
    const uint8_t data[256] = {0};
    struct nor_op word = program(0, data, 4), page = program(0, data, 256);
    assert_int_equal(nor_duration_ns(&internal, &word), 16000);
    assert_int_equal(nor_duration_ns(&spi, &page), 400000);
    static const struct {
        bool internal;
        uint32_t offset, length, ms;
    } cases[] = {
        {true, 0, 16 * KB, 250},         {true, 0x10000, 64 * KB, 550}, {true, 0x20000, 128 * KB, 1000},
        {true, 0, 1024 * KB, 8000},      {true, 0, 32 * KB, 500},       {true, 0, 64 * KB, 1000},
        {true, 0, 128 * KB, 1550},       {true, 0x10000, 192 * KB, 1550},
        {false, 0x1000, 4 * KB, 45},     {false, 0x8000, 32 * KB, 120}, {false, 0x10000, 64 * KB, 150},
        {false, 0, 8192 * KB, 20000},    {false, 0x1000, 32 * KB, 8 * 45},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct nor_op op = erase(cases[i].offset, cases[i].length);
        assert_int_equal(nor_duration_ns(cases[i].internal ? &internal : &spi, &op), cases[i].ms * MS);
    }
    release(&internal);
    release(&spi);
}

/* DS8626 tables 39 to 42: erase times by parallelism, in ms; the maximum is twice the typical time. */
static void times_depend_on_the_parallelism(void **state)
{
    (void)state;
    static const struct {
        const struct nor_part *part;
        uint32_t sector_16, sector_64, sector_128, all;
    } cases[] = {
        {&nor_stm32f407_x8, 400, 1200, 2000, 16000},
        {&nor_stm32f407_x16, 300, 700, 1300, 11000},
        {&nor_stm32f407_x32, 250, 550, 1000, 8000},
        {&nor_stm32f407_x64, 230, 490, 875, 6900},
    };
    const uint8_t data = 0;
    struct nor_op write = program(0, &data, 1);
    struct nor_op erases[] = {erase(0xC000, 16 * KB), erase(0x10000, 64 * KB), erase(0xE0000, 128 * KB),
                              erase(0, 1024 * KB)};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct nor_array array = erased(cases[i].part);
        const uint32_t ms[] = {cases[i].sector_16, cases[i].sector_64, cases[i].sector_128, cases[i].all};
        for (unsigned slow = 0; slow < 2; slow++) {
            array.times = slow ? NOR_MAXIMUM : NOR_TYPICAL;
            for (unsigned n = 0; n < 4; n++)
                assert_int_equal(nor_duration_ns(&array, &erases[n]), ms[n] * MS * (1 + slow));
            assert_int_equal(nor_duration_ns(&array, &write), slow ? 100000 : 16000);
        }
        release(&array);
    }
}

static void a_program_is_as_wide_as_the_parallelism(void **state)
{
    (void)state;
    static const struct {
        const struct nor_part *part;
        uint32_t page;
    } cases[] = {{&nor_stm32f407_x8, 1}, {&nor_stm32f407_x16, 2}, {&nor_stm32f407_x32, 4}, {&nor_stm32f407_x64, 16}};
    const uint8_t data[17] = {0};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct nor_array array = erased(cases[i].part);
        struct nor_op all = program(0x40, data, cases[i].page), more = program(0x40, data, cases[i].page + 1);
        assert_true(nor_valid(&array, &all));
        assert_false(nor_valid(&array, &more));
        release(&array);
    }
}

static void a_short_program_takes_less(void **state)
{
    (void)state;
    struct nor_array array = erased(&nor_w25q64), whole_pages = erased(&nor_s25fl064k);
    const uint8_t data[256] = {0};
    static const struct {
        uint32_t length, typical_ns, maximum_ns;
    } cases[] = {
        {1, 30000, 50000},     {2, 32500, 62000},      {100, 277500, 1238000}, {149, 400000, 1826000},
        {150, 400000, 1838000}, {246, 400000, 2990000}, {247, 400000, 3000000}, {256, 400000, 3000000},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct nor_op op = program(0, data, cases[i].length);
        array.times = NOR_TYPICAL;
        assert_int_equal(nor_duration_ns(&array, &op), cases[i].typical_ns);
        array.times = NOR_MAXIMUM;
        assert_int_equal(nor_duration_ns(&array, &op), cases[i].maximum_ns);
        assert_int_equal(nor_duration_ns(&whole_pages, &op), 400000);
    }
    release(&array);
    release(&whole_pages);
}

static void maximum_times_are_those_of_the_data_sheet(void **state)
{
    (void)state;
    const struct nor_part *parts[] = {&nor_s25fl064k, &nor_w25q64};
    for (unsigned i = 0; i < 2; i++) {
        struct nor_array array = erased(parts[i]);
        array.times = NOR_MAXIMUM;
        static const uint32_t cases[][2] = {{4, 400}, {32, 1600}, {64, 2000}, {8192, 100000}};
        for (unsigned n = 0; n < 4; n++) {
            struct nor_op op = erase(0, cases[n][0] * KB);
            assert_int_equal(nor_duration_ns(&array, &op), cases[n][1] * MS);
        }
        assert_int_equal(nor_status_duration_ns(&array), 15 * MS);
        array.times = NOR_TYPICAL;
        assert_int_equal(nor_status_duration_ns(&array), 10 * MS);
        release(&array);
    }
}

/// Power loss ///

static void tears_have_names(void **state)
{
    (void)state;
    for (int tear = 0; tear < NOR_TEARS; tear++) {
        const char *name = nor_tear_name((enum nor_tear)tear);
        assert_non_null(name);
        assert_int_equal(nor_tear_named(name), tear);
    }
    assert_string_equal(nor_tear_name(NOR_TEAR_BEFORE), "before");
    assert_string_equal(nor_tear_name(NOR_TEAR_AFTER), "after");
    assert_null(nor_tear_name(NOR_TEARS));
    assert_null(nor_tear_name((enum nor_tear)-1));
    assert_int_equal(nor_tear_named("never"), NOR_TEARS);
    assert_int_equal(nor_tear_named(""), NOR_TEARS);
    assert_int_equal(nor_tear_named(NULL), NOR_TEARS);
}

static void clean_cuts(void **state)
{
    (void)state;
    struct nor_array array = erased(&nor_stm32f407_x32);
    const uint8_t data[4] = {1, 2, 3, 4};
    struct nor_op write = program(0x20000, data, 4), clear = erase(0x20000, 128 * KB);
    assert_true(nor_tear(&array, &write, NOR_TEAR_BEFORE));
    assert_filled(array.cells + 0x20000, 0xFF, 4);
    assert_true(nor_tear(&array, &write, NOR_TEAR_AFTER));
    assert_memory_equal(array.cells + 0x20000, data, 4);
    assert_true(nor_tear(&array, &clear, NOR_TEAR_BEFORE));
    assert_memory_equal(array.cells + 0x20000, data, 4);
    assert_int_equal(array.erases[5], 0);
    assert_true(nor_tear(&array, &clear, NOR_TEAR_AFTER));
    assert_filled(array.cells + 0x20000, 0xFF, 128 * KB);
    assert_int_equal(array.erases[5], 1);
    assert_false(nor_tear(&array, &write, NOR_TEARS));
    release(&array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programming_only_clears_bits),
        cmocka_unit_test(programming_is_the_and_of_old_and_new),
        cmocka_unit_test(erasing_sets_exactly_its_sectors),
        cmocka_unit_test(erases_are_counted_per_sector),
        cmocka_unit_test(sectors_of_the_internal_flash),
        cmocka_unit_test(runs_cover_their_parts),
        cmocka_unit_test(a_program_stays_within_a_page),
        cmocka_unit_test(an_erase_covers_whole_sectors),
        cmocka_unit_test(otp_cannot_be_erased),
        cmocka_unit_test(a_program_without_data_is_invalid),
        cmocka_unit_test(times_are_those_of_the_data_sheets),
        cmocka_unit_test(times_depend_on_the_parallelism),
        cmocka_unit_test(a_program_is_as_wide_as_the_parallelism),
        cmocka_unit_test(a_short_program_takes_less),
        cmocka_unit_test(maximum_times_are_those_of_the_data_sheet),
        cmocka_unit_test(tears_have_names),
        cmocka_unit_test(clean_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
