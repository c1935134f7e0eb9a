/* SPDX-License-Identifier: MIT
 *
 * The user's part of the SPI NOR: every edge of it, and that nothing is sent to the chip for what reaches beyond.
 */
#include "fixture.h"

#include "matterhorn/user_flash.h"

#include <stdlib.h>
#include <string.h>

#define END 0x700000u

static struct array_device array;
static struct mh_device device; /* the same, behind an eye on what is sent */
static unsigned sent;
static unsigned fed;
static unsigned deaf; /* the operation that the chip does not hear, from 1 on; 0: none */
static unsigned failing;
static bool silent; /* nothing must be sent */

static enum mh_error seen(uint32_t address, uint32_t length)
{
    assert_false(silent);
    assert_true(length > 0 && address < END && length <= END - address);
    sent++;
    return sent == failing ? MH_ERR_FLASH : MH_OK;
}

static enum mh_error read(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    const enum mh_error error = seen(address, length);

    assert_true(length <= 4096); /* the watchdog is fed in between */
    return error ? error : array.device.nor.read(context, address, buffer, length);
}

static enum mh_error program(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    const enum mh_error error = seen(address, length);

    assert_true(address / 256 == (address + length - 1) / 256);
    return error || sent == deaf ? error : array.device.nor.program(context, address, data, length);
}

static enum mh_error erase(void *context, uint32_t address)
{
    const enum mh_error error = seen(address, 4096);

    assert_int_equal(address % 4096, 0);
    return error || sent == deaf ? error : array.device.nor.erase(context, address);
}

static void feed(void)
{
    fed++;
}

static int set_up(void **state)
{
    (void)state;
    fixture_device(&array);
    device = array.device;
    device.nor = (struct mh_nor){read, program, erase, array.device.nor.context};
    device.alive = feed;
    sent = fed = deaf = failing = 0;
    silent = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    array_device_free(&array);
    return 0;
}

static void fill(uint8_t *data, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        data[i] = (uint8_t)(i * 7 + i / 256);
    }
}

static void ranges_that_leave_it_are_refused_before_anything_is_sent(void **state)
{
    static const struct {
        uint32_t address, length;
    } ranges[] = {
        {END - 1, 2},
        {END - 4096, 4097},
        {0, END + 1},
        {END, 1},
        {END + 1, 0},
        {0x7FFFFF, 1},
        {0x800000, 1},
        {1, UINT32_MAX},
        {END - 1, UINT32_MAX},
        {4096, UINT32_MAX - 4095}, /* ends at 0 when it wraps */
        {0xFFFFF000, 0x1001},      /* at 1 */
        {0xFF900000, 0x700000},
        {0x80000000, 0x80000000},
        {UINT32_MAX, 0},
        {UINT32_MAX, 1},
        {UINT32_MAX, UINT32_MAX},
    };
    uint8_t byte = 0;

    (void)state;
    silent = true;
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        assert_int_equal(mh_user_flash_read(&device, ranges[i].address, &byte, ranges[i].length), MH_ERR_ARGUMENT);
        assert_int_equal(mh_user_flash_program(&device, ranges[i].address, &byte, ranges[i].length), MH_ERR_ARGUMENT);
    }
}

static void sectors_that_are_not_the_users_are_not_erased(void **state)
{
    static const uint32_t addresses[] = {END, END + 4096, 0x7FF000, 0x800000,   0xFFFFF000, UINT32_MAX, 1,
                                         256, 4095,       4097,     END - 4095, END - 256,  END - 1};

    (void)state;
    silent = true;
    for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        assert_int_equal(mh_user_flash_erase(&device, addresses[i]), MH_ERR_ARGUMENT);
    }
}

static void nothing_within_bounds_is_done_and_nothing_is_sent(void **state)
{
    uint8_t byte = 0;

    (void)state;
    silent = true;
    for (uint32_t address = 0; address <= END; address += END / 2) {
        assert_int_equal(mh_user_flash_read(&device, address, &byte, 0), MH_OK);
        assert_int_equal(mh_user_flash_read(&device, address, NULL, 0), MH_OK);
        assert_int_equal(mh_user_flash_program(&device, address, NULL, 0), MH_OK);
    }
    assert_int_equal(mh_user_flash_read(&device, 0, NULL, 1), MH_ERR_ARGUMENT);
    assert_int_equal(mh_user_flash_program(&device, 0, NULL, 1), MH_ERR_ARGUMENT);
}

static void its_first_and_its_last_bytes_are_written_and_read(void **state)
{
    static const uint32_t addresses[] = {0, END - 1, END - 256, END - 4096};
    static const uint32_t lengths[] = {1, 1, 256, 4096};
    static uint8_t data[4096], back[4096];

    (void)state;
    fill(data, sizeof data);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(mh_user_flash_erase(&device, addresses[i] & ~4095u), MH_OK);
        assert_int_equal(mh_user_flash_program(&device, addresses[i], data, lengths[i]), MH_OK);
        memset(back, 0x3C, sizeof back);
        assert_int_equal(mh_user_flash_read(&device, addresses[i], back, lengths[i]), MH_OK);
        assert_memory_equal(back, data, lengths[i]);
    }
    for (uint32_t at = END; at < END + 4096; at++) {
        assert_int_equal(array.nor.cells[at], 0xFF);
    }
}

/* Around the ends of pages and sectors, and no byte beside. */
static void any_place_and_length_is_split_into_pages(void **state)
{
    static const uint32_t places[] = {0, 1, 127, 255, 256, 257, 4095, 4096, 4097};
    static const uint32_t lengths[] = {1, 2, 255, 256, 257, 511, 512, 513, 4096, 9001};
    static uint8_t data[9001], back[9001];

    (void)state;
    fill(data, sizeof data);
    for (unsigned p = 0; p < sizeof places / sizeof *places; p++) {
        for (unsigned l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            const uint32_t at = 0x10000 + places[p], end = at + lengths[l];
            memset(array.nor.cells + 0x10000 - 1, 0xFF, 0x10000);
            assert_int_equal(mh_user_flash_program(&device, at, data, lengths[l]), MH_OK);
            assert_int_equal(mh_user_flash_read(&device, at, back, lengths[l]), MH_OK);
            assert_memory_equal(back, data, lengths[l]);
            assert_int_equal(array.nor.cells[at - 1], 0xFF);
            assert_int_equal(array.nor.cells[end], 0xFF);
        }
    }
}

static void what_was_not_erased_is_not_acknowledged(void **state)
{
    const uint8_t ones[2] = {0xFF, 0x0F};

    (void)state;
    array.nor.cells[0x2001] = 0x0E;
    assert_int_equal(mh_user_flash_program(&device, 0x2000, ones, 2), MH_ERR_FLASH);
}

/* As with a write enable that was lost: the chip is ready at once, and nothing happened. */
static void write_that_the_chip_has_not_heard_is_not_acknowledged(void **state)
{
    uint8_t data[600];

    (void)state;
    memset(data, 0x11, sizeof data);
    deaf = 3; /* the second page: each is programmed, and read back */
    assert_int_equal(mh_user_flash_program(&device, 0x3000, data, sizeof data), MH_ERR_FLASH);
    assert_int_equal(array.nor.cells[0x30FF], 0x11);
    assert_int_equal(array.nor.cells[0x3100], 0xFF);
    assert_int_equal(array.nor.cells[0x3200], 0xFF);
    sent = 0;
    deaf = 1;
    assert_int_equal(mh_user_flash_erase(&device, 0x3000), MH_ERR_FLASH);
}

static void errors_of_the_chip_come_through(void **state)
{
    static uint8_t data[8192];

    (void)state;
    for (failing = 1; failing <= 2; failing++) {
        sent = 0;
        assert_int_equal(mh_user_flash_read(&device, 0, data, sizeof data), MH_ERR_FLASH);
        assert_int_equal(sent, failing);
        sent = 0;
        assert_int_equal(mh_user_flash_program(&device, 0, data, 256), MH_ERR_FLASH);
        assert_int_equal(sent, failing);
        sent = 0;
        assert_int_equal(mh_user_flash_erase(&device, 0), MH_ERR_FLASH);
        assert_int_equal(sent, failing);
    }
}

static void watchdog_is_fed_for_each_4_kb(void **state)
{
    static uint8_t data[5 * 4096];

    (void)state;
    assert_int_equal(mh_user_flash_read(&device, 0, data, sizeof data), MH_OK);
    assert_int_equal(fed, 5);
    fed = 0;
    device.alive = NULL;
    assert_int_equal(mh_user_flash_program(&device, 0, data, sizeof data), MH_OK);
    assert_int_equal(mh_user_flash_erase(&device, 0), MH_OK);
    assert_int_equal(fed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ranges_that_leave_it_are_refused_before_anything_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sectors_that_are_not_the_users_are_not_erased, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_within_bounds_is_done_and_nothing_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(its_first_and_its_last_bytes_are_written_and_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_place_and_length_is_split_into_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_erased_is_not_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(write_that_the_chip_has_not_heard_is_not_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_of_the_chip_come_through, set_up, tear_down),
        cmocka_unit_test_setup_teardown(watchdog_is_fed_for_each_4_kb, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
