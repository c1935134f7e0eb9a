/* SPDX-License-Identifier: MIT
 *
 * An application that keeps settings: a number, and a value made from it, which is written first. After whatever
 * happened, the value is that of the number or of the next one. Its first start also leaves a long value, which fills
 * the config sector but for a few records: it is written anew at every third or fourth change. Counts on at two starts,
 * then there is nothing left to do.
 */
#include "matterhorn/runtime.h"

#include <string.h>

#define TAG_NUMBER 0x8001u
#define TAG_VALUE 0x8002u
#define TAG_LONG 0x8003u
#define TAG_GONE 0x8004u
#define VALUE_SIZE 40u
#define LONG_SIZE 16036u /* 152 bytes are free in a sector written anew: two values and a number */
#define WRITES 2u
#define LAST 4u

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

/* Any bytes that stay what they are: those of the runtime. */
static const uint8_t *long_value(const struct runtime_api *api)
{
    return (const uint8_t *)api;
}

/* Something long, and what is not there any more. */
static bool write_past(const struct runtime_api *api)
{
    return api->config.write(TAG_LONG, long_value(api), LONG_SIZE) == MH_OK &&
           api->config.write(TAG_GONE, long_value(api), 4) == MH_OK && api->config.delete_value(TAG_GONE) == MH_OK;
}

static bool is_long_kept(const struct runtime_api *api)
{
    uint32_t length = 0;
    const uint8_t *value = api->config.find(TAG_LONG, &length);

    return value && length == LONG_SIZE && memcmp(value, long_value(api), LONG_SIZE) == 0;
}

static bool is_kept(const struct runtime_api *api, uint32_t number)
{
    uint8_t expected[VALUE_SIZE];
    uint32_t length = 0;
    const uint8_t *value = api->config.find(TAG_VALUE, &length);

    make_value(number, expected);
    return value && length == VALUE_SIZE && memcmp(value, expected, VALUE_SIZE) == 0;
}

static bool are_kept(const struct runtime_api *api, uint32_t number)
{
    return is_long_kept(api) && (is_kept(api, number) || is_kept(api, number + 1));
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
    if (number == 0) {
        good = write_past(api);
    } else {
        api->print(are_kept(api, number) ? "settings: kept" : "settings: lost");
    }
    const uint32_t end = number + WRITES < LAST ? number + WRITES : LAST;
    for (uint32_t i = number + 1; good && i <= end; i++) {
        good = write_next(api, i);
    }
    api->print(good && is_kept(api, end) ? "settings: written" : "settings: not written");
    for (;;) {
        api->sleep_ms(1000);
    }
}
