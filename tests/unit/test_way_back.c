/* SPDX-License-Identifier: MIT
 *
 * An install whose package goes bad before its end: what ran before comes back from the store; on a device in memory,
 * with power lost between any two operations.
 */
#include "trial_fixture.h"

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

/* Application 1 and runtime 2 run, and an install of both as 3 is requested; the state before that. */
static struct mh_state request_both(struct array_device *requested)
{
    install(SMALL, 0, 1, 0);
    install(0, SMALL, 2, 0);
    const struct mh_state before = *now();
    assert_int_equal(offer(SMALL, SMALL, 3, 0), MH_OK);
    save(requested);
    return before;
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

/* Wherever power was lost before it was whole: what was touched goes back, and nothing else; when nothing was, there is nothing to do. */
static void half_of_a_package_that_goes_bad_goes_back(void **state)
{
    struct array_device requested;

    (void)state;
    const struct mh_state before = request_both(&requested);
    for (enum left left = NOTHING_YET; left < ALL_BUT_RECORDED; left++) {
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

/* It is whole where it is started from, so it is tried, whatever became of the package; and of the one before. */
static void install_that_is_all_but_recorded_needs_no_package(void **state)
{
    struct array_device requested;

    (void)state;
    const struct mh_state before = request_both(&requested);
    for (unsigned both_bad = 0; both_bad < 2; both_bad++) {
        uint32_t erases[MH_SECTORS] = {0}, none[MH_SECTORS] = {0};
        cut_where(&requested, ALL_BUT_RECORDED);
        *incoming_byte(LAST) ^= 1;
        stored_byte(MH_RUNTIME)[1000] ^= (uint8_t)both_bad;
        array.internal.erases = erases;
        assert_made_firm(APPLICATION_BIT | RUNTIME_BIT);
        array.internal.erases = NULL;
        assert_memory_equal(erases, none, sizeof erases);
        assert_int_equal(now()->phase, MH_TRIAL);
        assert_int_equal(now()->credit, MH_TRIAL_CREDIT);
        assert_int_equal(now()->tried, APPLICATION_BIT | RUNTIME_BIT);
        assert_int_equal(now()->refusal, MH_OK);
        assert_true(holds(MH_APPLICATION, SMALL, 3) && holds(MH_RUNTIME, SMALL, 3));
        assert_memory_equal(now()->entries, before.entries, MH_COMPONENTS * sizeof before.entries[0]);
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

/* Nothing leads back to what the runtime was, and what is installed is whole: it is half of each, whether the journal
 * knows that already or not. */
static void half_of_a_package_that_goes_bad_is_not_taken_for_a_whole(void **state)
{
    static const enum left halves[] = {RUNTIME_NOT_RECORDED, RUNTIME_ALONE};
    struct array_device requested;

    (void)state;
    (void)request_both(&requested);
    for (unsigned i = 0; i < sizeof halves / sizeof *halves; i++) {
        cut_where(&requested, halves[i]);
        *incoming_byte(LAST) ^= 1;
        stored_byte(MH_RUNTIME)[1000] ^= 1;
        assert_int_equal(start(POWER_ON), MH_ERR_CHUNK);
        assert_int_equal(now()->phase, MH_INSTALLING);
        assert_true(mh_installed_mixed(&array.device, now()));
    }
    array_device_free(&requested);
}

/* The same between the two components that go back from a trial, wherever power was lost. */
static void half_of_a_rollback_is_not_taken_for_a_whole(void **state)
{
    struct array_device requested;
    unsigned mixed = 0;

    (void)state;
    install(SMALL, 0, 1, 0);
    install(0, SMALL, 2, 0);
    try(SMALL, SMALL, 3, 0);
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    save(&requested);
    for (uint64_t operations = 0; now()->phase != MH_IDLE; operations++) {
        restore(&requested);
        array.operations_left = operations;
        (void)start(POWER_ON);
        array.operations_left = UINT64_MAX;
        assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
        const bool half = holds(MH_RUNTIME, SMALL, 2) && holds(MH_APPLICATION, SMALL, 3);
        mixed += half;
        assert_true(!half || mh_installed_mixed(&array.device, now()));
    }
    assert_true(mixed > 1);
    array_device_free(&requested);
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

int main(void)
{
    const struct CMUnitTest way_back_tests[] = {
        TEST(package_that_goes_bad_while_it_is_installed_makes_way_for_what_was_there),
        TEST(package_that_goes_bad_before_anything_is_lost_is_left_to_the_bootloader),
        TEST(half_of_a_package_that_goes_bad_goes_back),
        TEST(install_that_is_all_but_recorded_needs_no_package),
        TEST(package_that_goes_bad_is_waited_for_when_nothing_leads_back),
        TEST(half_of_a_package_that_goes_bad_is_not_taken_for_a_whole),
        TEST(half_of_a_rollback_is_not_taken_for_a_whole),
        TEST(way_back_from_an_install_can_be_given_up_where_all_is_whole),
        TEST(way_back_from_an_install_outlives_a_power_loss_between_any_two_operations),
    };
    return cmocka_run_group_tests(way_back_tests, NULL, NULL);
}
