/* SPDX-License-Identifier: MIT */
#include "matterhorn/manifest.h"

#include "matterhorn/bytes.h"
#include "matterhorn/lzma.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_sign_ed25519.h>
#include <string.h>

enum { OFF_FORMAT = 4, OFF_SIZE = 6, OFF_FIELDS = 8, FIELD_HEADER = 4 };

int mh_version_compare(const struct mh_version *a, const struct mh_version *b)
{
    for (unsigned i = 0; i < 4; i++) {
        if (a->part[i] != b->part[i]) {
            return a->part[i] < b->part[i] ? -1 : 1;
        }
    }
    return 0;
}

/// Framing and signature ///

enum mh_error mh_manifest_frame(const uint8_t *bytes, uint32_t length, uint32_t *size)
{
    if (length < OFF_FIELDS) {
        return MH_ERR_TRUNCATED;
    }
    if (memcmp(bytes, MH_MANIFEST_MAGIC, 4) != 0) {
        return MH_ERR_MAGIC;
    }
    if (mh_get16(bytes + OFF_FORMAT) != MH_MANIFEST_FORMAT) {
        return MH_ERR_FORMAT;
    }
    *size = mh_get16(bytes + OFF_SIZE);
    if (*size < OFF_FIELDS || *size > MH_MANIFEST_MAX || *size % 4 != 0) {
        return MH_ERR_MANIFEST_SIZE;
    }
    return length < *size + MH_SIGNATURE_SIZE ? MH_ERR_TRUNCATED : MH_OK;
}

unsigned mh_manifest_signer(const uint8_t *bytes, uint32_t size, const struct mh_anchors *anchors)
{
    for (unsigned i = 0; i < anchors->count && i < MH_KEYS_MAX; i++) {
        if (crypto_sign_ed25519_verify_detached(bytes + size, bytes, size, anchors->keys[i]) == 0) {
            return i;
        }
    }
    return MH_KEYS_MAX;
}

enum mh_error mh_manifest_authenticate(const uint8_t *bytes, uint32_t size, const struct mh_anchors *anchors,
                                       enum mh_keys keys)
{
    const unsigned signer = mh_manifest_signer(bytes, size, anchors);

    if (signer == MH_KEYS_MAX) {
        return MH_ERR_SIGNATURE;
    }
    return keys == MH_VALID_KEY && anchors->revoked >> signer & 1 ? MH_ERR_REVOKED : MH_OK;
}

/// Fields ///

struct field {
    uint16_t tag;
    uint16_t length;
    const uint8_t *value;
};

/* A list of fields: all of them lie in [bytes, bytes + size); `at` is where the next one starts. */
struct list {
    const uint8_t *bytes;
    uint32_t size;
    uint32_t at;
};

/* What a reader knows of a list: which tags, how long, and what to do with the value. */
struct known {
    uint16_t tag;
    uint16_t shortest, longest;
    bool required;
    enum mh_error (*read)(const struct field *field, void *to);
};

static bool occurred_before(const struct list *list, uint32_t end, uint16_t tag)
{
    for (uint32_t at = 0; at < end; at += FIELD_HEADER + (mh_get16(list->bytes + at + 2) + 3u) / 4 * 4) {
        if (mh_get16(list->bytes + at) == tag) {
            return true;
        }
    }
    return false;
}

static enum mh_error next_field(struct list *list, struct field *field)
{
    const uint32_t left = list->size - list->at;
    const uint8_t *const bytes = list->bytes + list->at;

    if (left < FIELD_HEADER) {
        return MH_ERR_FIELD_LENGTH;
    }
    *field = (struct field){mh_get16(bytes), mh_get16(bytes + 2), bytes + FIELD_HEADER};
    if ((field->length + 3u) / 4 * 4 > left - FIELD_HEADER) {
        return MH_ERR_FIELD_LENGTH;
    }
    if (occurred_before(list, list->at, field->tag)) {
        return MH_ERR_DUPLICATE;
    }
    list->at += FIELD_HEADER + (field->length + 3u) / 4 * 4;
    return MH_OK;
}

static enum mh_error read_field(const struct field *field, const struct known *known, unsigned count, void *to,
                                uint32_t *seen)
{
    for (unsigned i = 0; i < count; i++) {
        if (known[i].tag == field->tag) {
            if (field->length < known[i].shortest || field->length > known[i].longest) {
                return MH_ERR_FIELD_LENGTH;
            }
            *seen |= 1u << i;
            return known[i].read(field, to);
        }
    }
    return field->tag & MH_TAG_CRITICAL ? MH_ERR_UNKNOWN_CRITICAL : MH_OK;
}

static enum mh_error read_list(const uint8_t *bytes, uint32_t size, const struct known *known, unsigned count,
                               void *to)
{
    struct list list = {bytes, size, 0};
    uint32_t seen = 0;

    while (list.at < list.size) {
        struct field field;
        enum mh_error error = next_field(&list, &field);
        if (error == MH_OK) {
            error = read_field(&field, known, count, to, &seen);
        }
        if (error) {
            return error;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (known[i].required && !(seen >> i & 1)) {
            return MH_ERR_MISSING_FIELD;
        }
    }
    return MH_OK;
}

static struct mh_version get_version(const uint8_t *bytes)
{
    struct mh_version version;

    for (unsigned i = 0; i < 4; i++) {
        version.part[i] = mh_get16(bytes + 2 * i);
    }
    return version;
}

static enum mh_error read_destination(const struct field *field, void *to)
{
    ((struct mh_component *)to)->destination = mh_get32(field->value);
    return MH_OK;
}

static enum mh_error read_version(const struct field *field, void *to)
{
    ((struct mh_component *)to)->version = get_version(field->value);
    return MH_OK;
}

static enum mh_error read_counter(const struct field *field, void *to)
{
    ((struct mh_component *)to)->counter = mh_get32(field->value);
    return MH_OK;
}

static enum mh_error read_image(const struct field *field, void *to)
{
    struct mh_component *component = to;

    component->image_size = mh_get32(field->value);
    memcpy(component->image_hash, field->value + 4, MH_HASH_SIZE);
    return component->image_size < 8 ? MH_ERR_FIELD_VALUE : MH_OK;
}

static enum mh_error read_codec(const struct field *field, void *to)
{
    struct mh_component *component = to;

    component->codec = mh_get32(field->value);
    if (component->codec == MH_CODEC_LZMA && !mh_lzma_built_in) {
        return MH_ERR_CODEC;
    }
    return component->codec > MH_CODEC_LZMA ? MH_ERR_FIELD_VALUE : MH_OK;
}

static enum mh_error read_chunks(const struct field *field, void *to)
{
    struct mh_component *component = to;

    component->stored_size = mh_get32(field->value + 4);
    memcpy(component->table_hash, field->value + 8, MH_HASH_SIZE);
    return mh_get32(field->value) != MH_CHUNK_SIZE ? MH_ERR_FIELD_VALUE : MH_OK;
}

static enum mh_error read_requires(const struct field *field, void *to)
{
    struct mh_component *component = to;

    component->requires = mh_get32(field->value);
    component->requires_version = get_version(field->value + 4);
    return component->requires < 1 || component->requires > MH_COMPONENTS ? MH_ERR_FIELD_VALUE : MH_OK;
}

static enum mh_error read_cipher(const struct field *field, void *to)
{
    struct mh_component *component = to;

    component->cipher = mh_get32(field->value);
    memcpy(component->nonce, field->value + 4, MH_NONCE_SIZE);
    memcpy(component->cipher_key_id, field->value + 4 + MH_NONCE_SIZE, MH_KEY_ID_SIZE);
    return component->cipher != MH_CIPHER_CHACHA20 ? MH_ERR_FIELD_VALUE : MH_OK;
}

static enum mh_error read_component(const struct field *field, void *to)
{
    static const struct known known[] = {
        {MH_TAG_DESTINATION, 4, 4, true, read_destination},
        {MH_TAG_VERSION, 8, 8, true, read_version},
        {MH_TAG_COUNTER, 4, 4, true, read_counter},
        {MH_TAG_IMAGE, 36, 36, true, read_image},
        {MH_TAG_CODEC, 4, 4, true, read_codec},
        {MH_TAG_CHUNKS, 40, 40, true, read_chunks},
        {MH_TAG_REQUIRES, 12, 12, false, read_requires},
        {MH_TAG_CIPHER, 24, 24, false, read_cipher},
    };
    const unsigned number = field->tag - MH_TAG_COMPONENT;
    struct mh_component *component = &((struct mh_manifest *)to)->components[number - 1];

    component->present = true;
    enum mh_error error = read_list(field->value, field->length, known, sizeof known / sizeof *known, component);
    if (error == MH_OK && component->requires == number) {
        return MH_ERR_FIELD_VALUE;
    }
    return error;
}

static enum mh_error read_board(const struct field *field, void *to)
{
    ((struct mh_manifest *)to)->board = mh_get32(field->value);
    return MH_OK;
}

static enum mh_error read_package_size(const struct field *field, void *to)
{
    ((struct mh_manifest *)to)->package_size = mh_get32(field->value);
    return MH_OK;
}

static enum mh_error read_revokes(const struct field *field, void *to)
{
    struct mh_manifest *manifest = to;

    manifest->revokes = mh_get32(field->value);
    return manifest->revokes >> MH_KEYS_MAX ? MH_ERR_FIELD_VALUE : MH_OK;
}

static enum mh_error read_name(const struct field *field, void *to)
{
    struct mh_manifest *manifest = to;

    for (unsigned i = 0; i < field->length; i++) {
        if (field->value[i] < 0x20 || field->value[i] > 0x7E) {
            return MH_ERR_FIELD_VALUE;
        }
    }
    memcpy(manifest->name, field->value, field->length);
    return MH_OK;
}

enum mh_error mh_manifest_parse(const uint8_t *bytes, uint32_t size, struct mh_manifest *manifest)
{
    static const struct known known[] = {
        {MH_TAG_BOARD, 4, 4, true, read_board},
        {MH_TAG_PACKAGE_SIZE, 4, 4, true, read_package_size},
        {MH_TAG_REVOKES, 4, 4, false, read_revokes},
        {MH_TAG_COMPONENT + MH_RUNTIME, 0, MH_MANIFEST_MAX, false, read_component},
        {MH_TAG_COMPONENT + MH_APPLICATION, 0, MH_MANIFEST_MAX, false, read_component},
        {MH_TAG_NAME, 1, MH_NAME_MAX, false, read_name},
    };
    uint8_t hash[MH_HASH_SIZE];

    memset(manifest, 0, sizeof *manifest);
    manifest->size = size;
    crypto_hash_sha256(hash, bytes, size);
    memcpy(manifest->id, hash, MH_ID_SIZE);
    enum mh_error error =
        read_list(bytes + OFF_FIELDS, size - OFF_FIELDS, known, sizeof known / sizeof *known, manifest);
    if (error == MH_OK && !manifest->components[0].present && !manifest->components[1].present) {
        return MH_ERR_MISSING_FIELD;
    }
    return error;
}

/// What a device accepts ///

unsigned mh_manifest_components(const struct mh_manifest *manifest)
{
    unsigned components = 0;

    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        components |= (unsigned)manifest->components[i].present << i;
    }
    return components;
}

enum mh_error mh_manifest_fits(const struct mh_manifest *manifest, const struct mh_board *board)
{
    uint64_t sum = manifest->size + MH_SIGNATURE_SIZE;

    if (manifest->board != board->id) {
        return MH_ERR_BOARD;
    }
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        const struct mh_component *component = &manifest->components[i];
        if (!component->present) {
            continue;
        }
        if (component->destination != board->regions[i].address) {
            return MH_ERR_DESTINATION;
        }
        if (component->image_size > board->regions[i].size - MH_HEADER_SIZE) {
            return MH_ERR_TOO_LARGE;
        }
        sum += component->stored_size;
    }
    return sum != manifest->package_size ? MH_ERR_LAYOUT : MH_OK;
}

/* Whether component `number` (0: none) is there in this version or a newer one once the package is installed. */
static bool requirement_met(const struct mh_manifest *manifest, const struct mh_installed *installed, uint32_t number,
                            const struct mh_version *lowest)
{
    if (number == 0) {
        return true;
    }
    const unsigned i = number - 1;
    if (manifest->components[i].present) {
        return mh_version_compare(&manifest->components[i].version, lowest) >= 0;
    }
    return installed->present[i] && mh_version_compare(&installed->version[i], lowest) >= 0;
}

static enum mh_error check_counter(const struct mh_installed *installed, unsigned i, uint32_t counter)
{
    const uint32_t there = installed->present[i] ? installed->counter[i] : 0;

    if (counter < installed->recorded[i] || counter < there) {
        return MH_ERR_COUNTER;
    }
    /* What is there may be above it, if it could not be recorded at its confirmation: others must be able to follow. */
    return counter > installed->capacity[i] && counter > there ? MH_ERR_COUNTER_FULL : MH_OK;
}

static enum mh_error check_new(const struct mh_manifest *manifest, const struct mh_installed *installed, unsigned i)
{
    const struct mh_component *component = &manifest->components[i];
    const enum mh_error error = check_counter(installed, i, component->counter);

    if (error) {
        return error;
    }
    return requirement_met(manifest, installed, component->requires, &component->requires_version) ? MH_OK
                                                                                                   : MH_ERR_REQUIRES;
}

/* What the package does not have stays as it is installed, and requires what it required. */
static enum mh_error check_what_stays(const struct mh_manifest *manifest, const struct mh_installed *installed,
                                      unsigned i)
{
    return requirement_met(manifest, installed, installed->requires[i], &installed->requires_version[i])
               ? MH_OK
               : MH_ERR_REQUIRED;
}

static bool is_id(const uint8_t id[MH_ID_SIZE], const struct mh_manifest *manifest)
{
    static const uint8_t none[MH_ID_SIZE];

    return memcmp(id, none, MH_ID_SIZE) != 0 && memcmp(id, manifest->id, MH_ID_SIZE) == 0;
}

enum mh_error mh_manifest_accept(const struct mh_manifest *manifest, const struct mh_installed *installed)
{
    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        const enum mh_error error = manifest->components[i].present ? check_new(manifest, installed, i)
                                                                    : check_what_stays(manifest, installed, i);
        if (error) {
            return error;
        }
    }
    if (manifest->revokes & ~installed->revocable) {
        return MH_ERR_REVOCATION;
    }
    if (is_id(installed->refused_id, manifest)) {
        return MH_ERR_REFUSED_BEFORE;
    }
    return is_id(installed->rolled_back_id, manifest) ? MH_ERR_ROLLED_BACK : MH_OK;
}
