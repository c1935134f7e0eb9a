/* SPDX-License-Identifier: MIT
 *
 * The update core at its limits: the last packet, the last byte of a chunk, the largest image, a full store, and what
 * is kept of what was begun, refused or installed.
 */
#include "device_fixture.h"

#include <stdlib.h>
#include <string.h>

#define SMALL 5001u
#define LARGE (0x20000u + 9003u) /* over sectors 9 and 10; 9 holds the header and is written last */
#define RUNTIME_LARGEST (0x90000u - MH_HEADER_SIZE)

static void install_made(uint32_t size, uint32_t runtime_size, uint32_t seed, uint32_t counter)
{
    struct blob package = fixture_package(size, runtime_size, seed, counter);

    install_and_confirm(&package);
    free(package.bytes);
}

/// Packets ///

static void nothing_is_behind_the_last_packet(void **state)
{
    struct blob package = fixture_package(SMALL, 0, 1, 0);
    uint8_t packet[MH_PACKET_SIZE] = {0};

    (void)state;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_begin(&update, package.bytes, MH_PACKET_SIZE, (uint32_t)package.size), MH_OK);
    const uint32_t count = mh_update_packets(&update);
    assert_int_equal(count, (package.size + MH_PACKET_SIZE - 1) / MH_PACKET_SIZE);
    assert_true(mh_update_missing(&update, count - 1));
    assert_false(mh_update_missing(&update, count));
    /* as long as what unsigned numbers make of "what is left" there */
    assert_int_equal(mh_update_packet(&update, count, packet, MH_PACKET_SIZE), MH_ERR_ARGUMENT);
    free(package.bytes);
}

/* The first packet erases what an older package may have there, whose record must not count then. */
static void what_is_begun_is_recorded_before_its_first_packet(void **state)
{
    struct blob package = fixture_package(SMALL, 0, 1, 0);
    struct mh_journal journal;

    (void)state;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_begin(&update, package.bytes, MH_PACKET_SIZE, (uint32_t)package.size), MH_OK);
    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
    assert_int_equal(journal.state.entries[MH_INCOMING].length, package.size);
    assert_memory_equal(journal.state.entries[MH_INCOMING].id, update.package.manifest.id, MH_ID_SIZE);
    free(package.bytes);
}

static void what_is_refused_is_dropped_and_its_reason_kept(void **state)
{
    struct blob package = fixture_package(SMALL, 0, 1, 0);
    struct mh_journal journal;

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    array.nor.cells[MH_RESERVED_ADDRESS + update.stored.extents[0] * MH_EXTENT_SIZE] ^= 1;
    assert_int_equal(fixture_boot(&update, &array.device), MH_ERR_MAGIC);
    assert_int_equal(mh_journal_open(&journal, &array.device.nor), MH_OK);
    assert_int_equal(journal.state.phase, MH_IDLE);
    assert_int_equal(journal.state.refusal, MH_ERR_MAGIC);
    assert_int_equal(journal.state.entries[MH_INCOMING].length, 0);
    free(package.bytes);
}

/// The store ///

/* They are there to go back to, as long as there is room. */
static void packages_of_what_runs_are_not_written_over(void **state)
{
    (void)state;
    install_made(SMALL, 0, 1, 0);
    install_made(0, SMALL, 2, 0);
    struct blob package = fixture_package(LARGE, 0, 3, 0);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    const struct mh_entry *entries = update.journal.state.entries;
    for (unsigned i = 0; i < MH_BITMAP_SIZE; i++) {
        assert_int_equal(entries[MH_INCOMING].extents[i] & entries[MH_RUNTIME - 1].extents[i], 0);
        assert_int_equal(entries[MH_INCOMING].extents[i] & entries[MH_APPLICATION - 1].extents[i], 0);
    }
    free(package.bytes);
}

static unsigned count_extents(const struct mh_entry *entry)
{
    unsigned count = 0;

    for (unsigned n = 0; n < MH_EXTENTS; n++) {
        count += mh_bit(entry->extents, n);
    }
    return count;
}

/* None of its extents stays with the next one. */
static void package_that_is_given_up_for_another_leaves_the_store(void **state)
{
    struct blob large = fixture_package(LARGE, 0, 1, 0), small = fixture_package(SMALL, 0, 2, 0);

    (void)state;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_begin(&update, large.bytes, MH_PACKET_SIZE, (uint32_t)large.size), MH_OK);
    assert_int_equal(mh_update_begin(&update, small.bytes, MH_PACKET_SIZE, (uint32_t)small.size), MH_OK);
    assert_int_equal(count_extents(&update.journal.state.entries[MH_INCOMING]), mh_update_packets(&update));
    free(large.bytes);
    free(small.bytes);
}

/* Whichever component's package fills it. */
static void full_store_is_cleared_for_the_next_package(void **state)
{
    static const uint8_t id[MH_ID_SIZE];
    struct mh_stored stored;
    struct mh_source source;

    (void)state;
    for (unsigned number = MH_RUNTIME; number <= MH_APPLICATION; number++) {
        struct mh_state full = {0};
        memset(full.entries[number - 1].extents, 0xFF, MH_BITMAP_SIZE);
        full.entries[number - 1].length = MH_EXTENTS * MH_EXTENT_SIZE;
        assert_int_equal(mh_store_allocate(&full, MH_EXTENTS * MH_EXTENT_SIZE, id, 1u << (MH_APPLICATION - 1)), MH_OK);
        assert_int_equal(full.entries[number - 1].length, 0);
        assert_int_equal(mh_stored_open(&stored, &array.device.nor, &full.entries[MH_INCOMING], &source), MH_OK);
    }
}

static void packets_of_one_byte_and_of_a_whole_extent_are_written(void **state)
{
    static const uint8_t data[MH_EXTENT_SIZE + 1] = {0x3C, [MH_EXTENT_SIZE - 1] = 0xC3};
    const struct mh_stored stored = {.nor = &array.device.nor, .count = 2, .extents = {4, 7}};
    const uint8_t *second = array.nor.cells + MH_RESERVED_ADDRESS + 7 * MH_EXTENT_SIZE;

    (void)state;
    assert_int_equal(mh_stored_write(&stored, 1, data, 1), MH_OK);
    assert_int_equal(second[0], 0x3C);
    assert_int_equal(second[1], 0xFF);
    array.operations_left = 1 + MH_EXTENT_SIZE / MH_PAGE_SIZE; /* an erase and each page */
    assert_int_equal(mh_stored_write(&stored, 1, data, MH_EXTENT_SIZE), MH_OK);
    assert_int_equal(array.operations_left, 0);
    assert_memory_equal(second, data, MH_EXTENT_SIZE);
    assert_int_equal(mh_stored_write(&stored, 1, data, 0), MH_ERR_ARGUMENT);
    assert_int_equal(mh_stored_write(&stored, 1, data, MH_EXTENT_SIZE + 1), MH_ERR_ARGUMENT);
    assert_int_equal(mh_stored_write(&stored, 2, data, 1), MH_ERR_ARGUMENT);
}

/// Installing ///

static void images_end_anywhere_in_a_chunk(void **state)
{
    static const uint32_t sizes[] = {8,  MH_CHUNK_SIZE - 4, MH_CHUNK_SIZE - 1, MH_CHUNK_SIZE, MH_CHUNK_SIZE + 1,
                                     2 * MH_CHUNK_SIZE};

    (void)state;
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        install_made(sizes[i], 0, i, 0);
        assert_true(fixture_holds(&array, MH_APPLICATION, sizes[i], i));
    }
}

/* Its chunk table fills the memory that there is for one, and the application's first sector is the one behind it. */
static void largest_runtime_leaves_the_application_alone(void **state)
{
    (void)state;
    install_made(SMALL, 0, 2, 0);
    install_made(0, RUNTIME_LARGEST, 1, 0);
    assert_true(fixture_holds(&array, MH_RUNTIME, RUNTIME_LARGEST, 1));
    assert_true(fixture_holds(&array, MH_APPLICATION, SMALL, 2));
}

static enum mh_error (*program_well)(void *context, uint32_t address, const uint8_t *data, uint32_t length);
static bool spoil;

/* As the first words of sector 9 are programmed, a bit of sector 10, which is done, is lost. */
static enum mh_error program_and_spoil(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    if (spoil && address < mh_sector(10).address) {
        array.internal.cells[mh_sector(10).address - MH_INTERNAL_BASE + 8] ^= 1;
        spoil = false;
    }
    return program_well(context, address, data, length);
}

static void sector_that_goes_bad_when_it_is_done_is_written_again(void **state)
{
    struct blob package = fixture_package(LARGE, 0, 1, 0);

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    program_well = array.device.internal.program;
    array.device.internal.program = program_and_spoil;
    spoil = true;
    assert_int_equal(fixture_boot(&update, &array.device), MH_ERR_IMAGE);
    assert_false(spoil);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(fixture_holds(&array, MH_APPLICATION, LARGE, 1));
    free(package.bytes);
}

/// What is installed ///

static void what_is_installed_is_told(void **state)
{
    static const struct mh_state none;
    struct mh_installed installed;

    (void)state;
    memset(&installed, 0xA5, sizeof installed);
    mh_installed_read(&array.device, &none, &installed);
    const struct mh_installed nothing = {.capacity = {MH_COUNTER_MAX, MH_COUNTER_MAX}, .revocable = UINT32_MAX};
    assert_memory_equal(&installed, &nothing, sizeof nothing);
    install_made(SMALL, 0, 3, 9);
    install_made(0, SMALL, 4, 8);
    assert_int_equal(mh_otp_raise(&array.device.otp, MH_RUNTIME, 11), MH_OK);
    mh_installed_read(&array.device, &none, &installed);
    assert_int_equal(installed.recorded[MH_RUNTIME - 1], 11);
    assert_int_equal(installed.recorded[MH_APPLICATION - 1], 9); /* since it was confirmed */
    for (unsigned number = MH_RUNTIME; number <= MH_APPLICATION; number++) {
        assert_true(installed.present[number - 1]);
        assert_int_equal(installed.version[number - 1].part[0], number == MH_RUNTIME ? 4 : 3);
        assert_int_equal(installed.counter[number - 1], number == MH_RUNTIME ? 8 : 9);
    }
}

static unsigned fed;

static void feed(void)
{
    fed++;
}

/* No step of the work is longer than an erase or 4 KB without feeding the watchdog: in the package verified, in each of
 * its two sectors erased and programmed, in the image verified before its header is written. */
static void watchdog_is_fed(void **state)
{
    struct blob package = fixture_package(LARGE, 0, 1, 0);
    struct mh_manifest manifest;
    const unsigned chunks = (LARGE + MH_CHUNK_SIZE - 1) / MH_CHUNK_SIZE;

    (void)state;
    array.device.alive = feed;
    fed = 0;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_true(fed >= chunks);
    fed = 0;
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(fed >= chunks + (2 + chunks) + chunks);
    fed = 0;
    assert_int_equal(mh_component_verify(&array.device, MH_APPLICATION, &manifest), MH_OK);
    assert_true(fed >= chunks);
    free(package.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_device, tear_down_device)

int main(void)
{
    const struct CMUnitTest update_tests[] = {
        TEST(nothing_is_behind_the_last_packet),
        TEST(what_is_begun_is_recorded_before_its_first_packet),
        TEST(what_is_refused_is_dropped_and_its_reason_kept),
        TEST(packages_of_what_runs_are_not_written_over),
        TEST(package_that_is_given_up_for_another_leaves_the_store),
        TEST(full_store_is_cleared_for_the_next_package),
        TEST(packets_of_one_byte_and_of_a_whole_extent_are_written),
        TEST(images_end_anywhere_in_a_chunk),
        TEST(largest_runtime_leaves_the_application_alone),
        TEST(sector_that_goes_bad_when_it_is_done_is_written_again),
        TEST(what_is_installed_is_told),
        TEST(watchdog_is_fed),
    };
    return cmocka_run_group_tests(update_tests, NULL, NULL);
}
