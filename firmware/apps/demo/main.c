/* SPDX-License-Identifier: MIT
 *
 * Demo: blinks red, then updates itself away. It carries the package of another application as a resource, stores it
 * through MFUpdate, and restarts.
 */
#include "resource.h"

#include "matterhorn/runtime.h"

#define HALF_PERIOD_MS 100u
#define BLINKS_BEFORE_UPDATE 5u

#define PACKET_SIZE 4096u
#define ATTEMPTS 3u

static void blink(const struct runtime_api *api, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        api->led(RUNTIME_LED_RED, true);
        api->sleep_ms(HALF_PERIOD_MS);
        api->led(RUNTIME_LED_RED, false);
        api->sleep_ms(HALF_PERIOD_MS);
    }
}

/* Sends what is missing; after a power loss that is what had not been stored before. */
static enum mh_error send_packets(const struct runtime_api *api)
{
    for (uint32_t i = 0; i < api->update.packets(); i++) {
        if (api->update.missing(i)) {
            const uint32_t at = i * PACKET_SIZE, length = resource_packet_length(at, PACKET_SIZE);
            enum mh_error error = api->update.packet(i, mh_resource.bytes + at, length);
            if (error) {
                return error;
            }
        }
    }
    return MH_OK;
}

static enum mh_error try_to_store(const struct runtime_api *api)
{
    const uint32_t first = resource_packet_length(0, PACKET_SIZE);
    enum mh_error error = api->update.begin(mh_resource.bytes, first, mh_resource.length);

    if (error == MH_OK) {
        error = send_packets(api);
    }
    if (error == MH_OK) {
        error = api->update.validate();
    }
    if (error == MH_OK) {
        error = api->update.install();
    }
    return error;
}

/* A flash that fails once may not fail twice; what is stored already is not sent again. */
static enum mh_error store(const struct runtime_api *api)
{
    enum mh_error error = MH_ERR_FLASH;

    for (unsigned i = 0; error == MH_ERR_FLASH && i < ATTEMPTS; i++) {
        error = try_to_store(api);
    }
    return error;
}

int main(void)
{
    const struct runtime_api *api = runtime_api();

    if (!api) {
        return 1;
    }
    if (api->update.unconfirmed()) {
        (void)api->update.confirm();
    }
    api->print("demo: red");
    blink(api, BLINKS_BEFORE_UPDATE);
    if (mh_resource.magic == RESOURCE_MAGIC && mh_resource.length > 0) {
        api->print("demo: storing");
        if (store(api) == MH_OK) {
            api->print("demo: stored, restarting");
            api->restart();
        }
        api->print("demo: update refused");
    }
    for (;;) {
        blink(api, 1);
    }
}
