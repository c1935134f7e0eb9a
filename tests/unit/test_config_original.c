/* SPDX-License-Identifier: MIT
 *
 * How the ancestor of this system kept its config, rebuilt from what is known of it, beside ours on the same flash
 * under the same power losses: that the tests here see what was wrong with it. Each update left a record in the
 * sector that holds the MAC address, and invalidating that freed nothing; a full sector was copied to the heap,
 * erased and written back.
 */
#include "config_fixture.h"

#include "matterhorn/bytes.h"

/// The original ///

#define ORIGINAL_LENGTH 2236u /* in the first word, when the sector is formatted; where the records begin */
#define ORIGINAL_HEADER 80u
#define ORIGINAL_SIGNATURE 0x324C4148u /* "HAL2" */
#define NETWORK_SIZE 104u
#define NETWORK_MAC 8u

enum { HEADER_CRC = 4, DATA_CRC = 8, DATA_SIZE = 12, NAME = 16, NAME_SIZE = 64 };

static bool heap_has_room; /* for a copy of the sector */
static const uint8_t nothing[1];

/* Polynomial 0x04C11DB7, not reflected, no final xor. */
static uint32_t original_crc(const uint8_t *bytes, uint32_t length, uint32_t crc)
{
    for (uint32_t i = 0; i < length; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc << 1 ^ (crc & 0x80000000 ? 0x04C11DB7 : 0);
        }
    }
    return crc;
}

/* In half words; what is equal already is not programmed, and each one is read back. */
static bool original_program(uint32_t at, const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; i += 2) {
        const struct nor_op op = program(TORN_SECTOR_OFFSET + at + i, bytes + i, 2);
        if (memcmp(torn.view + at + i, bytes + i, 2) != 0 &&
            (torn_device_operate(&torn, &torn.internal, &op) != MH_OK ||
             memcmp(torn.view + at + i, bytes + i, 2) != 0)) {
            return false;
        }
    }
    return true;
}

static bool header_is_good(uint32_t at)
{
    const uint8_t *header = torn.view + at;

    return at + ORIGINAL_HEADER <= MH_CONFIG_SIZE && mh_get32(header) == ORIGINAL_SIGNATURE &&
           mh_get32(header + HEADER_CRC) == original_crc(header + DATA_CRC, ORIGINAL_HEADER - DATA_CRC, 1) &&
           mh_get32(header + DATA_SIZE) <= MH_CONFIG_SIZE - at - ORIGINAL_HEADER;
}

static uint32_t record_size(uint32_t at)
{
    return ORIGINAL_HEADER + (mh_get32(torn.view + at + DATA_SIZE) + 3) / 4 * 4;
}

/* The list ends at the first header that is not good. */
static uint32_t end_of_list(void)
{
    uint32_t at = ORIGINAL_LENGTH;

    while (header_is_good(at)) {
        at += record_size(at);
    }
    return at;
}

static uint32_t original_find(const char *name)
{
    for (uint32_t at = ORIGINAL_LENGTH; header_is_good(at); at += record_size(at)) {
        const uint8_t *header = torn.view + at, *data = header + ORIGINAL_HEADER;
        if (strncmp((const char *)header + NAME, name, NAME_SIZE) == 0 &&
            mh_get32(header + DATA_CRC) == original_crc(data, mh_get32(header + DATA_SIZE), 0)) {
            return at;
        }
    }
    return 0;
}

/* Clears the first word of the data, so that their CRC is wrong. The bytes stay. */
static bool original_invalidate(const char *name)
{
    static const uint8_t zeros[4];
    const uint32_t at = original_find(name);

    return at == 0 || original_program(at + ORIGINAL_HEADER, zeros, sizeof zeros);
}

static void original_encode(uint8_t *record, const char *name, const uint8_t *data, uint32_t size)
{
    memset(record, 0, ORIGINAL_HEADER);
    mh_put32(record, ORIGINAL_SIGNATURE);
    mh_put32(record + DATA_CRC, original_crc(data, size, 0));
    mh_put32(record + DATA_SIZE, size);
    strcpy((char *)record + NAME, name);
    mh_put32(record + HEADER_CRC, original_crc(record + DATA_CRC, ORIGINAL_HEADER - DATA_CRC, 1));
    memcpy(record + ORIGINAL_HEADER, data, size);
}

/* The copy on the heap is all there is while the sector is erased. */
static bool original_compact(void)
{
    static uint8_t copy[MH_CONFIG_SIZE];
    uint32_t end = ORIGINAL_LENGTH;
    const struct nor_op clear = erase(TORN_SECTOR_OFFSET, MH_CONFIG_SIZE);

    if (!heap_has_room) {
        return false;
    }
    memcpy(copy, torn.view, ORIGINAL_LENGTH);
    for (uint32_t at = ORIGINAL_LENGTH; header_is_good(at); at += record_size(at)) {
        const uint32_t size = record_size(at);
        if (size == ORIGINAL_HEADER || mh_get32(torn.view + at + ORIGINAL_HEADER) != 0) {
            memcpy(copy + end, torn.view + at, size);
            end += size;
        }
    }
    return torn_device_operate(&torn, &torn.internal, &clear) == MH_OK && original_program(0, copy, end);
}

static bool original_append(const char *name, const uint8_t *data, uint32_t size)
{
    uint8_t record[ORIGINAL_HEADER + 1024];
    const uint32_t at = end_of_list();

    if (!original_invalidate(name) || at + ORIGINAL_HEADER + size > MH_CONFIG_SIZE) {
        return false;
    }
    original_encode(record, name, data, size);
    return original_program(at, record, ORIGINAL_HEADER) &&
           original_program(at + ORIGINAL_HEADER, record + ORIGINAL_HEADER, size);
}

static bool original_write(const char *name, const uint8_t *data, uint32_t size)
{
    if (mh_get32(torn.view) != ORIGINAL_LENGTH) {
        return false;
    }
    return original_append(name, data, size) || (original_compact() && original_append(name, data, size));
}

/* As it left the factory: formatted, with the network's record. */
static void original_device(void)
{
    uint8_t head[ORIGINAL_LENGTH + ORIGINAL_HEADER], network[NETWORK_SIZE] = {1};

    torn_device_reset(&torn);
    memset(head, 0xFF, sizeof head);
    mh_put32(head, ORIGINAL_LENGTH);
    original_encode(head + ORIGINAL_LENGTH, "", nothing, 0);
    assert_true(original_program(0, head, sizeof head));
    memcpy(network + NETWORK_MAC, mac, sizeof mac);
    assert_true(original_write("NETWORK", network, sizeof network));
}

static bool original_has_mac(void)
{
    const uint32_t at = original_find("NETWORK");

    return mh_get32(torn.view) == ORIGINAL_LENGTH && at != 0 &&
           memcmp(torn.view + at + ORIGINAL_HEADER + NETWORK_MAC, mac, sizeof mac) == 0;
}

/* What an update needs of the config: the request with its signature, before; that it is done, after. */
static bool original_update(uint32_t number, uint32_t signature_size)
{
    uint8_t request[12 + 512] = {1};

    mh_put32(request + 4, number);
    memset(request + 12, (int)number, signature_size);
    return original_write("BTLD", request, 12 + signature_size) && original_invalidate("BTLD");
}

/// Ours, as if it took requests in the config, which it does not ///

#define REQUEST 0x8001u

static void our_device(void)
{
    struct mh_config config;

    make_new_device(&config);
}

static bool our_update(uint32_t number, uint32_t signature_size)
{
    uint8_t request[12 + 512] = {1};
    struct mh_config config;

    mh_put32(request + 4, number);
    memset(request + 12, (int)number, signature_size);
    return mh_config_open(&config, &torn.device) == MH_OK &&
           mh_config_write(&config, REQUEST, request, 12 + signature_size) == MH_OK &&
           mh_config_delete(&config, REQUEST) == MH_OK;
}

/// Side by side ///

static void the_original_is_rebuilt_as_it_was(void **state)
{
    uint8_t record[ORIGINAL_HEADER];

    (void)state;
    assert_int_equal(original_crc((const uint8_t *)"123456789", 9, 0), 0x89A1897F);
    original_encode(record, "", nothing, 0);
    assert_int_equal(mh_get32(record + HEADER_CRC), 0x8833794C);
}

/* With the longest signature it knew, and a heap that has no room for a copy of the sector. */
static void the_original_ends_after_about_20_updates(void **state)
{
    uint32_t updates = 0;

    (void)state;
    original_device();
    heap_has_room = false;
    while (original_update(updates + 1, 512)) {
        updates++;
    }
    print_message("the original: %u updates, then none any more\n", updates);
    assert_in_range(updates, 18, 24);
    for (unsigned i = 0; i < 100; i++) {
        torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
        assert_false(original_update(1000 + i, 512));
    }
}

static void ours_does_not_end(void **state)
{
    (void)state;
    our_device();
    for (uint32_t i = 1; i <= 3000; i++) {
        torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
        assert_true(our_update(i, 512));
        assert_true(has_mac());
    }
    print_message("ours: 3000 updates, %u erases\n", torn_erases(&torn));
    assert_in_range(torn_erases(&torn), 1, 1 + 3000 / 25);
}

/* Of all power losses in the update that compacts, how many leave a device without its MAC address; with those torn
 * in every way when `tears`. */
struct outcome {
    uint32_t operations, losses, lost;
};

static struct outcome lose_everywhere(bool (*update)(uint32_t, uint32_t), bool (*mac_is_there)(void), bool tears)
{
    static struct torn_snapshot before;
    struct outcome outcome = {0};
    struct mh_config config;

    torn_device_save(&torn, &before);
    for (bool lost = true; lost; outcome.operations += lost) {
        for (enum nor_tear tear = 0; lost && tear < (tears ? NOR_TEARS : 1); tear++) {
            torn_device_restore(&torn, &before);
            torn_device_start(&torn, 0, outcome.operations + 1, tear);
            (void)update(1000, 4);
            lost = !torn.power;
            if (lost && nor_tear_applies(torn.lost, tear)) {
                torn_device_start(&torn, outcome.operations, 0, NOR_TEAR_BEFORE);
                if (mac_is_there == has_mac) {
                    (void)mh_config_open(&config, &torn.device);
                }
                outcome.losses++;
                outcome.lost += !mac_is_there();
            }
        }
    }
    torn_device_restore(&torn, &before);
    torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
    return outcome;
}

/* Goes on with updates until the next one erases the sector. */
static void update_until_full(bool (*update)(uint32_t, uint32_t))
{
    static struct torn_snapshot before;
    const uint32_t erases = torn_erases(&torn);
    uint32_t number = 0;

    do {
        torn_device_save(&torn, &before);
        assert_true(update(++number, 4));
        assert_in_range(number, 1, 1000);
    } while (torn_erases(&torn) == erases);
    torn_device_restore(&torn, &before);
    torn_device_start(&torn, 0, 0, NOR_TEAR_BEFORE);
}

static void the_original_loses_the_mac_address_in_its_compaction(void **state)
{
    (void)state;
    original_device();
    heap_has_room = true;
    update_until_full(original_update);
    const struct outcome clean = lose_everywhere(original_update, original_has_mac, false);
    const struct outcome torn_too = lose_everywhere(original_update, original_has_mac, true);
    print_message("the original: %u operations, MAC address lost at %u of them; torn, at %u of %u\n",
                  clean.operations, clean.lost, torn_too.lost, torn_too.losses);
    assert_in_range(clean.lost, clean.operations / 2, clean.operations);
    assert_in_range(torn_too.lost, torn_too.losses / 2, torn_too.losses);
}

static void ours_does_not(void **state)
{
    (void)state;
    our_device();
    update_until_full(our_update);
    const struct outcome outcome = lose_everywhere(our_update, has_mac, true);
    print_message("ours: %u operations, MAC address lost at %u of %u losses\n", outcome.operations, outcome.lost,
                  outcome.losses);
    assert_int_equal(outcome.lost, 0);
    assert_in_range(outcome.operations, 20, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_original_is_rebuilt_as_it_was),
        cmocka_unit_test(the_original_ends_after_about_20_updates),
        cmocka_unit_test(ours_does_not_end),
        cmocka_unit_test(the_original_loses_the_mac_address_in_its_compaction),
        cmocka_unit_test(ours_does_not),
    };
    return cmocka_run_group_tests(tests, create_device, free_device);
}
