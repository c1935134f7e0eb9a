/* SPDX-License-Identifier: MIT
 *
 * Intel HEX: good files, and each field of a record attacked. Checksums were computed by hand: the
 * bytes of a record sum up to 0.
 */
#include "inputs.h"

#include "intel_hex.h"

#define LINEAR ":02000004080AE8\n"      /* base 0x080A0000 */
#define STAR ":010200002AD3\n"           /* '*' at offset 0x0200 */
#define END ":00000001FF\n"

static void assert_good(const char *text)
{
    assert_read(intel_hex_read, text, strlen(text));
}

static void assert_bad(const char *text, const char *words)
{
    assert_refused(intel_hex_read, text, strlen(text), words);
}

static void data_go_to_linear_addresses(void **state)
{
    (void)state;
    assert_good(LINEAR ":040200006162636470\n" END);
    assert_holds(1, APPLICATION, "abcd", 4);
    assert_int_equal(memory.rooms[1].used, 4);
    assert_good(LINEAR STAR ":020000040801F1\n" STAR END);
    assert_holds(1, APPLICATION, "*", 1);
    assert_holds(0, RUNTIME, "*", 1);
}

static void linear_data_go_on_beyond_64_kb(void **state)
{
    (void)state;
    memory_close(&memory);
    assert_true(memory_add_room(&memory, "any", 0x0001FFFE, 4, 0, &problem));
    assert_true(read_copy(intel_hex_read, ":020000040001F9\n:04FFFE006162636475\n" END, 16 + 20 + 12));
    assert_holds(0, 0x0001FFFE, "abcd", 4);
}

/* 20-bit addresses: a segment counts in units of 16 bytes, and its data stay within 64 KB. */
static void data_go_to_segment_addresses(void **state)
{
    (void)state;
    memory_close(&memory);
    assert_true(memory_add_room(&memory, "any", 0x00012340, 0x10000, 0, &problem));
    assert_true(read_copy(intel_hex_read, ":020000021234B6\n:02000200414279\n" END, 16 + 16 + 12));
    assert_holds(0, 0x00012342, "AB", 2);
    assert_false(read_copy(intel_hex_read, ":020000021234B6\n:02FFFF0041427D\n" END, 16 + 16 + 12));
    assert_non_null(strstr(problem.text, "line 2: its data go beyond the end of their segment"));
}

static void without_a_base_addresses_are_16_bits(void **state)
{
    (void)state;
    memory_close(&memory);
    assert_true(memory_add_room(&memory, "any", 0x200, 16, 0, &problem));
    assert_true(read_copy(intel_hex_read, STAR END, strlen(STAR END)));
    assert_holds(0, 0x200, "*", 1);
}

static void start_records_and_their_offsets_do_not_matter(void **state)
{
    (void)state;
    assert_good(LINEAR STAR ":0400000312345678E5\n" ":04000005080A0201E2\n" END);
    assert_good(LINEAR ":00020000FE\n" STAR ":00123401B9\n"); /* no data; an end with an offset */
    assert_int_equal(memory.rooms[1].used, 1);
}

static void line_ends_case_and_blank_lines_do_not_matter(void **state)
{
    (void)state;
    assert_good("\r\n:02000004080AE8\r\n\r\n:010200002AD3\r\n:00000001FF\r\n\r\n");
    assert_good(":02000004080AE8\r:010200002AD3\r:00000001FF\r");
    assert_good(":02000004080ae8\n:010200002ad3\n:00000001ff");
    assert_holds(1, APPLICATION, "*", 1);
}

static void largest_record_is_read(void **state)
{
    char text[700] = LINEAR ":FF020000";
    size_t length = strlen(text);
    uint8_t bytes[255];

    (void)state;
    memset(bytes, 0, sizeof bytes);
    memset(text + length, '0', 510);
    strcpy(text + length + 510, "FF\n" END);
    assert_good(text);
    assert_holds(1, APPLICATION, bytes, 255);
}

static void records_that_are_none(void **state)
{
    (void)state;
    assert_bad(LINEAR "020000\n" END, "line 2: it does not begin with ':'");
    assert_bad(LINEAR " " STAR END, "line 2: it does not begin with ':'");
    assert_bad(LINEAR ":0102000G2AD3\n" END, "line 2: column 9 has 'G', which is no hexadecimal digit");
    assert_bad(LINEAR ":010200002AD3 \n" END, "line 2: column 14 has byte 0x20");
    assert_bad(LINEAR ":010200002AD3" STAR END, "line 2: column 14 has ':'");
    assert_bad(LINEAR ":010200002AD\n" END, "line 2: the last byte lacks a digit");
    assert_bad(":\n", "line 1: 0 bytes are too few");
    assert_bad(":00000001\n", "line 1: 4 bytes are too few");
}

static void length_that_is_wrong(void **state)
{
    (void)state;
    assert_bad(LINEAR ":020200002AD2\n" END, "line 2: its length says 2 data bytes, and there are 1");
    assert_bad(LINEAR ":000200002AD4\n" END, "line 2: its length says 0 data bytes, and there are 1");
}

static void longer_than_any_record(void **state)
{
    char text[900] = LINEAR ":FF020000";

    (void)state;
    memset(text + strlen(text), '0', 514); /* 256 data bytes and the checksum */
    assert_bad(text, "line 2: 261 bytes are more than a record can have");
}

static void checksum_that_is_wrong(void **state)
{
    (void)state;
    assert_bad(LINEAR ":010200002AD2\n" END, "line 2: its checksum is D2, and should be D3");
    assert_bad(LINEAR ":010200002BD3\n" END, "line 2: its checksum is D3, and should be D2");
    assert_bad(":00000001FE\n", "line 1: its checksum is FE, and should be FF");
}

static void types_and_their_lengths(void **state)
{
    (void)state;
    assert_bad(":00000006FA\n" END, "line 1: there is no record type 06");
    assert_bad(":000000FF01\n" END, "line 1: there is no record type FF");
    assert_bad(":0100000100FE\n", "line 1: a record of type 01 has 0 data bytes, and this one has 1");
    assert_bad(":0100000212EB\n" END, "line 1: a record of type 02 has 2 data bytes, and this one has 1");
    assert_bad(":00000003FD\n" END, "line 1: a record of type 03 has 4 data bytes, and this one has 0");
    assert_bad(":03000004080A00E7\n" END, "line 1: a record of type 04 has 2 data bytes, and this one has 3");
    assert_bad(":020000050801F0\n" END, "line 1: a record of type 05 has 4 data bytes, and this one has 2");
}

static void addresses_that_are_not_the_boards(void **state)
{
    (void)state;
    assert_bad(STAR END, "line 1: 1 byte at 0x00000200 is not within the runtime region");
    assert_bad(LINEAR ":010000002AD5\n" END, "line 2: 0x080A0000 is in the first 512 bytes of the application region");
    assert_bad(LINEAR STAR STAR END, "line 3: 0x080A0200 is filled twice");
    assert_bad(":02000004FFFFFC\n:02FFFF0041427D\n" END, "line 2: its data go beyond the end of the address space");
}

static void file_that_does_not_end_or_goes_on(void **state)
{
    (void)state;
    assert_bad(LINEAR STAR, "behind line 2 without an end-of-file record");
    assert_bad("", "without an end-of-file record");
    assert_bad("\n\n", "without an end-of-file record");
    assert_bad(LINEAR STAR END STAR, "line 4: something follows the end-of-file record");
    assert_bad(END "\n\nx", "line 4: something follows");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(data_go_to_linear_addresses),
        TEST(linear_data_go_on_beyond_64_kb),
        TEST(data_go_to_segment_addresses),
        TEST(without_a_base_addresses_are_16_bits),
        TEST(start_records_and_their_offsets_do_not_matter),
        TEST(line_ends_case_and_blank_lines_do_not_matter),
        TEST(largest_record_is_read),
        TEST(records_that_are_none),
        TEST(length_that_is_wrong),
        TEST(longer_than_any_record),
        TEST(checksum_that_is_wrong),
        TEST(types_and_their_lengths),
        TEST(addresses_that_are_not_the_boards),
        TEST(file_that_does_not_end_or_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
