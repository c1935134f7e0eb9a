/* SPDX-License-Identifier: MIT
 *
 * Bad trust anchors, field by field of docs/SPEC.md 4: what reading them says, and what a device with them takes.
 *
 * `row` is the row of SPEC that a case attacks, by section and first cell; the last test sees to it that none is
 * missing.
 */
#include "device_fixture.h"
#include "spec_rows.h"

#include "matterhorn/bytes.h"

#include <stdlib.h>
#include <string.h>

#define CRC 252u

static uint8_t bytes[MH_ANCHORS_SIZE];

static int set_up(void **state)
{
    set_up_device(state);
    array.device.anchors.secret = (const uint8_t *)"a secret of a device for a test.";
    mh_anchors_write(&array.device.anchors, bytes);
    return 0;
}

static void mend(void)
{
    mh_put32(bytes + CRC, mh_crc32(bytes, CRC));
}

/// Reading ///

static void what_is_not_good_is_not_read(void **state)
{
    static const struct {
        const char *row, *name;
        unsigned offset;
        uint32_t value;
        bool mend;
        enum mh_error expected;
    } cases[] = {
        {"4 0", "no magic", 0, 0, true, MH_ERR_MAGIC},
        {"4 0", "blank", 0, 0xFFFFFFFF, true, MH_ERR_MAGIC},
        {"4 0", "magic of a package", 0, 0x5048544D, true, MH_ERR_MAGIC},
        {"4 0", "one letter", 0, 0x4148544E, true, MH_ERR_MAGIC},
        {"4 4", "format 0", 4, 0, true, MH_ERR_FORMAT},
        {"4 4", "the format before", 4, 1, true, MH_ERR_FORMAT},
        {"4 4", "the next format", 4, 3, true, MH_ERR_FORMAT},
        {"4 4", "a format in another byte", 4, 0x100, true, MH_ERR_FORMAT},
        {"4 4", "highest format", 4, 0xFFFFFFFF, true, MH_ERR_FORMAT},
        {"4 12", "no keys", 12, 0, true, MH_ERR_FIELD_VALUE},
        {"4 12", "one key too many", 12, MH_KEYS_MAX + 1, true, MH_ERR_FIELD_VALUE},
        {"4 12", "a number in another byte", 12, 0x101, true, MH_ERR_FIELD_VALUE},
        {"4 12", "highest number of keys", 12, 0xFFFFFFFF, true, MH_ERR_FIELD_VALUE},
        {"4 252", "checksum of zeros", CRC, 0, false, MH_ERR_IMAGE},
        {"4 252", "blank checksum", CRC, 0xFFFFFFFF, false, MH_ERR_IMAGE},
        {"4 8", "board without its checksum", 8, 2, false, MH_ERR_IMAGE},
        {"4 16", "key without its checksum", 16, 0, false, MH_ERR_IMAGE},
        {"4 144", "secret without its checksum", 144, 0, false, MH_ERR_IMAGE},
        {"4 176", "device key without its checksum", 176, 1, false, MH_ERR_IMAGE},
        {"4 208", "what follows without its checksum", 208, 1, false, MH_ERR_IMAGE},
    };
    uint8_t good[MH_ANCHORS_SIZE];
    struct mh_anchors anchors;

    (void)state;
    memcpy(good, bytes, sizeof good);
    assert_int_equal(mh_anchors_read(&anchors, bytes), MH_OK);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(bytes, good, sizeof good);
        mh_put32(bytes + cases[i].offset, cases[i].value);
        if (cases[i].mend) {
            mend();
        }
        const enum mh_error error = mh_anchors_read(&anchors, bytes);
        if (error != cases[i].expected) {
            fail_msg("%s: %s", cases[i].name, mh_error_text(error));
        }
        spec_rows_cover(cases[i].row);
    }
}

/* Cells that were never programmed, or that somebody programmed over: there is no byte over and over that is good. */
static void cells_of_one_value_are_not_good(void **state)
{
    struct mh_anchors anchors;

    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        memset(bytes, (int)value, sizeof bytes);
        assert_int_equal(mh_anchors_read(&anchors, bytes), MH_ERR_MAGIC);
        mend();
        assert_int_equal(mh_anchors_read(&anchors, bytes), MH_ERR_MAGIC);
    }
}

static void each_bit_counts(void **state)
{
    struct mh_anchors anchors;

    (void)state;
    for (unsigned bit = 0; bit < 8 * MH_ANCHORS_SIZE; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(mh_anchors_read(&anchors, bytes), MH_OK);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/// What such a device takes ///

static void assert_nothing_changed(const struct array_device *before)
{
    assert_memory_equal(array.internal.cells, before->internal.cells, array.internal.part->size);
    assert_memory_equal(array.nor.cells, before->nor.cells, array.nor.part->size);
}

/* A package by a key that stands in another place than those that count, or in none, or not whole. */
static void keys_that_are_none(void **state)
{
    static const struct {
        const char *name;
        uint32_t count;
        unsigned place;
        uint8_t changed; /* of the key's first byte */
    } cases[] = {
        {"behind the only one", 1, 1, 0},
        {"behind the last of three", 3, 3, 0},
        {"changed", 1, 0, 1},
        {"with the other sign", 4, 2, 0x80},
    };
    struct blob package = fixture_package(3000, 0, 1, 0);
    struct array_device before;
    uint8_t key[MH_KEY_SIZE];

    (void)state;
    memcpy(key, array.device.anchors.keys[0], sizeof key);
    fixture_device(&before);
    memcpy(before.internal.cells, array.internal.cells, array.internal.part->size);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mh_anchors anchors = array.device.anchors;
        memset(anchors.keys, 0, sizeof anchors.keys);
        anchors.count = MH_KEYS_MAX;
        memcpy(anchors.keys[cases[i].place], key, sizeof key);
        anchors.keys[cases[i].place][cases[i].changed == 0x80 ? MH_KEY_SIZE - 1 : 0] ^= cases[i].changed;
        mh_anchors_write(&anchors, bytes);
        mh_put32(bytes + 12, cases[i].count);
        mend();
        assert_int_equal(mh_anchors_read(&array.device.anchors, bytes), MH_OK);
        if (fixture_store(&update, &array.device, &package) != MH_ERR_SIGNATURE) {
            fail_msg("a key %s was taken", cases[i].name);
        }
        assert_nothing_changed(&before);
    }
    array_device_free(&before);
    free(package.bytes);
}

/* Points of small order are keys under which anybody can sign. */
static void keys_of_small_order_verify_nothing(void **state)
{
    static const uint8_t small[][2] = {{0, 0}, {1, 0}, {0xEC, 0x7F}}; /* first and last byte; between, 0 or 0xFF */
    struct blob package = fixture_package(3000, 0, 1, 0);

    (void)state;
    for (unsigned i = 0; i < sizeof small / sizeof *small; i++) {
        uint8_t *key = array.device.anchors.keys[0];
        memset(key, small[i][1] ? 0xFF : 0, MH_KEY_SIZE);
        key[0] = small[i][0];
        key[MH_KEY_SIZE - 1] = small[i][1];
        const uint32_t at = mh_get16(package.bytes + 6);
        memset(package.bytes + at, 0, MH_SIGNATURE_SIZE);
        package.bytes[at] = 1; /* the neutral point, and 0 */
        assert_int_equal(fixture_store(&update, &array.device, &package), MH_ERR_SIGNATURE);
        memcpy(package.bytes + at, key, MH_KEY_SIZE);
        assert_int_equal(fixture_store(&update, &array.device, &package), MH_ERR_SIGNATURE);
    }
    free(package.bytes);
}

/// The one-time programmable area (4.1) ///

/* Each range programmed to its end: the others are what they were, and it becomes no higher. */
static void ranges_that_are_full(void **state)
{
    static const struct {
        const char *row;
        uint32_t from, to;
        uint32_t counters[MH_COMPONENTS], revoked;
    } cases[] = {
        {"4.1 0", 0, 224, {MH_COUNTER_MAX, 0}, 0},
        {"4.1 224", 224, 448, {0, MH_COUNTER_MAX}, 0},
        {"4.1 448", 448, 452, {0, 0}, 0xFFFFFFFF},
        {"4.1 452", 452, 512, {0, 0}, 0},
    };
    const struct mh_otp *otp = &array.device.otp;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(array.otp, 0xFF, MH_OTP_SIZE + MH_OTP_BLOCKS);
        memset(array.otp + cases[i].from, 0, cases[i].to - cases[i].from);
        assert_int_equal(mh_otp_revoked(otp->cells), cases[i].revoked);
        for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
            assert_int_equal(mh_otp_counter(otp->cells, number), cases[i].counters[number - 1]);
            assert_int_equal(mh_otp_raise(otp, number, MH_COUNTER_MAX + 1), MH_ERR_COUNTER_FULL);
            assert_int_equal(mh_otp_raise(otp, number, 0xFFFFFFFF), MH_ERR_COUNTER_FULL);
            assert_int_equal(mh_otp_counter(otp->cells, number), cases[i].counters[number - 1]);
        }
        spec_rows_cover(cases[i].row);
    }
}

/* A block that somebody has locked keeps what it has; one without room refuses a package, and does not brick. */
static void blocks_that_are_locked(void **state)
{
    const struct mh_otp *otp = &array.device.otp;
    uint8_t before[RAIL_OTP_SIZE];

    (void)state;
    for (unsigned block = 0; block < MH_OTP_BLOCKS; block++) {
        array.otp[MH_OTP_SIZE + block] = 0;
    }
    memcpy(before, array.otp, sizeof before);
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        assert_int_equal(mh_otp_capacity(otp->cells, number), 0);
        assert_int_equal(mh_otp_raise(otp, number, 1), MH_ERR_COUNTER_FULL);
    }
    assert_int_equal(mh_otp_revoke(otp, 1), MH_ERR_REVOCATION);
    struct blob package = fixture_package(3000, 0, 1, 1);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_ERR_COUNTER_FULL);
    assert_memory_equal(array.otp, before, sizeof before);
    free(package.bytes);
}

/* Anchors are read when the device starts; what a confirmation revokes counts at once all the same. */
static void keys_that_were_revoked_since(void **state)
{
    struct blob package = fixture_package(3000, 0, 1, 0);

    (void)state;
    assert_int_equal(mh_otp_revoke(&array.device.otp, 2), MH_OK);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_OK); /* by key 0 */
    assert_int_equal(fixture_boot(&update, &array.device), MH_OK);
    assert_int_equal(mh_update_confirm(&update), MH_OK);
    assert_int_equal(mh_otp_revoke(&array.device.otp, 1), MH_OK);
    assert_int_equal(array.device.anchors.revoked, 0);
    assert_int_equal(fixture_store(&update, &array.device, &package), MH_ERR_REVOKED);
    free(package.bytes);
}

static void every_row_has_a_case(void **state)
{
    (void)state;
    spec_rows_check("4", NULL);
    spec_rows_check("4.1", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_device)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_good_is_not_read),
        TEST(cells_of_one_value_are_not_good),
        TEST(each_bit_counts),
        TEST(keys_that_are_none),
        TEST(keys_of_small_order_verify_nothing),
        TEST(ranges_that_are_full),
        TEST(blocks_that_are_locked),
        TEST(keys_that_were_revoked_since),
        cmocka_unit_test(every_row_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
