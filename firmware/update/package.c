/* SPDX-License-Identifier: MIT */
#include "matterhorn/package.h"

#include "matterhorn/bytes.h"

#include <lz4.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_stream_chacha20.h>
#include <sodium/utils.h>
#include <string.h>

enum { ENTRY_LENGTH = 4, ENTRY_STORED_HASH = 8, ENTRY_PLAIN_HASH = 40 };

#define CIPHER_BLOCK 64u /* ChaCha20's: RFC 8439, 2.3 */
#define STACK_OF_CIPHER 512u /* bytes, more than it takes: words of the key are among what it leaves there */

/// Sources ///

static enum mh_error memory_read(void *context, uint32_t offset, uint8_t *buffer, uint32_t length)
{
    memcpy(buffer, (const uint8_t *)context + offset, length);
    return MH_OK;
}

struct mh_source mh_source_memory(const uint8_t *bytes, uint32_t length)
{
    return (struct mh_source){memory_read, (void *)bytes, length};
}

/// Opening ///

/* Whoever could revoke the key that signs could make the device deaf: with one stolen key to all the others. */
static enum mh_error check_revocation(const struct mh_manifest *manifest, const uint8_t *bytes,
                                      const struct mh_anchors *anchors)
{
    if (manifest->revokes == 0) {
        return MH_OK;
    }
    return manifest->revokes >> mh_manifest_signer(bytes, manifest->size, anchors) & 1 ? MH_ERR_FIELD_VALUE : MH_OK;
}

enum mh_error mh_package_unlock(struct mh_package *package, const uint8_t *key)
{
    uint8_t id[MH_HASH_SIZE];

    package->cipher_key = NULL;
    if (key) {
        crypto_hash_sha256(id, key, MH_KEY_SIZE);
    }
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        const struct mh_component *component = &package->manifest.components[i];
        if (component->present && component->cipher != MH_CIPHER_NONE &&
            (!key || memcmp(id, component->cipher_key_id, MH_KEY_ID_SIZE) != 0)) {
            return MH_ERR_CIPHER_KEY;
        }
    }
    package->cipher_key = key;
    return MH_OK;
}

enum mh_error mh_package_open_manifest(struct mh_package *package, const uint8_t *bytes, uint32_t available,
                                       uint32_t length, const struct mh_anchors *anchors,
                                       const struct mh_board *board)
{
    uint32_t size;

    package->table_of = 0;
    package->source = (struct mh_source){0};
    package->cipher_key = NULL;
    enum mh_error error = mh_manifest_frame(bytes, available, &size);
    if (error == MH_OK && anchors) {
        error = mh_manifest_authenticate(bytes, size, anchors, MH_VALID_KEY);
    }
    if (error == MH_OK) {
        error = mh_manifest_parse(bytes, size, &package->manifest);
    }
    if (error == MH_OK && anchors) {
        error = check_revocation(&package->manifest, bytes, anchors);
    }
    if (error == MH_OK) {
        error = mh_manifest_fits(&package->manifest, board);
    }
    if (error) {
        return error;
    }
    memset(package->header, 0xFF, MH_HEADER_SIZE);
    memcpy(package->header, bytes, size + MH_SIGNATURE_SIZE);
    if (length != package->manifest.package_size) {
        return length < package->manifest.package_size ? MH_ERR_TRUNCATED : MH_ERR_TRAILING;
    }
    return anchors ? mh_package_unlock(package, anchors->cipher_key) : MH_OK;
}

enum mh_error mh_package_open(struct mh_package *package, const struct mh_source *source,
                              const struct mh_anchors *anchors, const struct mh_board *board)
{
    const uint32_t available = source->length < MH_HEADER_SIZE ? source->length : MH_HEADER_SIZE;
    enum mh_error error = source->read(source->context, 0, package->plain, available);

    if (error == MH_OK) {
        error = mh_package_open_manifest(package, package->plain, available, source->length, anchors, board);
    }
    package->source = *source;
    return error;
}

/// Chunks ///

static bool has_hash(const uint8_t *bytes, uint32_t length, const uint8_t expected[MH_HASH_SIZE])
{
    uint8_t hash[MH_HASH_SIZE];

    crypto_hash_sha256(hash, bytes, length);
    return memcmp(hash, expected, MH_HASH_SIZE) == 0;
}

uint32_t mh_package_chunks(const struct mh_component *component)
{
    return (component->image_size + MH_CHUNK_SIZE - 1) / MH_CHUNK_SIZE;
}

/* Where the component's chunk table starts in the package. */
static uint32_t component_offset(const struct mh_package *package, unsigned number)
{
    uint32_t offset = package->manifest.size + MH_SIGNATURE_SIZE;

    for (unsigned i = 1; i < number; i++) {
        if (package->manifest.components[i - 1].present) {
            offset += package->manifest.components[i - 1].stored_size;
        }
    }
    return offset;
}

enum mh_error mh_package_load_table(struct mh_package *package, unsigned number)
{
    const struct mh_component *component = &package->manifest.components[number - 1];
    const uint32_t size = mh_package_chunks(component) * MH_CHUNK_ENTRY_SIZE;

    package->table_of = 0;
    if (size > sizeof package->table || size > component->stored_size) {
        return MH_ERR_LAYOUT;
    }
    enum mh_error error =
        package->source.read(package->source.context, component_offset(package, number), package->table, size);
    if (error) {
        return error;
    }
    if (!has_hash(package->table, size, component->table_hash)) {
        return MH_ERR_TABLE;
    }
    package->table_of = number;
    return MH_OK;
}

/* Decrypts package->stored in its place: nowhere but in this memory is it plain before it is programmed. Each chunk
 * has blocks of the key stream of its own, as many as a chunk can have. */
static enum mh_error decrypt(struct mh_package *package, uint32_t index, uint32_t stored,
                             const struct mh_component *component)
{
    if (component->cipher == MH_CIPHER_NONE) {
        return MH_OK;
    }
    if (!package->cipher_key) {
        return MH_ERR_CIPHER_KEY;
    }
    crypto_stream_chacha20_ietf_xor_ic(package->stored, package->stored, stored, component->nonce,
                                       index * (MH_CHUNK_SIZE / CIPHER_BLOCK), package->cipher_key);
    sodium_stackzero(STACK_OF_CIPHER);
    return MH_OK;
}

/* Decodes package->stored into package->plain; exactly `length` bytes must come out. */
static enum mh_error decode(struct mh_package *package, uint32_t stored, uint32_t length, uint32_t codec)
{
    if (stored == length) {
        memcpy(package->plain, package->stored, length);
        return MH_OK;
    }
    if (codec == MH_CODEC_LZMA) {
        return mh_lzma_decode(package->stored, stored, package->plain, length, package->lzma_work);
    }
    if (codec != MH_CODEC_LZ4) {
        return MH_ERR_LAYOUT;
    }
    const int decoded = LZ4_decompress_safe((const char *)package->stored, (char *)package->plain, (int)stored,
                                            (int)length);
    return decoded == (int)length ? MH_OK : MH_ERR_CHUNK;
}

enum mh_error mh_package_read_chunk(struct mh_package *package, uint32_t index, uint32_t *length)
{
    if (package->table_of == 0) {
        return MH_ERR_STATE;
    }
    const struct mh_component *component = &package->manifest.components[package->table_of - 1];
    if (index >= mh_package_chunks(component)) {
        return MH_ERR_ARGUMENT;
    }
    const uint8_t *entry = package->table + index * MH_CHUNK_ENTRY_SIZE;
    const uint32_t offset = mh_get32(entry), stored = mh_get32(entry + ENTRY_LENGTH);
    const uint32_t left = component->image_size - index * MH_CHUNK_SIZE;

    *length = left < MH_CHUNK_SIZE ? left : MH_CHUNK_SIZE;
    if (stored < 1 || stored > *length || offset < mh_package_chunks(component) * MH_CHUNK_ENTRY_SIZE ||
        offset > component->stored_size || stored > component->stored_size - offset) {
        return MH_ERR_LAYOUT;
    }
    enum mh_error error = package->source.read(
        package->source.context, component_offset(package, package->table_of) + offset, package->stored, stored);
    if (error) {
        return error;
    }
    /* Hashed before it is decoded: the decoder never sees what nobody signed. */
    if (!has_hash(package->stored, stored, entry + ENTRY_STORED_HASH)) {
        return MH_ERR_CHUNK;
    }
    error = decrypt(package, index, stored, component);
    return error ? error : decode(package, stored, *length, component->codec);
}

/* Reads a chunk, and compares what it decodes to with the table too. That of an encrypted component does not say it:
 * to whoever has no key, hashes of small pieces tell what is in them. The hash of the image covers them all. */
static enum mh_error verify_chunk(struct mh_package *package, uint32_t index, uint32_t *length)
{
    const struct mh_component *component = &package->manifest.components[package->table_of - 1];
    enum mh_error error = mh_package_read_chunk(package, index, length);

    if (error == MH_OK && component->cipher == MH_CIPHER_NONE &&
        !has_hash(package->plain, *length, package->table + index * MH_CHUNK_ENTRY_SIZE + ENTRY_PLAIN_HASH)) {
        error = MH_ERR_CHUNK;
    }
    return error;
}

typedef enum mh_error read_function(struct mh_package *package, uint32_t index, uint32_t *length);

static enum mh_error verify_component(struct mh_package *package, unsigned number, read_function *read_chunk,
                                      void (*alive)(void))
{
    const struct mh_component *component = &package->manifest.components[number - 1];
    crypto_hash_sha256_state sha;
    uint8_t hash[MH_HASH_SIZE];
    enum mh_error error = mh_package_load_table(package, number);

    crypto_hash_sha256_init(&sha);
    for (uint32_t i = 0; error == MH_OK && i < mh_package_chunks(component); i++) {
        uint32_t length;
        error = read_chunk(package, i, &length);
        if (error == MH_OK) {
            crypto_hash_sha256_update(&sha, package->plain, length);
        }
        if (alive) {
            alive();
        }
    }
    crypto_hash_sha256_final(&sha, hash);
    if (error == MH_OK && memcmp(hash, component->image_hash, MH_HASH_SIZE) != 0) {
        error = MH_ERR_IMAGE;
    }
    return error;
}

enum mh_error mh_package_verify_component(struct mh_package *package, unsigned number, void (*alive)(void))
{
    return verify_component(package, number, verify_chunk, alive);
}

static enum mh_error verify(struct mh_package *package, read_function *read_chunk, void (*alive)(void))
{
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (package->manifest.components[number - 1].present) {
            enum mh_error error = verify_component(package, number, read_chunk, alive);
            if (error) {
                return error;
            }
        }
    }
    return MH_OK;
}

enum mh_error mh_package_verify(struct mh_package *package, void (*alive)(void))
{
    return verify(package, verify_chunk, alive);
}

enum mh_error mh_package_verify_again(struct mh_package *package, void (*alive)(void))
{
    const enum mh_error error = verify(package, mh_package_read_chunk, alive);

    /* The reason is the same as the first time: that of the first chunk that is wrong. */
    return error == MH_ERR_IMAGE ? mh_package_verify(package, alive) : error;
}
