/* SPDX-License-Identifier: MIT
 *
 * An application that keeps settings: a number, and a value made from it, which is written first. After whatever
 * happened, the value is that of the number or of the next one. Writes some more at each start, so that the config
 * sector is written anew now and then.
 */
#include "matterhorn/runtime.h"

#include <string.h>

#define TAG_NUMBER 0x8001u
#define TAG_VALUE 0x8002u
#define VALUE_SIZE 40u
#define WRITES 4u

static uint32_t read_number(const struct runtime_api *api)
{
    uint32_t length = 0, number = 0;
    const uint8_t *value = api->config.find(TAG_NUMBER, &length);

    if (value && length == sizeof number) {
        memcpy(&number, value, sizeof number);
    }
    return number;
}

static void make_value(uint32_t number, uint8_t value[VALUE_SIZE])
{
    for (unsigned i = 0; i < VALUE_SIZE; i++) {
        value[i] = (uint8_t)(number + i);
    }
}

static bool is_kept(const struct runtime_api *api, uint32_t number)
{
    uint8_t expected[VALUE_SIZE];
    uint32_t length = 0;
    const uint8_t *value = api->config.find(TAG_VALUE, &length);

    make_value(number, expected);
    return value && length == VALUE_SIZE && memcmp(value, expected, VALUE_SIZE) == 0;
}

static bool write_next(const struct runtime_api *api, uint32_t number)
{
    uint8_t value[VALUE_SIZE];

    make_value(number, value);
    return api->config.write(TAG_VALUE, value, sizeof value) == MH_OK &&
           api->config.write(TAG_NUMBER, (const uint8_t *)&number, sizeof number) == MH_OK;
}

int main(void)
{
    const struct runtime_api *api = runtime_api();
    bool good = true;

    if (!api) {
        return 1;
    }
    const uint32_t number = read_number(api);
    api->print(is_kept(api, number) || is_kept(api, number + 1) ? "settings: kept" : "settings: lost");
    for (uint32_t i = 1; good && i <= WRITES; i++) {
        good = write_next(api, number + i);
    }
    api->print(good && is_kept(api, number + WRITES) ? "settings: written" : "settings: not written");
    for (;;) {
        api->sleep_ms(1000);
    }
}
