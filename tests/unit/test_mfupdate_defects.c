/* SPDX-License-Identifier: MIT
 *
 * What was wrong with the ancestor of this system, defect by defect: MFUpdate, its providers, and the booter that
 * installed. Each test names a defect in a comment and shows that it is not here. The names of its functions are the
 * ancestor's.
 */
#include "mfupdate_fixture.h"

#include <sodium/crypto_hash_sha256.h>

#define PACKETS 37u /* more than one word of 32 bits has */
#define PACKET 10u
#define LAST 3u
#define SIZE ((PACKETS - 1) * PACKET + LAST)

/// A row in memory ///

static struct {
    uint8_t bytes[PACKETS * PACKET];
    bool there[PACKETS];
    unsigned writes, creates, erases, checks, installs;
    enum mh_error open_error, erase_error, read_error, check_error, install_error;
    uint8_t property;
} ram;

static enum mh_error ram_open(void *context, struct mfupdate *session, bool *found)
{
    (void)context;
    (void)session;
    *found = false;
    return ram.open_error;
}

static enum mh_error ram_create(void *context, struct mfupdate *session)
{
    (void)context;
    (void)session;
    ram.creates++;
    memset(ram.there, 0, sizeof ram.there);
    return MH_OK;
}

static bool ram_missing(void *context, const struct mfupdate *session, uint32_t index)
{
    (void)context;
    (void)session;
    assert_true(index < PACKETS);
    return !ram.there[index];
}

static enum mh_error ram_write(void *context, struct mfupdate *session, uint32_t index, const uint8_t *data,
                               uint32_t length)
{
    (void)context;
    (void)session;
    assert_true(index < PACKETS && length == (index + 1 < PACKETS ? PACKET : LAST));
    memcpy(ram.bytes + index * PACKET, data, length);
    ram.there[index] = true;
    ram.writes++;
    return MH_OK;
}

static enum mh_error ram_read(void *context, struct mfupdate *session, uint32_t offset, uint8_t *buffer,
                              uint32_t length)
{
    (void)context;
    (void)session;
    assert_true(offset <= SIZE && length <= SIZE - offset);
    memcpy(buffer, ram.bytes + offset, length);
    return ram.read_error;
}

static enum mh_error ram_erase(void *context, struct mfupdate *session)
{
    (void)context;
    (void)session;
    ram.erases++;
    return ram.erase_error;
}

static enum mh_error ram_check(void *context, struct mfupdate *session, const uint8_t *check, uint32_t length)
{
    (void)context;
    (void)session;
    (void)check;
    (void)length;
    ram.checks++;
    return ram.check_error;
}

static enum mh_error ram_install(void *context, struct mfupdate *session)
{
    (void)context;
    (void)session;
    ram.installs++;
    return ram.install_error;
}

static enum mh_error ram_get(void *context, struct mfupdate *session, const char *name, uint8_t *value,
                             uint32_t *length)
{
    (void)context;
    (void)session;
    (void)name;
    *value = ram.property;
    *length = 1;
    return MH_OK;
}

static enum mh_error ram_set(void *context, struct mfupdate *session, const char *name, const uint8_t *value,
                             uint32_t length)
{
    (void)context;
    (void)session;
    (void)name;
    assert_int_equal(length, 1);
    ram.property = *value;
    return MH_OK;
}

static const struct mfupdate_storage ram_storage = {ram_open, ram_create, ram_missing, ram_write,
                                                    ram_read, ram_erase,  NULL};
static const struct mfupdate_validation ram_validation = {.check_update = ram_check};
static const struct mfupdate_actions ram_update = {.get = ram_get, .set = ram_set, .install = ram_install};
static const struct mfupdate_header ram_header = {.type = MFUPDATE_USER, .size = SIZE, .packet_size = PACKET};
static struct mfupdate_provider row;
static struct mfupdate session;

static int ram_set_up(void **state)
{
    (void)state;
    memset(&ram, 0, sizeof ram);
    row = (struct mfupdate_provider){
        .name = "ram", .update = &ram_update, .validation = &ram_validation, .storage = &ram_storage};
    assert_int_equal(mfupdate_initialize(&session, &row, &ram_header), MH_OK);
    assert_int_equal(mfupdate_open(&session, NULL, 0), MH_OK);
    return 0;
}

static enum mh_error give(uint32_t index, uint32_t length)
{
    static const uint8_t bytes[PACKET + 1] = "0123456789";
    const struct mfupdate_packet packet = {.index = index, .data = bytes, .length = length};

    return mfupdate_packet(&session, &packet);
}

static void give_all(void)
{
    for (uint32_t i = 0; i < PACKETS; i++) {
        assert_int_equal(give(i, i + 1 < PACKETS ? PACKET : LAST), MH_OK);
    }
}

/// MFUpdate.cpp ///

/* VALIDATED was set although the validation had failed: the second call of Validate or Install passed. */
static void failed_validation_is_not_remembered_as_a_good_one(void **state)
{
    (void)state;
    give_all();
    ram.check_error = MH_ERR_IMAGE;
    assert_int_equal(mfupdate_validate(&session, NULL, 0), MH_ERR_IMAGE);
    assert_int_equal(mfupdate_validate(&session, NULL, 0), MH_ERR_IMAGE);
    assert_int_equal(mfupdate_install(&session, NULL, 0), MH_ERR_IMAGE);
    assert_int_equal(mfupdate_install(&session, NULL, 0), MH_ERR_IMAGE);
    assert_int_equal(ram.installs, 0);
}

/* A good validation was not forgotten when another one failed, nor when a packet came. */
static void packet_that_comes_after_the_validation_is_validated_too(void **state)
{
    (void)state;
    give_all();
    assert_int_equal(mfupdate_validate(&session, NULL, 0), MH_OK);
    ram.there[5] = false;
    assert_int_equal(give(5, PACKET), MH_OK);
    ram.check_error = MH_ERR_IMAGE;
    assert_int_equal(mfupdate_install(&session, NULL, 0), MH_ERR_IMAGE);
    ram.check_error = MH_OK;
    assert_int_equal(mfupdate_validate(&session, NULL, 0), MH_OK);
    ram.check_error = MH_ERR_IMAGE;
    assert_int_equal(mfupdate_validate(&session, NULL, 0), MH_ERR_IMAGE);
    assert_int_equal(mfupdate_install(&session, NULL, 0), MH_ERR_IMAGE);
    assert_int_equal(ram.installs, 0);
}

/* A bound was tested with > instead of >=: of handles there, of which there are none here; of packets nothing was
 * tested at all. */
static void packet_index_behind_the_last_is_refused(void **state)
{
    (void)state;
    assert_int_equal(give(PACKETS, PACKET), MH_ERR_ARGUMENT);
    assert_int_equal(give(PACKETS, LAST), MH_ERR_ARGUMENT);
    assert_int_equal(give(UINT32_MAX, PACKET), MH_ERR_ARGUMENT);
    assert_int_equal(ram.writes, 0);
}

/* -1 went through, and was written before the beginning of the container. */
static void negative_packet_index_is_refused(void **state)
{
    (void)state;
    assert_int_equal(give((uint32_t)-1, PACKET), MH_ERR_ARGUMENT);
    assert_int_equal(give(0x80000000u, PACKET), MH_ERR_ARGUMENT);
    assert_int_equal(ram.writes, 0);
}

/* A short packet counted as present, with a hole behind it. */
static void short_and_long_packets_are_refused(void **state)
{
    (void)state;
    assert_int_equal(give(0, PACKET - 1), MH_ERR_ARGUMENT);
    assert_int_equal(give(0, PACKET + 1), MH_ERR_ARGUMENT);
    assert_int_equal(give(0, 0), MH_ERR_ARGUMENT);
    assert_int_equal(give(PACKETS - 1, PACKET), MH_ERR_ARGUMENT);
    assert_int_equal(give(PACKETS - 1, LAST - 1), MH_ERR_ARGUMENT);
    const struct mfupdate_packet nothing = {.index = 0, .length = PACKET};
    assert_int_equal(mfupdate_packet(&session, &nothing), MH_ERR_ARGUMENT);
    assert_int_equal(ram.writes, 0);
}

/* Without an Authenticate function, authentication passed but was not recorded: every later call failed. */
static void provider_without_authentication_takes_updates(void **state)
{
    (void)state;
    assert_null(row.validation->authenticate);
    give_all();
    assert_int_equal(mfupdate_install(&session, NULL, 0), MH_OK);
}

/* SetProperty looked whether GetProperty was there. */
static void property_is_set_by_the_function_that_sets(void **state)
{
    static const struct mfupdate_actions only_set = {.set = ram_set, .install = ram_install},
                                         only_get = {.get = ram_get, .install = ram_install};
    const uint8_t value = 42;
    uint8_t got = 0;
    uint32_t length = 1;

    (void)state;
    row.update = &only_set;
    assert_int_equal(mfupdate_set(&session, "colour", &value, 1), MH_OK);
    assert_int_equal(mfupdate_get(&session, "colour", &got, &length), MH_ERR_NO_PROVIDER);
    row.update = &only_get;
    assert_int_equal(mfupdate_get(&session, "colour", &got, &length), MH_OK);
    assert_int_equal(got, 42);
    assert_int_equal(mfupdate_set(&session, "colour", &value, 1), MH_ERR_NO_PROVIDER);
}

/* The count was of bytes where packets were meant, or stayed 0, or the caller's NULL was followed. */
static void missing_packets_are_counted_in_packets(void **state)
{
    (void)state;
    assert_int_equal(mfupdate_packets(&session), PACKETS);
    assert_int_equal(mfupdate_missing(&session), PACKETS);
    give_all();
    assert_int_equal(mfupdate_missing(&session), 0);
    ram.there[0] = ram.there[31] = ram.there[32] = ram.there[PACKETS - 1] = false;
    assert_int_equal(mfupdate_missing(&session), 4);
}

/* The enumerator went on over the bits that fill the last word. */
static void enumeration_ends_at_the_last_packet(void **state)
{
    (void)state;
    give_all();
    ram.there[31] = ram.there[PACKETS - 1] = false;
    assert_int_equal(mfupdate_next_missing(&session, 0), 31);
    assert_int_equal(mfupdate_next_missing(&session, 32), PACKETS - 1);
    assert_int_equal(mfupdate_next_missing(&session, PACKETS), PACKETS);
    assert_int_equal(mfupdate_next_missing(&session, UINT32_MAX), PACKETS);
}

/* Delete returned whatever was in a register. */
static void delete_says_what_became_of_it(void **state)
{
    (void)state;
    ram.erase_error = MH_ERR_FLASH;
    assert_int_equal(mfupdate_delete(&session), MH_ERR_FLASH);
    ram.erase_error = MH_OK;
    assert_int_equal(mfupdate_delete(&session), MH_OK);
    assert_int_equal(ram.erases, 2);
    assert_int_equal(give(0, PACKET), MH_ERR_STATE);
}

/* Whatever kept Open from opening, what was stored was deleted and created anew. */
static void storage_that_cannot_be_read_is_not_an_empty_one(void **state)
{
    (void)state;
    give_all();
    ram.open_error = MH_ERR_FLASH;
    assert_int_equal(mfupdate_open(&session, NULL, 0), MH_ERR_FLASH);
    assert_int_equal(ram.creates, 1);
    assert_int_equal(mfupdate_missing(&session), 0);
    assert_int_equal(give(0, PACKET), MH_ERR_STATE);
}

/* "Missing" meant "erased", so a packet of bytes 0xFF was missing for ever, and an update that had one never
 * complete. */
static void packet_of_ones_does_not_stay_missing(void **state)
{
    static uint8_t ones[4092];
    struct mfupdate_area area;
    const struct mfupdate_header header = {.type = MFUPDATE_USER, .size = sizeof ones, .packet_size = sizeof ones};
    const struct mfupdate_packet packet = {.data = ones, .length = sizeof ones};

    (void)state;
    memset(ones, 0xFF, sizeof ones);
    assert_int_equal(mfupdate_area(&area, &bed.device, 0, 4096), MH_OK);
    bed.row.update = &ram_update;
    bed.row.validation = &ram_validation;
    bed.row.storage = &area.storage;
    bed.header = header;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_missing(&bed.session), 1);
    assert_int_equal(mfupdate_packet(&bed.session, &packet), MH_OK);
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_missing(&bed.session), 0);
}

/* "Present" meant "not erased", so a torn packet counted, was not taken again, and only DeleteUpdate helped. */
static void torn_packet_is_missing(void **state)
{
    (void)state;
    for (enum nor_tear tear = NOR_TEAR_BEFORE; tear < NOR_TEARS; tear++) {
        torn_nor_blank(&bed.nor, MH_RESERVED_ADDRESS, 0x100000);
        assert_int_equal(bed_start(0, 0, tear), MH_OK);
        assert_int_equal(bed_open(&bed.row), MH_OK);
        for (uint32_t i = 0; i < 2; i++) {
            const struct mfupdate_packet packet = packet_of_package(i);
            assert_int_equal(mfupdate_packet(&bed.session, &packet), MH_OK);
        }
        torn_nor_start(&bed.nor, 0, 9, tear); /* the erase, seven pages, and one torn */
        const struct mfupdate_packet third = packet_of_package(2);
        const enum mh_error error = mfupdate_packet(&bed.session, &third);
        assert_int_equal(error, nor_tear_applies(NOR_PROGRAM, tear) ? MH_ERR_FLASH : MH_OK);
        assert_int_equal(bed_start(0, 0, tear), MH_OK);
        assert_int_equal(bed_open(&bed.row), MH_OK);
        assert_int_equal(mfupdate_next_missing(&bed.session, 0), error ? 2 : 3);
        assert_int_equal(mfupdate_download(&bed.session), MH_OK);
        assert_int_equal(mfupdate_install(&bed.session, NULL, 0), MH_OK);
    }
}

/// Validation providers ///

/* Of an unknown type of signature, anything was taken. Here a check has one length, and a package one way to be
 * signed. */
static void signature_of_an_unknown_kind_is_refused(void **state)
{
    static const uint8_t check[64] = {0};

    (void)state;
    row.validation = &mfupdate_sha256;
    give_all();
    for (uint32_t length = 0; length <= sizeof check; length++) {
        assert_int_equal(mfupdate_validate(&session, check, length), length == 32 ? MH_ERR_IMAGE : MH_ERR_ARGUMENT);
    }
    assert_int_equal(mfupdate_validate(&session, NULL, 32), MH_ERR_ARGUMENT);
}

static void package_signed_in_another_way_is_refused(void **state)
{
    const uint32_t size = mh_get16(bed.package.bytes + 6);

    (void)state;
    memset(bed.header.id, 0, sizeof bed.header.id);
    memset(bed.package.bytes + size, 0, MH_SIGNATURE_SIZE);
    assert_int_equal(bed_update(&bed.row), MH_ERR_SIGNATURE);
    bed.package.bytes[4] = 2; /* another format */
    fixture_sign(&bed.package);
    assert_int_equal(bed_update(&bed.row), MH_ERR_FORMAT);
    assert_int_equal(bed.nor.operations, 0);
}

/* The result of Read was not looked at: what was in the buffer counted. */
static void storage_that_cannot_be_read_has_no_hash(void **state)
{
    uint8_t hash[crypto_hash_sha256_BYTES];

    (void)state;
    row.validation = &mfupdate_sha256;
    give_all();
    crypto_hash_sha256(hash, ram.bytes, SIZE);
    assert_int_equal(mfupdate_validate(&session, hash, sizeof hash), MH_OK);
    ram.read_error = MH_ERR_FLASH;
    assert_int_equal(mfupdate_validate(&session, hash, sizeof hash), MH_ERR_FLASH);
    assert_int_equal(mfupdate_install(&session, hash, sizeof hash), MH_ERR_FLASH);
}

static enum mh_error want_check(void *context, struct mfupdate *offered, const struct mfupdate_packet *packet)
{
    (void)context;
    (void)offered;
    return packet->check && packet->check_length == 1 && *packet->check == packet->data[0] ? MH_OK : MH_ERR_CHUNK;
}

/* A packet was checked only when something to check it by came along. */
static void packet_without_a_check_is_checked_too(void **state)
{
    const struct mfupdate_validation strict = {.check_packet = want_check, .check_update = ram_check};
    const struct mfupdate_packet good = {
        .data = (const uint8_t *)"0123456789", .length = PACKET, .check = (const uint8_t *)"0", .check_length = 1};
    struct mfupdate_packet bad = good;

    (void)state;
    row.validation = &strict;
    assert_int_equal(give(0, PACKET), MH_ERR_CHUNK);
    bad.check = (const uint8_t *)"1";
    assert_int_equal(mfupdate_packet(&session, &bad), MH_ERR_CHUNK);
    assert_int_equal(ram.writes, 0);
    assert_int_equal(mfupdate_packet(&session, &good), MH_OK);
}

/// The update provider ///

/* When the request could not be recorded, Install went on as if nothing was. */
static void install_that_fails_says_so_and_can_be_called_again(void **state)
{
    (void)state;
    give_all();
    ram.install_error = MH_ERR_FLASH;
    assert_int_equal(mfupdate_install(&session, NULL, 0), MH_ERR_FLASH);
    ram.install_error = MH_OK;
    assert_int_equal(mfupdate_install(&session, NULL, 0), MH_OK);
    assert_int_equal(ram.installs, 2);
    assert_int_equal(mfupdate_install(&session, NULL, 0), MH_ERR_STATE);
}

/* An update of data was written where it belongs as it came, without a look at what was written. */
static void nothing_is_installed_before_all_of_it_is_there(void **state)
{
    (void)state;
    give_all();
    ram.there[36] = false;
    assert_int_equal(mfupdate_validate(&session, NULL, 0), MH_ERR_STATE);
    assert_int_equal(mfupdate_install(&session, NULL, 0), MH_ERR_STATE);
    assert_int_equal(ram.checks + ram.installs, 0);
}

/// Block storage ///

/* A block that was neither blank nor began a container was never used again: a power loss while one was deleted
 * cost its room for good. */
static void orphaned_blocks_are_used_again(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MH_EXTENTS * MH_EXTENT_SIZE; i++) {
        bed.nor.array.cells[MH_RESERVED_ADDRESS + i] = (uint8_t)(i * 11);
    }
    assert_int_equal(bed_update(&bed.row), MH_OK);
    assert_int_equal(bed_boot(), MH_OK);
    assert_true(fixture_holds(&bed.array, MH_APPLICATION, IMAGE_SIZE, 1));
}

static void orphaned_sectors_of_an_area_are_used_again(void **state)
{
    struct mfupdate_area area;

    (void)state;
    memset(bed.nor.array.cells, 0x00, 0x10000);
    assert_int_equal(mfupdate_area(&area, &bed.device, 0, 0x10000), MH_OK);
    bed.row.update = &ram_update;
    bed.row.validation = &ram_validation;
    bed.row.storage = &area.storage;
    bed.header.packet_size = 4000;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_missing(&bed.session), mfupdate_packets(&bed.session));
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_missing(&bed.session), 0);
}

/* What stood in the container of another update was deleted when a new one was opened, though not a byte of the new
 * one had come. */
static void other_update_is_kept_until_the_new_one_comes(void **state)
{
    struct mfupdate_area area;
    struct mfupdate_header header;

    (void)state;
    assert_int_equal(mfupdate_area(&area, &bed.device, 0, 0x10000), MH_OK);
    bed.row.update = &ram_update;
    bed.row.validation = &ram_validation;
    bed.row.storage = &area.storage;
    bed.header.packet_size = 4000;
    header = bed.header;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
    const uint32_t operations = bed.nor.operations;
    bed.header.version.part[3]++;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_missing(&bed.session), mfupdate_packets(&bed.session));
    assert_int_equal(bed.nor.operations, operations);
    bed.header = header;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_missing(&bed.session), 0);
}

/* The list of free blocks could become a circle, and what was freed last came back only after a restart. */
static void room_of_a_deleted_update_is_free_at_once(void **state)
{
    struct blob large = fixture_package(0x60000 - 512, 0x80000, 3, 0);

    (void)state;
    assert_true(large.size > 0x60000); /* two of them do not fit */
    bed.carried = (struct carried){.bytes = large.bytes, .size = (uint32_t)large.size};
    for (unsigned i = 0; i < 30; i++) {
        struct mfupdate_packet packet = {.data = large.bytes, .length = MH_PACKET_SIZE};
        assert_int_equal(mfupdate_describe(&bed.header, large.bytes, 512, (uint32_t)large.size), MH_OK);
        assert_int_equal(bed_open(&bed.row), MH_OK);
        assert_int_equal(mfupdate_packet(&bed.session, &packet), MH_OK);
        assert_int_equal(mfupdate_delete(&bed.session), MH_OK);
        assert_int_equal(bed.core.journal.state.entries[MH_INCOMING].length, 0);
    }
    free(large.bytes);
}

/* There were ten places for containers; the eleventh was written in front of them. */
static void any_number_of_updates_can_be_offered(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        struct blob package = fixture_package(9001, 0, 10 + i, 0);
        const struct mfupdate_packet packet = {.data = package.bytes, .length = MH_PACKET_SIZE};
        assert_int_equal(mfupdate_describe(&bed.header, package.bytes, 512, (uint32_t)package.size), MH_OK);
        assert_int_equal(bed_open(&bed.row), MH_OK);
        assert_int_equal(mfupdate_packet(&bed.session, &packet), MH_OK);
        assert_int_equal(mfupdate_missing(&bed.session), mfupdate_packets(&bed.session) - 1);
        free(package.bytes);
    }
}

/* The result of writing a container's header was not looked at. */
static void container_that_could_not_be_recorded_is_none(void **state)
{
    const struct mfupdate_packet packet = packet_of_package(0);

    (void)state;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    bed.nor.fails_at = bed.nor.operations + 1;
    bed.nor.fails = 1000;
    assert_int_equal(mfupdate_packet(&bed.session, &packet), MH_ERR_FLASH);
    bed.nor.fails = 0;
    assert_int_equal(mfupdate_missing(&bed.session), mfupdate_packets(&bed.session));
    assert_int_equal(bed_start(0, 0, NOR_TEAR_BEFORE), MH_OK);
    assert_int_equal(bed.core.journal.state.entries[MH_INCOMING].length, 0);
}

/* A write that failed was acknowledged: by the storage, whose result nobody looked at, and over the wire. Here each
 * operation of a packet is once not heard by the chip. */
static void packet_that_was_not_written_is_not_acknowledged(void **state)
{
    const struct mfupdate_packet first = packet_of_package(0), second = packet_of_package(1);

    (void)state;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_packet(&bed.session, &first), MH_OK);
    bed.nor.operations = 0;
    for (bed.nor.deaf_at = 1; bed.nor.deaf_at <= 17; bed.nor.deaf_at++) {
        const uint8_t *stored = bed.nor.array.cells + MH_RESERVED_ADDRESS + MH_EXTENT_SIZE;
        memset(bed.nor.array.cells + MH_RESERVED_ADDRESS + MH_EXTENT_SIZE, 0x00, MH_EXTENT_SIZE);
        bed.nor.operations = 0;
        assert_int_equal(mfupdate_packet(&bed.session, &second), MH_ERR_FLASH);
        assert_int_not_equal(memcmp(stored, second.data, second.length), 0);
        assert_int_equal(mfupdate_next_missing(&bed.session, 0), 1);
    }
    bed.nor.deaf_at = 0;
    assert_int_equal(mfupdate_download(&bed.session), MH_OK);
}

/* Nor is one whose record failed: the next try must not find it there. */
static void packet_that_was_not_recorded_is_not_acknowledged(void **state)
{
    const struct mfupdate_packet first = packet_of_package(0), second = packet_of_package(1);

    (void)state;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    assert_int_equal(mfupdate_packet(&bed.session, &first), MH_OK);
    bed.nor.operations = 0;
    bed.nor.fails_at = 1 + 16 + 1; /* behind the erase and the pages: the record */
    bed.nor.fails = 1000;
    assert_int_equal(mfupdate_packet(&bed.session, &second), MH_ERR_FLASH);
    assert_true(bed.nor.operations > 17);
    assert_int_equal(mfupdate_packet(&bed.session, &second), MH_ERR_FLASH);
    assert_int_equal(mfupdate_next_missing(&bed.session, 0), 1);
}

/* After a restart the size of a container was another one than before. */
static void size_is_the_same_after_a_restart(void **state)
{
    (void)state;
    assert_int_equal(bed_open(&bed.row), MH_OK);
    bed.carried.fails_at = 3;
    assert_int_equal(mfupdate_download(&bed.session), MH_ERR_TRUNCATED);
    assert_int_equal(bed_start(0, 0, NOR_TEAR_BEFORE), MH_OK);
    assert_int_equal(bed_open(&bed.row), MH_OK);
    const uint32_t last = mfupdate_packets(&bed.session) - 1;
    struct mfupdate_packet packet = packet_of_package(last);
    assert_in_range(packet.length, 1, MH_PACKET_SIZE - 1);
    packet.length++;
    assert_int_equal(mfupdate_packet(&bed.session, &packet), MH_ERR_ARGUMENT);
    packet.length--;
    assert_int_equal(mfupdate_packet(&bed.session, &packet), MH_OK);
}

/// The booter that installs ///

static unsigned internal_operations, internal_fails_at, internal_deaf_at;

static enum mh_error program_internal(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    internal_operations++;
    if (internal_operations == internal_fails_at) {
        return MH_ERR_FLASH;
    }
    return internal_operations == internal_deaf_at
               ? MH_OK
               : bed.array.device.internal.program(context, address, data, length);
}

static enum mh_error erase_internal(void *context, unsigned sector)
{
    internal_operations++;
    if (internal_operations == internal_fails_at) {
        return MH_ERR_FLASH;
    }
    return internal_operations == internal_deaf_at ? MH_OK : bed.array.device.internal.erase(context, sector);
}

static int boot_set_up(void **state)
{
    const int result = bed_set_up(state);

    bed.device.internal.program = program_internal;
    bed.device.internal.erase = erase_internal;
    internal_operations = internal_fails_at = internal_deaf_at = 0;
    memset(bed.array.internal.cells + 0xA0000, 0x00, 0x60000); /* nothing works there without an erase */
    return result;
}

static void offer(struct blob package)
{
    free(bed.package.bytes);
    bed.package = package;
    bed.carried = (struct carried){.bytes = package.bytes, .size = (uint32_t)package.size};
    assert_int_equal(mfupdate_describe(&bed.header, package.bytes, 512, bed.carried.size), MH_OK);
    assert_int_equal(bed_update(&bed.row), MH_OK);
}

/* The container was not marked: each start that found the record installed it again. */
static void installed_update_is_not_installed_again(void **state)
{
    (void)state;
    assert_int_equal(bed_update(&bed.row), MH_OK);
    assert_int_equal(bed_boot(), MH_OK);
    assert_true(internal_operations > 0);
    internal_operations = 0;
    assert_int_equal(bed_boot(), MH_OK);
    assert_int_equal(bed_boot(), MH_OK);
    assert_int_equal(internal_operations, 0);
    assert_true(fixture_holds(&bed.array, MH_APPLICATION, IMAGE_SIZE, 1));
}

/* The result of the install was not looked at: the request was dropped, and half an image, whose first word was
 * there, was started. */
static void install_that_fails_is_still_wanted_and_nothing_half_counts(void **state)
{
    struct mh_manifest manifest;

    (void)state;
    for (unsigned at = 1; at < 9; at++) {
        assert_int_equal(bed_update(&bed.row), MH_OK);
        internal_operations = 0;
        internal_fails_at = at;
        assert_int_equal(bed_boot(), MH_ERR_FLASH);
        assert_int_equal(bed.core.journal.state.phase, MH_INSTALLING);
        assert_int_not_equal(mh_component_verify(&bed.device, MH_APPLICATION, &manifest), MH_OK);
        internal_fails_at = 0;
        assert_int_equal(bed_boot(), MH_OK);
        assert_true(fixture_holds(&bed.array, MH_APPLICATION, IMAGE_SIZE, 1));
        bed_tear_down(state);
        boot_set_up(state);
    }
}

/* What the flash made of a write was not looked at either. */
static void word_that_the_flash_has_not_taken_ends_the_install(void **state)
{
    struct mh_manifest manifest;

    (void)state;
    for (unsigned at = 1; at < 9; at++) {
        assert_int_equal(bed_update(&bed.row), MH_OK);
        internal_operations = 0;
        internal_deaf_at = at;
        assert_int_not_equal(bed_boot(), MH_OK);
        assert_int_not_equal(mh_component_verify(&bed.device, MH_APPLICATION, &manifest), MH_OK);
        internal_deaf_at = 0;
        assert_int_equal(bed_boot(), MH_OK);
        assert_true(fixture_holds(&bed.array, MH_APPLICATION, IMAGE_SIZE, 1));
        bed_tear_down(state);
        boot_set_up(state);
    }
}

/* Less than 512 bytes were written without an erase: so was all of an image shorter than that. */
static void image_shorter_than_512_bytes_is_written_into_an_erased_sector(void **state)
{
    static const uint32_t sizes[] = {8, 300, 511, 512, 513};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(bed.array.internal.cells + 0xA0000, 0x00, 0x20000);
        offer(fixture_package(sizes[i], 0, 20 + i, 0));
        assert_int_equal(bed_boot(), MH_OK);
        assert_true(fixture_holds(&bed.array, MH_APPLICATION, sizes[i], 20 + i));
        assert_int_equal(mh_update_confirm(&bed.core), MH_OK);
    }
}

/* And so was a tail of less than 512 bytes that began a sector. */
static void tail_at_the_beginning_of_a_sector_is_written_into_an_erased_one(void **state)
{
    static const uint32_t tails[] = {1, 4, 511};

    (void)state;
    for (unsigned i = 0; i < sizeof tails / sizeof *tails; i++) {
        const uint32_t size = 0x20000 - MH_HEADER_SIZE + tails[i];
        memset(bed.array.internal.cells + 0xA0000, 0x00, 0x40000);
        offer(fixture_package(size, 0, 30 + i, 0));
        assert_int_equal(bed_boot(), MH_OK);
        assert_true(fixture_holds(&bed.array, MH_APPLICATION, size, 30 + i));
        assert_int_equal(mh_update_confirm(&bed.core), MH_OK);
    }
}

/* Behind an image whose compressed length was 501 to 512 modulo 512, the next one was read 512 bytes off. */
static void second_image_is_read_where_it_is(void **state)
{
    bool seen[512] = {false};
    unsigned bad = 0;

    (void)state;
    for (uint32_t size = 5000; bad < 6; size += 1) {
        struct blob package = fixture_package(700, size, size, 0);
        struct mh_package open;
        const struct mh_source source = mh_source_memory(package.bytes, (uint32_t)package.size);
        assert_int_equal(mh_package_open(&open, &source, &bed.device.anchors, bed.device.board), MH_OK);
        const uint32_t rest = open.manifest.components[MH_RUNTIME - 1].stored_size % 512;
        if (seen[rest] || (rest < 501 && rest > 0)) {
            free(package.bytes);
            continue;
        }
        seen[rest] = true;
        bad++;
        offer(package);
        assert_int_equal(bed_boot(), MH_OK);
        assert_true(fixture_holds(&bed.array, MH_RUNTIME, size, size));
        assert_true(fixture_holds(&bed.array, MH_APPLICATION, 700, size));
        assert_int_equal(mh_update_confirm(&bed.core), MH_OK);
    }
}

/* The value of a field of component 2, after its tag and length. */
static uint8_t *field_of_application(uint16_t tag)
{
    uint8_t *at = bed.package.bytes + 8;

    while (mh_get16(at) != MH_TAG_COMPONENT + MH_APPLICATION) {
        at += 4 + (mh_get16(at + 2) + 3u) / 4 * 4;
    }
    at += 4;
    while (mh_get16(at) != tag) {
        at += 4 + (mh_get16(at + 2) + 3u) / 4 * 4;
    }
    return at + 4;
}

static void assert_offer_is_refused(enum mh_error reason)
{
    fixture_sign(&bed.package);
    assert_int_equal(mfupdate_describe(&bed.header, bed.package.bytes, 512, bed.carried.size), MH_OK);
    bed.nor.operations = internal_operations = 0;
    assert_int_equal(bed_update(&bed.row), reason);
    assert_int_equal(bed.nor.operations + internal_operations, 0);
}

/* An image went wherever it said, but into the booter: onto the config with the MAC address, into the other
 * component, on the board with other addresses into nowhere. */
static void image_for_another_place_is_refused(void **state)
{
    static const uint32_t places[] = {0x08000000, 0x0800C000, 0x08010000, 0x08080000, 0x080A0200,
                                      0x080C0000, 0x1FFF7800, 0x20000000, 0};

    (void)state;
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        mh_put32(field_of_application(MH_TAG_DESTINATION), places[i]);
        assert_offer_is_refused(MH_ERR_DESTINATION);
    }
}

/* One that was longer than its region stopped at its end, and counted. */
static void image_that_runs_past_its_region_is_refused(void **state)
{
    (void)state;
    mh_put32(field_of_application(MH_TAG_IMAGE), 0x60000 - MH_HEADER_SIZE + 1);
    assert_offer_is_refused(MH_ERR_TOO_LARGE);
    mh_put32(field_of_application(MH_TAG_IMAGE), UINT32_MAX);
    assert_offer_is_refused(MH_ERR_TOO_LARGE);
}

/* That a container was refused was told to nobody. */
static void refusal_by_the_booter_is_told(void **state)
{
    uint8_t value[4];
    uint32_t length = sizeof value;

    (void)state;
    assert_int_equal(bed_update(&bed.row), MH_OK);
    bed.nor.array.cells[MH_RESERVED_ADDRESS + bed.core.stored.extents[1] * MH_EXTENT_SIZE] ^= 1;
    assert_int_equal(bed_boot(), MH_ERR_CHUNK);
    assert_int_equal(internal_operations, 0);
    assert_int_equal(bed_start(0, 0, NOR_TEAR_BEFORE), MH_OK);
    assert_int_equal(mfupdate_get(&bed.session, "refusal", value, &length), MH_OK);
    assert_int_equal(mh_get32(value), MH_ERR_CHUNK);
}

#define RAM_TEST(name) cmocka_unit_test_setup(name, ram_set_up)
#define BOOT_TEST(name) cmocka_unit_test_setup_teardown(name, boot_set_up, bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RAM_TEST(failed_validation_is_not_remembered_as_a_good_one),
        RAM_TEST(packet_that_comes_after_the_validation_is_validated_too),
        RAM_TEST(packet_index_behind_the_last_is_refused),
        RAM_TEST(negative_packet_index_is_refused),
        RAM_TEST(short_and_long_packets_are_refused),
        RAM_TEST(provider_without_authentication_takes_updates),
        RAM_TEST(property_is_set_by_the_function_that_sets),
        RAM_TEST(missing_packets_are_counted_in_packets),
        RAM_TEST(enumeration_ends_at_the_last_packet),
        RAM_TEST(delete_says_what_became_of_it),
        RAM_TEST(storage_that_cannot_be_read_is_not_an_empty_one),
        BED_TEST(packet_of_ones_does_not_stay_missing),
        BED_TEST(torn_packet_is_missing),
        RAM_TEST(signature_of_an_unknown_kind_is_refused),
        BED_TEST(package_signed_in_another_way_is_refused),
        RAM_TEST(storage_that_cannot_be_read_has_no_hash),
        RAM_TEST(packet_without_a_check_is_checked_too),
        RAM_TEST(install_that_fails_says_so_and_can_be_called_again),
        RAM_TEST(nothing_is_installed_before_all_of_it_is_there),
        BED_TEST(orphaned_blocks_are_used_again),
        BED_TEST(orphaned_sectors_of_an_area_are_used_again),
        BED_TEST(other_update_is_kept_until_the_new_one_comes),
        BED_TEST(room_of_a_deleted_update_is_free_at_once),
        BED_TEST(any_number_of_updates_can_be_offered),
        BED_TEST(container_that_could_not_be_recorded_is_none),
        BED_TEST(packet_that_was_not_written_is_not_acknowledged),
        BED_TEST(packet_that_was_not_recorded_is_not_acknowledged),
        BED_TEST(size_is_the_same_after_a_restart),
        BOOT_TEST(installed_update_is_not_installed_again),
        BOOT_TEST(install_that_fails_is_still_wanted_and_nothing_half_counts),
        BOOT_TEST(word_that_the_flash_has_not_taken_ends_the_install),
        BOOT_TEST(image_shorter_than_512_bytes_is_written_into_an_erased_sector),
        BOOT_TEST(tail_at_the_beginning_of_a_sector_is_written_into_an_erased_one),
        BOOT_TEST(second_image_is_read_where_it_is),
        BOOT_TEST(image_for_another_place_is_refused),
        BOOT_TEST(image_that_runs_past_its_region_is_refused),
        BOOT_TEST(refusal_by_the_booter_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
