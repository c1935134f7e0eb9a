/* SPDX-License-Identifier: MIT
 *
 * What follows an install: starts on trial, confirmation, rollback, the counters that are recorded; on a device in
 * memory, with power lost between any two operations.
 */
#include "device_fixture.h"
#include "manifest_edit.h"

#include "matterhorn/bytes.h"

#include <stdlib.h>
#include <string.h>

#define SMALL 5001u
#define LARGE (0x20000u + 9003u) /* over sectors 9 and 10; 9 holds the header and is written last */
#define POWER_ON false
#define BLAMED true
#define APPLICATION_BIT (1u << (MH_APPLICATION - 1))
#define RUNTIME_BIT (1u << (MH_RUNTIME - 1))

/// Steps ///

static const struct mh_state *now(void)
{
    return &update.journal.state;
}

static enum mh_error start(bool blamed)
{
    const enum mh_error error = mh_update_initialize(&update, &array.device);

    return error ? error : mh_proceed(&array.device, &update.journal, &update.package, blamed);
}

/* Stores a package, has it installed, and leaves it on trial. */
static void try(uint32_t size, uint32_t runtime_size, uint32_t seed, uint32_t counter)
{
    struct blob package = fixture_package(size, runtime_size, seed, counter);

    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_int_equal(start(BLAMED), MH_OK); /* it was the old image's reset */
    assert_int_equal(now()->phase, MH_TRIAL);
    free(package.bytes);
}

static void install(uint32_t size, uint32_t runtime_size, uint32_t seed, uint32_t counter)
{
    try(size, runtime_size, seed, counter);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
}

static enum mh_error offer(uint32_t size, uint32_t runtime_size, uint32_t seed, uint32_t counter)
{
    struct blob package = fixture_package(size, runtime_size, seed, counter);
    const enum mh_error error = fixture_store(&update, &array.device, &package);

    free(package.bytes);
    return error;
}

static bool holds(unsigned component, uint32_t size, uint32_t seed)
{
    return fixture_holds(&array, component, size, seed);
}

static uint32_t recorded(unsigned component)
{
    return mh_otp_counter(array.otp, component);
}

/* The first byte in the store of the package that runs as this component. */
static uint8_t *stored_byte(unsigned component)
{
    struct mh_stored stored;
    struct mh_source source;

    assert_int_equal(mh_stored_open(&stored, &array.device.nor, &now()->entries[component - 1], &source), MH_OK);
    return array.nor.cells + MH_RESERVED_ADDRESS + stored.extents[0] * MH_EXTENT_SIZE;
}

/* What a power loss leaves, to go back to. */
static void save(struct array_device *copy)
{
    fixture_device(copy);
    memcpy(copy->internal.cells, array.internal.cells, array.internal.part->size);
    memcpy(copy->nor.cells, array.nor.cells, array.nor.part->size);
    memcpy(copy->otp, array.otp, sizeof array.otp);
}

static void restore(const struct array_device *copy)
{
    memcpy(array.internal.cells, copy->internal.cells, array.internal.part->size);
    memcpy(array.nor.cells + MH_RESERVED_ADDRESS, copy->nor.cells + MH_RESERVED_ADDRESS, 0x100000);
    memcpy(array.otp, copy->otp, sizeof array.otp);
}

/// The trial ///

static void install_leads_to_a_trial_that_keeps_what_was_there(void **state)
{
    (void)state;
    install(SMALL, 0, 1, 0);
    const struct mh_entry running = now()->entries[MH_APPLICATION - 1];
    try(SMALL, 0, 2, 0);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_int_equal(now()->phase, MH_TRIAL);
    assert_int_equal(now()->tried, APPLICATION_BIT);
    assert_memory_equal(&now()->entries[MH_APPLICATION - 1], &running, sizeof running);
    assert_int_not_equal(now()->entries[MH_INCOMING].length, 0);
    assert_memory_not_equal(now()->entries[MH_INCOMING].id, running.id, MH_ID_SIZE);
    assert_true(mh_update_unconfirmed(&update));
}

static void starts_cost_what_their_reset_says(void **state)
{
    (void)state;
    install(SMALL, 0, 1, 0);
    try(SMALL, 0, 2, 0);
    assert_int_equal(now()->credit, MH_TRIAL_CREDIT); /* the start behind the install */
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_int_equal(now()->credit, MH_TRIAL_CREDIT - MH_TRIAL_START);
    assert_int_equal(start(BLAMED), MH_OK);
    assert_int_equal(now()->credit, MH_TRIAL_CREDIT - MH_TRIAL_START - MH_TRIAL_BLAMED);
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(now()->credit, MH_TRIAL_CREDIT - MH_TRIAL_START - MH_TRIAL_BLAMED); /* it is recorded */
}

static unsigned starts_until_it_is_rolled_back(bool blamed)
{
    unsigned starts = 0;

    while (now()->phase == MH_TRIAL && starts < 100) {
        assert_true(holds(MH_APPLICATION, SMALL, 2));
        assert_int_equal(start(blamed), MH_OK);
        starts++;
    }
    assert_int_equal(now()->phase, MH_IDLE);
    assert_true(holds(MH_APPLICATION, LARGE, 1));
    return starts;
}

static void third_reset_that_is_blamed_rolls_back(void **state)
{
    (void)state;
    install(LARGE, 0, 1, 0);
    const struct mh_entry running = now()->entries[MH_APPLICATION - 1];
    try(SMALL, 0, 2, 0);
    assert_int_equal(starts_until_it_is_rolled_back(BLAMED), 3);
    assert_memory_equal(&now()->entries[MH_APPLICATION - 1], &running, sizeof running);
    assert_int_equal(now()->entries[MH_INCOMING].length, 0);
    assert_int_equal(now()->tried, 0);
    assert_int_equal(now()->refusal, MH_ERR_ROLLED_BACK);
}

/* Who loses power that often before anybody confirms may as well be an image that hangs, on a device whose power is
 * switched off for it. */
static void power_losses_roll_back_only_in_the_end(void **state)
{
    (void)state;
    install(LARGE, 0, 1, 0);
    try(SMALL, 0, 2, 0);
    assert_int_equal(starts_until_it_is_rolled_back(POWER_ON), 24);
}

static void what_was_rolled_back_is_never_taken_again(void **state)
{
    (void)state;
    install(SMALL, 0, 1, 0);
    try(SMALL, 0, 2, 0);
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_int_equal(offer(SMALL, 0, 2, 0), MH_ERR_ROLLED_BACK);
    install(LARGE, 0, 3, 0); /* others are */
    assert_int_equal(offer(SMALL, 0, 2, 0), MH_ERR_ROLLED_BACK);
}

/// Rollback that is off ///

/* The trial's credit is used up, the rollback is off for `reason`: the image goes on being tried, and only the first
 * such start writes. */
static void assert_off(enum mh_error reason)
{
    uint32_t erases[MH_SECTORS] = {0};

    array.internal.erases = erases;
    while (now()->credit > MH_TRIAL_BLAMED) {
        assert_int_equal(start(BLAMED), MH_OK);
    }
    assert_int_equal(start(BLAMED), reason);
    assert_int_equal(now()->credit, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK); /* makes the record firm */
        const uint64_t before = array.operations_left;
        assert_int_equal(mh_trial_start(&array.device, &update.journal, &update.package, BLAMED), reason);
        assert_int_equal(array.operations_left, before);
    }
    assert_int_equal(now()->phase, MH_TRIAL);
    for (unsigned sector = 0; sector < MH_SECTORS; sector++) {
        assert_int_equal(erases[sector], 0);
    }
    array.internal.erases = NULL;
    /* that does not read chunks */
    assert_int_equal(mh_update_rollback(&update), reason == MH_ERR_CHUNK ? MH_OK : reason);
}

static void nothing_was_there_before(void **state)
{
    (void)state;
    try(SMALL, 0, 2, 0);
    assert_off(MH_ERR_LAYOUT);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
}

static void what_was_there_before_is_damaged(void **state)
{
    (void)state;
    install(SMALL, 0, 1, 0);
    try(SMALL, 0, 2, 0);
    stored_byte(MH_APPLICATION)[1000] ^= 1; /* in a chunk */
    assert_off(MH_ERR_CHUNK);
    assert_true(holds(MH_APPLICATION, SMALL, 2));
}

/* Another package that is signed is in its place: what is installed is what the directory names, or nothing. */
static void what_was_there_before_is_another_package(void **state)
{
    struct blob other = fixture_package(SMALL, 0, 3, 0);

    (void)state;
    install(SMALL, 0, 1, 0);
    try(SMALL, 0, 2, 0);
    memcpy(stored_byte(MH_APPLICATION), other.bytes, other.size);
    assert_off(MH_ERR_LAYOUT);
    free(other.bytes);
}

static void what_was_there_before_has_too_low_a_counter(void **state)
{
    (void)state;
    install(SMALL, 0, 1, 4);
    try(SMALL, 0, 2, 6);
    assert_int_equal(mh_otp_raise(&array.device.otp, MH_APPLICATION, 5), MH_OK);
    assert_off(MH_ERR_COUNTER);
}

/* The application that stays needs the runtime that is tried. */
static void what_was_there_before_does_not_go_with_what_stays(void **state)
{
    struct blob needs = fixture_package_requiring(SMALL, 4, 0, 3);

    (void)state;
    install(SMALL, 0, 1, 0);
    install(0, SMALL, 2, 0);
    try(0, SMALL, 5, 0);
    /* Behind the back of all that asks: an update leaves nothing that a rollback would break. */
    memcpy(array.internal.cells + 0xA0000, needs.bytes, mh_get16(needs.bytes + 6) + MH_SIGNATURE_SIZE);
    assert_off(MH_ERR_REQUIRES);
    free(needs.bytes);
}

static void request_for_a_rollback_that_turns_out_to_be_off_can_be_given_up(void **state)
{
    (void)state;
    install(SMALL, 0, 1, 0);
    try(SMALL, 0, 2, 0);
    stored_byte(MH_APPLICATION)[1000] ^= 1; /* in a chunk */
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    assert_int_equal(start(POWER_ON), MH_ERR_CHUNK);
    assert_int_equal(now()->phase, MH_ROLLING_BACK); /* still wanted */
    assert_int_equal(now()->sectors_done, 0);
    assert_int_equal(mh_rollback_give_up(&update.journal), MH_OK);
    assert_int_equal(start(POWER_ON), MH_ERR_CHUNK);
    assert_int_equal(now()->phase, MH_TRIAL);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_true(holds(MH_APPLICATION, SMALL, 2));
}

/// Rollback ///

static void rollback_is_requested_only_on_trial(void **state)
{
    (void)state;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_rollback(&update), MH_ERR_STATE);
    install(SMALL, 0, 1, 0);
    assert_int_equal(mh_update_rollback(&update), MH_ERR_STATE);
    try(SMALL, 0, 2, 0);
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    assert_int_equal(mh_update_rollback(&update), MH_ERR_STATE);
    assert_int_equal(mh_update_confirm(&update), MH_ERR_STATE);
    assert_int_equal(mh_update_delete(&update), MH_ERR_STATE);
    assert_int_equal(offer(SMALL, 0, 3, 0), MH_ERR_STATE);
    assert_false(mh_update_unconfirmed(&update));
}

static void both_components_are_rolled_back_to_their_packages(void **state)
{
    (void)state;
    install(LARGE, 0, 1, 0);
    install(0, SMALL, 2, 0);
    try(SMALL, LARGE, 3, 0);
    assert_int_equal(now()->tried, RUNTIME_BIT | APPLICATION_BIT);
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_int_equal(now()->phase, MH_IDLE);
    assert_true(holds(MH_APPLICATION, LARGE, 1));
    assert_true(holds(MH_RUNTIME, SMALL, 2));
}

static void both_components_are_rolled_back_to_one_package(void **state)
{
    (void)state;
    install(SMALL, SMALL, 1, 0);
    try(LARGE, LARGE, 2, 0);
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_true(holds(MH_APPLICATION, SMALL, 1));
    assert_true(holds(MH_RUNTIME, SMALL, 1));
}

/* Nothing else of a package with both is touched when one is rolled back to it. */
static void one_component_is_rolled_back_to_a_package_of_both(void **state)
{
    uint32_t erases[MH_SECTORS] = {0};

    (void)state;
    install(SMALL, SMALL, 1, 0);
    try(SMALL, 0, 2, 0);
    array.internal.erases = erases;
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    assert_int_equal(start(POWER_ON), MH_OK);
    array.internal.erases = NULL;
    assert_true(holds(MH_APPLICATION, SMALL, 1));
    assert_true(holds(MH_RUNTIME, SMALL, 1));
    assert_int_equal(erases[4], 0);
    assert_int_equal(erases[9], 1);
}

/* All of it or nothing: one of the two is not there to go back to. */
static void both_stay_when_one_of_them_cannot_be_rolled_back(void **state)
{
    (void)state;
    install(SMALL, 0, 1, 0);
    try(SMALL, SMALL, 2, 0);
    assert_int_equal(mh_update_rollback(&update), MH_ERR_LAYOUT);
    assert_off(MH_ERR_LAYOUT);
    assert_true(holds(MH_APPLICATION, SMALL, 2));
}

/* A start with power for so many operations, then those that it takes; whatever was lost, one erase per sector and
 * one more for the cut. */
static bool roll_back_with_loss(uint64_t operations)
{
    uint32_t erases[MH_SECTORS] = {0};

    array.internal.erases = erases;
    array.operations_left = operations;
    const bool done = start(BLAMED) == MH_OK && array.operations_left > 0;
    array.operations_left = UINT64_MAX;
    assert_int_equal(start(BLAMED), MH_OK); /* goes on, or begins: then it costs what is left of the credit */
    array.internal.erases = NULL;
    assert_int_equal(now()->phase, MH_IDLE);
    assert_int_equal(now()->refusal, MH_ERR_ROLLED_BACK);
    assert_true(holds(MH_APPLICATION, LARGE, 1));
    assert_true(holds(MH_RUNTIME, SMALL, 2));
    unsigned more = 0;
    for (unsigned sector = 0; sector < MH_SECTORS; sector++) {
        const bool covered = sector == 4 || sector == 9 || sector == 10;
        assert_in_range(erases[sector], covered, 2 * covered);
        more += erases[sector] > 1;
    }
    assert_true(more <= 1);
    return done;
}

static void rollback_outlives_a_power_loss_between_any_two_operations(void **state)
{
    struct array_device before;
    uint64_t points = 0;

    (void)state;
    install(LARGE, 0, 1, 7);
    install(0, SMALL, 2, 8);
    try(SMALL, LARGE, 3, 9);
    while (now()->credit > MH_TRIAL_BLAMED) {
        assert_int_equal(start(BLAMED), MH_OK);
    }
    save(&before);
    for (uint64_t after = 0; !roll_back_with_loss(after); points++, restore(&before)) {
        after += after < 60 ? 1 : 397;
        assert_int_equal(recorded(MH_APPLICATION), 7);
    }
    assert_true(points > 60);
    array_device_free(&before);
}

/// Confirmation and the recorded counters ///

static void counters_are_recorded_with_confirmation_and_not_before(void **state)
{
    (void)state;
    install(0, SMALL, 1, 2);
    assert_int_equal(recorded(MH_RUNTIME), 2);
    assert_int_equal(recorded(MH_APPLICATION), 0);
    try(SMALL, 0, 2, 37);
    assert_int_equal(recorded(MH_APPLICATION), 0);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_int_equal(recorded(MH_APPLICATION), 0);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(recorded(MH_APPLICATION), 37);
    assert_int_equal(recorded(MH_RUNTIME), 2);
    assert_int_equal(offer(SMALL, 0, 3, 36), MH_ERR_COUNTER);
}

static void rollback_records_nothing_and_may_lower_the_version(void **state)
{
    (void)state;
    install(SMALL, 0, 5, 3);
    try(SMALL, 0, 6, 9);
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_int_equal(recorded(MH_APPLICATION), 3);
    install(SMALL, 0, 4, 3); /* an older version, as old a counter */
    assert_int_equal(recorded(MH_APPLICATION), 3);
}

static void confirmation_makes_it_the_running_package(void **state)
{
    (void)state;
    install(SMALL, 0, 1, 0);
    try(SMALL, SMALL, 2, 0);
    const struct mh_entry tried = now()->entries[MH_INCOMING];
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(now()->phase, MH_IDLE);
    assert_memory_equal(&now()->entries[MH_RUNTIME - 1], &tried, sizeof tried);
    assert_memory_equal(&now()->entries[MH_APPLICATION - 1], &tried, sizeof tried);
    assert_int_equal(now()->entries[MH_INCOMING].length, 0);
    assert_int_equal(now()->credit, 0);
    assert_int_equal(mh_update_confirm(&update), MH_OK); /* once more is nothing */
}

/* Before its first record the trial goes on; behind it, the bootloader finishes what the application began. */
static void confirmation_outlives_a_power_loss_between_any_two_operations(void **state)
{
    struct array_device before;
    enum mh_error error = MH_ERR_FLASH;

    (void)state;
    install(SMALL, 0, 1, 0);
    try(SMALL, 0, 2, 100);
    save(&before);
    for (uint64_t operations = 0; error; operations++) {
        restore(&before);
        assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
        array.operations_left = operations;
        error = mh_update_confirm(&update);
        array.operations_left = UINT64_MAX;
        assert_true(recorded(MH_APPLICATION) == 0 || operations > 0); /* the record comes first */
        assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
        if (operations == 0) {
            assert_int_equal(now()->phase, MH_TRIAL);
            continue;
        }
        if (now()->phase == MH_IDLE) {
            assert_int_equal(recorded(MH_APPLICATION), 100); /* it comes last */
        }
        assert_int_equal(start(BLAMED), MH_OK);
        assert_int_equal(now()->phase, MH_IDLE);
        assert_int_equal(now()->refusal, MH_OK);
        assert_int_equal(recorded(MH_APPLICATION), 100);
    }
    array_device_free(&before);
}

static void counter_that_cannot_be_recorded_is_refused_in_advance(void **state)
{
    (void)state;
    assert_int_equal(offer(SMALL, 0, 1, MH_COUNTER_MAX + 1), MH_ERR_COUNTER_FULL);
    memset(array.otp + RAIL_OTP_LOCKS + 7, 0, 1); /* the first block of the application's */
    assert_int_equal(offer(SMALL, 0, 1, MH_COUNTER_MAX - 255), MH_ERR_COUNTER_FULL);
    install(SMALL, 0, 1, MH_COUNTER_MAX - 256);
    assert_int_equal(recorded(MH_APPLICATION), MH_COUNTER_MAX - 256);
}

/* Of a device that has a key 1 too, which key 0 may revoke. */
static struct blob revoking_package(uint32_t seed, uint32_t counter)
{
    static const uint8_t keys[4] = {1u << 1};
    struct blob package = fixture_package(SMALL, 0, seed, counter);
    struct edit edit;

    edit_begin(&edit, &package);
    free(package.bytes);
    edit_append(&edit, TOP, MH_TAG_REVOKES, sizeof keys, keys);
    return edit_end(&edit);
}

static void lock(unsigned block)
{
    array.otp[RAIL_OTP_LOCKS + block] = 0;
}

#define REVOCATIONS (MH_OTP_REVOKED_OFFSET / MH_OTP_BLOCK_SIZE) /* the block that they are in */

static void revocation_that_cannot_be_recorded_is_refused_in_advance(void **state)
{
    struct blob package = revoking_package(2, 0);
    struct mh_plan p;

    (void)state;
    install(SMALL, 0, 1, 0);
    lock(REVOCATIONS);
    const uint64_t before = array.operations_left;
    assert_int_equal(mh_update_plan(&update, package.bytes, MH_PACKET_SIZE, (uint32_t)package.size, &p),
                     MH_ERR_REVOCATION);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_ERR_REVOCATION);
    assert_int_equal(array.operations_left, before); /* nothing was written or erased */
    assert_int_equal(now()->phase, MH_IDLE);
    install(SMALL, 0, 3, 0); /* one that revokes nothing */
    free(package.bytes);
}

static void revocation_that_cannot_be_recorded_any_more_is_refused_by_the_installer(void **state)
{
    struct blob package = revoking_package(2, 0);
    uint32_t erases[MH_SECTORS] = {0};

    (void)state;
    install(SMALL, 0, 1, 0);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    lock(REVOCATIONS);
    array.internal.erases = erases;
    assert_int_equal(start(POWER_ON), MH_ERR_REVOCATION);
    array.internal.erases = NULL;
    assert_int_equal(erases[9], 0);
    assert_int_equal(now()->phase, MH_IDLE);
    assert_int_equal(now()->refusal, MH_ERR_REVOCATION);
    assert_true(holds(MH_APPLICATION, SMALL, 1));
    free(package.bytes);
}

static void what_was_revoked_before_the_block_was_locked_may_be_revoked_again(void **state)
{
    struct blob package = revoking_package(2, 0);

    (void)state;
    assert_int_equal(mh_otp_revoke(&array.device.otp, 1u << 1), MH_OK);
    lock(REVOCATIONS);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    free(package.bytes);
}

/* It was accepted before the block was locked. To go on waiting would keep every other update out, for ever. */
static void confirmation_that_can_never_be_recorded_is_one_all_the_same(void **state)
{
    static const struct {
        unsigned first, last; /* blocks that are locked */
        enum mh_error said;
        uint32_t counter, revoked;
    } cases[] = {
        {0, MH_OTP_BLOCKS - 1, MH_ERR_COUNTER_FULL, 0, 0},
        {7, 13, MH_ERR_COUNTER_FULL, 0, 1u << 1},
        {REVOCATIONS, REVOCATIONS, MH_ERR_REVOCATION, 3, 0},
    };

    for (unsigned i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const bool by_the_bootloader = i % 2;
        struct blob package = revoking_package(2, 3);
        tear_down_device(state);
        set_up_device(state);
        install(SMALL, 0, 1, 0);
        assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
        assert_int_equal(start(POWER_ON), MH_OK);
        if (by_the_bootloader) {
            array.operations_left = 1; /* the record that it is confirmed */
            assert_int_not_equal(mh_update_confirm(&update), MH_OK);
            array.operations_left = UINT64_MAX;
        }
        for (unsigned block = cases[i / 2].first; block <= cases[i / 2].last; block++) {
            lock(block);
        }
        const enum mh_error said = by_the_bootloader ? start(POWER_ON) : mh_update_confirm(&update);
        assert_int_equal(said, cases[i / 2].said);
        assert_int_equal(now()->phase, MH_IDLE);
        assert_false(mh_update_unconfirmed(&update));
        assert_int_equal(recorded(MH_APPLICATION), cases[i / 2].counter);
        assert_int_equal(mh_otp_revoked(array.otp), cases[i / 2].revoked);
        assert_int_equal(start(POWER_ON), MH_OK); /* and that is all */
        assert_int_equal(mh_update_confirm(&update), MH_OK);
        assert_true(holds(MH_APPLICATION, SMALL, 2));
        assert_int_equal(offer(SMALL, 0, 3, 2), MH_ERR_COUNTER); /* the installed one holds */
        assert_int_equal(offer(SMALL, 0, 3, 3), MH_OK);          /* and others follow, though power is lost */
        array.operations_left = 200;
        assert_int_not_equal(start(POWER_ON), MH_OK);
        assert_int_equal(mh_get32(array.internal.cells + 0xA0000), UINT32_MAX);
        array.operations_left = UINT64_MAX;
        assert_int_equal(start(POWER_ON), MH_OK);
        assert_int_equal(mh_update_rollback(&update), MH_OK); /* there is a way back, too */
        assert_int_equal(start(POWER_ON), MH_OK);
        assert_true(holds(MH_APPLICATION, SMALL, 2));
        free(package.bytes);
    }
}

static enum mh_error low_supply(void *context, uint32_t offset, const uint8_t *data, uint32_t length)
{
    (void)context;
    (void)offset;
    (void)data;
    (void)length;
    return MH_ERR_SUPPLY;
}

/* There is no way back from it, and no other update, until it is recorded. */
static void confirmation_that_cannot_be_recorded_now_goes_on(void **state)
{
    const struct mh_otp good = array.device.otp;

    (void)state;
    install(SMALL, 0, 1, 0);
    try(SMALL, 0, 2, 3);
    array.device.otp.program = low_supply;
    assert_int_equal(mh_update_confirm(&update), MH_ERR_SUPPLY);
    assert_int_equal(now()->phase, MH_CONFIRMING);
    assert_true(mh_update_unconfirmed(&update));
    assert_int_equal(start(BLAMED), MH_ERR_SUPPLY);
    assert_int_equal(mh_update_rollback(&update), MH_ERR_STATE);
    assert_int_equal(offer(SMALL, 0, 3, 3), MH_ERR_STATE);
    array.device.otp = good;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(now()->phase, MH_IDLE);
    assert_int_equal(recorded(MH_APPLICATION), 3);
}

/* The block is locked between two starts of an install: nothing is left that could run instead. */
static void install_that_has_begun_is_not_stopped_by_what_cannot_be_recorded(void **state)
{
    struct blob package = revoking_package(2, 3);

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    array.operations_left = 200;
    assert_int_not_equal(start(POWER_ON), MH_OK);
    array.operations_left = UINT64_MAX;
    memset(array.otp + RAIL_OTP_LOCKS, 0, MH_OTP_BLOCKS);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_true(holds(MH_APPLICATION, SMALL, 2));
    free(package.bytes);
}

/* The runtime that an application needs is not replaced by an older one behind its back. */
static void runtime_that_the_application_needs_stays(void **state)
{
    struct blob needs = fixture_package_requiring(SMALL, 4, 0, 3);

    (void)state;
    install(0, SMALL, 3, 0);
    assert_int_equal(fixture_store(&update, &array.device, &needs), MH_OK);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    const uint64_t before = array.operations_left;
    assert_int_equal(offer(0, SMALL, 2, 0), MH_ERR_REQUIRED);
    assert_int_equal(array.operations_left, before);
    install(0, SMALL, 4, 0);
    install(SMALL, SMALL, 2, 0); /* with another application */
    install(0, SMALL, 1, 0);     /* which needs nothing */
    free(needs.bytes);
}

/* Who holds the SPI bus swaps in an older package, and a journal to match, when the install has erased the header
 * that had the counter. */
static void older_package_is_refused_while_there_is_no_header(void **state)
{
    struct array_device older;

    (void)state;
    install(SMALL, 0, 1, 5);
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    struct blob package = fixture_package(LARGE, 0, 2, 4);
    fixture_device(&older);
    assert_int_equal(fixture_store(&update, &older.device, &package), MH_OK);
    assert_int_equal(offer(LARGE, 0, 3, 6), MH_OK);
    array.operations_left = 4000; /* sector 10 is written whole, sector 9 is erased */
    assert_int_equal(start(POWER_ON), MH_ERR_FLASH);
    array.operations_left = UINT64_MAX;
    assert_int_equal(mh_get32(array.internal.cells + 0xA0000), UINT32_MAX);
    memcpy(array.nor.cells, older.nor.cells, array.nor.part->size);
    assert_int_equal(start(POWER_ON), MH_ERR_COUNTER);
    assert_int_equal(mh_get32(array.internal.cells + 0xA0000), UINT32_MAX);
    array_device_free(&older);
    free(package.bytes);
}

/// An install whose package goes bad ///

#define LAST UINT32_MAX

/* A byte of the incoming package in the store, or its last one. */
static uint8_t *incoming_byte(uint32_t offset)
{
    struct mh_stored stored;
    struct mh_source source;

    if (offset == LAST) {
        offset = now()->entries[MH_INCOMING].length - 1;
    }
    assert_int_equal(mh_stored_open(&stored, &array.device.nor, &now()->entries[MH_INCOMING], &source), MH_OK);
    return array.nor.cells + MH_RESERVED_ADDRESS + stored.extents[offset / MH_EXTENT_SIZE] * MH_EXTENT_SIZE +
           offset % MH_EXTENT_SIZE;
}

/* Requests a package, and takes the power away after so many operations of its install, at which sectors are done. */
static void cut_install(uint32_t size, uint32_t runtime_size, uint32_t seed, uint64_t operations, uint32_t done)
{
    assert_int_equal(offer(size, runtime_size, seed, 0), MH_OK);
    array.operations_left = operations;
    assert_int_not_equal(start(POWER_ON), MH_OK);
    array.operations_left = UINT64_MAX;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(now()->phase, MH_INSTALLING);
    assert_int_equal(now()->sectors_done, done);
}

static void assert_refused_and_back(enum mh_error reason, const struct mh_state *before)
{
    static const uint8_t none[MH_ID_SIZE];

    assert_int_equal(now()->phase, MH_IDLE);
    assert_int_equal(now()->refusal, reason);
    assert_int_equal(now()->sectors_done, 0);
    assert_int_equal(now()->tried, 0);
    assert_int_equal(now()->entries[MH_INCOMING].length, 0);
    assert_memory_equal(now()->refused_id, none, MH_ID_SIZE); /* its undamaged twin has the same id */
    assert_memory_equal(now()->rolled_back_id, none, MH_ID_SIZE);
    assert_memory_equal(now()->entries, before->entries, MH_COMPONENTS * sizeof before->entries[0]);
}

/* Each half of it, where the header is too, and before and behind the first sector that is done. */
static void package_that_goes_bad_while_it_is_installed_makes_way_for_what_was_there(void **state)
{
    static const struct {
        uint32_t offset;
        enum mh_error reason;
    } damages[] = {{0, MH_ERR_MAGIC}, {100, MH_ERR_SIGNATURE}, {2000, MH_ERR_TABLE}, {LAST, MH_ERR_CHUNK}};
    static const struct {
        uint64_t operations;
        uint32_t done;
    } cuts[] = {{50, 0}, {2000, 0}, {4000, 1u << 10}, {5000, 1u << 10}};

    for (unsigned i = 0; i < sizeof damages / sizeof *damages * (sizeof cuts / sizeof *cuts); i++) {
        tear_down_device(state);
        set_up_device(state);
        install(0, SMALL, 7, 0);
        install(LARGE, 0, 1, 0);
        const struct mh_state before = *now();
        cut_install(LARGE, 0, 2, cuts[i % 4].operations, cuts[i % 4].done);
        *incoming_byte(damages[i / 4].offset) ^= 4;
        assert_int_equal(start(POWER_ON), damages[i / 4].reason);
        assert_refused_and_back(damages[i / 4].reason, &before);
        assert_true(holds(MH_APPLICATION, LARGE, 1));
        install(LARGE, 0, 2, 0); /* its undamaged twin */
    }
}

/* The image that was there lies in one sector, and the install has not come to it. */
static void package_that_goes_bad_before_anything_is_lost_is_left_to_the_bootloader(void **state)
{
    uint32_t erases[MH_SECTORS] = {0};

    (void)state;
    install(0, SMALL, 7, 0);
    install(SMALL, 0, 1, 0);
    cut_install(LARGE, 0, 2, 2000, 0);
    *incoming_byte(LAST) ^= 4;
    array.internal.erases = erases;
    assert_int_equal(start(POWER_ON), MH_ERR_CHUNK);
    array.internal.erases = NULL;
    assert_int_equal(now()->phase, MH_INSTALLING);
    assert_int_equal(now()->tried, 0);
    assert_int_equal(erases[9], 0);
    assert_true(holds(MH_APPLICATION, SMALL, 1));
}

/* What an install of both components has left of them when power was lost. */
enum left {
    NOTHING_YET,
    RUNTIME_BEGUN,
    RUNTIME_NOT_RECORDED,
    RUNTIME_ALONE,
    APPLICATION_BEGUN,
    ALL_BUT_RECORDED,
    LEFTS
};

static enum left look_at_what_is_left(void)
{
    if (holds(MH_APPLICATION, SMALL, 3)) {
        return ALL_BUT_RECORDED;
    }
    if (!holds(MH_APPLICATION, SMALL, 1)) {
        return APPLICATION_BEGUN;
    }
    if (holds(MH_RUNTIME, SMALL, 3)) {
        return now()->sectors_done ? RUNTIME_ALONE : RUNTIME_NOT_RECORDED;
    }
    return holds(MH_RUNTIME, SMALL, 2) ? NOTHING_YET : RUNTIME_BEGUN;
}

/* A device with power for so many operations of the install that is requested. */
static enum left cut_at(const struct array_device *requested, uint64_t operations)
{
    restore(requested);
    array.operations_left = operations;
    (void)start(POWER_ON);
    array.operations_left = UINT64_MAX;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    return now()->phase == MH_TRIAL ? LEFTS : look_at_what_is_left();
}

/* The same with as few operations as leave this, or with one less than leave more than nothing. */
static void cut_where(const struct array_device *requested, enum left left)
{
    const enum left wanted = left == NOTHING_YET ? RUNTIME_BEGUN : left;
    uint64_t from = 0, to = 8192;

    while (from < to) {
        const uint64_t middle = (from + to) / 2;
        if (cut_at(requested, middle) >= wanted) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    assert_int_equal(cut_at(requested, left == NOTHING_YET ? from - 1 : from), left);
    assert_int_equal(now()->phase, MH_INSTALLING);
}

/* Wherever power was lost: what was touched goes back, and nothing else; when nothing was, there is nothing to do. */
static void half_of_a_package_that_goes_bad_goes_back(void **state)
{
    struct array_device requested;

    (void)state;
    install(SMALL, 0, 1, 0);
    install(0, SMALL, 2, 0);
    const struct mh_state before = *now();
    assert_int_equal(offer(SMALL, SMALL, 3, 0), MH_OK);
    save(&requested);
    for (enum left left = NOTHING_YET; left < LEFTS; left++) {
        uint32_t erases[MH_SECTORS] = {0};
        cut_where(&requested, left);
        *incoming_byte(LAST) ^= 1;
        array.internal.erases = erases;
        assert_int_equal(start(POWER_ON), MH_ERR_CHUNK);
        array.internal.erases = NULL;
        if (left == NOTHING_YET) {
            assert_int_equal(now()->phase, MH_INSTALLING);
        } else {
            assert_refused_and_back(MH_ERR_CHUNK, &before);
        }
        assert_true(holds(MH_APPLICATION, SMALL, 1));
        assert_true(holds(MH_RUNTIME, SMALL, 2));
        assert_int_equal(erases[4], left != NOTHING_YET);
        assert_int_equal(erases[9], left >= APPLICATION_BEGUN);
    }
    array_device_free(&requested);
}

/* Two packages are bad, and nothing can be done but wait for one of them; whichever it is. */
static void package_that_goes_bad_is_waited_for_when_nothing_leads_back(void **state)
{
    for (unsigned mended = 0; mended < 2; mended++) {
        tear_down_device(state);
        set_up_device(state);
        install(0, SMALL, 7, 0);
        install(LARGE, 0, 1, 0);
        cut_install(LARGE, 0, 2, 4000, 1u << 10);
        uint8_t *const bytes[] = {incoming_byte(LAST), stored_byte(MH_APPLICATION) + 1000};
        *bytes[0] ^= 1;
        *bytes[1] ^= 1;
        assert_int_equal(start(POWER_ON), MH_ERR_CHUNK);
        assert_int_equal(now()->phase, MH_INSTALLING);
        assert_int_equal(now()->sectors_done, 1u << 10);
        assert_int_equal(now()->tried, 0);
        *bytes[mended] ^= 1;
        assert_int_equal(start(POWER_ON), mended ? MH_ERR_CHUNK : MH_OK);
        assert_int_equal(now()->phase, mended ? MH_IDLE : MH_TRIAL);
        assert_true(holds(MH_APPLICATION, LARGE, 2 - mended));
    }
}

/* It is begun, and then what was there goes bad as well: before anything of it is lost it can be given up. */
static void way_back_from_an_install_can_be_given_up_where_all_is_whole(void **state)
{
    (void)state;
    install(SMALL, 0, 1, 0);
    install(0, SMALL, 2, 0);
    const struct mh_state before = *now();
    assert_int_equal(offer(SMALL, SMALL, 3, 0), MH_OK);
    struct array_device requested;
    save(&requested);
    cut_where(&requested, RUNTIME_ALONE);
    array_device_free(&requested);
    *incoming_byte(LAST) ^= 1;
    array.operations_left = 2; /* makes the last record firm, and records the way back */
    assert_int_not_equal(start(POWER_ON), MH_OK);
    array.operations_left = UINT64_MAX;
    stored_byte(MH_RUNTIME)[1000] ^= 1;
    assert_int_equal(start(POWER_ON), MH_ERR_CHUNK);
    assert_int_equal(now()->phase, MH_ROLLING_BACK);
    assert_int_equal(now()->tried, RUNTIME_BIT);
    assert_int_equal(now()->sectors_done, 0);
    assert_true(mh_installed_mixed(&array.device, now())); /* so it is not */
    assert_int_equal(mh_rollback_give_up(&update.journal), MH_OK);
    assert_refused_and_back(MH_ERR_CHUNK, &before);
}

static bool go_back_with_loss(uint64_t operations, const struct mh_state *before)
{
    array.operations_left = operations;
    const bool done = start(BLAMED) == MH_ERR_CHUNK && now()->phase == MH_IDLE && array.operations_left > 0;
    array.operations_left = UINT64_MAX;
    const enum mh_error error = start(BLAMED);
    assert_true(error == MH_OK || error == MH_ERR_CHUNK); /* goes on, or begins */
    assert_refused_and_back(MH_ERR_CHUNK, before);
    assert_true(holds(MH_APPLICATION, LARGE, 1));
    assert_true(holds(MH_RUNTIME, SMALL, 2));
    assert_int_equal(start(BLAMED), MH_OK);
    return done;
}

static void way_back_from_an_install_outlives_a_power_loss_between_any_two_operations(void **state)
{
    struct array_device cut;
    uint64_t points = 0;

    (void)state;
    install(LARGE, 0, 1, 0);
    install(0, SMALL, 2, 0);
    const struct mh_state before = *now();
    cut_install(LARGE, SMALL, 3, 5000, 1u << 4 | 1u << 10);
    *incoming_byte(LAST) ^= 4;
    save(&cut);
    for (uint64_t after = 0; !go_back_with_loss(after, &before); points++, restore(&cut)) {
        after += after < 60 ? 1 : 397;
    }
    assert_true(points > 60);
    array_device_free(&cut);
}

/// What is said in advance ///

static enum mh_error plan(uint32_t size, uint32_t runtime_size, uint32_t seed, struct mh_plan *plan)
{
    struct blob package = fixture_package(size, runtime_size, seed, 0);

    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    const uint64_t before = array.operations_left;
    const struct mh_state state = *now();
    const enum mh_error error = mh_update_plan(&update, package.bytes, MH_PACKET_SIZE, (uint32_t)package.size, plan);
    assert_int_equal(array.operations_left, before);
    assert_memory_equal(now(), &state, sizeof state);
    if (error == MH_OK) {
        assert_int_equal(mh_update_begin(&update, package.bytes, MH_PACKET_SIZE, (uint32_t)package.size), MH_OK);
        assert_int_equal(mh_update_rollback_off(&update), plan->rollback_off);
        assert_int_equal(mh_update_packets(&update), plan->packets);
        assert_int_equal(mh_update_delete(&update), MH_OK);
    }
    free(package.bytes);
    return error;
}

static void plan_says_what_cannot_be_rolled_back(void **state)
{
    struct mh_plan p;

    (void)state;
    assert_int_equal(plan(SMALL, SMALL, 1, &p), MH_OK);
    assert_int_equal(p.components, RUNTIME_BIT | APPLICATION_BIT);
    assert_int_equal(p.rollback_off, RUNTIME_BIT | APPLICATION_BIT);
    install(SMALL, 0, 1, 0);
    assert_int_equal(plan(SMALL, SMALL, 2, &p), MH_OK);
    assert_int_equal(p.rollback_off, RUNTIME_BIT);
    install(0, SMALL, 2, 0);
    assert_int_equal(plan(SMALL, SMALL, 3, &p), MH_OK);
    assert_int_equal(p.rollback_off, 0);
    assert_int_equal(p.given_up, 0);
    *stored_byte(MH_APPLICATION) ^= 1;
    assert_int_equal(plan(SMALL, SMALL, 3, &p), MH_OK);
    assert_int_equal(p.rollback_off, APPLICATION_BIT);
    assert_int_equal(plan(0, SMALL, 3, &p), MH_OK);
    assert_int_equal(p.rollback_off, 0); /* it stays what it is */
}

static void plan_of_what_is_refused_is_empty(void **state)
{
    static const struct mh_plan nothing;
    struct mh_plan p;

    (void)state;
    install(SMALL, 0, 1, 1);
    memset(&p, 0xA5, sizeof p);
    assert_int_equal(plan(SMALL, 0, 2, &p), MH_ERR_COUNTER);
    assert_memory_equal(&p, &nothing, sizeof p);
    try(SMALL, 0, 3, 1);
    memset(&p, 0xA5, sizeof p);
    assert_int_equal(plan(SMALL, 0, 2, &p), MH_ERR_STATE);
    assert_memory_equal(&p, &nothing, sizeof p);
}

/* Extents [0, count) belong to one, the next ones to the other component. */
static struct mh_state full_store(unsigned runtime, unsigned application)
{
    struct mh_state full = {0};

    for (unsigned n = 0; n < runtime + application; n++) {
        mh_bit_set(full.entries[n < runtime ? MH_RUNTIME - 1 : MH_APPLICATION - 1].extents, n);
    }
    full.entries[MH_RUNTIME - 1].length = runtime * MH_EXTENT_SIZE;
    full.entries[MH_APPLICATION - 1].length = application * MH_EXTENT_SIZE;
    return full;
}

static void room_is_made_by_the_other_component_first(void **state)
{
    static const uint8_t id[MH_ID_SIZE];
    const struct {
        unsigned wanted, components;
        bool runtime, application; /* stays */
    } cases[] = {
        {50, APPLICATION_BIT, true, true},    {51, APPLICATION_BIT, false, true},
        {150, APPLICATION_BIT, false, true},  {151, APPLICATION_BIT, false, false},
        {51, RUNTIME_BIT, true, false},       {150, RUNTIME_BIT, true, false},
        {51, RUNTIME_BIT | APPLICATION_BIT, false, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mh_state full = full_store(100, 100);
        assert_int_equal(mh_store_allocate(&full, cases[i].wanted * MH_EXTENT_SIZE, id, cases[i].components), MH_OK);
        assert_int_equal(full.entries[MH_RUNTIME - 1].length != 0, cases[i].runtime);
        assert_int_equal(full.entries[MH_APPLICATION - 1].length != 0, cases[i].application);
    }
}

static void plan_says_what_makes_room(void **state)
{
    struct mh_plan p;

    (void)state;
    install(SMALL, 0, 1, 0);
    install(0, SMALL, 2, 0);
    update.journal.state.entries[MH_RUNTIME - 1].length = 4096 * 240; /* there is hardly any room beside it */
    memset(update.journal.state.entries[MH_RUNTIME - 1].extents, 0xFF, 30);
    assert_int_equal(mh_journal_write(&update.journal), MH_OK);
    assert_int_equal(plan(LARGE, 0, 3, &p), MH_OK);
    assert_int_equal(p.given_up, RUNTIME_BIT);
    assert_int_equal(p.rollback_off, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_device, tear_down_device)

int main(void)
{
    const struct CMUnitTest trial_tests[] = {
        TEST(install_leads_to_a_trial_that_keeps_what_was_there),
        TEST(starts_cost_what_their_reset_says),
        TEST(third_reset_that_is_blamed_rolls_back),
        TEST(power_losses_roll_back_only_in_the_end),
        TEST(what_was_rolled_back_is_never_taken_again),
        TEST(nothing_was_there_before),
        TEST(what_was_there_before_is_damaged),
        TEST(what_was_there_before_is_another_package),
        TEST(what_was_there_before_has_too_low_a_counter),
        TEST(what_was_there_before_does_not_go_with_what_stays),
        TEST(request_for_a_rollback_that_turns_out_to_be_off_can_be_given_up),
        TEST(rollback_is_requested_only_on_trial),
        TEST(both_components_are_rolled_back_to_their_packages),
        TEST(both_components_are_rolled_back_to_one_package),
        TEST(one_component_is_rolled_back_to_a_package_of_both),
        TEST(both_stay_when_one_of_them_cannot_be_rolled_back),
        TEST(rollback_outlives_a_power_loss_between_any_two_operations),
        TEST(counters_are_recorded_with_confirmation_and_not_before),
        TEST(rollback_records_nothing_and_may_lower_the_version),
        TEST(confirmation_makes_it_the_running_package),
        TEST(confirmation_outlives_a_power_loss_between_any_two_operations),
        TEST(counter_that_cannot_be_recorded_is_refused_in_advance),
        TEST(revocation_that_cannot_be_recorded_is_refused_in_advance),
        TEST(revocation_that_cannot_be_recorded_any_more_is_refused_by_the_installer),
        TEST(what_was_revoked_before_the_block_was_locked_may_be_revoked_again),
        TEST(confirmation_that_can_never_be_recorded_is_one_all_the_same),
        TEST(confirmation_that_cannot_be_recorded_now_goes_on),
        TEST(install_that_has_begun_is_not_stopped_by_what_cannot_be_recorded),
        TEST(runtime_that_the_application_needs_stays),
        TEST(older_package_is_refused_while_there_is_no_header),
        TEST(package_that_goes_bad_while_it_is_installed_makes_way_for_what_was_there),
        TEST(package_that_goes_bad_before_anything_is_lost_is_left_to_the_bootloader),
        TEST(half_of_a_package_that_goes_bad_goes_back),
        TEST(package_that_goes_bad_is_waited_for_when_nothing_leads_back),
        TEST(way_back_from_an_install_can_be_given_up_where_all_is_whole),
        TEST(way_back_from_an_install_outlives_a_power_loss_between_any_two_operations),
        TEST(plan_says_what_cannot_be_rolled_back),
        TEST(plan_of_what_is_refused_is_empty),
        TEST(room_is_made_by_the_other_component_first),
        TEST(plan_says_what_makes_room),
    };
    return cmocka_run_group_tests(trial_tests, NULL, NULL);
}
