/* SPDX-License-Identifier: MIT
 *
 * Sectors of the SPI NOR that are worn out: an update that finds no place is refused, and what runs goes on running.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#define RATED 100000u /* erases: W25Q64JV Rev J, features */
#define SMALL 5001u
#define STARTS 4u     /* within which every update has come to its end */
#define NOR_SECTORS 2048u
#define JOURNAL (MH_JOURNAL_ADDRESS / MH_EXTENT_SIZE)

static const struct nor_defects worn = {.wears = true, .worn_after = RATED};
static struct array_device array;
static struct mh_update update;
static uint32_t erases[NOR_SECTORS];

/* What set_up has made, to go back to. */
static struct {
    uint8_t internal[MH_INTERNAL_SIZE], reserved[NOR_SECTORS * MH_EXTENT_SIZE - MH_RESERVED_ADDRESS];
    uint8_t otp[sizeof array.otp];
} fresh;

/* A device that runs application 1, confirmed, on a chip whose sectors may be worn. */
static int set_up(void **state)
{
    struct blob package = fixture_package(SMALL, SMALL, 1, 0);

    (void)state;
    fixture_device(&array);
    memset(erases, 0, sizeof erases);
    array.nor.erases = erases;
    array.nor.defects = &worn;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    memcpy(fresh.internal, array.internal.cells, sizeof fresh.internal);
    memcpy(fresh.reserved, array.nor.cells + MH_RESERVED_ADDRESS, sizeof fresh.reserved);
    memcpy(fresh.otp, array.otp, sizeof fresh.otp);
    free(package.bytes);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    array_device_free(&array);
    return 0;
}

static void again(void)
{
    memcpy(array.internal.cells, fresh.internal, sizeof fresh.internal);
    memcpy(array.nor.cells + MH_RESERVED_ADDRESS, fresh.reserved, sizeof fresh.reserved);
    memcpy(array.otp, fresh.otp, sizeof fresh.otp);
    memset(erases, 0, sizeof erases);
}

/* Leaves a sector so many erases that it still holds. */
static void leave(uint32_t sector, uint32_t good)
{
    erases[sector] = RATED - good;
}

static bool runs(uint32_t size, uint32_t seed)
{
    return fixture_holds(&array, MH_RUNTIME, SMALL, seed) && fixture_holds(&array, MH_APPLICATION, size, seed);
}

/// Packets ///

static void assert_refused_at_packet(const struct blob *package, uint32_t index)
{
    assert_int_equal(fixture_store(&update, &array.device, package), MH_ERR_FLASH);
    assert_true(mh_update_missing(&update, index));
    assert_int_equal(mh_update_install(&update), MH_ERR_STATE);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(runs(SMALL, 1));
}

static void a_packet_whose_sector_is_worn_out_is_refused(void **state)
{
    struct blob package = fixture_package(8 * MH_EXTENT_SIZE, SMALL, 2, 0);

    (void)state;
    assert_true(package.size > 3 * MH_EXTENT_SIZE);
    for (uint32_t index = 0; index <= 3; index++) {
        const uint32_t running = update.journal.state.entries[MH_APPLICATION - 1].length;
        const uint32_t used = (running + MH_EXTENT_SIZE - 1) / MH_EXTENT_SIZE; /* the first extents */
        leave(MH_RESERVED_ADDRESS / MH_EXTENT_SIZE + used + index, 0);
        assert_refused_at_packet(&package, index);
        assert_refused_at_packet(&package, index);
        again();
    }
    free(package.bytes);
}

static void the_last_erase_that_a_sector_stands_is_used(void **state)
{
    struct blob package = fixture_package(8 * MH_EXTENT_SIZE, SMALL, 2, 0);

    (void)state;
    for (uint32_t extent = 0; extent < MH_EXTENTS; extent++) {
        leave(MH_RESERVED_ADDRESS / MH_EXTENT_SIZE + extent, 1);
    }
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(runs(8 * MH_EXTENT_SIZE, 2));
    free(package.bytes);
}

/// The journal ///

/* Starts until nothing changes any more. At each of them, one whole device must be there to be started. */
static void start_and_look(uint32_t size)
{
    for (unsigned start = 0; start < STARTS; start++) {
        (void)fixture_boot(&update, &array.device);
        assert_true(runs(SMALL, 1) || runs(size, 2));
    }
}

/* An update of both components, by a journal whose sectors stand so many erases more. Whether it was made. */
static bool update_with(const struct blob *package, uint32_t size, uint32_t first, uint32_t second)
{
    again();
    leave(JOURNAL, first);
    leave(JOURNAL + 1, second);
    const enum mh_error stored = fixture_store(&update, &array.device, package);
    assert_true(stored == MH_OK || stored == MH_ERR_FLASH);
    assert_true(runs(SMALL, 1));
    start_and_look(size);
    if (stored) {
        assert_true(runs(SMALL, 1));
    }
    const bool made = runs(size, 2);
    if (made) {
        (void)mh_update_confirm(&update);
        start_and_look(size);
    }
    return made;
}

/* How far the journal is when the install begins depends on the number of packets. */
static void a_journal_that_wears_out_never_costs_what_runs(void **state)
{
    unsigned made = 0, refused = 0;

    (void)state;
    for (uint32_t packets = 2; packets <= 62; packets += 6) {
        const uint32_t size = packets * MH_EXTENT_SIZE;
        struct blob package = fixture_package(size, SMALL, 2, 0);
        for (uint32_t first = 0; first < 6; first++) {
            for (uint32_t second = 0; second < 6; second++) {
                const bool done = update_with(&package, size, first, second);
                made += done;
                refused += !done;
            }
        }
        free(package.bytes);
    }
    assert_true(made > 0 && refused > 0);
}

/* The other one is as good as new. */
static void one_worn_sector_of_the_journal_does_not_end_updates(void **state)
{
    const uint32_t size = 8 * MH_EXTENT_SIZE;
    struct blob package = fixture_package(size, SMALL, 2, 0);

    (void)state;
    for (unsigned which = 0; which < 2; which++) {
        for (uint32_t good = 0; good < 6; good++) {
            assert_true(update_with(&package, size, which == 0 ? good : RATED, which == 1 ? good : RATED));
            assert_int_equal(update.journal.state.phase, MH_IDLE);
            assert_false(mh_update_unconfirmed(&update));
        }
    }
    free(package.bytes);
}

/* The install is begun with a journal that can follow it to its end, wherever that stands. */
static void an_install_erases_nothing_of_the_journal(void **state)
{
    (void)state;
    for (uint32_t packets = 2; packets <= 17; packets++) {
        struct blob package = fixture_package(packets * MH_EXTENT_SIZE, SMALL, 2, 0);
        again();
        assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
        const uint32_t before[2] = {erases[JOURNAL], erases[JOURNAL + 1]};
        assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
        assert_true(mh_update_unconfirmed(&update));
        assert_memory_equal(erases + JOURNAL, before, sizeof before);
        free(package.bytes);
    }
}

/* It was requested when the journal was good, which wears out before it begins: nothing is erased for it, at any start,
 * and it stays requested. When the journal holds, it is made. */
static void an_install_that_the_journal_cannot_follow_stays_requested(void **state)
{
    const uint32_t size = 2 * MH_EXTENT_SIZE;
    struct blob package = fixture_package(size, SMALL, 2, 0);

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    while (update.journal.next_page < MH_JOURNAL_PAGES - 2) {
        assert_int_equal(mh_journal_write(&update.journal), MH_OK);
    }
    for (unsigned start = 0; start < STARTS; start++) {
        leave(JOURNAL, 0);
        leave(JOURNAL + 1, 0);
        assert_int_equal(fixture_boot(&update, &array.device), MH_ERR_FLASH);
        assert_int_equal(update.journal.state.phase, MH_REQUESTED);
        assert_int_equal(update.journal.state.refusal, MH_OK);
        assert_memory_equal(array.internal.cells, fresh.internal, sizeof fresh.internal);
    }
    leave(JOURNAL, RATED);
    leave(JOURNAL + 1, RATED);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(runs(size, 2));
    free(package.bytes);
}

/* Power is lost between operations, too, of the install that a worn journal has to follow. */
static void power_losses_on_a_worn_journal_do_not_cost_what_runs(void **state)
{
    const uint32_t size = 2 * MH_EXTENT_SIZE;
    struct blob package = fixture_package(size, SMALL, 2, 0);

    (void)state;
    for (uint32_t good = 0; good < 4; good++) {
        for (uint64_t operations = 1; operations < 12000; operations += operations < 120 ? 1 : 397) {
            again();
            leave(JOURNAL, good);
            leave(JOURNAL + 1, good);
            array.operations_left = operations;
            (void)fixture_store(&update, &array.device, &package);
            (void)fixture_boot(&update, &array.device);
            array.operations_left = UINT64_MAX;
            start_and_look(size);
        }
    }
    free(package.bytes);
}

/// The watchdog ///

static unsigned erases_unfed, most_unfed;
static enum mh_error (*erase_well)(void *context, uint32_t address);

static void feed(void)
{
    erases_unfed = 0;
}

static enum mh_error erase_and_count(void *context, uint32_t address)
{
    erases_unfed++;
    most_unfed = erases_unfed > most_unfed ? erases_unfed : most_unfed;
    return erase_well(context, address);
}

/* What an application can ask for while the watchdog runs, on a journal that needs each erase that there is: none is
 * longer without feeding than an erase. */
static void watchdog_is_fed_however_often_the_journal_moves(void **state)
{
    enum mh_error (*const ask[])(struct mh_update *) = {mh_update_confirm, mh_update_rollback};
    struct blob package = fixture_package(SMALL, 0, 2, 0);

    (void)state;
    erase_well = array.device.nor.erase;
    array.device.alive = feed;
    for (unsigned i = 0; i < sizeof ask / sizeof *ask; i++) {
        again();
        assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
        assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
        assert_int_equal(update.journal.state.phase, MH_TRIAL);
        update.journal.next_page = MH_JOURNAL_PAGES; /* there is no room for another record */
        leave(JOURNAL, 0);
        leave(JOURNAL + 1, 0);
        array.device.nor.erase = erase_and_count;
        erases_unfed = most_unfed = 0;
        (void)ask[i](&update);
        array.device.nor.erase = erase_well;
        assert_int_equal(most_unfed, 1);
    }
    free(package.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        TEST(a_packet_whose_sector_is_worn_out_is_refused),
        TEST(the_last_erase_that_a_sector_stands_is_used),
        TEST(a_journal_that_wears_out_never_costs_what_runs),
        TEST(one_worn_sector_of_the_journal_does_not_end_updates),
        TEST(an_install_erases_nothing_of_the_journal),
        TEST(an_install_that_the_journal_cannot_follow_stays_requested),
        TEST(power_losses_on_a_worn_journal_do_not_cost_what_runs),
        TEST(watchdog_is_fed_however_often_the_journal_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
