/* SPDX-License-Identifier: MIT
 *
 * An application of a given size: blinks green, and confirms itself only when all of its table is there. What an update
 * costs as it grows is measured with it.
 */
#include "matterhorn/runtime.h"

#define HALF_PERIOD_MS 100u

/* table.S */
extern const uint32_t table[];
extern const uint32_t table_words;
extern const uint32_t table_sum;

static void blink(const struct runtime_api *api)
{
    api->led(RUNTIME_LED_GREEN, true);
    api->sleep_ms(HALF_PERIOD_MS);
    api->led(RUNTIME_LED_GREEN, false);
    api->sleep_ms(HALF_PERIOD_MS);
}

static bool table_is_whole(void)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < table_words; i++) {
        sum += table[i];
    }
    return sum == table_sum;
}

int main(void)
{
    const struct runtime_api *api = runtime_api();

    if (!api) {
        return 1;
    }
    api->print("sized: green");
    blink(api);
    if (table_is_whole()) {
        api->print("sized: table is whole");
        if (api->update.confirm() == MH_OK) {
            api->print("sized: confirmed");
        }
    }
    for (;;) {
        blink(api);
    }
}
