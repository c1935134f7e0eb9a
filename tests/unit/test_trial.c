/* SPDX-License-Identifier: MIT
 *
 * What follows an install: starts on trial, and the rollback; on a device in memory, with power lost between any two
 * operations.
 */
#include "trial_fixture.h"

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
    };
    return cmocka_run_group_tests(trial_tests, NULL, NULL);
}
