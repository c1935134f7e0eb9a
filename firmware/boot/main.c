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
#include "matterhorn/trial.h"

#include <stddef.h>

/* An update that could not be finished is tried again after this; a device that nobody can visit must not just wait. */
#define RETRY_MS 10000u

static struct mh_device device;
static struct mh_journal journal;
static struct mh_package package;

/* Nothing says whether what is installed belongs together. */
static bool doubtful;

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
        .otp = one_time_programmable(),
        .alive = watchdog_feed,
        .log = log_line,
    };
    const enum mh_error error = mh_anchors_read(&device.anchors, (const uint8_t *)MH_ANCHORS_ADDRESS);
    if (error || device.anchors.board != device.board->id) {
        say("not provisioned for this board: ", error ? mh_error_text(error) : "the anchors name another one");
        try_again_later();
    }
    device.anchors.revoked = mh_otp_revoked(device.otp.cells);
}

/* The config may have lost power while it was written anew. Whoever reads it later need not know. */
static void finish_config(void)
{
    const enum mh_error error = mh_config_resume(&device);

    if (error) {
        say("config not restored: ", mh_error_text(error));
    }
}

/* Says what became of the phase that the start found. */
static void tell(enum mh_phase before, enum mh_error error)
{
    static const char *const unfinished[MH_PHASES] = {
        [MH_IDLE] = "refused: ",
        [MH_REQUESTED] = "install not finished: ",
        [MH_INSTALLING] = "install not finished: ",
        [MH_CONFIRMING] = "confirmation not finished: ",
        [MH_ROLLING_BACK] = "rollback not finished: ",
    };
    const enum mh_phase phase = journal.state.phase;

    if (error && phase == MH_TRIAL) {
        say(journal.state.credit ? "start not recorded: " : "not rolled back: ", mh_error_text(error));
    } else if (error && phase == MH_IDLE && before == MH_CONFIRMING) {
        say("confirmed, but not recorded: ", mh_error_text(error));
    } else if (error) {
        say(unfinished[phase], mh_error_text(error));
    } else if (phase != before) {
        log_line(phase == MH_TRIAL ? "installed" : before == MH_CONFIRMING ? "confirmed" : "rolled back");
    }
}

/* Where the journal cannot be written it may be read all the same, and says whether an install has stopped half-way. */
static enum mh_error open_journal(void)
{
    enum mh_error error = spi_nor_initialize();
    bool known = false;

    if (error == MH_OK) {
        finish_config();
        error = mh_journal_open(&journal, &device.nor);
        known = error == MH_OK || mh_journal_peek(&journal, &device.nor) == MH_OK;
        journal.alive = device.alive;
    }
    doubtful = !known && mh_installed_doubtful(&device);
    return error;
}

/* Everything about updates. Whatever goes wrong here, what is installed may still be good.
 * The result is that of an install or a rollback that is still wanted, else MH_OK. */
static enum mh_error update(bool blamed)
{
    enum mh_error error = open_journal();

    if (error) {
        say("no updates: ", mh_error_text(error));
    } else {
        const enum mh_phase before = journal.state.phase;
        gpio_write(BOARD_LED_BLUE, mh_state_pending(&journal.state));
        error = mh_proceed(&device, &journal, &package, blamed);
        tell(before, error);
    }
    return mh_state_pending(&journal.state) && journal.state.phase != MH_CONFIRMING ? error : MH_OK;
}

/* What is installed is whole, but an install or a rollback is still wanted that cannot be finished now. Where it is of
 * two components and has come as far as between them, what is whole does not belong together: then only time helps.
 * Otherwise it is started. A package that went bad is dropped, so that another one can come, and a rollback is off;
 * but nothing is decided while nothing can be written. */
static void give_up_or_wait(enum mh_error error)
{
    if (mh_installed_mixed(&device, &journal.state)) {
        try_again_later();
    }
    if (error == MH_ERR_FLASH || error == MH_ERR_SUPPLY) {
        return;
    }
    if (journal.state.phase == MH_ROLLING_BACK) {
        (void)mh_rollback_give_up(&journal);
    } else {
        mh_state_refuse(&journal.state, error);
        (void)mh_journal_write(&journal);
    }
    say(journal.state.phase == MH_TRIAL ? "not rolled back: " : "refused: ", mh_error_text(error));
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

/* An image that nobody has confirmed must not hang for ever, nor may a pair that perhaps is none: at another start the
 * SPI NOR may answer. Nothing stops the watchdog any more: it is the runtime that feeds it. */
static void watch_unconfirmed(void)
{
    const enum mh_phase phase = journal.state.phase;

    if (phase == MH_TRIAL) {
        log_line("the running update is not confirmed");
    }
    if (phase == MH_TRIAL || phase == MH_INSTALLING || phase == MH_ROLLING_BACK || doubtful) {
        watchdog_start();
    }
}

int main(void)
{
    initialize_hardware();
    const enum reset_cause cause = reset_cause();
    say("Matterhorn on " BOARD_NAME ", reset: ", reset_cause_name(cause));
    initialize_device();
    /* Faults end in a software reset. Any other reset comes from outside. */
    const enum mh_error unfinished = update(cause == RESET_WATCHDOG || cause == RESET_SOFTWARE);
    if (!verify(MH_RUNTIME) || !verify(MH_APPLICATION)) {
        try_again_later();
    }
    if (unfinished) {
        give_up_or_wait(unfinished);
    }
    watch_unconfirmed();
    log_line("starting");
    reset_peripherals();
    reset_start(device.board->regions[MH_RUNTIME - 1].address + MH_HEADER_SIZE);
}
