/* SPDX-License-Identifier: MIT
 *
 * Encrypted packages on a device: installed like any other, plain nowhere in the SPI NOR, and refused before anything
 * is written when the device has another key.
 */
#include "device_fixture.h"

#include <stdlib.h>
#include <string.h>

#define SIZE 20000u
#define RUNTIME_SIZE 13000u
#define WINDOW 16u


static int set_up(void **state)
{
    set_up_device(state);
    array.device.anchors.cipher_key = fixture_cipher_key;
    return 0;
}

static bool nor_contains(const uint8_t piece[WINDOW])
{
    const uint8_t *const end = array.nor.cells + array.nor.part->size - WINDOW + 1;

    for (const uint8_t *at = array.nor.cells; (at = memchr(at, piece[0], (size_t)(end - at))) != NULL; at++) {
        if (memcmp(at, piece, WINDOW) == 0) {
            return true;
        }
    }
    return false;
}

/* How many pieces of an installed component's second chunk are somewhere in the SPI NOR; that chunk is noise, so no
 * codec changes it, and nothing has it by chance. */
static unsigned pieces_in_nor(unsigned component)
{
    const uint32_t image = array.device.board->regions[component - 1].address + MH_HEADER_SIZE - MH_INTERNAL_BASE;
    const uint8_t *chunk = array.internal.cells + image + MH_CHUNK_SIZE;
    unsigned found = 0;

    for (uint32_t at = 0; at < MH_CHUNK_SIZE; at += WINDOW) {
        found += nor_contains(chunk + at);
    }
    return found;
}

static void install(const struct blob *package)
{
    assert_int_equal(fixture_store(&update, &array.device, package), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(fixture_holds(&array, MH_APPLICATION, SIZE, 3));
    assert_true(fixture_holds(&array, MH_RUNTIME, RUNTIME_SIZE, 3));
}

/* Else the next test would see nothing whatever happened. */
static void plain_package_is_in_the_store(void **state)
{
    struct blob package = fixture_package(SIZE, RUNTIME_SIZE, 3, 0);

    (void)state;
    install(&package);
    assert_int_equal(pieces_in_nor(MH_APPLICATION), MH_CHUNK_SIZE / WINDOW);
    assert_int_equal(pieces_in_nor(MH_RUNTIME), MH_CHUNK_SIZE / WINDOW);
    free(package.bytes);
}

static void encrypted_package_is_installed_and_stays_encrypted(void **state)
{
    struct blob package = fixture_encrypted(SIZE, RUNTIME_SIZE, 3);

    (void)state;
    install(&package);
    assert_int_equal(pieces_in_nor(MH_APPLICATION), 0);
    assert_int_equal(pieces_in_nor(MH_RUNTIME), 0);
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(pieces_in_nor(MH_APPLICATION), 0);
    assert_int_equal(pieces_in_nor(MH_RUNTIME), 0);
    free(package.bytes);
}

/* Back to the package before, which is decrypted once more. */
static void rolled_back_package_stays_encrypted(void **state)
{
    struct blob first = fixture_encrypted(SIZE, RUNTIME_SIZE, 3), second = fixture_encrypted(SIZE, RUNTIME_SIZE, 4);

    (void)state;
    install(&first);
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(fixture_store(&update, &array.device, &second), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(fixture_holds(&array, MH_APPLICATION, SIZE, 4));
    assert_int_equal(pieces_in_nor(MH_APPLICATION), 0);
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_rollback(&update), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(fixture_holds(&array, MH_APPLICATION, SIZE, 3));
    assert_true(fixture_holds(&array, MH_RUNTIME, RUNTIME_SIZE, 3));
    assert_int_equal(pieces_in_nor(MH_APPLICATION), 0);
    assert_int_equal(pieces_in_nor(MH_RUNTIME), 0);
    free(first.bytes);
    free(second.bytes);
}

/* What a revoked key signed is not gone back to: the store is where anybody can write. */
static void revoked_package_is_not_rolled_back_to(void **state)
{
    struct blob first = fixture_encrypted(SIZE, RUNTIME_SIZE, 3), second = fixture_encrypted(SIZE, RUNTIME_SIZE, 4);

    (void)state;
    install(&first);
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(fixture_store(&update, &array.device, &second), MH_OK);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    array.device.anchors.revoked = 1;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_rollback(&update), MH_ERR_REVOKED);
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_true(fixture_holds(&array, MH_APPLICATION, SIZE, 4));
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    free(first.bytes);
    free(second.bytes);
}

/* Power is lost at some operations of the install; what is plain then is in the internal flash, or nowhere. */
static void nothing_is_plain_whenever_power_is_lost(void **state)
{
    struct blob package = fixture_encrypted(SIZE, RUNTIME_SIZE, 3);
    uint64_t operations;

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    array.operations_left = 1u << 20;
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    operations = (1u << 20) - array.operations_left;
    for (uint64_t cut = 1; cut < operations; cut += operations / 7) {
        tear_down_device(state);
        set_up(state);
        assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
        array.operations_left = cut;
        assert_int_not_equal(fixture_boot(&update, &array.device), MH_OK);
        array.operations_left = UINT64_MAX;
        assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
        assert_true(fixture_holds(&array, MH_APPLICATION, SIZE, 3));
        assert_true(fixture_holds(&array, MH_RUNTIME, RUNTIME_SIZE, 3));
        assert_int_equal(pieces_in_nor(MH_APPLICATION), 0);
        assert_int_equal(pieces_in_nor(MH_RUNTIME), 0);
    }
    free(package.bytes);
}

static enum mh_error begin(const struct blob *package)
{
    return mh_update_begin(&update, package->bytes, MH_PACKET_SIZE, (uint32_t)package->size);
}

static void device_with_another_key_refuses_before_it_writes(void **state)
{
    struct blob package = fixture_encrypted(SIZE, RUNTIME_SIZE, 3);

    (void)state;
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    array.operations_left = 0; /* any operation would be refused, and MH_ERR_FLASH the answer */
    uint8_t another[MH_KEY_SIZE];
    memcpy(another, fixture_cipher_key, sizeof another);
    another[0] ^= 1;
    array.device.anchors.cipher_key = another;
    assert_int_equal(begin(&package), MH_ERR_CIPHER_KEY);
    array.device.anchors.cipher_key = NULL;
    assert_int_equal(begin(&package), MH_ERR_CIPHER_KEY);
    free(package.bytes);
}

static void revoked_key_refuses_packages_and_not_what_is_installed(void **state)
{
    struct blob first = fixture_encrypted(SIZE, RUNTIME_SIZE, 3), next = fixture_package(SIZE, 0, 4, 0);
    struct mh_manifest manifest;

    (void)state;
    install(&first);
    assert_int_equal(mh_update_initialize(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    array.device.anchors.revoked = 1;
    assert_int_equal(mh_component_verify(&array.device, MH_APPLICATION, &manifest), MH_OK);
    assert_int_equal(mh_component_verify(&array.device, MH_RUNTIME, &manifest), MH_OK);
    array.operations_left = 0;
    assert_int_equal(begin(&next), MH_ERR_REVOKED);
    free(first.bytes);
    free(next.bytes);
}

/* Revoked after it was stored and asked for: the bootloader refuses it. */
static void revoked_key_refuses_a_request(void **state)
{
    struct blob package = fixture_package(SIZE, 0, 3, 0);

    (void)state;
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK);
    array.device.anchors.revoked = 1;
    assert_int_equal(fixture_boot(&update, &array.device), MH_ERR_REVOKED);
    assert_int_equal(update.journal.state.phase, MH_IDLE);
    assert_int_equal(update.journal.state.refusal, MH_ERR_REVOKED);
    free(package.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_device)

int main(void)
{
    const struct CMUnitTest encrypted_tests[] = {
        TEST(plain_package_is_in_the_store),
        TEST(encrypted_package_is_installed_and_stays_encrypted),
        TEST(rolled_back_package_stays_encrypted),
        TEST(revoked_package_is_not_rolled_back_to),
        TEST(nothing_is_plain_whenever_power_is_lost),
        TEST(device_with_another_key_refuses_before_it_writes),
        TEST(revoked_key_refuses_packages_and_not_what_is_installed),
        TEST(revoked_key_refuses_a_request),
    };
    return cmocka_run_group_tests(encrypted_tests, NULL, NULL);
}
