/* SPDX-License-Identifier: MIT
 *
 * The runtime: what an application runs on. Brings up the board and the update session, then starts the application and
 * stays in memory behind its table of functions.
 */
#include "services.h"

#include "board.h"

#include "drivers/clock.h"
#include "drivers/internal_flash.h"
#include "drivers/reset.h"
#include "drivers/spi_nor.h"
#include "drivers/stm32f4.h"
#include "drivers/supply.h"
#include "drivers/uart.h"

struct mh_update runtime_session;
struct mh_config runtime_config_store;
const struct mh_device *runtime_device;
static struct mh_device device;

static void initialize_hardware(void)
{
    clock_initialize();
    clock_count();
    gpio_initialize();
    uart_initialize();
    supply_watch();
    gpio_output(BOARD_LED_RED, false);
    gpio_output(BOARD_LED_GREEN, false);
    gpio_output(BOARD_LED_BLUE, false);
}

/* Without the SPI NOR it is only read. */
static void initialize_config(void)
{
    const enum mh_error error = mh_config_open(&runtime_config_store, &device);

    if (error) {
        runtime_say("config cannot be written: ", mh_error_text(error));
    }
}

/* Without the SPI NOR or anchors there are no updates, but an application all the same. */
static void initialize_updates(void)
{
    device = (struct mh_device){
        .board = mh_board_named(BOARD_NAME),
        .nor = spi_nor(),
        .internal = internal_flash(),
        .otp = one_time_programmable(),
        .alive = runtime_alive,
    };
    enum mh_error error = mh_anchors_read(&device.anchors, (const uint8_t *)MH_ANCHORS_ADDRESS);
    device.anchors.revoked = mh_otp_revoked(device.otp.cells);
    if (error == MH_OK) {
        error = spi_nor_initialize();
    }
    if (error == MH_OK) {
        runtime_device = &device;
        initialize_config();
        error = mh_update_initialize(&runtime_session, &device);
    }
    if (error) {
        runtime_say("no updates: ", mh_error_text(error));
        return;
    }
    if (runtime_session.journal.state.refusal) {
        runtime_say("last update refused: ", mh_error_text(runtime_session.journal.state.refusal));
    }
}

static void tell_mac(void)
{
    static const char digits[] = "0123456789abcdef";
    char text[3 * MH_MAC_SIZE];
    uint32_t length;
    const uint8_t *mac = mh_config_find((const uint8_t *)MH_CONFIG_ADDRESS, MH_CONFIG_MAC, &length);

    if (!mac || length != MH_MAC_SIZE) {
        runtime_say("no MAC address in the config region", "");
        return;
    }
    for (unsigned i = 0; i < MH_MAC_SIZE; i++) {
        text[3 * i] = digits[mac[i] >> 4];
        text[3 * i + 1] = digits[mac[i] & 15];
        text[3 * i + 2] = i + 1 < MH_MAC_SIZE ? ':' : '\0';
    }
    runtime_say("MAC ", text);
}

int main(void)
{
    initialize_hardware();
    runtime_say("Matterhorn runtime " RUNTIME_VERSION " on " BOARD_NAME, "");
    tell_mac();
    initialize_updates();
    /* Clocks and peripherals stay as they are: they are what the table of functions works on. */
    reset_start(device.board->regions[MH_APPLICATION - 1].address + MH_HEADER_SIZE);
}
