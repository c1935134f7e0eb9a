/* SPDX-License-Identifier: MIT
 *
 * What a production line gets: option bytes, bit by bit after RM0090 3.9.9, and Intel HEX, which the reader of inputs
 * takes back.
 */
#include "inputs.h"

#include "array_device.h"
#include "hex_image.h"
#include "intel_hex.h"
#include "option_bytes.h"

/* A new part: no protection, brown-out off, watchdog by software; OPTCR is 0x0FFFAAED with OPTLOCK. */
#define FACTORY 0x0FFFAAECu

static void a_new_part_is_open(void **state)
{
    struct array_device array;

    (void)state;
    assert_true(array_device_create(&array, &mh_boards[0]));
    assert_int_equal(option_bytes_get(array.otp), FACTORY);
    assert_int_equal(option_bytes_read_protection(FACTORY), 0);
    assert_int_equal(option_bytes_brown_out(FACTORY), 0);
    assert_false(option_bytes_hardware_watchdog(FACTORY));
    for (unsigned sector = 0; sector < MH_SECTORS; sector++) {
        assert_false(option_bytes_write_protected(FACTORY, sector));
    }
    array_device_free(&array);
}

static void a_locked_part_protects_what_it_should_and_no_more(void **state)
{
    (void)state;
    assert_int_equal(option_bytes_read_protection(OPTION_BYTES_LOCKED), 1);
    assert_int_equal(option_bytes_brown_out(OPTION_BYTES_LOCKED), 3);
    assert_false(option_bytes_hardware_watchdog(OPTION_BYTES_LOCKED));
    assert_int_equal(OPTION_BYTES_LOCKED & 0xC0, 0xC0); /* no reset on stop and standby */
    for (unsigned sector = 0; sector < MH_SECTORS; sector++) {
        assert_int_equal(option_bytes_write_protected(OPTION_BYTES_LOCKED, sector), sector < 3);
    }
}

/* Each bit that means something comes back; nothing else changes. */
static void each_option_bit_is_stored(void **state)
{
    const uint32_t meaning = 0x0FFFFFECu;
    uint8_t otp[RAIL_OTP_SIZE];

    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        memset(otp, 0x5A, sizeof otp);
        option_bytes_set(otp, ~(1u << bit));
        assert_int_equal(option_bytes_get(otp), meaning & ~(1u << bit));
        for (unsigned i = 0; i < RAIL_OTP_OPTIONS; i++) {
            assert_int_equal(otp[i], 0x5A);
        }
        assert_int_equal(otp[RAIL_OTP_OPTIONS] & 0x13, 0x13);
        assert_int_equal(otp[RAIL_OTP_OPTIONS + 9] & 0xF0, 0xF0);
    }
}

static void read_protection_is_level_1_for_all_but_two_values(void **state)
{
    unsigned levels[3] = {0};

    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        levels[option_bytes_read_protection(value << 8)]++;
    }
    assert_int_equal(option_bytes_read_protection(0xAA00), 0);
    assert_int_equal(option_bytes_read_protection(0xCC00), 2);
    assert_int_equal(levels[0], 1);
    assert_int_equal(levels[2], 1);
}

static char *text_of(uint32_t address, const void *bytes, uint32_t size)
{
    size_t length;
    char *text = hex_image(bytes, (struct hex_range){address, size}, &length);

    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    return text;
}

/* Checksums by hand, as in test_hex.c. */
static void a_hex_image_is_what_the_format_says(void **state)
{
    static const uint8_t bytes[18] = {[16] = 'a', [17] = 'b'};
    char *text = text_of(0x080A0200, bytes, sizeof bytes);

    (void)state;
    assert_string_equal(text, ":02000004080AE8\n"
                              ":1002000000000000000000000000000000000000EE\n"
                              ":02021000616229\n"
                              ":00000001FF\n");
    free(text);
}

static void erased_rows_are_left_out(void **state)
{
    uint8_t bytes[64];
    char *text;

    (void)state;
    memset(bytes, 0xFF, sizeof bytes);
    text = text_of(RUNTIME, bytes, sizeof bytes);
    assert_string_equal(text, ":00000001FF\n");
    free(text);
    bytes[47] = 0;
    text = text_of(RUNTIME, bytes, sizeof bytes);
    assert_string_equal(text, ":020000040801F1\n:10022000FFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00DD\n:00000001FF\n");
    free(text);
}

/* From any start, over the end of 64 KB, whatever is erased in between. */
static void what_is_written_reads_back(void **state)
{
    static uint8_t bytes[0x2000];

    (void)state;
    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = i / 100 % 3 == 0 ? 0xFF : (uint8_t)(i * 37 + i / 256);
    }
    for (unsigned start = 0; start < 17; start++) {
        const uint32_t address = 0x0801F000 + start;
        char *text = text_of(address, bytes, sizeof bytes - start);
        memory_close(&memory);
        assert_true(memory_add_room(&memory, "any", 0x0801F000, 0x4000, 0, &problem));
        assert_true(read_copy(intel_hex_read, text, strlen(text)));
        assert_memory_equal(memory.rooms[0].bytes + start, bytes, sizeof bytes - start);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_part_is_open),
        cmocka_unit_test(a_locked_part_protects_what_it_should_and_no_more),
        cmocka_unit_test(each_option_bit_is_stored),
        cmocka_unit_test(read_protection_is_level_1_for_all_but_two_values),
        cmocka_unit_test(a_hex_image_is_what_the_format_says),
        cmocka_unit_test(erased_rows_are_left_out),
        cmocka_unit_test_setup_teardown(what_is_written_reads_back, open_memory, close_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
