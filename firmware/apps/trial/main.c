/* SPDX-License-Identifier: MIT
 *
 * An application that nobody should confirm. What it does instead of confirming itself is its BEHAVIOUR, one of those
 * below; it is built once for each, under the NAME that it prints.
 */
#include "matterhorn/runtime.h"

#define HALF_PERIOD_MS 500u

enum behaviour {
    HANGS,     /* waits for an interrupt that never comes */
    FAULTS,    /* executes an undefined instruction */
    RESTARTS,  /* over and over */
    IS_SILENT, /* works, and never confirms */
    GOES_BACK, /* finds that it is no good, and says so */
    SETTLES,   /* restarts twice before it confirms itself, as one that converts what an older one has left */
};

#define TAG_RESTARTS 0x8010u
#define RESTARTS_TO_SETTLE 2u

static _Noreturn void hang(void)
{
    __asm__ volatile("cpsid i");
    for (;;) {
        __asm__ volatile("wfi");
    }
}

static _Noreturn void blink(const struct runtime_api *api)
{
    for (bool on = true;; on = !on) {
        api->led(RUNTIME_LED_BLUE, on);
        api->sleep_ms(HALF_PERIOD_MS);
    }
}

static void go_back(const struct runtime_api *api)
{
    if (api->rollback() == MH_OK) {
        api->print(NAME ": going back");
        api->restart();
    }
}

static uint8_t count_restarts(const struct runtime_api *api)
{
    uint32_t length = 0;
    const uint8_t *value = api->config.find(TAG_RESTARTS, &length);

    return value && length == 1 ? *value : 0;
}

static void settle(const struct runtime_api *api)
{
    const uint8_t restarts = count_restarts(api), next = (uint8_t)(restarts + 1);

    if (restarts < RESTARTS_TO_SETTLE && api->config.write(TAG_RESTARTS, &next, sizeof next) == MH_OK) {
        api->restart();
    }
    if (restarts == RESTARTS_TO_SETTLE) {
        api->print(NAME ": settled");
        if (api->update.confirm() == MH_OK) {
            api->print(NAME ": confirmed");
        }
    }
}

int main(void)
{
    const struct runtime_api *api = runtime_api();

    if (!api) {
        return 1;
    }
    api->print(NAME ": blue");
    switch (BEHAVIOUR) {
    case HANGS:
        hang();
    case FAULTS:
        __asm__ volatile("udf #0");
        break;
    case RESTARTS:
        api->restart();
        break;
    case GOES_BACK:
        go_back(api);
        break;
    case SETTLES:
        settle(api);
        break;
    default:
        break;
    }
    blink(api);
}
