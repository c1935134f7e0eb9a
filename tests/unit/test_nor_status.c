/* SPDX-License-Identifier: MIT
 *
 * Torn writes of status registers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nor.h"

static const uint8_t old[3] = {0x1C, 0x40, 0x60}, new[3] = {0xA0, 0x02, 0x64};

static void torn(uint8_t *status, enum nor_tear tear)
{
    memcpy(status, old, 3);
    nor_tear_status(status, new, 3, tear);
}

static unsigned changed(const uint8_t *one, const uint8_t *other)
{
    unsigned count = 0;
    for (unsigned bit = 0; bit < 24; bit++)
        count += (one[bit / 8] ^ other[bit / 8]) >> bit % 8 & 1;
    return count;
}

static void whole_registers(void **state)
{
    (void)state;
    static const struct {
        enum nor_tear tear;
        uint8_t expected[3];
    } cases[] = {
        {NOR_TEAR_BEFORE, {0x1C, 0x40, 0x60}}, {NOR_TEAR_AFTER, {0xA0, 0x02, 0x64}},
        {NOR_TEAR_HALF, {0xA0, 0x40, 0x60}},   {NOR_TEAR_LAST, {0xA0, 0x02, 0x60}},
        {NOR_TEAR_ZEROS, {0x00, 0x00, 0x60}},  {NOR_TEAR_WEAK, {0xA0, 0x02, 0x64}},
        {NOR_TEAR_NOTAKE, {0xA0, 0x02, 0x64}},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint8_t status[3];
        torn(status, cases[i].tear);
        assert_memory_equal(status, cases[i].expected, 3);
    }
}

static void some_bits(void **state)
{
    (void)state;
    const unsigned all = changed(old, new);
    static const enum nor_tear tears[] = {NOR_TEAR_MASK, NOR_TEAR_ONEBIT};
    for (unsigned i = 0; i < 2; i++) {
        uint8_t status[3], again[3];
        torn(status, tears[i]);
        torn(again, tears[i]);
        assert_memory_equal(status, again, 3);
        assert_int_equal(changed(status, old) + changed(status, new), all);
        assert_in_range(changed(status, old), 1, tears[i] == NOR_TEAR_ONEBIT ? 1 : all - 1);
    }
}

static unsigned ones(unsigned byte)
{
    unsigned count = 0;
    for (; byte != 0; byte &= byte - 1)
        count++;
    return count;
}

/* For every pair of values of one register: bits that do not change stay, and of two or
 * more neither none nor all do. */
static void every_change_of_one_register(void **state)
{
    (void)state;
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        uint8_t before = (uint8_t)pair, after = (uint8_t)(pair >> 8), mask = before, onebit = before;
        unsigned all = ones(before ^ after);
        nor_tear_status(&mask, &after, 1, NOR_TEAR_MASK);
        nor_tear_status(&onebit, &after, 1, NOR_TEAR_ONEBIT);
        assert_int_equal(((before ^ mask) | (before ^ onebit)) & ~(before ^ after), 0);
        assert_in_range(ones(before ^ mask), all > 0, all > 1 ? all - 1 : all);
        assert_int_equal(ones(before ^ onebit), all > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_registers),
        cmocka_unit_test(some_bits),
        cmocka_unit_test(every_change_of_one_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
