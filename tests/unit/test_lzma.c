/* SPDX-License-Identifier: MIT
 *
 * Packages compressed by LZMA, with the update core as it is when that is built in: what devices make of what pack
 * makes, and of anything else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lzma_encoder.h"
#include "package_writer.h"

#include "matterhorn/bytes.h"

#include <sodium/crypto_sign_ed25519.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 9001u

static const uint8_t seed_of_key[32] = "a key for the tests of the codec";
static struct mh_package package;
static uint32_t work[MH_LZMA_WORK / sizeof(uint32_t)];

static void fill(uint8_t *bytes, uint32_t size)
{
    static const char words[] = "what a device runs has many words that come again and again, ";

    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(words[i % (sizeof words - 1)] + i / 700);
    }
}

/* A chunk in memory of exactly its size, so that the address sanitizer sees what is read or written beyond. */
struct exact {
    uint8_t *bytes;
    uint32_t size;
};

static struct exact compressed(uint32_t size)
{
    uint8_t *plain = malloc(size);
    struct exact made = {malloc(size), 0};

    fill(plain, size);
    made.size = lzma_encode(plain, size, made.bytes, size - 1);
    assert_in_range(made.size, 1, size - 1);
    made.bytes = realloc(made.bytes, made.size);
    free(plain);
    return made;
}

static enum mh_error decode(const uint8_t *from, uint32_t stored, uint32_t length, uint8_t *expected)
{
    uint8_t *copy = malloc(stored ? stored : 1), *plain = malloc(length ? length : 1);

    memcpy(copy, from, stored);
    const enum mh_error error = mh_lzma_decode(copy, stored, plain, length, work);
    if (error == MH_OK && expected) {
        assert_memory_equal(plain, expected, length);
    }
    free(copy);
    free(plain);
    return error;
}

static void chunk_comes_back(void **state)
{
    static const uint32_t sizes[] = {64, 100, 1000, 4095, 4096};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t plain[MH_CHUNK_SIZE];
        struct exact chunk = compressed(sizes[i]);
        fill(plain, sizes[i]);
        assert_int_equal(decode(chunk.bytes, chunk.size, sizes[i], plain), MH_OK);
        free(chunk.bytes);
    }
}

/* Exactly as long as it is, from exactly as many bytes. */
static void other_lengths_are_refused(void **state)
{
    struct exact chunk = compressed(1000);
    uint8_t longer[2000] = {0};

    (void)state;
    for (uint32_t length = 0; length <= MH_CHUNK_SIZE; length++) {
        assert_int_equal(decode(chunk.bytes, chunk.size, length, NULL), length == 1000 ? MH_OK : MH_ERR_CHUNK);
    }
    for (uint32_t stored = 0; stored < chunk.size; stored++) {
        assert_int_equal(decode(chunk.bytes, stored, 1000, NULL), MH_ERR_CHUNK);
    }
    memcpy(longer, chunk.bytes, chunk.size);
    assert_int_equal(decode(longer, chunk.size + 1, 1000, NULL), MH_ERR_CHUNK);
    free(chunk.bytes);
}

/* Whatever it is: it ends, within its bounds; the sanitizers look on. */
static void noise_is_survived(void **state)
{
    struct exact chunk = compressed(MH_CHUNK_SIZE);
    uint32_t random = 1, refused = 0;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        uint8_t changed[MH_CHUNK_SIZE];
        memcpy(changed, chunk.bytes, chunk.size);
        for (unsigned n = 0; n <= round % 4; n++) {
            random = random * 1664525u + 1013904223u;
            changed[(random >> 8) % chunk.size] ^= (uint8_t)(1u << (random >> 28) % 8);
        }
        refused += decode(changed, chunk.size, MH_CHUNK_SIZE, NULL) != MH_OK;
    }
    assert_true(refused > 1000); /* many changes make other bytes, which a hash must see */
    free(chunk.bytes);
}

static void make_package(uint32_t codec, uint8_t **bytes, size_t *size)
{
    const struct mh_board *board = mh_board_named("mountaineer-eth");
    struct package_order order = {.board = board, .codec = codec, .encrypted = true, .cipher_key = "lzma"};
    struct package_image *image = &order.images[MH_APPLICATION - 1];
    struct problem problem = {0};

    memcpy(order.seed, seed_of_key, sizeof order.seed);
    *image = (struct package_image){"image", malloc(SIZE), SIZE};
    fill(image->bytes, SIZE);
    mh_put32(image->bytes, 0x20020000);
    mh_put32(image->bytes + 4, board->regions[MH_APPLICATION - 1].address + MH_HEADER_SIZE + 1);
    assert_true(package_check(&order, &problem));
    assert_true(package_write(&order, bytes, size, &problem));
    free(image->bytes);
}

static void package_is_smaller_and_verifies(void **state)
{
    static const uint8_t device_key[MH_KEY_SIZE] = "lzma";
    struct mh_anchors anchors = {.board = 1, .count = 1, .cipher_key = device_key};
    uint8_t private_key[crypto_sign_ed25519_SECRETKEYBYTES], *bytes;
    size_t size, lz4_size;

    (void)state;
    crypto_sign_ed25519_seed_keypair(anchors.keys[0], private_key, seed_of_key);
    make_package(MH_CODEC_LZ4, &bytes, &lz4_size);
    free(bytes);
    make_package(MH_CODEC_LZMA, &bytes, &size);
    assert_true(size < lz4_size);
    const struct mh_source source = mh_source_memory(bytes, (uint32_t)size);
    assert_int_equal(mh_package_open(&package, &source, &anchors, mh_board_named("mountaineer-eth")), MH_OK);
    assert_int_equal(package.manifest.components[MH_APPLICATION - 1].codec, MH_CODEC_LZMA);
    assert_int_equal(mh_package_verify(&package, NULL), MH_OK);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest lzma_tests[] = {
        cmocka_unit_test(chunk_comes_back),
        cmocka_unit_test(other_lengths_are_refused),
        cmocka_unit_test(noise_is_survived),
        cmocka_unit_test(package_is_smaller_and_verifies),
    };
    return cmocka_run_group_tests(lzma_tests, NULL, NULL);
}
