/* SPDX-License-Identifier: MIT
 *
 * Blinks green, and says that this update works: an update that nobody confirms stays on trial.
 */
#include "matterhorn/runtime.h"

#define HALF_PERIOD_MS 250u

int main(void)
{
    const struct runtime_api *api = runtime_api();

    if (!api) {
        return 1;
    }
    api->print("blink: green");
    if (api->update.confirm() == MH_OK) {
        api->print("blink: confirmed");
    }
    for (;;) {
        api->led(RUNTIME_LED_GREEN, true);
        api->sleep_ms(HALF_PERIOD_MS);
        api->led(RUNTIME_LED_GREEN, false);
        api->sleep_ms(HALF_PERIOD_MS);
    }
}
