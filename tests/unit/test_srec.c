/* SPDX-License-Identifier: MIT
 *
 * S-records: good files, and each field of a record attacked. The bytes of a record, checksum included, sum up to 0xFF.
 */
#include "inputs.h"

#include "srecord.h"

#define TITLE "S008000068656C6C6FE3\n" /* hello */
#define STAR "S306080A02002ABB\n"      /* '*' at 0x080A0200 */
#define END "S70500000000FA\n"

static void assert_good(const char *text)
{
    assert_read(srecord_read, text, strlen(text));
}

static void assert_bad(const char *text, const char *words)
{
    assert_refused(srecord_read, text, strlen(text), words);
}

static void data_go_to_32_bit_addresses(void **state)
{
    (void)state;
    assert_good(TITLE "S309080A02006162636458\n" "S306080102002AC4\n" END);
    assert_holds(1, APPLICATION, "abcd", 4);
    assert_holds(0, RUNTIME, "*", 1);
    assert_int_equal(memory.rooms[1].used, 4);
}

static void data_go_to_shorter_addresses(void **state)
{
    (void)state;
    memory_close(&memory);
    assert_true(memory_add_room(&memory, "low", 0x0200, 16, 0, &problem));
    assert_true(memory_add_room(&memory, "high", 0x010200, 16, 0, &problem));
    assert_true(read_copy(srecord_read, "S10402002ACF\nS2050102002ACD\nS9030000FC\n", 39));
    assert_holds(0, 0x0200, "*", 1);
    assert_holds(1, 0x010200, "*", 1);
}

static void counts_and_ends_of_all_lengths(void **state)
{
    (void)state;
    assert_good(STAR "S5030001FB\nS9030000FC\n");
    assert_good(STAR "S604000001FA\nS804000000FB\n");
    assert_good(STAR "S705080A0201E5\n"); /* where to start does not matter */
    assert_good("S9030000FC\n");
    assert_int_equal(memory.rooms[1].used, 0);
}

static void line_ends_case_and_blank_lines_do_not_matter(void **state)
{
    (void)state;
    assert_good("\r\nS306080A02002ABB\r\n\r\nS70500000000FA\r\n\r\n");
    assert_good("S306080a02002abb\rS70500000000fa");
    assert_holds(1, APPLICATION, "*", 1);
}

static void records_that_are_none(void **state)
{
    (void)state;
    assert_bad(TITLE "306080A02002ABB\n" END, "line 2: it does not begin with S and a digit");
    assert_bad("s306080A02002ABB\n" END, "line 1: it does not begin with S");
    assert_bad("S\n" END, "line 1: it does not begin with S");
    assert_bad("SA06\n" END, "line 1: it does not begin with S");
    assert_bad("S4030000FC\n" END, "line 1: S4 is reserved");
    assert_bad("S306080A02002ABX\n" END, "line 1: column 16 has 'X', which is no hexadecimal digit");
    assert_bad("S306080A02002ABB \n" END, "line 1: column 17 has byte 0x20");
    assert_bad("S306080A02002AB\n" END, "line 1: the last byte lacks a digit");
    assert_bad("S3\n" END, "line 1: 0 bytes are too few for an S3 record");
    assert_bad("S304080A02\n" END, "line 1: 4 bytes are too few for an S3 record");
    assert_bad("S10200FD\n" END, "line 1: 3 bytes are too few for an S1 record");
}

static void count_of_bytes_that_is_wrong(void **state)
{
    (void)state;
    assert_bad("S307080A02002ABA\n" END, "line 1: its count says 7 bytes, and 6 follow");
    assert_bad("S305080A02002ABC\n" END, "line 1: its count says 5 bytes, and 6 follow");
}

static void checksum_that_is_wrong(void **state)
{
    (void)state;
    assert_bad("S306080A02002ABC\n" END, "line 1: its checksum is BC, and should be BB");
    assert_bad(STAR "S306080A02012ABB\n" END, "line 2: its checksum is BB, and should be BA");
    assert_bad("S70500000000FB\n", "line 1: its checksum is FB, and should be FA");
}

static void counts_of_records_that_are_wrong(void **state)
{
    (void)state;
    assert_bad(STAR "S5030002FA\n" END, "line 2: it counts 2 data records, and there are 1 before it");
    assert_bad("S604000001FA\n" STAR END, "line 1: it counts 1 data records, and there are 0 before it");
    assert_bad(STAR "S50400017882\n" END, "line 2: an S5 record has no data, and this one has 1 bytes");
    assert_bad(STAR "S90400007883\n", "line 2: an S9 record has no data");
}

static void addresses_that_are_not_the_boards(void **state)
{
    (void)state;
    assert_bad("S10402002ACF\n" END, "line 1: 1 byte at 0x00000200 is not within the runtime region");
    assert_bad("S306080A00002ABD\n" END, "line 1: 0x080A0000 is in the first 512 bytes");
    assert_bad(STAR STAR END, "line 2: 0x080A0200 is filled twice");
    assert_bad("S307FFFFFFFF414279\n" END, "line 1: its data go beyond the end of the address space");
}

static void file_that_does_not_end_or_goes_on(void **state)
{
    (void)state;
    assert_bad(STAR, "behind line 1 without an S7, S8 or S9 record");
    assert_bad("", "without an S7, S8 or S9 record");
    assert_bad(STAR END STAR, "line 3: something follows the S7, S8 or S9 record");
    assert_bad(STAR END "\n\x1A", "line 4: something follows");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(data_go_to_32_bit_addresses),
        TEST(data_go_to_shorter_addresses),
        TEST(counts_and_ends_of_all_lengths),
        TEST(line_ends_case_and_blank_lines_do_not_matter),
        TEST(records_that_are_none),
        TEST(count_of_bytes_that_is_wrong),
        TEST(checksum_that_is_wrong),
        TEST(counts_of_records_that_are_wrong),
        TEST(addresses_that_are_not_the_boards),
        TEST(file_that_does_not_end_or_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
