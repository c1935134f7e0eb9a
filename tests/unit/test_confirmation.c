/* SPDX-License-Identifier: MIT
 *
 * Confirmation, and what the one-time programmable area records with it: the counters, the keys that are revoked; on a
 * device in memory, with power lost between any two operations.
 */
#include "trial_fixture.h"
#include "manifest_edit.h"

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

int main(void)
{
    const struct CMUnitTest confirmation_tests[] = {
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
    };
    return cmocka_run_group_tests(confirmation_tests, NULL, NULL);
}
