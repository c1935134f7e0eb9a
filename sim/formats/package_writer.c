/* SPDX-License-Identifier: MIT */
#include "package_writer.h"

#include "lzma_encoder.h"

#include "matterhorn/bytes.h"

#include <lz4hc.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/crypto_stream_chacha20.h>
#include <stdlib.h>
#include <string.h>

/// Checks ///

static bool check_image(const struct mh_board *board, unsigned number, const struct package_image *image,
                        struct problem *problem)
{
    const struct mh_region region = board->regions[number - 1];
    const char *component = mh_component_name(number);
    const uint32_t start = region.address + MH_HEADER_SIZE, room = region.size - MH_HEADER_SIZE;

    if (image->size < 8) {
        return problem_set(problem, PROBLEM_USE, "pack: %s has %zu bytes, no vector table fits into that",
                           image->path, image->size);
    }
    if (image->size > room) {
        return problem_set(problem, PROBLEM_USE, "pack: %s has %zu bytes; the %s region of %s takes %u", image->path,
                           image->size, component, board->name, (unsigned)room);
    }
    const uint32_t entry = mh_get32(image->bytes + 4);
    if (entry < start || entry >= start + image->size) {
        return problem_set(problem, PROBLEM_USE,
                           "pack: %s starts at 0x%08X, outside the %s region of %s where it would lie "
                           "(0x%08X to 0x%08X): it was linked for another board or component",
                           image->path, (unsigned)entry, component, board->name, (unsigned)start,
                           (unsigned)(start + image->size - 1));
    }
    return true;
}

static bool is_name(const char *text)
{
    const size_t length = strlen(text);

    for (size_t i = 0; i < length; i++) {
        if (text[i] < 0x20 || text[i] > 0x7E) {
            return false;
        }
    }
    return length >= 1 && length <= MH_NAME_MAX;
}

static bool is_any(const struct mh_version *version)
{
    return mh_version_compare(version, &(struct mh_version){{0}}) == 0;
}

bool package_check(const struct package_order *order, struct problem *problem)
{
    bool any = false;

    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        const struct package_image *image = &order->images[number - 1];
        if (!image->path && !is_any(&order->requires[number - 1])) {
            return problem_set(problem, PROBLEM_USE, "pack: there is no %s that could require a %s",
                               mh_component_name(number), mh_component_name(MH_COMPONENTS + 1 - number));
        }
        if (image->path) {
            any = true;
            if (!check_image(order->board, number, image, problem)) {
                return false;
            }
        }
    }
    if (order->name && !is_name(order->name)) {
        return problem_set(problem, PROBLEM_USE, "pack: a name has 1 to %u characters, all of them printable ASCII",
                           MH_NAME_MAX);
    }
    return any || problem_set(problem, PROBLEM_USE, "pack: nothing to pack; give --application, --runtime or --input");
}

/// Chunks ///

/* The chunk table and the chunks of one component. */
struct stored {
    uint8_t *bytes;
    uint32_t size;
    uint32_t table_size;
};

/* Stores one chunk at `to`; returns its stored length. A codec counts only when it saves something. */
static uint32_t store_chunk(const uint8_t *plain, uint32_t length, uint32_t codec, uint8_t *to)
{
    uint32_t packed = 0;

    if (codec == MH_CODEC_LZ4) {
        const int made = LZ4_compress_HC((const char *)plain, (char *)to, (int)length, (int)length - 1,
                                         LZ4HC_CLEVEL_MAX);
        packed = made > 0 ? (uint32_t)made : 0;
    } else if (codec == MH_CODEC_LZMA) {
        packed = lzma_encode(plain, length, to, length - 1);
    }
    if (packed == 0) {
        memcpy(to, plain, length);
        packed = length;
    }
    return packed;
}

/* Encrypts chunk `index` as it is stored, and leaves out the hash of what it decodes to (docs/SPEC.md 2.2). */
static void encrypt_chunk(const struct package_order *order, unsigned number, uint32_t index, uint8_t *chunk,
                          uint32_t length, uint8_t plain_hash[MH_HASH_SIZE])
{
    crypto_stream_chacha20_ietf_xor_ic(chunk, chunk, length, order->nonces[number - 1], index * (MH_CHUNK_SIZE / 64),
                                       order->cipher_key);
    memset(plain_hash, 0, MH_HASH_SIZE);
}

static bool store_image(const struct package_order *order, unsigned number, struct stored *stored,
                        struct problem *problem)
{
    const struct package_image *image = &order->images[number - 1];
    const uint32_t chunks = (uint32_t)((image->size + MH_CHUNK_SIZE - 1) / MH_CHUNK_SIZE);

    stored->table_size = chunks * MH_CHUNK_ENTRY_SIZE;
    stored->size = stored->table_size;
    stored->bytes = malloc(stored->table_size + chunks * MH_CHUNK_SIZE);
    if (!stored->bytes) {
        return problem_set(problem, PROBLEM_BENCH, "pack: out of memory");
    }
    for (uint32_t i = 0; i < chunks; i++) {
        const uint8_t *plain = image->bytes + (size_t)i * MH_CHUNK_SIZE;
        const size_t left = image->size - (size_t)i * MH_CHUNK_SIZE;
        const uint32_t length = left < MH_CHUNK_SIZE ? (uint32_t)left : MH_CHUNK_SIZE;
        uint8_t *entry = stored->bytes + i * MH_CHUNK_ENTRY_SIZE, *chunk = stored->bytes + stored->size;
        const uint32_t packed = store_chunk(plain, length, order->codec, chunk);

        mh_put32(entry, stored->size);
        mh_put32(entry + 4, packed);
        crypto_hash_sha256(entry + 40, plain, length);
        if (order->encrypted) {
            encrypt_chunk(order, number, i, chunk, packed, entry + 40);
        }
        crypto_hash_sha256(entry + 8, chunk, packed);
        stored->size += packed;
    }
    return true;
}

/// Manifest ///

struct writer {
    uint8_t bytes[MH_MANIFEST_MAX + 256]; /* everything a manifest can hold is below MH_MANIFEST_MAX */
    uint32_t size;
};

static void put_bytes(struct writer *writer, const void *bytes, uint32_t length)
{
    memcpy(writer->bytes + writer->size, bytes, length);
    writer->size += length;
}

static void put32(struct writer *writer, uint32_t value)
{
    mh_put32(writer->bytes + writer->size, value);
    writer->size += 4;
}

/* Starts a field; end_field() fills in its length. */
static uint32_t begin_field(struct writer *writer, uint16_t tag)
{
    mh_put16(writer->bytes + writer->size, tag);
    writer->size += 4;
    return writer->size;
}

static void end_field(struct writer *writer, uint32_t start)
{
    mh_put16(writer->bytes + start - 2, (uint16_t)(writer->size - start));
    while (writer->size % 4 != 0) {
        writer->bytes[writer->size++] = 0;
    }
}

static void put32_field(struct writer *writer, uint16_t tag, uint32_t value)
{
    const uint32_t field = begin_field(writer, tag);

    put32(writer, value);
    end_field(writer, field);
}

static void put_version(struct writer *writer, const struct mh_version *version)
{
    for (unsigned i = 0; i < 4; i++) {
        mh_put16(writer->bytes + writer->size, version->part[i]);
        writer->size += 2;
    }
}

static void put_version_field(struct writer *writer, const struct mh_version *version)
{
    const uint32_t field = begin_field(writer, MH_TAG_VERSION);

    put_version(writer, version);
    end_field(writer, field);
}

static void put_requires_field(struct writer *writer, unsigned other, const struct mh_version *lowest)
{
    const uint32_t field = begin_field(writer, MH_TAG_REQUIRES);

    put32(writer, other);
    put_version(writer, lowest);
    end_field(writer, field);
}

static void put_cipher_field(struct writer *writer, const uint8_t *key, const uint8_t nonce[MH_NONCE_SIZE])
{
    const uint32_t field = begin_field(writer, MH_TAG_CIPHER);
    uint8_t hash[MH_HASH_SIZE];

    put32(writer, MH_CIPHER_CHACHA20);
    put_bytes(writer, nonce, MH_NONCE_SIZE);
    crypto_hash_sha256(hash, key, MH_KEY_SIZE);
    put_bytes(writer, hash, MH_KEY_ID_SIZE);
    end_field(writer, field);
}

static void put_image_field(struct writer *writer, const struct package_image *image)
{
    const uint32_t field = begin_field(writer, MH_TAG_IMAGE);
    uint8_t hash[MH_HASH_SIZE];

    put32(writer, (uint32_t)image->size);
    crypto_hash_sha256(hash, image->bytes, image->size);
    put_bytes(writer, hash, sizeof hash);
    end_field(writer, field);
}

static void put_chunks_field(struct writer *writer, const struct stored *stored)
{
    const uint32_t field = begin_field(writer, MH_TAG_CHUNKS);
    uint8_t hash[MH_HASH_SIZE];

    put32(writer, MH_CHUNK_SIZE);
    put32(writer, stored->size);
    crypto_hash_sha256(hash, stored->bytes, stored->table_size);
    put_bytes(writer, hash, sizeof hash);
    end_field(writer, field);
}

static void put_component(struct writer *writer, const struct package_order *order, unsigned number,
                          const struct stored *stored)
{
    const uint32_t field = begin_field(writer, (uint16_t)(MH_TAG_COMPONENT + number));

    put32_field(writer, MH_TAG_DESTINATION, order->board->regions[number - 1].address);
    put_version_field(writer, &order->version);
    put32_field(writer, MH_TAG_COUNTER, order->counter);
    put_image_field(writer, &order->images[number - 1]);
    put32_field(writer, MH_TAG_CODEC, order->codec);
    put_chunks_field(writer, stored);
    if (!is_any(&order->requires[number - 1])) {
        put_requires_field(writer, MH_COMPONENTS + 1 - number, &order->requires[number - 1]);
    }
    if (order->encrypted) {
        put_cipher_field(writer, order->cipher_key, order->nonces[number - 1]);
    }
    end_field(writer, field);
}

static void put_manifest(struct writer *writer, const struct package_order *order,
                         const struct stored stored[MH_COMPONENTS])
{
    put_bytes(writer, MH_MANIFEST_MAGIC, 4);
    put32(writer, MH_MANIFEST_FORMAT); /* format, and the size that comes last */
    put32_field(writer, MH_TAG_BOARD, order->board->id);
    put32_field(writer, MH_TAG_PACKAGE_SIZE, 0);
    const uint32_t package_size = writer->size - 4;
    if (order->revokes) {
        put32_field(writer, MH_TAG_REVOKES, order->revokes);
    }
    if (order->name) {
        const uint32_t field = begin_field(writer, MH_TAG_NAME);
        put_bytes(writer, order->name, (uint32_t)strlen(order->name));
        end_field(writer, field);
    }
    uint32_t payload = 0;
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (order->images[number - 1].path) {
            put_component(writer, order, number, &stored[number - 1]);
            payload += stored[number - 1].size;
        }
    }
    mh_put16(writer->bytes + 6, (uint16_t)writer->size);
    mh_put32(writer->bytes + package_size, writer->size + MH_SIGNATURE_SIZE + payload);
}

/// The whole ///

static bool assemble(const struct package_order *order, const struct stored stored[MH_COMPONENTS], uint8_t **bytes,
                     size_t *size, struct problem *problem)
{
    uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES], private_key[crypto_sign_ed25519_SECRETKEYBYTES];
    struct writer writer = {.size = 0};

    put_manifest(&writer, order, stored);
    *size = writer.size + MH_SIGNATURE_SIZE + stored[0].size + stored[1].size;
    *bytes = malloc(*size);
    if (!*bytes) {
        return problem_set(problem, PROBLEM_BENCH, "pack: out of memory");
    }
    memcpy(*bytes, writer.bytes, writer.size);
    crypto_sign_ed25519_seed_keypair(public_key, private_key, order->seed);
    crypto_sign_ed25519_detached(*bytes + writer.size, NULL, writer.bytes, writer.size, private_key);
    uint8_t *to = *bytes + writer.size + MH_SIGNATURE_SIZE;
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        if (stored[i].size > 0) {
            memcpy(to, stored[i].bytes, stored[i].size);
            to += stored[i].size;
        }
    }
    return true;
}

bool package_write(const struct package_order *order, uint8_t **bytes, size_t *size, struct problem *problem)
{
    struct stored stored[MH_COMPONENTS] = {{0}};
    bool good = true;

    for (unsigned number = 1; good && number <= MH_COMPONENTS; number++) {
        if (order->images[number - 1].path) {
            good = store_image(order, number, &stored[number - 1], problem);
        }
    }
    good = good && assemble(order, stored, bytes, size, problem);
    free(stored[0].bytes);
    free(stored[1].bytes);
    return good;
}
