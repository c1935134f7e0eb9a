/* SPDX-License-Identifier: MIT
 *
 * The table of functions that applications call, at RUNTIME_API_ADDRESS.
 */
#include "services.h"

#include "board.h"

#include "drivers/clock.h"
#include "drivers/reset.h"
#include "drivers/uart.h"

void runtime_say(const char *text, const char *more)
{
    uart_write("runtime: ");
    uart_write(text);
    uart_write(more);
    uart_write("\r\n");
}

/// Time ///

/* Long enough for any self-test and for a server to be reached, short enough for somebody who waits for the old
 * image to come back. */
#define TRIAL_MS (10u * 60 * 1000)
#define FEED_MS 1000u

static bool is_on_trial(void)
{
    const enum mh_phase phase = runtime_session.journal.state.phase;

    return runtime_session.open && (phase == MH_TRIAL || phase == MH_ROLLING_BACK);
}

void runtime_alive(void)
{
    static bool given_up;

    if (!given_up && is_on_trial() && clock_elapsed_ms() >= TRIAL_MS) {
        given_up = true;
        runtime_say("not confirmed within 10 minutes", "");
    }
    if (!given_up || !is_on_trial()) {
        watchdog_feed();
    }
}

static void sleep_ms(uint32_t ms)
{
    while (ms > 0) {
        const uint32_t step = ms < FEED_MS ? ms : FEED_MS;
        runtime_alive();
        clock_sleep_ms(step);
        ms -= step;
    }
    runtime_alive();
}

/// Board ///

static void print(const char *text)
{
    uart_write(text);
    uart_write("\r\n");
}

static void led(enum runtime_led number, bool on)
{
    static const unsigned pins[] = {BOARD_LED_RED, BOARD_LED_GREEN, BOARD_LED_BLUE};

    if ((unsigned)number < sizeof pins / sizeof *pins) {
        gpio_write(pins[number], on);
    }
}

/// MFUpdate ///

/* Says what the application asked for and did not get. */
static enum mh_error told(enum mh_error error)
{
    runtime_alive();
    if (error) {
        runtime_say("refused: ", mh_error_text(error));
    }
    return error;
}

static enum mh_error begin(const uint8_t *first, uint32_t available, uint32_t length)
{
    const enum mh_error error = mh_update_begin(&runtime_session, first, available, length);

    for (unsigned number = 1; error == MH_OK && number <= MH_COMPONENTS; number++) {
        if (mh_update_rollback_off(&runtime_session) >> (number - 1) & 1) {
            runtime_say("rollback off for ", mh_component_name(number));
        }
    }
    return told(error);
}

static uint32_t packets(void)
{
    return mh_update_packets(&runtime_session);
}

static bool missing(uint32_t index)
{
    return mh_update_missing(&runtime_session, index);
}

static enum mh_error packet(uint32_t index, const uint8_t *data, uint32_t length)
{
    return told(mh_update_packet(&runtime_session, index, data, length));
}

static enum mh_error validate(void)
{
    return told(mh_update_validate(&runtime_session));
}

static enum mh_error install(void)
{
    return told(mh_update_install(&runtime_session));
}

static enum mh_error delete_update(void)
{
    return told(mh_update_delete(&runtime_session));
}

static bool unconfirmed(void)
{
    return mh_update_unconfirmed(&runtime_session);
}

static enum mh_error confirm(void)
{
    const enum mh_error error = mh_update_confirm(&runtime_session);

    if (error == MH_ERR_COUNTER_FULL || error == MH_ERR_REVOCATION) {
        runtime_say("confirmed, but not recorded: ", mh_error_text(error));
        return error;
    }
    return told(error);
}

static enum mh_error rollback(void)
{
    return told(mh_update_rollback(&runtime_session));
}

/// Config ///

static const uint8_t *find(uint32_t tag, uint32_t *length)
{
    return mh_config_find((const uint8_t *)MH_CONFIG_ADDRESS, tag, length);
}

static enum mh_error write_value(uint32_t tag, const uint8_t *value, uint32_t length)
{
    return told(tag < MH_CONFIG_TAG_APPLICATION ? MH_ERR_ARGUMENT
                                                : mh_config_write(&runtime_config_store, tag, value, length));
}

static enum mh_error delete_value(uint32_t tag)
{
    return told(tag < MH_CONFIG_TAG_APPLICATION ? MH_ERR_ARGUMENT
                                                : mh_config_delete(&runtime_config_store, tag));
}

static uint32_t room(void)
{
    return runtime_config_store.open ? mh_config_room(&runtime_config_store) : 0;
}

__attribute__((section(".api"), used)) static const struct runtime_api api = {
    .magic = RUNTIME_API_MAGIC,
    .version = RUNTIME_API_VERSION,
    .print = print,
    .led = led,
    .sleep_ms = sleep_ms,
    .restart = reset_system,
    .update = {begin, packets, missing, packet, validate, install, delete_update, unconfirmed, confirm},
    .config = {find, write_value, delete_value, room},
    .rollback = rollback,
    .alive = runtime_alive,
    .mfupdate = &runtime_toolbox,
    .user_flash = &runtime_flash_services,
};
