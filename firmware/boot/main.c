/* SPDX-License-Identifier: MIT
 *
 * The bootloader: carries out a pending update, verifies what is installed, starts it.
 */
#include "board.h"

#include "drivers/clock.h"
#include "drivers/internal_flash.h"
#include "drivers/reset.h"
#include "drivers/spi_nor.h"
#include "drivers/stm32f4.h"
#include "drivers/supply.h"
#include "drivers/uart.h"

#include "matterhorn/config.h"
#include "matterhorn/installer.h"

#include <stddef.h>

/* An update that could not be finished is tried again after this; a device that nobody can visit must not just wait. */
#define RETRY_MS 10000u

static struct mh_device device;
static struct mh_journal journal;
static struct mh_package package;

static void say(const char *text, const char *more)
{
    uart_write("boot: ");
    uart_write(text);
    uart_write(more);
    uart_write("\r\n");
}

static void log_line(const char *text)
{
    say(text, "");
}

static _Noreturn void try_again_later(void)
{
    log_line("trying again in 10 s");
    clock_sleep_ms(RETRY_MS);
    reset_system();
}

static void initialize_hardware(void)
{
    clock_initialize();
    gpio_initialize();
    uart_initialize();
    supply_watch();
    gpio_output(BOARD_LED_BLUE, false);
    watchdog_relax();
}

/* Reads who this device is. Without it nothing can be verified, so nothing is started. */
static void initialize_device(void)
{
    device = (struct mh_device){
        .board = mh_board_named(BOARD_NAME),
        .nor = spi_nor(),
        .internal = internal_flash(),
        .security_counter = mh_otp_counter((const uint8_t *)OTP_ADDRESS),
        .alive = watchdog_feed,
        .log = log_line,
    };
    const enum mh_error error = mh_anchors_read(&device.anchors, (const uint8_t *)MH_ANCHORS_ADDRESS);
    if (error || device.anchors.board != device.board->id) {
        say("not provisioned for this board: ", error ? mh_error_text(error) : "the anchors name another one");
        try_again_later();
    }
}

/* The config may have lost power while it was written anew. Whoever reads it later need not know. */
static void finish_config(void)
{
    const enum mh_error error = mh_config_resume(&device);

    if (error) {
        say("config not restored: ", mh_error_text(error));
    }
}

static bool update_is_pending(void)
{
    return journal.state.phase == MH_REQUESTED || journal.state.phase == MH_INSTALLING;
}

/* Everything about updates. Whatever goes wrong here, what is installed may still be good.
 * The result is that of an install that is still wanted, else MH_OK. */
static enum mh_error update(void)
{
    enum mh_error error = spi_nor_initialize();

    if (error == MH_OK) {
        finish_config();
        error = mh_journal_open(&journal, &device.nor);
    }
    if (error) {
        say("no updates: ", mh_error_text(error));
        return MH_OK;
    }
    if (!update_is_pending()) {
        return MH_OK;
    }
    gpio_write(BOARD_LED_BLUE, true);
    error = mh_install_pending(&device, &journal, &package);
    if (error == MH_OK) {
        log_line("installed");
    } else {
        say(update_is_pending() ? "install not finished: " : "refused: ", mh_error_text(error));
    }
    return update_is_pending() ? error : MH_OK;
}

/* What is installed is whole, but an install is still wanted that cannot be finished now. Once it has written a sector, whole
 * components may still be ones that do not belong together: then only time helps. Before that, a package that went bad is dropped, so
 * that another one can come. */
static void give_up_or_wait(enum mh_error error)
{
    if (error == MH_ERR_FLASH || error == MH_ERR_SUPPLY) {
        return;
    }
    if (journal.state.sectors_done != 0) {
        try_again_later();
    }
    mh_state_refuse(&journal.state, error);
    (void)mh_journal_write(&journal);
    say("refused: ", mh_error_text(error));
}

/* What this very start has installed was verified before its header was written, and is not hashed once more. */
static bool verify(unsigned component)
{
    struct mh_manifest manifest;

    if (package.installed >> component & 1) {
        return true;
    }
    const enum mh_error error = mh_component_verify(&device, component, &manifest);

    if (error) {
        uart_write("boot: ");
        uart_write(mh_component_name(component));
        uart_write(": ");
        uart_write(mh_error_text(error));
        uart_write("\r\n");
    }
    return error == MH_OK;
}

int main(void)
{
    initialize_hardware();
    say("Matterhorn on " BOARD_NAME ", reset: ", reset_cause());
    initialize_device();
    const enum mh_error unfinished = update();
    if (!verify(MH_RUNTIME) || !verify(MH_APPLICATION)) {
        try_again_later();
    }
    if (unfinished) {
        give_up_or_wait(unfinished);
    }
    if (journal.state.phase == MH_TRIAL) {
        log_line("the running update is not confirmed");
    }
    log_line("starting");
    reset_peripherals();
    reset_start(device.board->regions[MH_RUNTIME - 1].address + MH_HEADER_SIZE);
}
