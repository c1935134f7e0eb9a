/* SPDX-License-Identifier: MIT
 *
 * What is said of a package before it is downloaded: whether it is refused, what it gives up, and what of it can be
 * rolled back.
 */
#include "trial_fixture.h"

#include <sodium/crypto_sign_ed25519.h>

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

/* Anchors are read when the device starts; what a confirmation revokes counts at once all the same. */
static void plan_says_what_was_signed_by_a_key_that_was_revoked_since(void **state)
{
    static const uint8_t second_seed[crypto_sign_ed25519_SEEDBYTES] = "a second key, which signs alone";
    uint8_t private_key[crypto_sign_ed25519_SECRETKEYBYTES];
    struct blob package = fixture_package(SMALL, 0, 3, 0);
    const uint32_t size = mh_get16(package.bytes + 6);

    (void)state;
    install(SMALL, 0, 1, 0);
    crypto_sign_ed25519_seed_keypair(array.device.anchors.keys[1], private_key, second_seed);
    array.device.anchors.count = 2;
    crypto_sign_ed25519_detached(package.bytes + size, NULL, package.bytes, size, private_key);
    assert_int_equal(mh_update_begin(&update, package.bytes, MH_PACKET_SIZE, (uint32_t)package.size), MH_OK);
    assert_int_equal(mh_update_rollback_off(&update), 0);
    assert_int_equal(mh_otp_revoke(&array.device.otp, 1), MH_OK);
    assert_int_equal(mh_update_begin(&update, package.bytes, MH_PACKET_SIZE, (uint32_t)package.size), MH_OK);
    assert_int_equal(mh_update_rollback_off(&update), APPLICATION_BIT);
    free(package.bytes);
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

int main(void)
{
    const struct CMUnitTest plan_tests[] = {
        TEST(plan_says_what_cannot_be_rolled_back),
        TEST(plan_says_what_was_signed_by_a_key_that_was_revoked_since),
        TEST(plan_of_what_is_refused_is_empty),
        TEST(room_is_made_by_the_other_component_first),
        TEST(plan_says_what_makes_room),
    };
    return cmocka_run_group_tests(plan_tests, NULL, NULL);
}
