/* SPDX-License-Identifier: MIT
 *
 * The smallest application that confirms itself: blinks yellow (red and green) under the NAME it is built with. As
 * `third` it is what an updated device is updated to next.
 */
#include "matterhorn/runtime.h"

#define HALF_PERIOD_MS 100u

static void light(const struct runtime_api *api, bool on)
{
    api->led(RUNTIME_LED_RED, on);
    api->led(RUNTIME_LED_GREEN, on);
    api->sleep_ms(HALF_PERIOD_MS);
}

int main(void)
{
    const struct runtime_api *api = runtime_api();

    if (!api) {
        return 1;
    }
    api->print(NAME ": yellow");
    if (api->update.confirm() == MH_OK) {
        api->print(NAME ": confirmed");
    }
    for (;;) {
        light(api, true);
        light(api, false);
    }
}
