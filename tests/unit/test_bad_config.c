/* SPDX-License-Identifier: MIT
 *
 * Bad config sectors and shadows, field by field of docs/SPEC.md 5: what is found of each, what opening it changes,
 * and that the next value can be written all the same.
 *
 * `row` is the row of SPEC that a case attacks, by section and first cell; the last test sees to it that none is
 * missing. The device has a MAC address, then two values of the application.
 */
#include "config_fixture.h"
#include "spec_rows.h"

#include "matterhorn/bytes.h"

#include <sodium/crypto_auth_hmacsha256.h>

#define TAG 0x8001u
#define VALUE "0123456789abcde" /* with one byte of padding */
#define VALUE_SIZE 15u
#define FIRST MH_CONFIG_HEAD_SIZE
#define RECORD (FIRST + MH_CONFIG_RECORD_SIZE + 8u) /* of TAG; the one of the MAC address is before it */
#define BEHIND (RECORD + MH_CONFIG_RECORD_SIZE + 16u) /* of TAG + 1 */
#define BODY (12u + 16u) /* of a record, up to its second checksum */
#define SEAL (BODY + 4u)

static struct mh_config config;

static int new_device(void **state)
{
    (void)state;
    make_new_device(&config);
    assert_int_equal(mh_config_write(&config, TAG, (const uint8_t *)VALUE, VALUE_SIZE), MH_OK);
    assert_int_equal(mh_config_write(&config, TAG + 1, (const uint8_t *)"behind", 6), MH_OK);
    assert_int_equal(config.end, BEHIND + MH_CONFIG_RECORD_SIZE + 8);
    return 0;
}

static void put(uint8_t *at, unsigned width, uint32_t value)
{
    if (width == 1) {
        *at = (uint8_t)value;
    } else if (width == 2) {
        mh_put16(at, (uint16_t)value);
    } else {
        mh_put32(at, value);
    }
}

/// Records (5.1) ///

/* Which of a record's checksums are made right after the change. */
enum mend { NEITHER, HEADER, BOTH };

struct of_record {
    const char *row, *name;
    unsigned offset, width;
    uint32_t value;
    enum mend mend;
    bool counts;        /* the record still gives a value, though not VALUE */
    bool hides;         /* what stands behind it is not found either */
};

static void change_record(uint8_t *record, const struct of_record *one)
{
    put(record + one->offset, one->width, one->value);
    if (one->mend != NEITHER && one->offset < 8) {
        mh_put32(record + 8, mh_crc32(record, 8));
    }
    if (one->mend == BOTH) {
        mh_put32(record + BODY, mh_crc32(record, BODY));
    }
}

/* Whatever the record is like: what it may not say is not found, the values around it are, opening changes no value,
 * and the next one can be written. */
static void check_around(const struct of_record *one)
{
    static const char next[] = "the next value";

    torn_device_look(&torn);
    for (unsigned opened = 0; opened < 3; opened++) {
        if (!has_mac() || (!one->counts && !is_value(TAG, "", 0)) || is_value(TAG, VALUE, VALUE_SIZE) ||
            is_value(TAG + 1, "behind", 6) == one->hides) {
            fail_msg("%s, opened %u times", one->name, opened);
        }
        torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
        assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
        assert_true(config.open && config.whole && torn_erases(&torn) == 1);
    }
    assert_int_equal(mh_config_write(&config, TAG, (const uint8_t *)next, sizeof next), MH_OK);
    torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
    assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
    if (!is_value(TAG, next, sizeof next) || !has_mac()) {
        fail_msg("%s: the next value is lost", one->name);
    }
}

static void records(void **state)
{
    static const struct of_record cases[] = {
        {"5.1 0", "no magic", 0, 2, 0, BOTH, false, false},
        {"5.1 0", "blank magic", 0, 2, 0xFFFF, BOTH, false, false},
        {"5.1 0", "first letter", 0, 1, 'L', BOTH, false, false},
        {"5.1 0", "second letter", 1, 1, 'D', BOTH, false, false},
        {"5.1 2", "tag 0", 2, 2, 0, BOTH, false, false},
        {"5.1 2", "tag 0xFFFF", 2, 2, 0xFFFF, BOTH, false, false},
        {"5.1 2", "another tag", 2, 2, TAG + 2, BOTH, false, false},
        {"5.1 2", "tag without its checksum", 2, 2, TAG + 2, NEITHER, false, false},
        {"5.1 4", "length 0 without its padding", 4, 2, 0, BOTH, false, false},
        {"5.1 4", "one byte shorter, within the padding", 4, 2, VALUE_SIZE - 1, BOTH, true, false},
        {"5.1 4", "one byte longer, within the padding", 4, 2, VALUE_SIZE + 1, BOTH, true, false},
        {"5.1 4", "one word shorter", 4, 2, VALUE_SIZE - 4, BOTH, false, false},
        {"5.1 4", "one word longer", 4, 2, VALUE_SIZE + 4, HEADER, false, true},
        {"5.1 4", "over the record behind it", 4, 2, VALUE_SIZE + 1 + 28, HEADER, false, true},
        {"5.1 4", "up to the end of the sector", 4, 2, MH_CONFIG_SIZE - RECORD - 20, HEADER, false, true},
        {"5.1 4", "one byte beyond the end", 4, 2, MH_CONFIG_SIZE - RECORD - 19, HEADER, false, false},
        {"5.1 4", "highest length", 4, 2, 0xFFFF, HEADER, false, false},
        {"5.1 4", "length without its checksum", 4, 2, VALUE_SIZE + 1, NEITHER, false, false},
        {"5.1 6", "place 0", 6, 2, 0, BOTH, false, false},
        {"5.1 6", "one word lower", 6, 2, RECORD / 4 - 1, BOTH, false, false},
        {"5.1 6", "one word higher", 6, 2, RECORD / 4 + 1, BOTH, false, false},
        {"5.1 6", "not divided by 4", 6, 2, RECORD, BOTH, false, false},
        {"5.1 6", "highest place", 6, 2, 0xFFFF, BOTH, false, false},
        {"5.1 8", "checksum of zeros", 8, 4, 0, NEITHER, false, false},
        {"5.1 8", "blank checksum", 8, 4, 0xFFFFFFFF, NEITHER, false, false},
        {"5.1 8", "one bit", 8, 1, 0, NEITHER, false, false},
        {"5.1 12", "another value", 12, 1, 'X', NEITHER, false, false},
        {"5.1 12", "last byte", 12 + VALUE_SIZE - 1, 1, 'X', NEITHER, false, false},
        {"5.1 12", "padding", 12 + VALUE_SIZE, 1, 'X', NEITHER, false, false},
        {"5.1 12 + *n* padded", "checksum of zeros", BODY, 4, 0, NEITHER, false, false},
        {"5.1 12 + *n* padded", "blank checksum", BODY, 4, 0xFFFFFFFF, NEITHER, false, false},
        {"5.1 16 + *n* padded", "no seal", SEAL, 4, 0xFFFFFFFF, NEITHER, false, false},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        new_device(state);
        change_record(torn_sector(&torn) + RECORD, &cases[i]);
        check_around(&cases[i]);
        spec_rows_cover(cases[i].row);
    }
}

/* A mark counts as begun whatever else than blank it reads. */
static void seals_that_are_half_programmed(void **state)
{
    static const uint32_t seals[] = {0, 1, 0xFFFF, 0xFFFF0000, 0x7FFFFFFF, 0xFFFFFFFE};

    for (unsigned i = 0; i < sizeof seals / sizeof *seals; i++) {
        new_device(state);
        mh_put32(torn_sector(&torn) + RECORD + SEAL, seals[i]);
        for (unsigned opened = 0; opened < 2; opened++) {
            torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
            assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
            assert_true(is_value(TAG, VALUE, VALUE_SIZE) && has_mac());
        }
    }
}

/* Two records with the tag, of which the later one counts when it is good. */
static void the_last_good_record_counts(void **state)
{
    (void)state;
    const uint32_t again = config.end;
    assert_int_equal(mh_config_write(&config, TAG, (const uint8_t *)"again", 5), MH_OK);
    torn_sector(&torn)[again + 12] ^= 1;
    torn_device_look(&torn);
    assert_true(is_value(TAG, VALUE, VALUE_SIZE));
    assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
    assert_true(is_value(TAG, VALUE, VALUE_SIZE));
}

/// The sector's head (5) ///

static void heads_of_the_sector(void **state)
{
    static const struct {
        const char *row, *name;
        unsigned offset;
        uint32_t value;
        bool counts, whole;
    } cases[] = {
        {"5 0", "no magic", 0, 0, false, false},
        {"5 0", "magic of the shadow", 0, 0x5348544D, false, false},
        {"5 0", "one letter", 0, 0x4348544E, false, false},
        {"5 0", "blank", 0, 0xFFFFFFFF, false, false},
        {"5 4", "format 0", 4, 0, false, false},
        {"5 4", "the format before", 4, 1, false, false},
        {"5 4", "the next format", 4, 3, false, false},
        {"5 4", "highest format", 4, 0xFFFFFFFF, false, false},
        {"5 8", "not opened", 8, 0xFFFFFFFF, false, false},
        {"5 8", "opened by half", 8, 0xFFFF0000, true, true},
        {"5 8", "one bit opened", 8, 0xFFFFFFFE, true, true},
        {"5 12", "closed", 12, 0, true, false},
        {"5 12", "closed by half", 12, 0x0000FFFF, true, false},
        {"5 12", "one bit closed", 12, 0x7FFFFFFF, true, false},
        {"5 16", "reserved", 16, 0, true, true},
        {"5 16", "last of the reserved", 60, 0x12345678, true, true},
        {"5 64", "first record", 64, 0, true, true},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        new_device(state);
        mh_put32(torn_sector(&torn) + cases[i].offset, cases[i].value);
        torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
        const bool mac_there = cases[i].counts && cases[i].offset != FIRST;
        assert_true(has_mac() == mac_there && is_value(TAG, VALUE, VALUE_SIZE) == cases[i].counts);
        assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
        if (config.whole != cases[i].whole || torn_erases(&torn) != 1) {
            fail_msg("%s: whole %d", cases[i].name, config.whole);
        }
        assert_true(has_mac() == mac_there && is_value(TAG, VALUE, VALUE_SIZE) == cases[i].counts);
        assert_int_equal(mh_config_write(&config, TAG + 2, (const uint8_t *)"next", 4), MH_OK);
        torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
        assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
        assert_true(config.whole && is_value(TAG + 2, "next", 4) && has_mac() == mac_there);
        spec_rows_cover(cases[i].row);
    }
}

/// Shadows (5.3) ///

static void authenticate(uint8_t *shadow, uint32_t end)
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, torn.device.anchors.secret, MH_SECRET_SIZE);
    crypto_auth_hmacsha256_update(&state, shadow, 16);
    crypto_auth_hmacsha256_update(&state, shadow + MH_CONFIG_HEAD_SIZE, end - MH_CONFIG_HEAD_SIZE);
    crypto_auth_hmacsha256_final(&state, shadow + 16);
}

/* A sector that is erased, and the shadow of what it held. */
static void lose_the_sector(void)
{
    uint8_t *shadow = torn_shadow(&torn);
    const uint32_t end = config.end;

    memset(shadow, 0xFF, MH_CONFIG_SIZE);
    memset(shadow, 0, MH_CONFIG_HEAD_SIZE);
    memcpy(shadow, "MTHS\2\0\0\0", 8);
    mh_put32(shadow + 8, end);
    memcpy(shadow + MH_CONFIG_HEAD_SIZE, torn_sector(&torn) + MH_CONFIG_HEAD_SIZE, end - MH_CONFIG_HEAD_SIZE);
    authenticate(shadow, end);
    memset(torn_sector(&torn), 0xFF, MH_CONFIG_SIZE);
    torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
}

static void the_good_shadow_is_taken(void **state)
{
    (void)state;
    lose_the_sector();
    assert_int_equal(mh_config_resume(&torn.device), MH_OK);
    assert_true(has_mac() && is_value(TAG, VALUE, VALUE_SIZE) && is_value(TAG + 1, "behind", 6));
}

static void shadows(void **state)
{
    const uint32_t end = BEHIND + MH_CONFIG_RECORD_SIZE + 8;
    const struct {
        const char *row, *name;
        unsigned offset;
        uint32_t value;
        uint32_t authentic_to; /* 0: the authentication stays as it was */
        bool taken;
    } cases[] = {
        {"5.3 0", "no magic", 0, 0, end, false},
        {"5.3 0", "magic of the sector", 0, 0x4348544D, end, false},
        {"5.3 0", "blank", 0, 0xFFFFFFFF, end, false},
        {"5.3 4", "format 0", 4, 0, end, false},
        {"5.3 4", "the format before", 4, 1, end, false},
        {"5.3 4", "the next format", 4, 3, end, false},
        {"5.3 8", "end 0", 8, 0, end, false},
        {"5.3 8", "end within its own head", 8, 60, end, false},
        {"5.3 8", "end that is no multiple of 4", 8, end + 1, end + 1, false},
        {"5.3 8", "end behind the sector", 8, MH_CONFIG_SIZE + 4, end, false},
        {"5.3 8", "highest end", 8, 0xFFFFFFFC, end, false},
        {"5.3 8", "one word lower, not authentic", 8, end - 4, 0, false},
        {"5.3 12", "reserved, authenticated", 12, 0x55555555, end, true},
        {"5.3 12", "reserved, not authenticated", 12, 0x55555555, 0, false},
        {"5.3 16", "tag of zeros", 16, 0, 0, false},
        {"5.3 16", "blank tag", 16, 0xFFFFFFFF, 0, false},
        {"5.3 16", "last word of the tag", 44, 0, 0, false},
        {"5.3 48", "reserved", 48, 0xFFFFFFFF, 0, true},
        {"5.3 64", "record", 64 + 12, 0, 0, false},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        new_device(state);
        lose_the_sector();
        uint8_t *shadow = torn_shadow(&torn);
        mh_put32(shadow + cases[i].offset, cases[i].value);
        if (cases[i].authentic_to) {
            authenticate(shadow, cases[i].authentic_to);
        }
        static uint8_t before[MH_CONFIG_SIZE];
        memcpy(before, shadow, sizeof before);
        assert_int_equal(mh_config_resume(&torn.device), MH_OK);
        if (has_mac() != cases[i].taken || (torn.operations != 0) != cases[i].taken) {
            fail_msg("%s: %u operations", cases[i].name, (unsigned)torn.operations);
        }
        if (!cases[i].taken) { /* neither flash was changed */
            assert_memory_equal(shadow, before, sizeof before);
            assert_true(filled(torn_sector(&torn), 0xFF, MH_CONFIG_SIZE));
        }
        spec_rows_cover(cases[i].row);
    }
}

/// Arguments ///

static void arguments_change_nothing(void **state)
{
    static const uint8_t value[MH_CONFIG_VALUE_MAX + 1];
    static uint8_t before[MH_CONFIG_SIZE];
    static const struct {
        unsigned tag;
        uint32_t length;
    } cases[] = {
        {0, 4}, {0xFFFF, 4}, {0x10001, 4}, {0xFFFFFFFF, 4}, {TAG, 0}, {TAG, MH_CONFIG_VALUE_MAX + 1}, {TAG, 0xFFFFFFFF},
    };

    (void)state;
    memcpy(before, torn_sector(&torn), sizeof before);
    torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(mh_config_write(&config, cases[i].tag, value, cases[i].length), MH_ERR_ARGUMENT);
        if (cases[i].length == 4) {
            assert_int_equal(mh_config_delete(&config, cases[i].tag), MH_ERR_ARGUMENT);
        }
    }
    assert_int_equal(mh_config_write(&config, TAG, value, MH_CONFIG_VALUE_MAX), MH_ERR_NO_ROOM);
    assert_int_equal(torn.operations, 0);
    assert_memory_equal(torn_sector(&torn), before, sizeof before);
}

static void every_row_has_a_case(void **state)
{
    (void)state;
    spec_rows_check("5", NULL);
    spec_rows_check("5.1", NULL);
    spec_rows_check("5.3", NULL);
}

#define TEST(function) cmocka_unit_test_setup(function, new_device)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records),
        TEST(seals_that_are_half_programmed),
        TEST(the_last_good_record_counts),
        TEST(heads_of_the_sector),
        TEST(the_good_shadow_is_taken),
        TEST(shadows),
        TEST(arguments_change_nothing),
        cmocka_unit_test(every_row_has_a_case),
    };
    return cmocka_run_group_tests(tests, create_device, free_device);
}
