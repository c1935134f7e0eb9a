/* SPDX-License-Identifier: MIT
 *
 * Bad packages, field by field of docs/SPEC.md 2: what a device says of each, and that neither flash is changed by it.
 *
 * Each case is a good package with both components, on a device that has older ones of both, with one thing changed;
 * everything that depends on it is made right again (manifest_edit.h). `row` is the row of SPEC that it attacks, by
 * section and first cell; the last test sees to it that none is missing. A package is brought in two ways: through the
 * update API, and by somebody who writes the SPI flash, journal included.
 */
#include "manifest_edit.h"
#include "spec_rows.h"

#include "matterhorn/bytes.h"

#include <sodium/crypto_hash_sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 9001u
#define RUNTIME_SIZE 5001u
#define COUNTER 5u
#define OLD_COUNTER 4u
#define CHUNKS 3u /* of the application */
#define APPLICATION_ROOM (0x60000u - MH_HEADER_SIZE)
#define RUNTIME_ROOM (0x90000u - MH_HEADER_SIZE)

static struct array_device array;
static struct mh_update update;
static struct blob good;
static uint8_t *internal_before, *nor_before;

/// The device ///

/* It runs older packages of both components, and nothing awaits anything. */
static int set_up(void **state)
{
    struct blob old = fixture_package(3000, 2000, 1, OLD_COUNTER);

    (void)state;
    fixture_device(&array);
    assert_int_equal(fixture_store(&update, &array.device, &old), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    free(old.bytes);
    good = fixture_package(SIZE, RUNTIME_SIZE, 2, COUNTER);
    internal_before = malloc(array.internal.part->size);
    nor_before = malloc(array.nor.part->size);
    assert_non_null(internal_before);
    assert_non_null(nor_before);
    memcpy(internal_before, array.internal.cells, array.internal.part->size);
    memcpy(nor_before, array.nor.cells, array.nor.part->size);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    array_device_free(&array);
    free(good.bytes);
    free(internal_before);
    free(nor_before);
    return 0;
}

static void assert_internal_unchanged(const char *name)
{
    if (memcmp(array.internal.cells, internal_before, array.internal.part->size) != 0) {
        fail_msg("%s: the internal flash was changed", name);
    }
}

/* Up to an offset, 0: all of it. */
static void assert_nor_unchanged(const char *name, uint32_t end)
{
    if (memcmp(array.nor.cells, nor_before, end ? end : array.nor.part->size) != 0) {
        fail_msg("%s: the SPI flash was changed", name);
    }
}

static void restore(void)
{
    memcpy(array.nor.cells, nor_before, array.nor.part->size);
    memset(&update, 0, sizeof update);
}

static void assert_error(const char *name, const char *way, enum mh_error error, enum mh_error expected)
{
    if (error != expected) {
        fail_msg("%s, %s: \"%s\" and not \"%s\"", name, way, mh_error_text(error), mh_error_text(expected));
    }
}

/// Bringing a package ///

/* Through the API. `length` is what is said of it; packets are as long as there are bytes. */
static enum mh_error offer(const struct blob *package, uint32_t length, bool *begun)
{
    const uint32_t available = package->size < MH_PACKET_SIZE ? (uint32_t)package->size : MH_PACKET_SIZE;
    enum mh_error error = mh_update_initialize(&update, &array.device);

    assert_int_equal(error, MH_OK);
    error = mh_update_begin(&update, package->bytes, available, length);
    *begun = error == MH_OK;
    for (uint32_t i = 0; error == MH_OK && i < mh_update_packets(&update); i++) {
        const uint32_t left = length - i * MH_PACKET_SIZE;
        error = mh_update_packet(&update, i, package->bytes + i * MH_PACKET_SIZE,
                                 left < MH_PACKET_SIZE ? left : MH_PACKET_SIZE);
    }
    return error ? error : mh_update_validate(&update);
}

/* By hand: the package lies in the store, and the journal asks for its install. */
static void put_request(const struct blob *package, uint32_t length)
{
    struct mh_journal journal;
    uint32_t extent = 100;

    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
    struct mh_entry *incoming = &journal.state.entries[MH_INCOMING];
    memset(incoming, 0, sizeof *incoming);
    for (uint32_t at = 0; at < length; at += MH_EXTENT_SIZE) {
        mh_bit_set(incoming->extents, extent++);
    }
    memcpy(array.nor.cells + MH_RESERVED_ADDRESS + 100 * MH_EXTENT_SIZE, package->bytes, package->size);
    incoming->length = length;
    memset(journal.state.received, 0xFF, sizeof journal.state.received);
    journal.state.phase = MH_REQUESTED;
    assert_int_equal(mh_journal_write(&journal), MH_OK);
}

/* Refused by the API with that reason, without a trace when the manifest tells it; and by the installer, which then
 * wants it no more. */
static void assert_refused_with_length(const char *name, const struct blob *package, uint32_t length,
                                       enum mh_error expected)
{
    bool begun;

    assert_error(name, "offered", offer(package, length, &begun), expected);
    assert_internal_unchanged(name);
    assert_nor_unchanged(name, begun ? MH_RESERVED_ADDRESS : 0);
    restore();
    put_request(package, length);
    assert_error(name, "requested", fixture_boot(&update, &array.device), expected);
    assert_int_equal(update.journal.state.phase, MH_IDLE);
    assert_int_equal(update.journal.state.refusal, expected);
    assert_int_equal(update.journal.state.entries[MH_INCOMING].length, 0);
    assert_internal_unchanged(name);
    assert_nor_unchanged(name, MH_RESERVED_ADDRESS);
    restore();
}

static void assert_refused(const char *name, const struct blob *package, enum mh_error expected)
{
    assert_refused_with_length(name, package, (uint32_t)package->size, expected);
}

/* Refused by the API alone: the installer does not look at that where the image is right (docs/SPEC.md 2.4). */
static void end_refused_when_offered(const char *name, struct edit *edit, enum mh_error expected)
{
    struct blob package = edit_end(edit);
    bool begun;

    assert_error(name, "offered", offer(&package, (uint32_t)package.size, &begun), expected);
    assert_internal_unchanged(name);
    restore();
    put_request(&package, (uint32_t)package.size);
    assert_error(name, "requested", fixture_boot(&update, &array.device), MH_OK);
    memcpy(array.internal.cells, internal_before, array.internal.part->size);
    restore();
    free(package.bytes);
}

static void end_refused(const char *name, struct edit *edit, enum mh_error expected)
{
    struct blob package = edit_end(edit);

    assert_refused(name, &package, expected);
    free(package.bytes);
}

/* What the cases differ from is taken, once edited and put together again too. */
static void the_good_package_is_taken(void **state)
{
    struct edit edit;
    bool begun;

    (void)state;
    edit_begin(&edit, &good);
    struct blob package = edit_end(&edit);
    assert_int_equal(package.size, good.size);
    assert_memory_equal(package.bytes, good.bytes, good.size);
    assert_int_equal(offer(&package, (uint32_t)package.size, &begun), MH_OK);
    restore();
    put_request(&package, (uint32_t)package.size);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(fixture_holds(&array, MH_APPLICATION, SIZE, 2));
    assert_true(fixture_holds(&array, MH_RUNTIME, RUNTIME_SIZE, 2));
    free(package.bytes);
}

/// Framing (2.1, the first table) ///

static void framing(void **state)
{
    static const struct {
        const char *row, *name;
        unsigned offset, width;
        uint32_t value;
        enum mh_error expected;
    } cases[] = {
        {"2.1 0", "magic of zeros", 0, 4, 0, MH_ERR_MAGIC},
        {"2.1 0", "first byte of the magic", 0, 1, 'm', MH_ERR_MAGIC},
        {"2.1 0", "last byte of the magic", 3, 1, 'Q', MH_ERR_MAGIC},
        {"2.1 0", "blank magic", 0, 4, 0xFFFFFFFF, MH_ERR_MAGIC},
        {"2.1 4", "format 0", 4, 2, 0, MH_ERR_FORMAT},
        {"2.1 4", "the next format", 4, 2, MH_MANIFEST_FORMAT + 1, MH_ERR_FORMAT},
        {"2.1 4", "the format in the upper byte", 4, 2, MH_MANIFEST_FORMAT << 8, MH_ERR_FORMAT},
        {"2.1 4", "highest format", 4, 2, 0xFFFF, MH_ERR_FORMAT},
        {"2.1 6", "manifest size 0", 6, 2, 0, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "manifest without its own head", 6, 2, 4, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "manifest size 7", 6, 2, 7, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "manifest size no multiple of 4", 6, 2, 290, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "manifest one byte too large", 6, 2, MH_MANIFEST_MAX + 1, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "manifest one word too large", 6, 2, MH_MANIFEST_MAX + 4, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "highest manifest size", 6, 2, 0xFFFF, MH_ERR_MANIFEST_SIZE},
        {"2.1 6", "signed manifest without fields", 6, 2, 8, MH_ERR_MISSING_FIELD},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit edit;
        edit_begin(&edit, &good);
        edit.mend_size = false;
        edit.mend_signature = cases[i].expected == MH_ERR_MISSING_FIELD;
        memcpy(edit.manifest + cases[i].offset, &cases[i].value, cases[i].width);
        end_refused(cases[i].name, &edit, cases[i].expected);
        spec_rows_cover(cases[i].row);
    }
}

/* Signed as it stands: only the signature's place is another one. */
static void sizes_that_cut_a_field_off(void **state)
{
    const uint32_t size = mh_get16(good.bytes + 6);
    struct edit edit;

    (void)state;
    for (uint32_t shorter = 4; shorter <= 40; shorter += 4) {
        edit_begin(&edit, &good);
        edit.mend_size = false;
        mh_put16(edit.manifest + 6, (uint16_t)(size - shorter));
        end_refused("manifest that ends within its last component", &edit, MH_ERR_FIELD_LENGTH);
    }
    edit_begin(&edit, &good);
    edit.mend_signature = false;
    edit.mend_size = false;
    mh_put16(edit.manifest + 6, (uint16_t)(size + 4));
    end_refused("manifest that takes in part of its signature", &edit, MH_ERR_SIGNATURE);
    edit_begin(&edit, &good);
    edit.manifest[edit.size] = 9; /* a tag, or what is left of one */
    edit.size += 4;
    memmove(edit.manifest + edit.size, edit.manifest + edit.size - 4, 4);
    edit.manifest[edit.size - 2] = 0xFF; /* its length */
    end_refused("field whose value is not there", &edit, MH_ERR_FIELD_LENGTH);
    spec_rows_cover("2.1 8");
}

static void cut_off_and_longer_packages(void **state)
{
    const uint32_t head = mh_get16(good.bytes + 6) + MH_SIGNATURE_SIZE, size = (uint32_t)good.size;
    static const uint8_t more[4096];

    (void)state;
    for (uint32_t length = 1; length < size; length += length < 8 ? 1 : length < head ? head - 9 : size / 5) {
        const struct blob part = {good.bytes, length};
        assert_refused("cut off", &part, MH_ERR_TRUNCATED);
    }
    const struct blob last = {good.bytes, size - 1};
    assert_refused("cut off by one byte", &last, MH_ERR_TRUNCATED);
    struct blob longer = {malloc(size + sizeof more), size + 1};
    memcpy(longer.bytes, good.bytes, size);
    memcpy(longer.bytes + size, more, sizeof more);
    assert_refused("one byte behind the end", &longer, MH_ERR_TRAILING);
    longer.size = size + sizeof more;
    assert_refused("an extent behind the end", &longer, MH_ERR_TRAILING);
    free(longer.bytes);
}

/// Signature ///

static void signatures(void **state)
{
    const uint32_t at = mh_get16(good.bytes + 6);
    struct edit edit;

    (void)state;
    for (uint32_t byte = 0; byte < MH_SIGNATURE_SIZE; byte += 7) {
        good.bytes[at + byte] ^= 0x20;
        assert_refused("changed signature", &good, MH_ERR_SIGNATURE);
        good.bytes[at + byte] ^= 0x20;
    }
    for (unsigned filling = 0; filling < 256; filling += 255) { /* the point of order 1, and no point at all */
        edit_begin(&edit, &good);
        edit.mend_signature = false;
        memset(edit.manifest + edit.size, (int)filling, MH_SIGNATURE_SIZE);
        end_refused("signature of one byte over and over", &edit, MH_ERR_SIGNATURE);
    }
    for (uint32_t byte = 8; byte < at; byte += 5) { /* not a field is looked at before */
        good.bytes[byte] ^= 0xFF;
        assert_refused("changed field under the old signature", &good, MH_ERR_SIGNATURE);
        good.bytes[byte] ^= 0xFF;
    }
}

/// Fields: their length, and how often they are there ///

struct known {
    const char *row;
    unsigned list;
    uint16_t tag, shortest, longest;
    bool required;
};

static const struct known known[] = {
    {"2.1 0x8001", TOP, MH_TAG_BOARD, 4, 4, true},
    {"2.1 0x8002", TOP, MH_TAG_PACKAGE_SIZE, 4, 4, true},
    {"2.1 0x0020", TOP, MH_TAG_NAME, 1, 32, false},
    {"2.1 0x8101", MH_APPLICATION, MH_TAG_DESTINATION, 4, 4, true},
    {"2.1 0x8102", MH_APPLICATION, MH_TAG_VERSION, 8, 8, true},
    {"2.1 0x8103", MH_APPLICATION, MH_TAG_COUNTER, 4, 4, true},
    {"2.1 0x8104", MH_APPLICATION, MH_TAG_IMAGE, 36, 36, true},
    {"2.1 0x8105", MH_APPLICATION, MH_TAG_CODEC, 4, 4, true},
    {"2.1 0x8106", MH_APPLICATION, MH_TAG_CHUNKS, 40, 40, true},
    {"2.1 0x8107", MH_APPLICATION, MH_TAG_REQUIRES, 12, 12, false},
    {"2.1 0x8003", TOP, MH_TAG_REVOKES, 4, 4, false},
    {"2.1 0x8108", MH_APPLICATION, MH_TAG_CIPHER, 24, 24, false},
};
#define KNOWN (sizeof known / sizeof *known)

/* A good package that has the field, whether it usually has or not. */
static void begin_with_field(struct edit *edit, const struct known *field)
{
    static const uint8_t value[24] = {1}; /* the runtime, a cipher, key 0: good enough not to be refused before */

    edit_begin(edit, &good);
    if (!edit_field(edit, field->list, field->tag)) {
        assert_false(field->required);
        edit_append(edit, field->list, field->tag, field->shortest, value);
    }
}

static void lengths_of_fields(void **state)
{
    struct edit edit;

    (void)state;
    for (unsigned i = 0; i < KNOWN; i++) {
        const uint16_t wrong[] = {0, (uint16_t)(known[i].shortest - 1), (uint16_t)(known[i].longest + 1),
                                  (uint16_t)(known[i].longest + 4), 100};
        for (unsigned j = 0; j < sizeof wrong / sizeof *wrong; j++) {
            begin_with_field(&edit, &known[i]);
            edit_resize(&edit, known[i].list, known[i].tag, wrong[j]);
            end_refused(known[i].row, &edit, MH_ERR_FIELD_LENGTH);
        }
        begin_with_field(&edit, &known[i]);
        mh_put16(edit_field(&edit, known[i].list, known[i].tag) + 2, 0xFFFF);
        edit.mend_tables = false;
        struct blob package = edit_end(&edit);
        assert_refused(known[i].row, &package, MH_ERR_FIELD_LENGTH);
        free(package.bytes);
        spec_rows_cover(known[i].row);
    }
}

static void fields_that_are_missing(void **state)
{
    struct edit edit;

    (void)state;
    for (unsigned i = 0; i < KNOWN; i++) {
        if (known[i].required) {
            edit_begin(&edit, &good);
            edit_remove(&edit, known[i].list, known[i].tag);
            end_refused(known[i].row, &edit, MH_ERR_MISSING_FIELD);
            edit_begin(&edit, &good);
            mh_put16(edit_field(&edit, known[i].list, known[i].tag), 0x0777); /* unknown, to be skipped */
            end_refused(known[i].row, &edit, MH_ERR_MISSING_FIELD);
        }
    }
    edit_begin(&edit, &good);
    edit_remove(&edit, TOP, MH_TAG_COMPONENT + MH_RUNTIME);
    edit_remove(&edit, TOP, MH_TAG_COMPONENT + MH_APPLICATION);
    end_refused("no component", &edit, MH_ERR_MISSING_FIELD);
}

static void fields_that_are_there_twice(void **state)
{
    struct edit edit;
    uint8_t value[64];

    (void)state;
    for (unsigned i = 0; i < KNOWN; i++) {
        begin_with_field(&edit, &known[i]);
        const uint16_t length = mh_get16(edit_field(&edit, known[i].list, known[i].tag) + 2);
        memcpy(value, edit_value(&edit, known[i].list, known[i].tag), length);
        edit_append(&edit, known[i].list, known[i].tag, length, value);
        end_refused(known[i].row, &edit, MH_ERR_DUPLICATE);
    }
    edit_begin(&edit, &good);
    edit_append(&edit, TOP, 0x0777, 4, NULL);
    edit_append(&edit, TOP, 0x0777, 0, NULL);
    end_refused("unknown field twice", &edit, MH_ERR_DUPLICATE);
}

/* Tags that would be known elsewhere, or with the other meaning of bit 15, are not known here. */
static void fields_in_the_wrong_list(void **state)
{
    static const struct {
        unsigned list;
        uint16_t tag;
        enum mh_error expected;
    } cases[] = {
        {TOP, MH_TAG_DESTINATION, MH_ERR_UNKNOWN_CRITICAL},
        {TOP, MH_TAG_COMPONENT, MH_ERR_UNKNOWN_CRITICAL},
        {TOP, MH_TAG_COMPONENT + 3, MH_ERR_UNKNOWN_CRITICAL},
        {TOP, 0x8000, MH_ERR_UNKNOWN_CRITICAL},
        {TOP, 0xFFFF, MH_ERR_UNKNOWN_CRITICAL},
        {TOP, MH_TAG_CRITICAL | MH_TAG_NAME, MH_ERR_UNKNOWN_CRITICAL},
        {MH_APPLICATION, MH_TAG_BOARD, MH_ERR_UNKNOWN_CRITICAL},
        {MH_APPLICATION, MH_TAG_COMPONENT + MH_RUNTIME, MH_ERR_UNKNOWN_CRITICAL},
        {MH_RUNTIME, 0x8777, MH_ERR_UNKNOWN_CRITICAL},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit edit;
        edit_begin(&edit, &good);
        edit_append(&edit, cases[i].list, cases[i].tag, 4, NULL);
        end_refused("field of another list", &edit, cases[i].expected);
    }
}

/// Fields: their values ///

#define OF_FIELD(number, tag) "2.1 " number, tag

static void values_of_fields(void **state)
{
    static const struct {
        const char *row;
        uint16_t tag;
        unsigned list, offset;
        uint32_t value;
        enum mh_error expected;
    } cases[] = {
        {OF_FIELD("0x8001", MH_TAG_BOARD), TOP, 0, 0, MH_ERR_BOARD},
        {OF_FIELD("0x8001", MH_TAG_BOARD), TOP, 0, 2, MH_ERR_BOARD},
        {OF_FIELD("0x8001", MH_TAG_BOARD), TOP, 0, 0x101, MH_ERR_BOARD},
        {OF_FIELD("0x8001", MH_TAG_BOARD), TOP, 0, 0x80000001, MH_ERR_BOARD},
        {OF_FIELD("0x8001", MH_TAG_BOARD), TOP, 0, 0xFFFFFFFF, MH_ERR_BOARD},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x08000000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x0800C000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x08010000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x08080000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x0809FFFF, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x080A0001, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x080A0200, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0x000A0000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_APPLICATION, 0, 0xFFFFFFFF, MH_ERR_DESTINATION},
        {OF_FIELD("0x8101", MH_TAG_DESTINATION), MH_RUNTIME, 0, 0x080A0000, MH_ERR_DESTINATION},
        {OF_FIELD("0x8103", MH_TAG_COUNTER), MH_APPLICATION, 0, 0, MH_ERR_COUNTER},
        {OF_FIELD("0x8103", MH_TAG_COUNTER), MH_APPLICATION, 0, OLD_COUNTER - 1, MH_ERR_COUNTER},
        {OF_FIELD("0x8103", MH_TAG_COUNTER), MH_RUNTIME, 0, OLD_COUNTER - 1, MH_ERR_COUNTER},
        {OF_FIELD("0x8103", MH_TAG_COUNTER), MH_APPLICATION, 0, MH_COUNTER_MAX + 1, MH_ERR_COUNTER_FULL},
        {OF_FIELD("0x8103", MH_TAG_COUNTER), MH_RUNTIME, 0, 0xFFFFFFFF, MH_ERR_COUNTER_FULL},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_APPLICATION, 0, 0, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_APPLICATION, 0, 7, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_APPLICATION, 0, APPLICATION_ROOM + 1, MH_ERR_TOO_LARGE},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_APPLICATION, 0, 0xFFFFFFFF, MH_ERR_TOO_LARGE},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_RUNTIME, 0, RUNTIME_ROOM + 1, MH_ERR_TOO_LARGE},
        {OF_FIELD("0x8104", MH_TAG_IMAGE), MH_RUNTIME, 0, 0x80000008, MH_ERR_TOO_LARGE},
        {OF_FIELD("0x8105", MH_TAG_CODEC), MH_APPLICATION, 0, MH_CODEC_LZMA + 1, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8105", MH_TAG_CODEC), MH_APPLICATION, 0, 0xFF, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8105", MH_TAG_CODEC), MH_APPLICATION, 0, 0x101, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8105", MH_TAG_CODEC), MH_APPLICATION, 0, 0xFFFFFFFF, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 0, 0, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 0, MH_CHUNK_SIZE - 1, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 0, MH_CHUNK_SIZE + 1, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 0, 0xFFFFFFFF, MH_ERR_FIELD_VALUE},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 4, 0, MH_ERR_LAYOUT},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 4, 0xFFFFFFFF, MH_ERR_LAYOUT},
        {OF_FIELD("0x8106", MH_TAG_CHUNKS), MH_APPLICATION, 4, 0x80000000, MH_ERR_LAYOUT},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit edit;
        char name[64];
        snprintf(name, sizeof name, "%s of %u: 0x%X", cases[i].row, cases[i].list, (unsigned)cases[i].value);
        edit_begin(&edit, &good);
        edit.mend_tables = false;
        mh_put32(edit_value(&edit, cases[i].list, cases[i].tag) + cases[i].offset, cases[i].value);
        end_refused(name, &edit, cases[i].expected);
    }
}

/* The sum of the sizes is the package's, be each of them possible or not. */
static void sizes_that_do_not_add_up(void **state)
{
    static const int32_t wrong[] = {-1, 1, -4, 4, -(int32_t)MH_CHUNK_ENTRY_SIZE, 4096, INT32_MIN};
    struct edit edit;

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        edit_begin(&edit, &good);
        edit.mend_size = false;
        uint8_t *size = edit_value(&edit, TOP, MH_TAG_PACKAGE_SIZE);
        mh_put32(size, mh_get32(size) + (uint32_t)wrong[i]);
        end_refused("package size", &edit, MH_ERR_LAYOUT);
        edit_begin(&edit, &good);
        edit.mend_tables = false;
        size = edit_value(&edit, MH_RUNTIME, MH_TAG_CHUNKS) + 4;
        mh_put32(size, mh_get32(size) + (uint32_t)wrong[i]);
        end_refused("stored size", &edit, MH_ERR_LAYOUT);
    }
    /* both at once, so that 32 bits of the sum are right */
    edit_begin(&edit, &good);
    edit.mend_tables = false;
    for (unsigned number = MH_RUNTIME; number <= MH_APPLICATION; number++) {
        uint8_t *size = edit_value(&edit, number, MH_TAG_CHUNKS) + 4;
        mh_put32(size, mh_get32(size) + 0x80000000);
    }
    end_refused("stored sizes whose sum overflows", &edit, MH_ERR_LAYOUT);
    edit_begin(&edit, &good);
    edit.mend_size = false;
    mh_put32(edit_value(&edit, TOP, MH_TAG_PACKAGE_SIZE), 0);
    end_refused("package size 0", &edit, MH_ERR_LAYOUT);
}

/* The sum is right, and the parts are not. */
static void sizes_of_one_component_at_the_cost_of_the_other(void **state)
{
    struct edit edit;

    (void)state;
    for (int32_t more = -200; more <= 200; more += 400) {
        edit_begin(&edit, &good);
        edit.mend_tables = false; /* where the second one would begin now there is no table */
        for (unsigned number = MH_RUNTIME; number <= MH_APPLICATION; number++) {
            uint8_t *size = edit_value(&edit, number, MH_TAG_CHUNKS) + 4;
            mh_put32(size, mh_get32(size) + (uint32_t)(number == MH_RUNTIME ? more : -more));
        }
        end_refused("stored size of the other component", &edit, more < 0 ? MH_ERR_LAYOUT : MH_ERR_TABLE);
    }
    /* too small for the table, which lies within the other one's bytes then */
    edit_begin(&edit, &good);
    edit.mend_tables = false;
    uint8_t *application = edit_value(&edit, MH_APPLICATION, MH_TAG_CHUNKS) + 4;
    uint8_t *runtime = edit_value(&edit, MH_RUNTIME, MH_TAG_CHUNKS) + 4;
    mh_put32(runtime, mh_get32(runtime) + mh_get32(application) - CHUNKS * MH_CHUNK_ENTRY_SIZE + 1);
    mh_put32(application, CHUNKS * MH_CHUNK_ENTRY_SIZE - 1);
    end_refused("stored size one byte smaller than the table", &edit, MH_ERR_LAYOUT);
}

static void names(void **state)
{
    static const uint8_t wrong[] = {0x00, 0x01, 0x09, 0x0A, 0x1B, 0x1F, 0x7F, 0x80, 0xFF};
    struct edit edit;

    (void)state;
    for (unsigned i = 0; i < sizeof wrong; i++) {
        for (unsigned at = 0; at < 4; at += 3) {
            edit_begin(&edit, &good);
            edit_value(&edit, TOP, MH_TAG_NAME)[at] = wrong[i];
            end_refused("name", &edit, MH_ERR_FIELD_VALUE);
        }
    }
}

/* A version may be any; what is wrong with one is that somebody requires another. */
static void requirements(void **state)
{
    static const struct {
        uint32_t component;
        uint16_t version[4]; /* the runtime in this package is 2.0.0.0, the one installed 1.0.0.0 */
        bool runtime_comes_along;
        enum mh_error expected;
    } cases[] = {
        {0, {0}, true, MH_ERR_FIELD_VALUE},
        {MH_APPLICATION, {0}, true, MH_ERR_FIELD_VALUE},
        {3, {0}, true, MH_ERR_FIELD_VALUE},
        {0x101, {0}, true, MH_ERR_FIELD_VALUE},
        {0xFFFFFFFF, {0}, true, MH_ERR_FIELD_VALUE},
        {MH_RUNTIME, {2, 0, 0, 1}, true, MH_ERR_REQUIRES},
        {MH_RUNTIME, {2, 0, 1, 0}, true, MH_ERR_REQUIRES},
        {MH_RUNTIME, {3, 0, 0, 0}, true, MH_ERR_REQUIRES},
        {MH_RUNTIME, {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, true, MH_ERR_REQUIRES},
        {MH_RUNTIME, {1, 0, 0, 1}, false, MH_ERR_REQUIRES},
        {MH_RUNTIME, {1, 1, 0, 0}, false, MH_ERR_REQUIRES},
    };
    struct blob alone = fixture_package(SIZE, 0, 2, COUNTER);

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t value[12];
        struct edit edit;
        mh_put32(value, cases[i].component);
        for (unsigned part = 0; part < 4; part++) {
            mh_put16(value + 4 + 2 * part, cases[i].version[part]);
        }
        edit_begin(&edit, cases[i].runtime_comes_along ? &good : &alone);
        edit_append(&edit, MH_APPLICATION, MH_TAG_REQUIRES, sizeof value, value);
        end_refused("requires", &edit, cases[i].expected);
    }
    /* nothing is there that could be new enough */
    memset(array.internal.cells + 0x10000, 0xFF, 512);
    memcpy(internal_before, array.internal.cells, array.internal.part->size);
    struct edit edit;
    edit_begin(&edit, &alone);
    edit_append(&edit, MH_APPLICATION, MH_TAG_REQUIRES, 12, (const uint8_t[12]){MH_RUNTIME});
    end_refused("requires what is not installed", &edit, MH_ERR_REQUIRES);
    free(alone.bytes);
}

static void revocations(void **state)
{
    static const uint32_t wrong[] = {1, 3, 15, 16, 0x100, 0x80000000, 0xFFFFFFFF}; /* key 0 signed it */

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct edit edit;
        uint8_t value[4];
        mh_put32(value, wrong[i]);
        edit_begin(&edit, &good);
        edit_append(&edit, TOP, MH_TAG_REVOKES, sizeof value, value);
        end_refused("revokes", &edit, MH_ERR_FIELD_VALUE);
    }
    assert_int_equal(mh_otp_revoked(array.device.otp.cells), 0);
    array.device.anchors.revoked = 1;
    assert_refused("signed by a revoked key", &good, MH_ERR_REVOKED);
}

static void ciphers(void **state)
{
    static const uint32_t wrong[] = {0, 2, 0x101, 0xFFFFFFFF};
    struct blob encrypted = fixture_encrypted(SIZE, RUNTIME_SIZE, 2);
    struct edit edit;

    (void)state;
    assert_refused("encrypted, on a device without a key", &encrypted, MH_ERR_CIPHER_KEY);
    array.device.anchors.cipher_key = fixture_cipher_key;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        edit_begin(&edit, &encrypted);
        mh_put32(edit_value(&edit, MH_APPLICATION, MH_TAG_CIPHER), wrong[i]);
        end_refused("cipher", &edit, MH_ERR_FIELD_VALUE);
    }
    for (unsigned byte = 0; byte < MH_KEY_ID_SIZE; byte += MH_KEY_ID_SIZE - 1) {
        edit_begin(&edit, &encrypted);
        edit_value(&edit, MH_RUNTIME, MH_TAG_CIPHER)[4 + MH_NONCE_SIZE + byte] ^= 1;
        end_refused("id of another key", &edit, MH_ERR_CIPHER_KEY);
    }
    free(encrypted.bytes);
}

/* It decrypts to something else, which no hash but that of the image tells where nothing has to be decoded. */
static void nonces(void **state)
{
    struct blob encrypted = fixture_encrypted(8, RUNTIME_SIZE, 2);
    static const unsigned components[] = {MH_RUNTIME, MH_APPLICATION};
    static const enum mh_error expected[] = {MH_ERR_CHUNK, MH_ERR_IMAGE};

    (void)state;
    array.device.anchors.cipher_key = fixture_cipher_key;
    /* with the counter of what is installed, which the fixture does not give it */
    for (unsigned i = 0; i < 2; i++) {
        struct edit edit;
        edit_begin(&edit, &encrypted);
        mh_put32(edit_value(&edit, MH_RUNTIME, MH_TAG_COUNTER), COUNTER);
        mh_put32(edit_value(&edit, MH_APPLICATION, MH_TAG_COUNTER), COUNTER);
        edit_value(&edit, components[i], MH_TAG_CIPHER)[4] ^= 1;
        end_refused("nonce", &edit, expected[i]);
    }
    free(encrypted.bytes);
}

static void codecs_that_are_not_built_in(void **state)
{
    struct edit edit;

    (void)state;
    if (mh_lzma_built_in) {
        skip();
    }
    edit_begin(&edit, &good);
    mh_put32(edit_value(&edit, MH_APPLICATION, MH_TAG_CODEC), MH_CODEC_LZMA);
    end_refused("LZMA", &edit, MH_ERR_CODEC);
}

static void lists_of_components(void **state)
{
    static const char *const rows[] = {"2.1 0x8011", "2.1 0x8012"};

    (void)state;
    for (unsigned number = MH_RUNTIME; number <= MH_APPLICATION; number++) {
        const uint16_t tag = (uint16_t)(MH_TAG_COMPONENT + number);
        struct edit edit;
        edit_begin(&edit, &good);
        edit_resize(&edit, TOP, tag, 0);
        end_refused("component without fields", &edit, MH_ERR_MISSING_FIELD);
        edit_begin(&edit, &good);
        edit_append(&edit, TOP, tag, 0, NULL);
        end_refused("component twice", &edit, MH_ERR_DUPLICATE);
        for (uint16_t more = 1; more < 4; more++) { /* padding is not looked at, but the head of a field is */
            edit_begin(&edit, &good);
            const uint16_t length = mh_get16(edit_field(&edit, TOP, tag) + 2);
            edit_resize(&edit, TOP, tag, (uint16_t)(length + more));
            end_refused("component with part of a field's head", &edit, MH_ERR_FIELD_LENGTH);
        }
        edit_begin(&edit, &good);
        mh_put16(edit_field(&edit, TOP, tag) + 2, 0xFFFC);
        edit.mend_tables = false;
        end_refused("component beyond the manifest", &edit, MH_ERR_FIELD_LENGTH);
        spec_rows_cover(rows[number - 1]);
    }
}

/* Its name is another one, and so is its place. */
static void a_component_is_not_another_one(void **state)
{
    struct blob alone = fixture_package(SIZE, 0, 2, COUNTER);
    struct edit edit;

    (void)state;
    edit_begin(&edit, &alone);
    mh_put16(edit_field(&edit, TOP, MH_TAG_COMPONENT + MH_APPLICATION), MH_TAG_COMPONENT + MH_RUNTIME);
    end_refused("application as runtime", &edit, MH_ERR_DESTINATION);
    free(alone.bytes);
}

/// Chunk tables (2.2) ///

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

/// Acceptance ///

/* By what it says of itself; nobody has so many bytes. */
static void a_package_that_is_larger_than_the_store(void **state)
{
    struct edit edit;
    bool begun;

    (void)state;
    edit_begin(&edit, &good);
    edit.mend_size = false;
    const uint32_t length = MH_EXTENTS * MH_EXTENT_SIZE + 1, size = (uint32_t)good.size;
    uint8_t *stored = edit_value(&edit, MH_APPLICATION, MH_TAG_CHUNKS) + 4;
    mh_put32(stored, mh_get32(stored) + length - size);
    mh_put32(edit_value(&edit, TOP, MH_TAG_PACKAGE_SIZE), length);
    struct blob package = edit_end(&edit);
    assert_error("too large", "offered", offer(&package, length, &begun), MH_ERR_NO_ROOM);
    assert_internal_unchanged("too large");
    assert_nor_unchanged("too large", 0);
    free(package.bytes);
}

static void counters_of_the_device(void **state)
{
    (void)state;
    assert_int_equal(mh_otp_raise(&array.device.otp, MH_APPLICATION, COUNTER + 1), MH_OK);
    assert_refused("counter below the recorded one", &good, MH_ERR_COUNTER);
}

static void a_package_that_was_refused_is_not_taken_again(void **state)
{
    struct edit edit;
    bool begun;

    (void)state;
    edit_begin(&edit, &good);
    edit_value(&edit, MH_APPLICATION, MH_TAG_IMAGE)[4] ^= 1;
    struct blob wrong = edit_end(&edit);
    assert_int_equal(offer(&wrong, (uint32_t)wrong.size, &begun), MH_ERR_IMAGE);
    memcpy(nor_before, array.nor.cells, array.nor.part->size);
    assert_refused("refused before", &wrong, MH_ERR_REFUSED_BEFORE);
    free(wrong.bytes);
}

/// What is installed (2.3) ///

static void installed_components(void **state)
{
    static const struct {
        const char *row, *name;
        uint32_t offset;
        uint8_t byte;
        enum mh_error expected;
    } cases[] = {
        {"2.3 0", "no magic", 0, 0xFF, MH_ERR_NO_IMAGE},
        {"2.3 0", "another format", 4, 9, MH_ERR_NO_IMAGE},
        {"2.3 0", "manifest size", 7, 0xFF, MH_ERR_NO_IMAGE},
        {"2.3 0", "a field", 40, 0x99, MH_ERR_SIGNATURE},
        {"2.3 512", "stack pointer", 512, 0x99, MH_ERR_IMAGE},
        {"2.3 512", "last byte", 512 + 2999, 0x99, MH_ERR_IMAGE},
    };
    struct mh_manifest manifest;
    uint8_t *region = array.internal.cells + 0xA0000;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint8_t before = region[cases[i].offset];
        assert_int_not_equal(before, cases[i].byte);
        region[cases[i].offset] = cases[i].byte;
        assert_error(cases[i].name, "installed", mh_component_verify(&array.device, MH_APPLICATION, &manifest),
                     cases[i].expected);
        region[cases[i].offset] = before;
        assert_nor_unchanged(cases[i].name, 0);
        spec_rows_cover(cases[i].row);
    }
    const uint32_t size = mh_get16(region + 6) + MH_SIGNATURE_SIZE;
    region[size - 1] ^= 1;
    assert_error("signature", "installed", mh_component_verify(&array.device, MH_APPLICATION, &manifest),
                 MH_ERR_SIGNATURE);
    region[size - 1] ^= 1;
    region[size] = 0; /* nobody looks at that */
    assert_int_equal(mh_component_verify(&array.device, MH_APPLICATION, &manifest), MH_OK);
    spec_rows_cover("2.3 *m* + 64");
}

/* A header that is good, of a package without that component, or of another board. */
static void headers_of_other_components(void **state)
{
    struct blob runtime = fixture_package(0, RUNTIME_SIZE, 3, COUNTER);
    struct mh_manifest manifest;
    struct edit edit;

    (void)state;
    array_device_place(&array, 0x080A0000, runtime.bytes, MH_HEADER_SIZE);
    assert_int_equal(mh_component_verify(&array.device, MH_APPLICATION, &manifest), MH_ERR_NO_IMAGE);
    edit_begin(&edit, &good);
    mh_put32(edit_value(&edit, TOP, MH_TAG_BOARD), 2);
    struct blob other = edit_end(&edit);
    array_device_place(&array, 0x080A0000, other.bytes, MH_HEADER_SIZE);
    assert_int_equal(mh_component_verify(&array.device, MH_APPLICATION, &manifest), MH_ERR_BOARD);
    free(runtime.bytes);
    free(other.bytes);
}

/// All of them ///

static void every_row_has_a_case(void **state)
{
    (void)state;
    spec_rows_check("2.1", NULL);
    spec_rows_check("2.2", NULL);
    spec_rows_check("2.3", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_good_package_is_taken),
        TEST(framing),
        TEST(sizes_that_cut_a_field_off),
        TEST(cut_off_and_longer_packages),
        TEST(signatures),
        TEST(lengths_of_fields),
        TEST(fields_that_are_missing),
        TEST(fields_that_are_there_twice),
        TEST(fields_in_the_wrong_list),
        TEST(values_of_fields),
        TEST(sizes_that_do_not_add_up),
        TEST(sizes_of_one_component_at_the_cost_of_the_other),
        TEST(names),
        TEST(requirements),
        TEST(revocations),
        TEST(ciphers),
        TEST(nonces),
        TEST(codecs_that_are_not_built_in),
        TEST(lists_of_components),
        TEST(a_component_is_not_another_one),
        TEST(offsets_and_lengths_of_chunks),
        TEST(hashes_of_chunks),
        TEST(chunks_that_do_not_decode),
        TEST(a_codec_of_nothing_decodes_nothing),
        TEST(images_of_another_size_or_hash),
        TEST(a_package_that_is_larger_than_the_store),
        TEST(counters_of_the_device),
        TEST(a_package_that_was_refused_is_not_taken_again),
        TEST(installed_components),
        TEST(headers_of_other_components),
        cmocka_unit_test(every_row_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
