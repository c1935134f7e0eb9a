/* SPDX-License-Identifier: MIT */
#include "manifest_edit.h"

#include "matterhorn/bytes.h"

#include <sodium/crypto_hash_sha256.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_FIELD 8u
#define FIELD_HEADER 4u

static uint32_t padded(uint32_t length)
{
    return (length + 3u) / 4 * 4;
}

void edit_begin(struct edit *edit, const struct blob *good)
{
    *edit = (struct edit){.size = mh_get16(good->bytes + 6), .mend_size = true, .mend_signature = true, .mend_tables = true};
    memcpy(edit->manifest, good->bytes, edit->size + MH_SIGNATURE_SIZE);
    edit->payload_size = (uint32_t)good->size - edit->size - MH_SIGNATURE_SIZE;
    edit->payload = malloc(edit->payload_size);
    assert_non_null(edit->payload);
    memcpy(edit->payload, good->bytes + edit->size + MH_SIGNATURE_SIZE, edit->payload_size);
}

/// Fields ///

/* Where a list lies in the manifest. False when there is none. */
static bool find_list(struct edit *edit, unsigned list, uint32_t *from, uint32_t *end)
{
    *from = FIRST_FIELD;
    *end = edit->size;
    if (list == TOP) {
        return true;
    }
    const uint8_t *field = edit_field(edit, TOP, (uint16_t)(MH_TAG_COMPONENT + list));
    if (!field) {
        return false;
    }
    *from = (uint32_t)(field - edit->manifest) + FIELD_HEADER;
    *end = *from + mh_get16(field + 2);
    return true;
}

uint8_t *edit_field(struct edit *edit, unsigned list, uint16_t tag)
{
    uint32_t at, end;

    if (!find_list(edit, list, &at, &end)) {
        return NULL;
    }
    for (; at + FIELD_HEADER <= end; at += FIELD_HEADER + padded(mh_get16(edit->manifest + at + 2))) {
        if (mh_get16(edit->manifest + at) == tag) {
            return edit->manifest + at;
        }
    }
    return NULL;
}

uint8_t *edit_value(struct edit *edit, unsigned list, uint16_t tag)
{
    uint8_t *field = edit_field(edit, list, tag);

    assert_non_null(field);
    return field + FIELD_HEADER;
}

/* Puts `size` zeros in the place of `old` bytes of a list, whose length changes with it. */
static uint8_t *make_room(struct edit *edit, unsigned list, uint8_t *at, uint32_t old, uint32_t size)
{
    const uint32_t offset = (uint32_t)(at - edit->manifest);

    assert_true(edit->size - old + size + MH_SIGNATURE_SIZE <= sizeof edit->manifest);
    if (list != TOP) {
        uint8_t *field = edit_field(edit, TOP, (uint16_t)(MH_TAG_COMPONENT + list));
        assert_non_null(field);
        mh_put16(field + 2, (uint16_t)(mh_get16(field + 2) - old + size));
    }
    memmove(at + size, at + old, edit->size + MH_SIGNATURE_SIZE - offset - old);
    memset(at, 0, size);
    edit->size += size - old;
    return at;
}

void edit_remove(struct edit *edit, unsigned list, uint16_t tag)
{
    uint8_t *field = edit_field(edit, list, tag);

    assert_non_null(field);
    make_room(edit, list, field, FIELD_HEADER + padded(mh_get16(field + 2)), 0);
}

void edit_append(struct edit *edit, unsigned list, uint16_t tag, uint16_t length, const void *value)
{
    uint32_t from, end;

    assert_true(find_list(edit, list, &from, &end));
    uint8_t *field = make_room(edit, list, edit->manifest + end, 0, FIELD_HEADER + padded(length));
    mh_put16(field, tag);
    mh_put16(field + 2, length);
    if (value) {
        memcpy(field + FIELD_HEADER, value, length);
    }
}

void edit_resize(struct edit *edit, unsigned list, uint16_t tag, uint16_t length)
{
    uint8_t *value = edit_value(edit, list, tag);
    const uint16_t before = mh_get16(value - 2);

    if (padded(length) > padded(before)) {
        make_room(edit, list, value + padded(before), 0, padded(length) - padded(before));
    } else if (padded(length) < padded(before)) {
        make_room(edit, list, value + padded(length), padded(before) - padded(length), 0);
    }
    mh_put16(value - 2, length);
}

/// Tables ///

static uint32_t table_size(struct edit *edit, unsigned component)
{
    const uint32_t image = mh_get32(edit_value(edit, component, MH_TAG_IMAGE));

    return (image + MH_CHUNK_SIZE - 1) / MH_CHUNK_SIZE * MH_CHUNK_ENTRY_SIZE;
}

uint8_t *edit_table(struct edit *edit, unsigned component)
{
    const uint8_t *chunks = edit_field(edit, MH_RUNTIME, MH_TAG_CHUNKS);

    return edit->payload + (component == MH_APPLICATION && chunks ? mh_get32(chunks + FIELD_HEADER + 4) : 0);
}

static void mend_tables(struct edit *edit)
{
    for (unsigned i = MH_RUNTIME; i <= MH_APPLICATION; i++) {
        uint8_t *chunks = edit_field(edit, i, MH_TAG_CHUNKS), *image = edit_field(edit, i, MH_TAG_IMAGE);
        if (!chunks || !image || mh_get16(chunks + 2) != 40 || mh_get16(image + 2) != 36) {
            continue;
        }
        const uintptr_t offset = (uintptr_t)edit_table(edit, i) - (uintptr_t)edit->payload;
        const uint32_t size = table_size(edit, i);
        if (offset <= edit->payload_size && size <= edit->payload_size - offset) {
            crypto_hash_sha256(chunks + FIELD_HEADER + 8, edit->payload + offset, size);
        }
    }
}

struct blob edit_end(struct edit *edit)
{
    struct blob blob = {malloc(edit->size + MH_SIGNATURE_SIZE + edit->payload_size),
                        edit->size + MH_SIGNATURE_SIZE + edit->payload_size};
    uint8_t *package_size = edit_field(edit, TOP, MH_TAG_PACKAGE_SIZE);

    assert_non_null(blob.bytes);
    if (edit->mend_tables) {
        mend_tables(edit);
    }
    if (edit->mend_size) {
        mh_put16(edit->manifest + 6, (uint16_t)edit->size);
    }
    if (edit->mend_size && package_size && mh_get16(package_size + 2) == 4) {
        mh_put32(package_size + FIELD_HEADER, (uint32_t)blob.size);
    }
    memcpy(blob.bytes, edit->manifest, edit->size + MH_SIGNATURE_SIZE);
    memcpy(blob.bytes + edit->size + MH_SIGNATURE_SIZE, edit->payload, edit->payload_size);
    if (edit->mend_signature && mh_get16(blob.bytes + 6) + MH_SIGNATURE_SIZE <= blob.size) {
        fixture_sign(&blob);
    }
    free(edit->payload);
    return blob;
}
