/* SPDX-License-Identifier: MIT
 *
 * Bad packages: chunk tables, chunks (docs/SPEC.md 2.2), and the image that they make.
 */
#include "bad_package.h"

#include <sodium/crypto_hash_sha256.h>
#include <stdio.h>

#define APPLICATION_ROOM (0x60000u - MH_HEADER_SIZE)

struct of_entry {
    const char *row, *name;
    unsigned chunk, offset;
    uint32_t value;
    enum mh_error expected;
};

static void offsets_and_lengths_of_chunks(void **state)
{
    struct edit edit;

    (void)state;
    edit_begin(&edit, &good);
    const uint8_t *table = edit_table(&edit, MH_APPLICATION);
    const uint32_t stored_size = mh_get32(edit_value(&edit, MH_APPLICATION, MH_TAG_CHUNKS) + 4);
    const uint32_t length = mh_get32(table + 4), last = mh_get32(table + 2 * MH_CHUNK_ENTRY_SIZE + 4);
    const struct of_entry cases[] = {
        {"2.2 0", "offset 0", 0, 0, 0, MH_ERR_LAYOUT},
        {"2.2 0", "within the table", 0, 0, CHUNKS * MH_CHUNK_ENTRY_SIZE - 1, MH_ERR_LAYOUT},
        {"2.2 0", "of the chunk behind it", 0, 0, mh_get32(table + MH_CHUNK_ENTRY_SIZE), MH_ERR_CHUNK},
        {"2.2 0", "one byte too low", 1, 0, mh_get32(table + MH_CHUNK_ENTRY_SIZE) - 1, MH_ERR_CHUNK},
        {"2.2 0", "beyond the end by a byte", 0, 0, stored_size - length + 1, MH_ERR_LAYOUT},
        {"2.2 0", "at the end", 0, 0, stored_size, MH_ERR_LAYOUT},
        {"2.2 0", "behind the end", 0, 0, stored_size + 1, MH_ERR_LAYOUT},
        {"2.2 0", "so that its end overflows", 0, 0, 0u - length, MH_ERR_LAYOUT},
        {"2.2 0", "highest offset", 0, 0, 0xFFFFFFFF, MH_ERR_LAYOUT},
        {"2.2 4", "length 0", 0, 4, 0, MH_ERR_LAYOUT},
        {"2.2 4", "one byte shorter", 0, 4, length - 1, MH_ERR_CHUNK},
        {"2.2 4", "one byte longer", 0, 4, length + 1, MH_ERR_CHUNK},
        {"2.2 4", "longer than a chunk", 0, 4, MH_CHUNK_SIZE + 1, MH_ERR_LAYOUT},
        {"2.2 4", "longer than what is left of the image", 2, 4, SIZE % MH_CHUNK_SIZE + 1, MH_ERR_LAYOUT},
        {"2.2 4", "as if it were not compressed", 0, 4, MH_CHUNK_SIZE, MH_ERR_CHUNK},
        {"2.2 4", "beyond the end by a byte", 2, 4, last + 1, MH_ERR_LAYOUT},
        {"2.2 4", "highest length", 0, 4, 0xFFFFFFFF, MH_ERR_LAYOUT},
    };
    free(edit.payload);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        edit_begin(&edit, &good);
        mh_put32(edit_table(&edit, MH_APPLICATION) + cases[i].chunk * MH_CHUNK_ENTRY_SIZE + cases[i].offset,
                 cases[i].value);
        end_refused(cases[i].name, &edit, cases[i].expected);
        spec_rows_cover(cases[i].row);
    }
}

static void hashes_of_chunks(void **state)
{
    static const struct of_entry cases[] = {
        {"2.2 8", "hash as stored", 0, 8, 0, MH_ERR_CHUNK},
        {"2.2 8", "last byte of it", 0, 39, 0, MH_ERR_CHUNK},
        {"2.2 8", "that of the last chunk", CHUNKS - 1, 8, 0, MH_ERR_CHUNK},
    };
    static const struct of_entry plain[] = {
        {"2.2 40", "hash as plain", 0, 40, 0, MH_ERR_CHUNK},
        {"2.2 40", "last byte of it", 0, 71, 0, MH_ERR_CHUNK},
        {"2.2 40", "that of the last chunk", CHUNKS - 1, 40, 0, MH_ERR_CHUNK},
    };
    struct edit edit;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        edit_begin(&edit, &good);
        edit_table(&edit, MH_APPLICATION)[cases[i].chunk * MH_CHUNK_ENTRY_SIZE + cases[i].offset] ^= 1;
        end_refused(cases[i].name, &edit, cases[i].expected);
        spec_rows_cover(cases[i].row);
    }
    edit_begin(&edit, &good);
    edit.mend_tables = false;
    edit_table(&edit, MH_APPLICATION)[8] ^= 1;
    end_refused("table without its hash", &edit, MH_ERR_TABLE);
    edit_begin(&edit, &good);
    edit.mend_tables = false;
    edit_value(&edit, MH_RUNTIME, MH_TAG_CHUNKS)[8 + 31] ^= 0x80;
    end_refused("hash without its table", &edit, MH_ERR_TABLE);
    for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++) {
        edit_begin(&edit, &good);
        edit_table(&edit, MH_APPLICATION)[plain[i].chunk * MH_CHUNK_ENTRY_SIZE + plain[i].offset] ^= 1;
        end_refused_when_offered(plain[i].name, &edit, plain[i].expected);
        spec_rows_cover(plain[i].row);
    }
}

/* Its hash is right: it is what it decodes to that is wrong. */
static void chunks_that_do_not_decode(void **state)
{
    static const struct {
        const char *name;
        unsigned at;
        uint8_t byte;
    } cases[] = {
        {"token of a match at the beginning", 0, 0x0F},
        {"length that goes on and on", 0, 0xFF},
        {"offset 0, or what follows it", 3, 0},
        {"offset before the beginning, or what follows it", 4, 0xFF},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit edit;
        edit_begin(&edit, &good);
        uint8_t *table = edit_table(&edit, MH_APPLICATION), *chunk = table + mh_get32(table);
        assert_true(mh_get32(table + 4) < MH_CHUNK_SIZE);
        chunk[cases[i].at] = cases[i].byte;
        crypto_hash_sha256(table + 8, chunk, mh_get32(table + 4));
        end_refused(cases[i].name, &edit, MH_ERR_CHUNK);
    }
    for (uint32_t more = 0; more < 3; more += 2) { /* one byte fewer comes out, or one more */
        struct edit edit;
        edit_begin(&edit, &good);
        uint8_t *table = edit_table(&edit, MH_APPLICATION), *chunk = table + mh_get32(table);
        const uint32_t length = mh_get32(table + 4) - 1 + more;
        mh_put32(table + 4, length);
        crypto_hash_sha256(table + 8, chunk, length);
        end_refused("chunk of another length", &edit, MH_ERR_CHUNK);
    }
}

static void a_codec_of_nothing_decodes_nothing(void **state)
{
    struct edit edit;

    (void)state;
    edit_begin(&edit, &good);
    mh_put32(edit_value(&edit, MH_APPLICATION, MH_TAG_CODEC), MH_CODEC_STORED);
    end_refused("compressed chunks of a codec that is none", &edit, MH_ERR_LAYOUT);
}

/* Where it is not built in, it is the manifest that is refused; where it is, the chunks of LZ4. */
static void lzma_that_is_none_is_refused(void **state)
{
    struct edit edit;

    (void)state;
    edit_begin(&edit, &good);
    mh_put32(edit_value(&edit, MH_APPLICATION, MH_TAG_CODEC), MH_CODEC_LZMA);
    end_refused("LZMA", &edit, mh_lzma_built_in ? MH_ERR_CHUNK : MH_ERR_CODEC);
}

/// The image ///

static void images_of_another_size_or_hash(void **state)
{
    static const struct {
        uint32_t size;
        enum mh_error expected;
    } cases[] = {
        {8, MH_ERR_LAYOUT}, /* the first chunk is longer as stored than what is left */
        {SIZE - 1, MH_ERR_CHUNK},
        {SIZE + 1, MH_ERR_CHUNK},
        {2 * MH_CHUNK_SIZE, MH_ERR_IMAGE}, /* all its chunks are good */
        {CHUNKS * MH_CHUNK_SIZE, MH_ERR_CHUNK},
        {APPLICATION_ROOM, MH_ERR_LAYOUT}, /* no room for that table */
    };
    struct edit edit;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        edit_begin(&edit, &good);
        mh_put32(edit_value(&edit, MH_APPLICATION, MH_TAG_IMAGE), cases[i].size);
        char name[32];
        snprintf(name, sizeof name, "image of %u bytes", (unsigned)cases[i].size);
        end_refused(name, &edit, cases[i].expected);
    }
    for (unsigned byte = 0; byte < MH_HASH_SIZE; byte += 31) {
        edit_begin(&edit, &good);
        edit_value(&edit, MH_RUNTIME, MH_TAG_IMAGE)[4 + byte] ^= 1;
        end_refused("hash of the image", &edit, MH_ERR_IMAGE);
    }
}

/// All of them ///

static void every_row_has_a_case(void **state)
{
    (void)state;
    spec_rows_check("2.2", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(offsets_and_lengths_of_chunks),
        TEST(hashes_of_chunks),
        TEST(chunks_that_do_not_decode),
        TEST(a_codec_of_nothing_decodes_nothing),
        TEST(lzma_that_is_none_is_refused),
        TEST(images_of_another_size_or_hash),
        cmocka_unit_test(every_row_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
