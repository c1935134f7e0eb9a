/* SPDX-License-Identifier: MIT
 *
 * A rollback that has begun, and what ran before goes bad in the store: what was tried is installed again; on a device
 * in memory, with power lost between any two operations.
 */
#include "trial_fixture.h"

static uint32_t erases[MH_SECTORS];

static uint32_t all_erases(void)
{
    uint32_t all = 0;

    for (unsigned sector = 0; sector < MH_SECTORS; sector++) {
        all += erases[sector];
    }
    return all;
}

static void flip_running(unsigned component)
{
    stored_byte(component)[3500] ^= 1; /* in a chunk */
}

static void flip_incoming(void)
{
    *incoming_byte(3500) ^= 1;
}

/* Has power for so many operations of a rollback, then none; what ran before as the application is bad from then on. */
static void cut_rollback(uint64_t operations)
{
    array.operations_left = operations;
    assert_int_not_equal(start(BLAMED), MH_OK);
    array.operations_left = UINT64_MAX;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(now()->phase, MH_ROLLING_BACK);
    flip_running(MH_APPLICATION);
}

/* Application 2 is on trial in the place of 1, and its rollback has lost power in the first sector. */
static void begin_and_cut(void)
{
    install(0, SMALL, 7, 0);
    install(LARGE, 0, 1, 0);
    try(LARGE, 0, 2, 0);
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    cut_rollback(500);
    array.internal.erases = memset(erases, 0, sizeof erases);
}

static void assert_tried_again(uint8_t credit)
{
    assert_int_equal(now()->phase, MH_TRIAL);
    assert_int_equal(now()->credit, credit);
    assert_int_equal(now()->refusal, MH_ERR_ROLLED_BACK);
    assert_int_equal(now()->sectors_done, 0);
    assert_int_not_equal(now()->entries[MH_INCOMING].length, 0);
    assert_true(holds(MH_APPLICATION, LARGE, 2));
}

static void what_was_tried_comes_again_when_what_was_there_is_bad(void **state)
{
    (void)state;
    begin_and_cut();
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_tried_again(0);
    assert_int_equal(now()->tried, APPLICATION_BIT);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(now()->refusal, MH_OK);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_int_equal(now()->phase, MH_IDLE);
    install(SMALL, 0, 3, 0);
}

/* Its trial is over, and stays so: no start is recorded, nothing erased, and when it can go back it does. */
static void what_was_tried_goes_back_as_soon_as_it_can(void **state)
{
    (void)state;
    begin_and_cut();
    assert_int_equal(start(POWER_ON), MH_OK);
    const uint32_t before = all_erases();
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(start(BLAMED), MH_ERR_CHUNK);
        assert_tried_again(0);
    }
    assert_int_equal(all_erases(), before);
    flip_running(MH_APPLICATION);
    assert_int_equal(start(BLAMED), MH_OK);
    assert_int_equal(now()->phase, MH_IDLE);
    assert_int_equal(now()->refusal, MH_ERR_ROLLED_BACK);
    assert_true(holds(MH_APPLICATION, LARGE, 1));
    assert_int_equal(offer(LARGE, 0, 2, 0), MH_ERR_ROLLED_BACK);
}

/* Packages that are bad in turns do not wear out the internal flash: the second time it waits for what was there. */
static void way_forward_is_gone_once(void **state)
{
    (void)state;
    begin_and_cut();
    assert_int_equal(start(POWER_ON), MH_OK);
    flip_running(MH_APPLICATION);
    cut_rollback(500);
    const uint32_t before = all_erases();
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(start(POWER_ON), MH_ERR_CHUNK);
        assert_int_equal(now()->phase, MH_ROLLING_BACK);
    }
    assert_int_equal(all_erases(), before);
    flip_running(MH_APPLICATION);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_int_equal(now()->phase, MH_IDLE);
    assert_true(holds(MH_APPLICATION, LARGE, 1));
}

/* And on the way forward it turns back when its package is bad, and then not forward again. */
static void way_forward_turns_back_when_its_package_is_bad(void **state)
{
    (void)state;
    begin_and_cut();
    array.operations_left = 500;
    assert_int_not_equal(start(POWER_ON), MH_OK);
    array.operations_left = UINT64_MAX;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(now()->phase, MH_INSTALLING);
    flip_incoming();
    assert_int_equal(start(POWER_ON), MH_ERR_CHUNK); /* both are bad */
    assert_int_equal(now()->phase, MH_INSTALLING);
    flip_running(MH_APPLICATION);
    cut_rollback(500);
    flip_incoming();
    assert_int_equal(start(POWER_ON), MH_ERR_CHUNK);
    assert_int_equal(now()->phase, MH_ROLLING_BACK);
    flip_running(MH_APPLICATION);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_int_equal(now()->phase, MH_IDLE);
    assert_true(holds(MH_APPLICATION, LARGE, 1));
}

static void whichever_package_is_whole_is_taken(void **state)
{
    for (unsigned mended = 0; mended < 2; mended++) {
        tear_down_device(state);
        set_up_device(state);
        begin_and_cut();
        flip_incoming();
        const uint32_t before = all_erases();
        assert_int_equal(start(POWER_ON), MH_ERR_CHUNK);
        assert_int_equal(now()->phase, MH_ROLLING_BACK);
        assert_int_equal(all_erases(), before);
        if (mended == 0) {
            flip_incoming();
        } else {
            flip_running(MH_APPLICATION);
        }
        assert_int_equal(start(POWER_ON), MH_OK);
        assert_int_equal(now()->phase, mended == 0 ? MH_TRIAL : MH_IDLE);
        assert_true(holds(MH_APPLICATION, LARGE, 2 - mended));
    }
}

/* An install goes back because its package is bad; then that is whole again, and what was there is not. It was never
 * tried, so its trial has all its credit. */
static void install_that_went_back_goes_forward_again(void **state)
{
    (void)state;
    install(0, SMALL, 7, 0);
    install(LARGE, 0, 1, 0);
    assert_int_equal(offer(LARGE, 0, 2, 0), MH_OK);
    array.operations_left = 4000;
    assert_int_not_equal(start(POWER_ON), MH_OK);
    array.operations_left = UINT64_MAX;
    flip_incoming();
    cut_rollback(500);
    assert_int_equal(now()->refusal, MH_ERR_CHUNK);
    flip_incoming();
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_tried_again(MH_TRIAL_CREDIT);
}

/* One component is what it was, the other one is still the tried one, and whole. */
static void two_halves_go_forward(void **state)
{
    struct array_device requested;
    unsigned halves = 0;

    (void)state;
    install(LARGE, 0, 1, 0);
    install(0, SMALL, 7, 0);
    try(LARGE, SMALL, 2, 0);
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    save(&requested);
    for (uint64_t operations = 1250; !halves; operations++) {
        assert_true(operations < 1500); /* the runtime's words, and then its header's */
        restore(&requested);
        array.operations_left = operations;
        (void)start(BLAMED);
        array.operations_left = UINT64_MAX;
        assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
        halves = holds(MH_RUNTIME, SMALL, 7) && holds(MH_APPLICATION, LARGE, 2);
    }
    flip_running(MH_APPLICATION);
    assert_int_equal(start(POWER_ON), MH_OK);
    assert_tried_again(0);
    assert_true(holds(MH_RUNTIME, SMALL, 2));
    array_device_free(&requested);
}

/* What was there is whole again, and nothing but the record is missing: it is over, whatever became of the package. */
static void rollback_that_is_all_but_recorded_needs_no_package(void **state)
{
    struct array_device requested;
    struct mh_state before;
    bool over = false;

    (void)state;
    install(0, SMALL, 7, 0);
    install(SMALL, 0, 1, 0);
    try(SMALL, 0, 2, 0);
    before = *now();
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    save(&requested);
    for (uint64_t operations = 1250; !over; operations++) {
        assert_true(operations < 1500); /* the words of the image, and of the header */
        restore(&requested);
        array.operations_left = operations;
        (void)start(BLAMED);
        array.operations_left = UINT64_MAX;
        assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
        over = holds(MH_APPLICATION, SMALL, 1);
    }
    assert_int_equal(now()->phase, MH_ROLLING_BACK);
    stored_byte(MH_APPLICATION)[1000] ^= 1;
    array.internal.erases = memset(erases, 0, sizeof erases);
    assert_made_firm(APPLICATION_BIT);
    assert_int_equal(all_erases(), 0);
    assert_int_equal(now()->phase, MH_IDLE);
    assert_int_equal(now()->refusal, MH_ERR_ROLLED_BACK);
    assert_int_equal(now()->entries[MH_INCOMING].length, 0);
    assert_memory_equal(now()->rolled_back_id, before.entries[MH_INCOMING].id, MH_ID_SIZE);
    assert_memory_equal(now()->entries, before.entries, MH_COMPONENTS * sizeof before.entries[0]);
    assert_true(holds(MH_APPLICATION, SMALL, 1));
    array_device_free(&requested);
}

static bool go_forward_with_loss(uint64_t operations)
{
    array.internal.erases = memset(erases, 0, sizeof erases);
    array.operations_left = operations;
    const bool done = start(POWER_ON) == MH_OK && array.operations_left > 0;
    array.operations_left = UINT64_MAX;
    const enum mh_error error = start(POWER_ON);
    assert_true(error == MH_OK || error == MH_ERR_CHUNK); /* goes on, or it is over and the rollback is off */
    assert_tried_again(0);
    for (unsigned sector = 0; sector < MH_SECTORS; sector++) {
        const bool covered = sector == 9 || sector == 10;
        assert_in_range(erases[sector], covered, 2 * covered);
    }
    assert_true(all_erases() <= 3);
    return done;
}

static void way_forward_outlives_a_power_loss_between_any_two_operations(void **state)
{
    struct array_device cut;
    uint64_t points = 0;

    (void)state;
    begin_and_cut();
    save(&cut);
    for (uint64_t after = 0; !go_forward_with_loss(after); points++, restore(&cut)) {
        after += after < 60 ? 1 : 397;
    }
    assert_true(points > 60);
    array_device_free(&cut);
}

int main(void)
{
    const struct CMUnitTest way_forward_tests[] = {
        TEST(what_was_tried_comes_again_when_what_was_there_is_bad),
        TEST(what_was_tried_goes_back_as_soon_as_it_can),
        TEST(way_forward_is_gone_once),
        TEST(way_forward_turns_back_when_its_package_is_bad),
        TEST(whichever_package_is_whole_is_taken),
        TEST(install_that_went_back_goes_forward_again),
        TEST(two_halves_go_forward),
        TEST(rollback_that_is_all_but_recorded_needs_no_package),
        TEST(way_forward_outlives_a_power_loss_between_any_two_operations),
    };
    return cmocka_run_group_tests(way_forward_tests, NULL, NULL);
}
