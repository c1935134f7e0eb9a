/* SPDX-License-Identifier: MIT
 *
 * Update: what Demo updates to. Blinks green, tests itself, and confirms itself only when that went well.
 */
#include "self_test.h"

#include "matterhorn/runtime.h"

#define HALF_PERIOD_MS 100u

static void blink(const struct runtime_api *api)
{
    api->led(RUNTIME_LED_GREEN, true);
    api->sleep_ms(HALF_PERIOD_MS);
    api->led(RUNTIME_LED_GREEN, false);
    api->sleep_ms(HALF_PERIOD_MS);
}

static void confirm(const struct runtime_api *api)
{
    if (!self_test()) {
        api->print("update: self-test failed");
        return;
    }
    api->print("update: self-test passed");
    if (api->update.unconfirmed()) {
        api->print("update: confirming");
    }
    if (api->update.confirm() == MH_OK) {
        api->print("update: confirmed");
    }
}

int main(void)
{
    const struct runtime_api *api = runtime_api();

    if (!api) {
        return 1;
    }
    api->print("update: green");
    blink(api);
    confirm(api);
    for (;;) {
        blink(api);
    }
}
