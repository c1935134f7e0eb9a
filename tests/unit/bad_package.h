/* SPDX-License-Identifier: MIT
 *
 * What the tests of bad packages share: a device, and how a package is brought to it.
 *
 * Each case is a good package with both components, on a device that has older ones of both, with one thing changed;
 * everything that depends on it is made right again (manifest_edit.h). A package is brought in two ways: through the
 * update API, and by somebody who writes the SPI flash, journal included. A device says what is wrong with it, and
 * neither flash is changed by it.
 *
 * `row` of a case is the row of docs/SPEC.md that it attacks, by section and first cell; the last test of a program
 * sees to it that none of a table is missing.
 */
#ifndef TESTS_UNIT_BAD_PACKAGE_H
#define TESTS_UNIT_BAD_PACKAGE_H

#include "kept_device.h"
#include "manifest_edit.h"
#include "spec_rows.h"

#include "matterhorn/bytes.h"

#include <sodium/crypto_hash_sha256.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 9001u
#define RUNTIME_SIZE 5001u
#define COUNTER 5u
#define OLD_COUNTER 4u
#define CHUNKS 3u /* of the application */

static struct blob good;

/* It runs older packages of both components, and nothing awaits anything. */
static inline int set_up(void **state)
{
    struct blob old = fixture_package(3000, 2000, 1, OLD_COUNTER);

    set_up_device(state);
    install_and_confirm(&old);
    keep_device();
    free(old.bytes);
    good = fixture_package(SIZE, RUNTIME_SIZE, 2, COUNTER);
    return 0;
}

static inline int tear_down(void **state)
{
    free(good.bytes);
    forget_device();
    return tear_down_device(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static inline void assert_error(const char *name, const char *way, enum mh_error error, enum mh_error expected)
{
    if (error != expected) {
        fail_msg("%s, %s: \"%s\" and not \"%s\"", name, way, mh_error_text(error), mh_error_text(expected));
    }
}

/// Bringing a package ///

/* Through the API. `length` is what is said of it; packets are as long as there are bytes. */
static inline enum mh_error offer(const struct blob *package, uint32_t length, bool *begun)
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

/* The id of what begins like a package, as the journal has it: the installer takes no other one. */
static inline void put_id(struct mh_entry *entry, const struct blob *package)
{
    uint8_t hash[MH_HASH_SIZE];
    const uint32_t size = package->size < 8 ? 0 : mh_get16(package->bytes + 6);

    crypto_hash_sha256(hash, package->bytes, size < package->size ? size : package->size);
    memcpy(entry->id, hash, MH_ID_SIZE);
}

/* By hand: the package lies in the store, and the journal asks for its install. */
static inline void put_request(const struct blob *package, uint32_t length)
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
    put_id(incoming, package);
    memset(journal.state.received, 0xFF, sizeof journal.state.received);
    journal.state.phase = MH_REQUESTED;
    assert_int_equal(mh_journal_write(&journal), MH_OK);
}

/* Refused by the API with that reason, without a trace when the manifest tells it; and by the installer, which then
 * wants it no more. */
static inline void assert_refused_with_length(const char *name, const struct blob *package, uint32_t length,
                                              enum mh_error expected)
{
    bool begun;

    assert_error(name, "offered", offer(package, length, &begun), expected);
    assert_internal_unchanged(name);
    assert_nor_unchanged(name, begun ? MH_RESERVED_ADDRESS : 0);
    restore_device();
    put_request(package, length);
    assert_error(name, "requested", fixture_boot(&update, &array.device), expected);
    assert_int_equal(update.journal.state.phase, MH_IDLE);
    assert_int_equal(update.journal.state.refusal, expected);
    assert_int_equal(update.journal.state.entries[MH_INCOMING].length, 0);
    assert_internal_unchanged(name);
    assert_nor_unchanged(name, MH_RESERVED_ADDRESS);
    restore_device();
}

static inline void assert_refused(const char *name, const struct blob *package, enum mh_error expected)
{
    assert_refused_with_length(name, package, (uint32_t)package->size, expected);
}

/* Refused by the API alone: the installer does not look at that where the image is right (docs/SPEC.md 2.4). */
static inline void end_refused_when_offered(const char *name, struct edit *edit, enum mh_error expected)
{
    struct blob package = edit_end(edit);
    bool begun;

    assert_error(name, "offered", offer(&package, (uint32_t)package.size, &begun), expected);
    assert_internal_unchanged(name);
    restore_device();
    put_request(&package, (uint32_t)package.size);
    assert_error(name, "requested", fixture_boot(&update, &array.device), MH_OK);
    restore_device();
    free(package.bytes);
}

static inline void end_refused(const char *name, struct edit *edit, enum mh_error expected)
{
    struct blob package = edit_end(edit);

    assert_refused(name, &package, expected);
    free(package.bytes);
}

#endif
