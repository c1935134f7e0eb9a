/* SPDX-License-Identifier: MIT
 *
 * Bad inputs of `matterhorn pack`, field by field of docs/SPEC.md 9: each is a good file with one thing changed, the
 * checksums around it made right, and is refused in words.
 *
 * `row` is the row of SPEC that a case attacks, by section and first cell; the last test sees to it that none is
 * missing. What belongs to ELF files, which SPEC leaves to others, is in test_elf.c.
 */
#include "inputs.h"
#include "spec_rows.h"

#include "input.h"

#include "matterhorn/bytes.h"

#include <stdio.h>

#define TEXT_MOST 4096u

static bool read_any(const uint8_t *bytes, size_t size, struct memory *to, struct problem *why)
{
    return input_read(INPUT_AUTO, bytes, size, APPLICATION, to, why);
}

/// How a format is recognised (9.1) ///

/* What is almost another format is not taken for it; and what it is taken for says what is wrong. */
static void formats_that_are_almost_recognised(void **state)
{
    static const struct {
        const char *row, *bytes;
        size_t size;
        enum input_format guessed;
        const char *words; /* NULL: it is taken */
    } cases[] = {
        {"9.1 0x7F ELF", "\x7F" "ELF", 4, INPUT_ELF, ""},
        {"9.1 0x7F ELF", "\x7F" "ELf\0\0\0\0", 8, INPUT_RAW, NULL},
        {"9.1 0x7F ELF", "\x7F" "EL", 3, INPUT_RAW, NULL},
        {"9.1 :, behind at most one line end", ":", 1, INPUT_HEX, "line 1"},
        {"9.1 :, behind at most one line end", "\r\n:00000001FE\n", 14, INPUT_HEX, "line 2: its checksum"},
        {"9.1 :, behind at most one line end", "\n\n:00000001FF\n", 14, INPUT_RAW, NULL},
        {"9.1 :, behind at most one line end", " :00000001FF\n", 13, INPUT_RAW, NULL},
        {"9.1 S and a digit, behind at most one line end", "S", 1, INPUT_RAW, NULL},
        {"9.1 S and a digit, behind at most one line end", "S/03", 4, INPUT_RAW, NULL},
        {"9.1 S and a digit, behind at most one line end", "S:03", 4, INPUT_RAW, NULL},
        {"9.1 S and a digit, behind at most one line end", "S4", 2, INPUT_SREC, "line 1"},
        {"9.1 S and a digit, behind at most one line end", "\nS9", 3, INPUT_SREC, "line 2"},
        {"9.1 a word from 0x08000000 to 0x080FFFFF", "\xFF\xFF\xFF\x07", 4, INPUT_RAW, NULL},
        {"9.1 a word from 0x08000000 to 0x080FFFFF", "\x00\x00\x00\x08", 4, INPUT_NETMF, "header has 12"},
        {"9.1 a word from 0x08000000 to 0x080FFFFF", "\xFF\xFF\x0F\x08", 4, INPUT_NETMF, "header has 12"},
        {"9.1 a word from 0x08000000 to 0x080FFFFF", "\x00\x00\x10\x08", 4, INPUT_RAW, NULL},
        {"9.1 a word from 0x08000000 to 0x080FFFFF", "\x00\x00\x0A", 3, INPUT_RAW, NULL},
        {"9.1 anything else", "", 0, INPUT_RAW, "the file is empty"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(input_guess((const uint8_t *)cases[i].bytes, cases[i].size), cases[i].guessed);
        if (cases[i].words) {
            assert_refused(read_any, cases[i].bytes, cases[i].size, cases[i].words);
        } else {
            assert_read(read_any, cases[i].bytes, cases[i].size);
        }
        spec_rows_cover(cases[i].row);
    }
}

/* A raw image that is one byte larger than its room, or begins elsewhere. */
static void raw_images_that_do_not_fit(void **state)
{
    static uint8_t image[ROOM + 1];
    static const struct {
        uint32_t address, size;
        const char *words;
    } cases[] = {
        {APPLICATION, ROOM + 1, "not within"},   {APPLICATION + 1, ROOM, "not within"},
        {APPLICATION - 1, 4, "component's header"}, {APPLICATION - 512, 4, "component's header"},
        {APPLICATION - 513, 4, "not within"},    {0, 4, "not within"},
        {0xFFFFFFFC, 4, "not within"},           {0xFFFFFFFF, 4, "not within"},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        close_memory(state);
        open_memory(state);
        problem = (struct problem){0};
        assert_false(input_read(INPUT_RAW, image, cases[i].size, cases[i].address, &memory, &problem));
        if (!strstr(problem.text, cases[i].words)) {
            fail_msg("0x%X: %s", (unsigned)cases[i].address, problem.text);
        }
    }
}

/// Intel HEX (9.3) ///

#define BASE "\x02\x00\x00\x04\x08\x0A" /* of the application's region */
#define END_HEX "\x00\x00\x00\x01"

struct record {
    const char *bytes; /* without the checksum */
    size_t size;
};
#define RECORD(bytes) {bytes, sizeof bytes - 1}

static size_t put_bytes(char *text, const char *start, const uint8_t *bytes, size_t size)
{
    size_t length = (size_t)sprintf(text, "%s", start);

    for (size_t i = 0; i < size; i++) {
        length += (size_t)sprintf(text + length, "%02X", bytes[i]);
    }
    return length + (size_t)sprintf(text + length, "\n");
}

/* A line with the checksum that makes the sum of its bytes 0, `more` added to it. */
static size_t put_hex(char *text, const struct record *record, uint8_t more)
{
    uint8_t bytes[300], sum = 0;

    memcpy(bytes, record->bytes, record->size);
    for (size_t i = 0; i < record->size; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    bytes[record->size] = (uint8_t)(more - sum);
    return put_bytes(text, ":", bytes, record->size + 1);
}

static void records_of_intel_hex(void **state)
{
    static const struct {
        const char *row, *name;
        struct record record;
        uint8_t more; /* added to the checksum */
        const char *words;
    } cases[] = {
        {"9.3 00 data", "one byte fewer than its length says", RECORD("\x05\x02\x00\x00" "abcd"), 0, "its length says 5"},
        {"9.3 00 data", "one byte more", RECORD("\x03\x02\x00\x00" "abcd"), 0, "its length says 3"},
        {"9.3 00 data", "highest length", RECORD("\xFF\x02\x00\x00" "abcd"), 0, "its length says 255"},
        {"9.3 00 data", "checksum one higher", RECORD("\x04\x02\x00\x00" "abcd"), 1, "its checksum is"},
        {"9.3 00 data", "checksum one lower", RECORD("\x04\x02\x00\x00" "abcd"), 0xFF, "its checksum is"},
        {"9.3 00 data", "in the header", RECORD("\x04\x01\xFF\x00" "abcd"), 0, "component's header"},
        {"9.3 00 data", "over the end of the room", RECORD("\x04\x31\xFD\x00" "abcd"), 0, "not within"},
        {"9.3 00 data", "behind the room", RECORD("\x04\xFF\xFC\x00" "abcd"), 0, "not within"},
        {"9.3 00 data", "without its type", RECORD("\x04\x02\x00"), 0, "too few for a record"},
        {"9.3 00 data", "of no bytes at all", RECORD(""), 0, "too few for a record"},
        {"9.3 00 data", "type 6", RECORD("\x00\x00\x00\x06"), 0, "there is no record type 06"},
        {"9.3 00 data", "highest type", RECORD("\x00\x00\x00\xFF"), 0, "there is no record type FF"},
        {"9.3 01 end of file", "with a data byte", RECORD("\x01\x00\x00\x01" "a"), 0, "has 0 data bytes"},
        {"9.3 01 end of file", "before the end", RECORD("\x00\x00\x00\x01"), 0, "something follows"},
        {"9.3 02, 04", "base without a value", RECORD("\x00\x00\x00\x04"), 0, "has 2 data bytes"},
        {"9.3 02, 04", "base of one byte", RECORD("\x01\x00\x00\x04\x08"), 0, "has 2 data bytes"},
        {"9.3 02, 04", "base of three bytes", RECORD("\x03\x00\x00\x02\x08\x0A\x00"), 0, "has 2 data bytes"},
        {"9.3 03, 05 start", "of three bytes", RECORD("\x03\x00\x00\x03\x00\x00\x00"), 0, "has 4 data bytes"},
        {"9.3 03, 05 start", "of five bytes", RECORD("\x05\x00\x00\x05\x00\x00\x00\x00\x00"), 0, "has 4 data bytes"},
    };
    static const struct record base = RECORD(BASE), end = RECORD(END_HEX);
    char text[TEXT_MOST];

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = put_hex(text, &base, 0);
        size += put_hex(text + size, &cases[i].record, cases[i].more);
        size += put_hex(text + size, &end, 0);
        assert_refused(read_any, text, size, cases[i].words);
        assert_non_null(strstr(problem.text, strcmp(cases[i].words, "something follows") ? "line 2" : "line 3"));
        spec_rows_cover(cases[i].row);
    }
}

/* Bases that lead elsewhere, and data that go on behind the end of what a base can reach. */
static void bases_of_intel_hex(void **state)
{
    static const struct {
        struct record base, data;
        const char *words;
    } cases[] = {
        {RECORD("\x02\x00\x00\x04\x08\x0B"), RECORD("\x04\x02\x00\x00" "abcd"), "not within"},
        {RECORD("\x02\x00\x00\x04\x00\x00"), RECORD("\x04\x02\x00\x00" "abcd"), "not within"},
        {RECORD("\x02\x00\x00\x04\xFF\xFF"), RECORD("\x04\xFF\xFD\x00" "abcd"), "end of the address space"},
        {RECORD("\x02\x00\x00\x02\xFF\xFF"), RECORD("\x04\xFF\xFD\x00" "abcd"), "end of their segment"},
    };
    static const struct record end = RECORD(END_HEX);
    char text[TEXT_MOST];

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = put_hex(text, &cases[i].base, 0);
        size += put_hex(text + size, &cases[i].data, 0);
        size += put_hex(text + size, &end, 0);
        assert_refused(read_any, text, size, cases[i].words);
    }
    assert_refused(read_any, ":02000004080AE8\n", 16, "without an end-of-file record");
}

/// S-records (9.3) ///

/* A line with the checksum that makes the sum of its bytes 0xFF, `more` added to it. */
static size_t put_srecord(char *text, char type, const struct record *record, uint8_t more)
{
    const char start[] = {'S', type, '\0'};
    uint8_t bytes[300], sum = 0;

    memcpy(bytes, record->bytes, record->size);
    for (size_t i = 0; i < record->size; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    bytes[record->size] = (uint8_t)(0xFF + more - sum);
    return put_bytes(text, start, bytes, record->size + 1);
}

static void records_of_srecord_files(void **state)
{
    static const struct {
        const char *row, *name;
        char type;
        struct record record;
        uint8_t more;
        const char *words;
    } cases[] = {
        {"9.3 S0", "shorter than its address", '0', RECORD("\x02\x00"), 0, "too few for an S0"},
        {"9.3 S0", "checksum", '0', RECORD("\x03\x00\x00"), 1, "its checksum is"},
        {"9.3 S1, S2, S3 data", "count 0", '3', RECORD("\x00\x08\x0A\x02\x00" "a"), 0, "its count says 0"},
        {"9.3 S1, S2, S3 data", "count one too low", '3', RECORD("\x05\x08\x0A\x02\x00" "a"), 0, "its count says 5"},
        {"9.3 S1, S2, S3 data", "count one too high", '3', RECORD("\x07\x08\x0A\x02\x00" "a"), 0, "its count says 7"},
        {"9.3 S1, S2, S3 data", "highest count", '3', RECORD("\xFF\x08\x0A\x02\x00" "a"), 0, "its count says 255"},
        {"9.3 S1, S2, S3 data", "address cut off", '3', RECORD("\x04\x08\x0A\x02"), 0, "too few for an S3"},
        {"9.3 S1, S2, S3 data", "checksum one higher", '3', RECORD("\x06\x08\x0A\x02\x00" "a"), 1, "its checksum is"},
        {"9.3 S1, S2, S3 data", "checksum one lower", '3', RECORD("\x06\x08\x0A\x02\x00" "a"), 0xFF, "its checksum is"},
        {"9.3 S1, S2, S3 data", "in the header", '3', RECORD("\x06\x08\x0A\x01\xFF" "a"), 0, "component's header"},
        {"9.3 S1, S2, S3 data", "behind the room", '3', RECORD("\x06\x08\x0A\x32\x00" "a"), 0, "not within"},
        {"9.3 S1, S2, S3 data", "of 24 bits", '2', RECORD("\x05\x0A\x02\x00" "a"), 0, "not within"},
        {"9.3 S1, S2, S3 data", "of 16 bits", '1', RECORD("\x04\x02\x00" "a"), 0, "not within"},
        {"9.3 S1, S2, S3 data", "over the end of the address space", '3', RECORD("\x07\xFF\xFF\xFF\xFF" "ab"), 0,
         "end of the address space"},
        {"9.3 S1, S2, S3 data", "reserved type", '4', RECORD("\x05\x00\x00\x00\x00"), 0, "S4 is reserved"},
        {"9.3 S5, S6 count", "of one that is not there", '5', RECORD("\x03\x00\x01"), 0, "it counts 1"},
        {"9.3 S5, S6 count", "highest of 16 bits", '5', RECORD("\x03\xFF\xFF"), 0, "it counts 65535"},
        {"9.3 S5, S6 count", "of 24 bits", '6', RECORD("\x04\x01\x00\x00"), 0, "it counts 65536"},
        {"9.3 S5, S6 count", "with data", '5', RECORD("\x04\x00\x00" "a"), 0, "has no data"},
        {"9.3 S7, S8, S9 end", "with data", '7', RECORD("\x06\x00\x00\x00\x00" "a"), 0, "has no data"},
        {"9.3 S7, S8, S9 end", "address cut off", '9', RECORD("\x02\x00"), 0, "too few for an S9"},
        {"9.3 S7, S8, S9 end", "before the end", '8', RECORD("\x04\x00\x00\x00"), 0, "something follows"},
    };
    static const struct record end = RECORD("\x05\x00\x00\x00\x00");
    char text[TEXT_MOST];

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = put_srecord(text, cases[i].type, &cases[i].record, cases[i].more);
        size += put_srecord(text + size, '7', &end, 0);
        assert_refused(read_any, text, size, cases[i].words);
        spec_rows_cover(cases[i].row);
    }
    assert_refused(read_any, "S0030000FC\n", 11, "without an S7, S8 or S9");
}

/// Images of the original updater (9.4) ///

/* A good block of two bytes, then `field` changed; 16 bytes. */
static void blocks_of_the_original_updater(void **state)
{
    static const struct {
        const char *row, *name;
        unsigned offset, width;
        uint32_t value;
        const char *words;
    } cases[] = {
        {"9.4 0", "in the bootloader", 0, 4, 0x08000000, "not within"},
        {"9.4 0", "in the config sector", 0, 4, 0x0800C000, "not within"},
        {"9.4 0", "where the header is", 0, 4, 0x080A0000, "component's header"},
        {"9.4 0", "over the end of the room", 0, 4, APPLICATION + ROOM - 1, "not within"},
        {"9.4 0", "behind the room", 0, 4, APPLICATION + ROOM, "not within"},
        {"9.4 0", "last word of the flash", 0, 4, 0x080FFFFC, "not within"},
        {"9.4 4", "no compressed data", 4, 4, 0, "compressed data end"},
        {"9.4 4", "one byte fewer", 4, 4, 2, "compressed data end"},
        {"9.4 4", "one byte more", 4, 4, 4, "compressed data go on"},
        {"9.4 4", "one byte more than there is", 4, 4, 5, "bytes are left"},
        {"9.4 4", "highest compressed length", 4, 4, 0xFFFFFFFF, "bytes are left"},
        {"9.4 8", "no bytes", 8, 4, 0, "uncompressed length 0"},
        {"9.4 8", "one byte fewer", 8, 4, 1, "compressed data go on"},
        {"9.4 8", "one byte more", 8, 4, 3, "compressed data end"},
        {"9.4 8", "more than a room has", 8, 4, ROOM + 1, "not within"},
        {"9.4 8", "highest uncompressed length", 8, 4, 0xFFFFFFFF, "not within"},
        {"9.4 12", "flags of a copy that is cut off", 12, 1, 0x01, "compressed data end"},
        {"9.4 12", "flags of a copy that is too long", 12, 1, 0x00, "compressed data give more"},
        {"9.4 12 + *c*", "no zero behind the data", 15, 1, 1, "where zeros fill up"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t file[16] = {0};
        mh_put32(file, APPLICATION);
        mh_put32(file + 4, 3);
        mh_put32(file + 8, 2);
        memcpy(file + 12, "\xFF" "ab", 3);
        assert_read(read_any, file, sizeof file);
        memcpy(file + cases[i].offset, &cases[i].value, cases[i].width);
        assert_refused(read_any, file, sizeof file, cases[i].words);
        spec_rows_cover(cases[i].row);
    }
}

/* Whatever is cut off of two blocks. */
static void files_of_the_original_updater_that_are_cut_off(void **state)
{
    uint8_t file[32] = {0};

    (void)state;
    for (unsigned block = 0; block < 2; block++) {
        mh_put32(file + 16 * block, APPLICATION + 4 * block);
        mh_put32(file + 16 * block + 4, 3);
        mh_put32(file + 16 * block + 8, 2);
        memcpy(file + 16 * block + 12, "\xFF" "ab", 3);
    }
    assert_read(read_any, file, sizeof file);
    assert_read(read_any, file, sizeof file - 1); /* zeros at the end may be missing */
    for (size_t size = 4; size < sizeof file - 1; size++) {
        if (size != 15 && size != 16) { /* where the first block is whole */
            assert_refused(read_any, file, size, size < 15 && size >= 12 ? "bytes are left" : "left");
        }
    }
}

static void every_row_has_a_case(void **state)
{
    (void)state;
    spec_rows_check("9.1", NULL);
    spec_rows_check("9.3", NULL);
    spec_rows_check("9.4", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(formats_that_are_almost_recognised),
        TEST(raw_images_that_do_not_fit),
        TEST(records_of_intel_hex),
        TEST(bases_of_intel_hex),
        TEST(records_of_srecord_files),
        TEST(blocks_of_the_original_updater),
        TEST(files_of_the_original_updater_that_are_cut_off),
        cmocka_unit_test(every_row_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
