/* SPDX-License-Identifier: MIT
 *
 * One chunk, by each codec, encrypted or not: any bytes as they are stored, and any bytes packed.
 *
 *   1      the codec, see enum mh_codec; see enum flag
 *   2      how long the plain chunk is
 *   3 ...  the chunk as stored, or the image
 *
 * What a chunk decodes to depends on its bytes alone, has exactly the length that was asked for, and nothing behind it is
 * written. Hashes are made right before each run. What the writer packs comes back.
 */
#include "package_set.h"
#include "target.h"

#include "matterhorn/package.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_stream_chacha20.h>
#include <string.h>

enum flag { ENCRYPTED = 0x40, PACK = 0x80 }; /* the rest is a plain image, to be packed */

#define CODECS 3u /* of enum mh_codec */
#define APPLICATION (MH_APPLICATION - 1)

static struct mh_package package;
static const uint8_t key[MH_KEY_SIZE] = "a key of the device", nonce[MH_NONCE_SIZE] = "and a nonce";

/// Bytes as they are stored ///

#define TABLE MH_SIGNATURE_SIZE /* where it begins, in a package without a manifest */
#define CHUNK (TABLE + MH_CHUNK_ENTRY_SIZE)

/* A package of one chunk, which stands there. */
static void set_up(uint8_t *bytes, uint32_t stored, uint32_t length, uint32_t codec)
{
    struct mh_component *component = &package.manifest.components[APPLICATION];
    uint8_t *table = bytes + TABLE;

    memset(&package, 0, sizeof package);
    *component = (struct mh_component){.present = true, .image_size = length, .codec = codec};
    component->stored_size = MH_CHUNK_ENTRY_SIZE + stored;
    mh_put32(table, MH_CHUNK_ENTRY_SIZE);
    mh_put32(table + 4, stored);
    crypto_hash_sha256(table + 8, bytes + CHUNK, stored);
    crypto_hash_sha256(component->table_hash, table, MH_CHUNK_ENTRY_SIZE);
    package.source = mh_source_memory(bytes, CHUNK + stored);
}

/* Decodes while the rest of both buffers holds `filling`. */
static enum mh_error decode(uint8_t filling, uint8_t plain[MH_CHUNK_SIZE])
{
    uint32_t length = 0;

    demand(mh_package_load_table(&package, MH_APPLICATION) == MH_OK);
    memset(package.stored, filling, sizeof package.stored);
    memset(package.plain, filling, sizeof package.plain);
    const enum mh_error error = mh_package_read_chunk(&package, 0, &length);
    demand(length <= MH_CHUNK_SIZE && length == package.manifest.components[APPLICATION].image_size);
    if (error == MH_OK)
        for (uint32_t i = length; i < MH_CHUNK_SIZE; i++)
            demand(package.plain[i] == filling);
    memcpy(plain, package.plain, length);
    return error;
}

/* The same encrypted decodes to the same; and to nothing without a key. */
static void decode_encrypted(uint8_t *bytes, uint32_t stored, uint32_t length, uint32_t codec, enum mh_error expected)
{
    static uint8_t plain[MH_CHUNK_SIZE], again[MH_CHUNK_SIZE];
    struct mh_component *component = &package.manifest.components[APPLICATION];

    decode(0x00, plain);
    crypto_stream_chacha20_ietf_xor_ic(bytes + CHUNK, bytes + CHUNK, stored, nonce, 0, key);
    set_up(bytes, stored, length, codec);
    component->cipher = MH_CIPHER_CHACHA20;
    memcpy(component->nonce, nonce, sizeof nonce);
    demand(decode(0x00, again) == (expected == MH_ERR_LAYOUT && stored > length ? expected : MH_ERR_CIPHER_KEY));
    package.cipher_key = key;
    demand(decode(0x00, again) == expected && (expected != MH_OK || memcmp(plain, again, length) == 0));
}

static void decode_stored(const uint8_t *given, uint32_t stored, uint32_t length, unsigned what)
{
    uint8_t *bytes = malloc(CHUNK + stored), one[MH_CHUNK_SIZE], other[MH_CHUNK_SIZE];
    const uint32_t codec = what % ENCRYPTED % CODECS;

    demand(bytes != NULL);
    memset(bytes, 0, CHUNK);
    memcpy(bytes + CHUNK, given, stored);
    set_up(bytes, stored, length, codec);
    const enum mh_error error = decode(0x00, one);
    demand(error == MH_OK || error == MH_ERR_CHUNK || error == MH_ERR_LAYOUT ||
           (error == MH_ERR_CODEC && codec == MH_CODEC_LZMA && !mh_lzma_built_in));
    demand(error != MH_ERR_LAYOUT || stored > length || (codec == MH_CODEC_STORED && stored < length));
    demand(decode(0xA5, other) == error);
    demand(error != MH_OK || memcmp(one, other, length) == 0);
    if (what & ENCRYPTED)
        decode_encrypted(bytes, stored, length, codec, error);
    free(bytes);
}

/// Bytes packed ///

static void pack(const uint8_t *given, uint32_t size, unsigned what)
{
    struct package_order order = {.board = mh_board_named("mountaineer-eth"),
                                  .codec = what % ENCRYPTED % CODECS,
                                  .encrypted = what & ENCRYPTED};
    struct package_image *image = &order.images[APPLICATION];
    struct problem problem = {0};
    uint8_t *bytes;
    size_t length;

    *image = (struct package_image){"image", malloc(size), size};
    demand(image->bytes != NULL);
    memcpy(image->bytes, given, size);
    memcpy(order.cipher_key, key, sizeof key);
    memcpy(order.nonces[APPLICATION], nonce, sizeof nonce);
    mh_put32(image->bytes + 4, order.board->regions[APPLICATION].address + MH_HEADER_SIZE + 1);
    demand(package_check(&order, &problem) && package_write(&order, &bytes, &length, &problem));
    const struct mh_source source = mh_source_memory(bytes, (uint32_t)length);
    demand(mh_package_open(&package, &source, NULL, order.board) == MH_OK);
    demand(mh_package_unlock(&package, key) == MH_OK);
    demand(mh_package_verify(&package, NULL) == MH_OK);
    for (uint32_t at = 0; at < size; at += MH_CHUNK_SIZE) {
        uint32_t plain;
        demand(mh_package_read_chunk(&package, at / MH_CHUNK_SIZE, &plain) == MH_OK);
        demand(memcmp(package.plain, image->bytes + at, plain) == 0);
    }
    free(bytes);
    free(image->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    const unsigned what = take8(&input), length = 1 + take16(&input) % MH_CHUNK_SIZE;
    const bool built_in = what % ENCRYPTED % CODECS != MH_CODEC_LZMA || mh_lzma_built_in;
    size_t count;

    if (what & PACK) {
        const uint8_t *given = take_up_to(&input, 3 * MH_CHUNK_SIZE, &count);
        if (count >= 8 && built_in)
            pack(given, (uint32_t)count, what);
        return 0;
    }
    const uint8_t *given = take_up_to(&input, MH_CHUNK_SIZE, &count);
    if (count > 0)
        decode_stored(given, (uint32_t)count, length, what);
    return 0;
}
