/* SPDX-License-Identifier: MIT
 *
 * What the tests of the config store share: one device, its MAC address, and what is found in it.
 */
#ifndef TESTS_UNIT_CONFIG_FIXTURE_H
#define TESTS_UNIT_CONFIG_FIXTURE_H

#include "torn_device.h"

static struct torn_device torn;
static const uint8_t mac[MH_MAC_SIZE] = {0x02, 0x4D, 0x54, 0x00, 0x00, 0x01};

/* For a group of tests. */
static inline int create_device(void **state)
{
    (void)state;
    torn_device_create(&torn);
    return 0;
}

static inline int free_device(void **state)
{
    (void)state;
    torn_device_free(&torn);
    return 0;
}

/* Blank chips, then the MAC address. */
static inline void make_new_device(struct mh_config *config)
{
    torn_device_reset(&torn);
    assert_int_equal(mh_config_open(config, &torn.device), MH_OK);
    assert_int_equal(mh_config_write(config, MH_CONFIG_MAC, mac, sizeof mac), MH_OK);
}

/* Whether that is the value of the tag; of length 0: whether it has none. */
static inline bool is_value(unsigned tag, const void *value, uint32_t length)
{
    uint32_t found_length = 0;
    const uint8_t *found = mh_config_find(torn.view, tag, &found_length);

    return found ? found_length == length && memcmp(found, value, length) == 0 : length == 0;
}

static inline bool has_mac(void)
{
    return is_value(MH_CONFIG_MAC, mac, sizeof mac);
}

#endif
