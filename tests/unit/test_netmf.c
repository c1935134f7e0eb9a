/* SPDX-License-Identifier: MIT
 *
 * Images of the original updater: decompression by hand-made streams, and each field of a block attacked.
 */
#include "inputs.h"

#include "netmf.h"

#include "matterhorn/bytes.h"

/// Decompression ///

static uint8_t out[ROOM];

static bool unpack(const void *packed, size_t packed_size, size_t size)
{
    uint8_t *copy = malloc(packed_size ? packed_size : 1), *to = malloc(size ? size : 1);

    memcpy(copy, packed, packed_size);
    problem = (struct problem){0};
    const bool good = netmf_decompress(copy, packed_size, 0x100, to, size, &problem);
    memcpy(out, to, size);
    free(copy);
    free(to);
    return good;
}

static void assert_unpacks(const void *packed, size_t packed_size, const void *plain, size_t size)
{
    if (!unpack(packed, packed_size, size)) {
        fail_msg("refused: %s", problem.text);
    }
    assert_memory_equal(out, plain, size);
}

static void assert_damaged(const void *packed, size_t packed_size, size_t size, const char *words)
{
    assert_false(unpack(packed, packed_size, size));
    if (!strstr(problem.text, words)) {
        fail_msg("refused with: %s, and not: %s", problem.text, words);
    }
}

static void literals(void **state)
{
    (void)state;
    assert_unpacks("\xFF" "abcdefgh", 9, "abcdefgh", 8);
    assert_unpacks("\xFF" "abcdefgh\x01i", 11, "abcdefghi", 9);
    assert_unpacks("\x01" "a", 2, "a", 1);
}

/* A copy names a place in the window, less 16: 0xFF0 is place 0, where the first byte went. */
static void copies(void **state)
{
    (void)state;
    assert_unpacks("\x07" "abc\xF0\xF0", 6, "abcabc", 6);
    assert_unpacks("\x01" "a\xF0\xFF", 4, "aaaaaaaaaaaaaaaaaaa", 19); /* from what it makes itself */
    assert_unpacks("\x07" "abc\xF1\xF1", 6, "abcbcbc", 7);
}

static void window_begins_with_blanks(void **state)
{
    (void)state;
    assert_unpacks("\x00\x00\x00", 3, "   ", 3);
    assert_unpacks("\x01" "a\xEF\xF0", 4, "a a ", 4); /* over the window's end into its start */
}

static void window_goes_round(void **state)
{
    uint8_t packed[2 * 4096], plain[5000];
    size_t length = 0;

    (void)state;
    for (unsigned i = 0; i < 4992; i++) {
        if (i % 8 == 0) {
            packed[length++] = 0xFF;
        }
        packed[length++] = plain[i] = (uint8_t)(i * 7 + i / 256);
    }
    memcpy(packed + length, "\x00\xF0\xF5", 3); /* place 0 has byte 4096 */
    memcpy(plain + 4992, plain + 4096, 8);
    assert_unpacks(packed, length + 3, plain, 5000);
}

static void streams_that_are_damaged(void **state)
{
    (void)state;
    assert_damaged("", 0, 1, "offset 0x100: the compressed data end after 0 of 1 bytes");
    assert_damaged("\xFF" "abc", 4, 4, "offset 0x104: the compressed data end after 3 of 4 bytes");
    assert_damaged("\x00\x00", 2, 3, "offset 0x102: the compressed data end after 0 of 3 bytes");
    assert_damaged("\x00", 1, 3, "offset 0x101: the compressed data end");
    assert_damaged("\x00\x00\x0F", 3, 17, "offset 0x103: the compressed data give more than the 17 bytes");
    assert_damaged("\xFF" "abc", 4, 2, "offset 0x103: compressed data go on after all 2 bytes");
}

/// Blocks ///

struct file {
    uint8_t bytes[512];
    size_t size;
};

static void add_block(struct file *file, uint32_t destination, uint32_t packed_size, uint32_t size, const char *packed)
{
    mh_put32(file->bytes + file->size, destination);
    mh_put32(file->bytes + file->size + 4, packed_size);
    mh_put32(file->bytes + file->size + 8, size);
    memcpy(file->bytes + file->size + 12, packed, strlen(packed));
    file->size += 12 + strlen(packed);
}

static void add_good_block(struct file *file, uint32_t destination)
{
    add_block(file, destination, 3, 2, "\xFF" "ab");
    file->bytes[file->size++] = 0; /* up to a multiple of 4 */
}

static void assert_bad(const struct file *file, const char *words)
{
    assert_refused(netmf_read, file->bytes, file->size, words);
}

static void blocks_go_where_they_say(void **state)
{
    struct file file = {{0}, 0};

    (void)state;
    add_good_block(&file, APPLICATION + 2);
    add_good_block(&file, APPLICATION);
    add_good_block(&file, RUNTIME);
    assert_read(netmf_read, file.bytes, file.size);
    assert_holds(1, APPLICATION, "abab", 4);
    assert_holds(0, RUNTIME, "ab", 2);
    assert_read(netmf_read, file.bytes, file.size - 1); /* without the last zero */
    assert_holds(0, RUNTIME, "ab", 2);
}

static void lengths_that_are_wrong(void **state)
{
    struct file file = {{0}, 0};

    (void)state;
    add_good_block(&file, RUNTIME);
    add_good_block(&file, APPLICATION);
    mh_put32(file.bytes + 20, 5);
    assert_bad(&file, "block at offset 0x10: its compressed length is 5, and 4 bytes are left");
    mh_put32(file.bytes + 20, UINT32_MAX);
    assert_bad(&file, "block at offset 0x10: its compressed length is 4294967295");
    mh_put32(file.bytes + 20, 2);
    assert_bad(&file, "block at offset 0x10: offset 0x1E: the compressed data end after 1 of 2");
    mh_put32(file.bytes + 20, 4);
    assert_bad(&file, "block at offset 0x10: offset 0x1F: compressed data go on after all 2 bytes");
    mh_put32(file.bytes + 20, 3);
    mh_put32(file.bytes + 24, 3);
    assert_bad(&file, "block at offset 0x10: offset 0x1F: the compressed data end after 2 of 3");
    mh_put32(file.bytes + 24, 0);
    assert_bad(&file, "block at offset 0x10: it says that it has no bytes");
    mh_put32(file.bytes + 24, UINT32_MAX); /* nothing so large is allocated */
    assert_bad(&file, "block at offset 0x10: 4294967295 bytes at 0x080A0200 are not within");
}

static void destinations_that_are_not_the_boards(void **state)
{
    struct file file = {{0}, 0};

    (void)state;
    add_good_block(&file, APPLICATION);
    add_good_block(&file, APPLICATION - 512);
    assert_bad(&file, "block at offset 0x10: 0x080A0000 is in the first 512 bytes of the application region");
    mh_put32(file.bytes + 16, 0x0800C000);
    assert_bad(&file, "block at offset 0x10: 2 bytes at 0x0800C000 are not within");
    mh_put32(file.bytes + 16, APPLICATION + 1);
    assert_bad(&file, "block at offset 0x10: 0x080A0201 is filled twice");
    mh_put32(file.bytes + 16, APPLICATION + ROOM - 1);
    assert_bad(&file, "not within");
}

static void file_that_is_cut_off_or_goes_on(void **state)
{
    struct file file = {{0}, 0};

    (void)state;
    assert_bad(&file, "block at offset 0x0: 0 bytes are left");
    add_good_block(&file, APPLICATION);
    for (file.size = 1; file.size < 15; file.size++) {
        assert_bad(&file, file.size < 12 ? "bytes are left, a block's header has 12" : "compressed length is 3");
    }
    file.size = 16;
    file.bytes[15] = 1;
    assert_bad(&file, "offset 0xF has 0x01 where zeros fill up");
    file.bytes[15] = 0;
    file.bytes[file.size++] = 0;
    assert_bad(&file, "block at offset 0x10: 1 bytes are left");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(literals),
        TEST(copies),
        TEST(window_begins_with_blanks),
        TEST(window_goes_round),
        TEST(streams_that_are_damaged),
        TEST(blocks_go_where_they_say),
        TEST(lengths_that_are_wrong),
        TEST(destinations_that_are_not_the_boards),
        TEST(file_that_is_cut_off_or_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
