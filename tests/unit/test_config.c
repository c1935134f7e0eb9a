/* SPDX-License-Identifier: MIT
 *
 * The config store without power losses: what it keeps, what it refuses, and what becomes of damaged or forged bytes.
 */
#include "config_fixture.h"

#include "matterhorn/bytes.h"

#include <sodium/crypto_auth_hmacsha256.h>

#define TAG 0x8001u
#define FIRST MH_CONFIG_HEAD_SIZE /* record of a new sector */
#define HEAD_OPENED 8u
#define HEAD_CLOSED 12u

static const uint8_t zeros[4];
static struct mh_config config;

static void open_again(void)
{
    torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
    assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
}

static enum mh_error write_text(unsigned tag, const char *text)
{
    return mh_config_write(&config, tag, (const uint8_t *)text, (uint32_t)strlen(text));
}

static void assert_text(unsigned tag, const char *text)
{
    assert_true(is_value(tag, text, text ? (uint32_t)strlen(text) : 0));
}

static void assert_mac(void)
{
    assert_true(has_mac());
}

/* A new device with its MAC address, opened. */
static int new_device(void **state)
{
    (void)state;
    make_new_device(&config);
    return 0;
}

/// What it keeps ///

static void values_are_kept_replaced_and_deleted(void **state)
{
    (void)state;
    assert_int_equal(write_text(TAG, "one"), MH_OK);
    assert_int_equal(write_text(TAG + 1, "another"), MH_OK);
    assert_text(TAG, "one");
    assert_int_equal(write_text(TAG, "two, which is longer"), MH_OK);
    assert_int_equal(mh_config_delete(&config, TAG + 1), MH_OK);
    open_again();
    assert_text(TAG, "two, which is longer");
    assert_text(TAG + 1, NULL);
    assert_mac();
    assert_int_equal(write_text(TAG + 1, "again"), MH_OK);
    assert_text(TAG + 1, "again");
    assert_int_equal(torn_erases(&torn), 1); /* the first write formats the sector */
}

static void what_stands_there_already_costs_nothing(void **state)
{
    (void)state;
    assert_int_equal(write_text(TAG, "one"), MH_OK);
    open_again();
    assert_int_equal(write_text(TAG, "one"), MH_OK);
    assert_int_equal(mh_config_delete(&config, TAG + 1), MH_OK);
    assert_int_equal(torn.operations, 0);
}

static void each_value_comes_once(void **state)
{
    struct mh_config_value value = {0};
    unsigned tags = 0;

    (void)state;
    assert_int_equal(write_text(TAG, "old"), MH_OK);
    assert_int_equal(write_text(TAG + 1, "deleted"), MH_OK);
    assert_int_equal(write_text(TAG, "new"), MH_OK);
    assert_int_equal(mh_config_delete(&config, TAG + 1), MH_OK);
    for (; mh_config_next(torn.view, &value); tags++) {
        assert_int_equal(value.tag, tags == 0 ? MH_CONFIG_MAC : TAG);
        assert_memory_equal(value.value, tags == 0 ? mac : (const uint8_t *)"new", value.length);
    }
    assert_int_equal(tags, 2);
    assert_false(mh_config_next(torn.view, &value));
}

static void every_length_comes_back(void **state)
{
    static uint8_t value[MH_CONFIG_VALUE_MAX];
    uint32_t length;

    (void)state;
    for (uint32_t i = 1; i <= 70; i++) {
        memset(value, (int)(0xFF - i % 3), i);
        assert_int_equal(mh_config_write(&config, TAG, value, i), MH_OK);
        assert_memory_equal(mh_config_find(torn.view, TAG, &length), value, i);
        assert_int_equal(length, i);
    }
    assert_mac();
}

static void arguments_out_of_bounds_are_refused(void **state)
{
    static const uint8_t value[MH_CONFIG_VALUE_MAX + 1];

    (void)state;
    assert_int_equal(mh_config_write(&config, 0, value, 4), MH_ERR_ARGUMENT);
    assert_int_equal(mh_config_write(&config, 0xFFFF, value, 4), MH_ERR_ARGUMENT);
    assert_int_equal(mh_config_write(&config, TAG, value, 0), MH_ERR_ARGUMENT);
    assert_int_equal(mh_config_write(&config, TAG, value, sizeof value), MH_ERR_ARGUMENT);
    assert_int_equal(mh_config_delete(&config, 0), MH_ERR_ARGUMENT);
    assert_int_equal(mh_config_delete(&config, 0xFFFF), MH_ERR_ARGUMENT);
    config.open = false;
    assert_int_equal(mh_config_write(&config, TAG, value, 4), MH_ERR_FLASH);
}

/// Room ///

static void room_is_what_one_more_value_can_have(void **state)
{
    static uint8_t value[MH_CONFIG_VALUE_MAX];
    const uint32_t room = mh_config_room(&config);

    (void)state;
    assert_int_equal(room, MH_CONFIG_SIZE - MH_CONFIG_HEAD_SIZE - (MH_CONFIG_RECORD_SIZE + 8) - MH_CONFIG_RECORD_SIZE);
    assert_int_equal(mh_config_write(&config, TAG, value, room + 1), MH_ERR_NO_ROOM);
    assert_mac();
    assert_int_equal(mh_config_write(&config, TAG, value, room), MH_OK);
    assert_int_equal(mh_config_room(&config), 0);
    assert_int_equal(write_text(TAG + 1, "no room"), MH_ERR_NO_ROOM);
    value[0] = 1;
    assert_int_equal(mh_config_write(&config, TAG, value, room), MH_OK); /* in the place of the other */
    assert_int_equal(mh_config_delete(&config, TAG), MH_OK); /* which needs no room */
    assert_int_equal(mh_config_room(&config), room);
    open_again();
    assert_mac();
    assert_int_equal(torn_erases(&torn), 3);
}

static void a_full_sector_is_written_anew_again_and_again(void **state)
{
    uint8_t value[12] = {0};

    (void)state;
    for (uint32_t i = 1; i <= 20000; i++) {
        mh_put32(value, i);
        assert_int_equal(mh_config_write(&config, TAG, value, sizeof value), MH_OK);
    }
    open_again();
    assert_mac();
    /* 32 bytes each, beside head and MAC address: 509 records per erase */
    assert_in_range(torn_erases(&torn), 1 + 20000 / 510, 2 + 20000 / 509);
    for (unsigned i = 0; i < 4096; i++) {
        assert_int_equal(torn_shadow(&torn)[i], 0xFF);
    }
}

/* Leaves no room for another record. */
static void fill_up(void)
{
    static uint8_t value[MH_CONFIG_VALUE_MAX];
    const uint32_t left = MH_CONFIG_SIZE - config.end;

    assert_int_equal(mh_config_write(&config, TAG, value, left - MH_CONFIG_RECORD_SIZE), MH_OK);
    assert_int_equal(config.end, MH_CONFIG_SIZE);
}

/* The same, of values that were replaced. */
static void fill_up_with_old_values(void)
{
    uint8_t value[MH_CONFIG_SIZE / 16];

    while (MH_CONFIG_SIZE - config.end >= MH_CONFIG_RECORD_SIZE + sizeof value) {
        memset(value, (int)config.end >> 4, sizeof value);
        assert_int_equal(mh_config_write(&config, TAG, value, sizeof value), MH_OK);
    }
    memset(value, 0x77, sizeof value);
    assert_int_equal(mh_config_write(&config, TAG, value, MH_CONFIG_SIZE - config.end - MH_CONFIG_RECORD_SIZE), MH_OK);
    assert_int_equal(config.end, MH_CONFIG_SIZE);
}

/// Without what it needs ///

static void without_the_spi_nor_a_full_sector_stays(void **state)
{
    (void)state;
    fill_up();
    torn.nor_dead = true;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(mh_config_delete(&config, TAG), MH_ERR_FLASH);
        assert_int_equal(write_text(TAG + 1, "nor is there room behind it"), MH_ERR_NO_ROOM);
        assert_int_equal(write_text(MH_CONFIG_MAC, "other"), MH_ERR_FLASH);
        assert_mac();
        if (i > 0) {
            open_again();
        }
    }
    assert_int_equal(torn_erases(&torn), 1);
    torn.nor_dead = false;
    assert_int_equal(mh_config_delete(&config, TAG), MH_OK);
    assert_text(TAG, NULL);
    assert_mac();
}

/* A change that finds no room leaves the place for the next one where it was, not where a new sector would have it. */
static void without_the_spi_nor_nothing_goes_over_old_records(void **state)
{
    static uint8_t value[3000];
    uint32_t length;

    (void)state;
    memset(value, 0xAA, sizeof value);
    assert_int_equal(mh_config_write(&config, TAG, value, 2048), MH_OK);
    assert_int_equal(mh_config_write(&config, TAG + 1, value, sizeof value), MH_OK);
    fill_up_with_old_values();
    torn.nor_dead = true;
    assert_int_equal(mh_config_delete(&config, TAG), MH_ERR_FLASH);
    assert_int_equal(write_text(TAG + 2, "no room for it"), MH_ERR_FLASH);
    torn.nor_dead = false;
    assert_int_equal(write_text(TAG + 2, "now there is"), MH_OK);
    assert_mac();
    assert_int_equal(*mh_config_find(torn.view, TAG, &length), 0x77);
    assert_memory_equal(mh_config_find(torn.view, TAG + 1, &length), value, sizeof value);
    assert_text(TAG + 2, "now there is");
}

static void without_the_spi_nor_records_are_added(void **state)
{
    (void)state;
    torn.nor_dead = true;
    open_again();
    assert_int_equal(write_text(TAG, "added"), MH_OK);
    open_again();
    assert_text(TAG, "added");
}

/* Cells of the shadow that do not take their values, each way round: magic, authentication tag, record. */
static void a_shadow_that_does_not_hold_changes_nothing(void **state)
{
    static const struct nor_stuck wrong[] = {
        {true, false, 0, MH_CONFIG_SHADOW_ADDRESS},
        {true, true, 1, MH_CONFIG_SHADOW_ADDRESS},
        {true, false, 0, MH_CONFIG_SHADOW_ADDRESS + FIRST},
        {true, true, 1, MH_CONFIG_SHADOW_ADDRESS + FIRST},
    };

    (void)state;
    fill_up();
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct nor_defects stuck = {.stuck = {wrong[i]}};
        torn.nor.defects = &stuck;
        assert_int_equal(mh_config_delete(&config, TAG), MH_ERR_FLASH);
        torn.nor.defects = NULL;
        assert_int_equal(torn_erases(&torn), 1);
        open_again();
        assert_mac();
    }
    assert_int_equal(mh_config_delete(&config, TAG), MH_OK);
}

static void without_a_secret_a_full_sector_stays(void **state)
{
    (void)state;
    fill_up();
    torn.device.anchors.secret = NULL;
    assert_int_equal(mh_config_delete(&config, TAG), MH_ERR_STATE);
    assert_mac();
    assert_int_equal(torn_erases(&torn), 1);
    torn.device.anchors.secret = torn_device_secret;
}

/* Cells that do not take a record are passed over. */
static void a_cell_that_does_not_hold_costs_a_record(void **state)
{
    struct nor_defects stuck = {.stuck = {{true, false, 0, TORN_SECTOR_OFFSET + FIRST + 28 + 13}}};

    (void)state;
    torn.internal.defects = &stuck;
    assert_int_equal(write_text(TAG, "\xFF\xFF\xFF"), MH_ERR_FLASH);
    assert_text(TAG, NULL);
    assert_int_equal(write_text(TAG, "\xFF\xFF\xFF"), MH_OK);
    torn.internal.defects = NULL;
    open_again();
    assert_text(TAG, "\xFF\xFF\xFF");
    assert_mac();
    assert_int_equal(torn_erases(&torn), 1);
}

/// Damaged bytes ///

/* Whatever one byte of an old record becomes: what stands behind it is found, and what was damaged is not. */
static void a_damaged_record_hides_no_other(void **state)
{
    static uint8_t good[MH_CONFIG_SIZE];
    const uint32_t first = config.end, size = MH_CONFIG_RECORD_SIZE + 12;

    (void)state;
    assert_int_equal(write_text(TAG, "damaged soon"), MH_OK);
    assert_int_equal(write_text(TAG + 1, "behind it"), MH_OK);
    memcpy(good, torn_sector(&torn), sizeof good);
    for (uint32_t at = first; at < first + size - 4; at++) {
        for (unsigned value = 0; value < 256; value++) {
            if (value != good[at]) {
                torn_sector(&torn)[at] = (uint8_t)value;
                torn_device_look(&torn);
                assert_text(TAG, NULL);
                assert_text(TAG + 1, "behind it");
                assert_mac();
            }
        }
        torn_sector(&torn)[at] = good[at];
    }
}

/* A seal that reads blank may have been begun all the same: when an opening has told the old value, it stays. */
static void an_unfinished_record_never_counts_later(void **state)
{
    const uint32_t at = config.end, size = MH_CONFIG_RECORD_SIZE + 4;

    (void)state;
    assert_int_equal(write_text(TAG, "half"), MH_OK);
    memset(torn_sector(&torn) + at + size - 4, 0xFF, 4);
    open_again();
    assert_text(TAG, NULL);
    assert_int_equal(config.end, at + size);
    memset(torn_sector(&torn) + at + size - 4, 0, 4);
    open_again();
    assert_text(TAG, NULL);
    assert_mac();
}

/* A record in a value is none, even where the header of the record around it is gone. */
static void a_value_that_looks_like_a_record_is_none(void **state)
{
    uint8_t value[28];
    const uint32_t at = config.end;

    (void)state;
    memcpy(value, torn.view + FIRST, sizeof value);
    value[12] ^= 0xFF;
    mh_put32(value + 20, mh_crc32(value, 20));
    assert_int_equal(mh_config_write(&config, TAG, value, sizeof value), MH_OK);
    assert_mac();
    torn_sector(&torn)[at] = 0;
    torn_device_look(&torn);
    assert_mac();
}

/* Nobody writes such a record; a value that nobody can delete must not take room. */
static void tags_that_are_none_do_not_count(void **state)
{
    static const unsigned wrong[] = {0, 0xFFFF};
    struct mh_config_value value;
    uint32_t length;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *record = torn_sector(&torn) + config.end;
        memcpy(record, "MC", 2);
        mh_put16(record + 2, (uint16_t)wrong[i]);
        mh_put16(record + 4, 4);
        mh_put16(record + 6, (uint16_t)(config.end / 4));
        mh_put32(record + 8, mh_crc32(record, 8));
        memset(record + 12, 0x55, 4);
        mh_put32(record + 16, mh_crc32(record, 16));
        memset(record + 20, 0, 4);
        open_again();
        assert_null(mh_config_find(torn.view, wrong[i], &length));
        for (value = (struct mh_config_value){0}; mh_config_next(torn.view, &value);) {
            assert_int_equal(value.tag, MH_CONFIG_MAC);
        }
    }
}

static void lengths_never_lead_out_of_the_sector(void **state)
{
    uint8_t *sector = torn_sector(&torn);
    uint32_t length;

    (void)state;
    for (uint32_t at = MH_CONFIG_HEAD_SIZE; at < MH_CONFIG_SIZE; at += 4) {
        for (uint32_t wrong = 0; wrong < 3 && at + 12 <= MH_CONFIG_SIZE; wrong++) {
            memcpy(sector + at, "MC\x01\x80", 4);
            mh_put16(sector + at + 4, wrong == 0 ? 0xFFFF : (uint16_t)(MH_CONFIG_SIZE - at - 20 + wrong));
            mh_put16(sector + at + 6, (uint16_t)(at / 4));
            mh_put32(sector + at + 8, mh_crc32(sector + at, 8));
            torn_device_look(&torn);
            assert_null(mh_config_find(torn.view, TAG, &length)); /* the address sanitizer sees the rest */
        }
    }
}

static void a_sector_of_anything_opens(void **state)
{
    (void)state;
    torn.random = 77;
    for (unsigned run = 0; run < 300; run++) {
        for (uint32_t i = run % 2 ? MH_CONFIG_HEAD_SIZE : 0; i < MH_CONFIG_SIZE; i++) {
            torn_sector(&torn)[i] = (uint8_t)(torn_device_draw(&torn, 4) ? 0xFF : torn_device_draw(&torn, 256));
        }
        open_again();
        assert_int_equal(write_text(TAG, "works"), MH_OK);
        open_again();
        assert_text(TAG, "works");
        assert_int_equal(new_device(NULL), 0);
    }
}

/// Shadows ///

/* The device in the middle of writing its sector anew: the shadow is there, the sector is erased. */
static void lose_power_after_the_erase(void)
{
    const uint32_t erases = torn_erases(&torn);
    uint64_t at = 1;
    static struct torn_snapshot before;

    torn_device_save(&torn, &before);
    do {
        torn_device_restore(&torn, &before);
        torn_device_start(&torn, 0, at++, NOR_TEAR_BEFORE);
        assert_int_equal(mh_config_open(&config, &torn.device), MH_OK);
        torn.internal.erases[MH_CONFIG_SECTOR] = erases;
        assert_int_not_equal(mh_config_delete(&config, TAG), MH_OK);
    } while (torn_erases(&torn) == erases);
    assert_int_equal(torn_sector(&torn)[0], 0xFF);
}

static void a_shadow_is_taken_when_the_sector_is_not_whole(void **state)
{
    (void)state;
    fill_up();
    lose_power_after_the_erase();
    open_again();
    assert_mac();
    assert_text(TAG, NULL);
    assert_int_equal(torn_shadow(&torn)[0], 0xFF);
}

static void until_the_spi_nor_can_be_read_nothing_is_written(void **state)
{
    (void)state;
    fill_up();
    lose_power_after_the_erase();
    torn.nor_dead = true;
    torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
    assert_int_equal(mh_config_open(&config, &torn.device), MH_ERR_FLASH);
    torn.nor_dead = false;
    assert_int_equal(write_text(TAG, "too early"), MH_ERR_FLASH); /* it would be without the MAC address */
    open_again();
    assert_mac();
}

/* Each bit of it, and shadows made with another secret. */
static void a_forged_shadow_is_none(void **state)
{
    uint8_t *shadow = torn_shadow(&torn);

    (void)state;
    fill_up();
    lose_power_after_the_erase();
    const uint32_t end = mh_get32(shadow + 8), erases = torn_erases(&torn);
    for (uint32_t bit = 0; bit < 8 * end; bit++) {
        if (bit / 8 >= 48 && bit / 8 < MH_CONFIG_HEAD_SIZE) {
            continue; /* reserved */
        }
        shadow[bit / 8] ^= (uint8_t)(1u << bit % 8);
        torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
        assert_int_equal(mh_config_resume(&torn.device), MH_OK);
        assert_int_equal(torn.operations, 0);
        shadow[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    uint8_t another[MH_SECRET_SIZE];
    memcpy(another, torn_device_secret, sizeof another);
    another[31] ^= 1;
    torn.device.anchors.secret = another;
    assert_int_equal(mh_config_resume(&torn.device), MH_OK);
    assert_int_equal(torn.operations, 0);
    torn.device.anchors.secret = torn_device_secret;
    assert_int_equal(torn_erases(&torn), erases);
    open_again();
    assert_mac();
}

static void a_shadow_of_before_does_not_count_for_a_whole_sector(void **state)
{
    static uint8_t old[MH_CONFIG_SIZE];

    (void)state;
    fill_up();
    lose_power_after_the_erase();
    memcpy(old, torn_shadow(&torn), sizeof old);
    open_again();
    assert_int_equal(write_text(TAG, "newer than the shadow"), MH_OK);
    memcpy(torn_shadow(&torn), old, sizeof old);
    torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
    assert_int_equal(mh_config_resume(&torn.device), MH_OK);
    assert_int_equal(torn.operations, 0);
    open_again();
    assert_text(TAG, "newer than the shadow");
    assert_int_equal(torn_shadow(&torn)[0], 0xFF);
}

/* The bus shows the true shadow until it is authenticated, then one with another MAC address in it. */
static void swap_the_shadow(struct torn_device *device, uint32_t address)
{
    uint8_t *shadow = torn_shadow(device);

    if (address == MH_CONFIG_SHADOW_ADDRESS + MH_CONFIG_HEAD_SIZE && torn_sector(device)[FIRST] == 0xFF &&
        device->operations > 0) {
        shadow[FIRST + 12] = 0x66;
        mh_put32(shadow + FIRST + 20, mh_crc32(shadow + FIRST, 20));
    }
}

static void a_shadow_swapped_after_it_was_authenticated_is_none(void **state)
{
    uint32_t length;

    (void)state;
    fill_up();
    lose_power_after_the_erase();
    torn.before_read = swap_the_shadow;
    torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
    assert_int_equal(mh_config_open(&config, &torn.device), MH_ERR_FLASH);
    assert_int_equal(torn_sector(&torn)[FIRST + 12], 0x66); /* it went that far */
    assert_null(mh_config_find(torn.view, MH_CONFIG_MAC, &length));
    torn.before_read = NULL;
    open_again();
    assert_null(mh_config_find(torn.view, MH_CONFIG_MAC, &length));
}

/* What an erase that lost power has left of a closed sector is better than nothing, where its shadow is gone. */
static void what_is_left_of_a_closed_sector_counts_without_a_shadow(void **state)
{
    (void)state;
    assert_int_equal(write_text(TAG, "in the first half"), MH_OK);
    memcpy(torn_sector(&torn) + HEAD_CLOSED, zeros, 4);
    memset(torn_sector(&torn) + MH_CONFIG_SIZE / 2, 0, MH_CONFIG_SIZE / 2);
    open_again();
    assert_mac();
    assert_text(TAG, "in the first half");
    assert_int_equal(write_text(TAG, "written anew"), MH_OK);
    open_again();
    assert_mac();
    assert_text(TAG, "written anew");
}

static void a_sector_that_was_never_finished_does_not_count(void **state)
{
    uint32_t length;

    (void)state;
    memset(torn_sector(&torn) + HEAD_OPENED, 0xFF, 4);
    torn_device_look(&torn);
    assert_null(mh_config_find(torn.view, MH_CONFIG_MAC, &length));
}

#define TEST(function) cmocka_unit_test_setup(function, new_device)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_are_kept_replaced_and_deleted),
        TEST(what_stands_there_already_costs_nothing),
        TEST(each_value_comes_once),
        TEST(every_length_comes_back),
        TEST(arguments_out_of_bounds_are_refused),
        TEST(room_is_what_one_more_value_can_have),
        TEST(a_full_sector_is_written_anew_again_and_again),
        TEST(without_the_spi_nor_a_full_sector_stays),
        TEST(without_the_spi_nor_nothing_goes_over_old_records),
        TEST(without_the_spi_nor_records_are_added),
        TEST(a_shadow_that_does_not_hold_changes_nothing),
        TEST(without_a_secret_a_full_sector_stays),
        TEST(a_cell_that_does_not_hold_costs_a_record),
        TEST(a_damaged_record_hides_no_other),
        TEST(an_unfinished_record_never_counts_later),
        TEST(a_value_that_looks_like_a_record_is_none),
        TEST(tags_that_are_none_do_not_count),
        TEST(lengths_never_lead_out_of_the_sector),
        TEST(a_sector_of_anything_opens),
        TEST(a_shadow_is_taken_when_the_sector_is_not_whole),
        TEST(until_the_spi_nor_can_be_read_nothing_is_written),
        TEST(a_forged_shadow_is_none),
        TEST(a_shadow_of_before_does_not_count_for_a_whole_sector),
        TEST(a_shadow_swapped_after_it_was_authenticated_is_none),
        TEST(what_is_left_of_a_closed_sector_counts_without_a_shadow),
        TEST(a_sector_that_was_never_finished_does_not_count),
    };
    return cmocka_run_group_tests(tests, create_device, free_device);
}
