/* SPDX-License-Identifier: MIT
 *
 * Download: blinks red, and is updated through MFUpdate by whatever source it is linked with. A download that lost
 * power goes on where it was: it says how many packets were missing and how many it was given.
 */
#include "source.h"

#include <string.h>

#define HALF_PERIOD_MS 100u
#define BLINKS 3u

static void blink(const struct runtime_api *api, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        api->led(RUNTIME_LED_RED, true);
        api->sleep_ms(HALF_PERIOD_MS);
        api->led(RUNTIME_LED_RED, false);
        api->sleep_ms(HALF_PERIOD_MS);
    }
}

/* At most 10 digits; returns the end. */
static char *put_number(char *text, uint32_t number)
{
    if (number > 9) {
        text = put_number(text, number / 10);
    }
    *text = (char)('0' + number % 10);
    return text + 1;
}

static char *put_text(char *text, const char *more)
{
    const size_t length = strlen(more);

    memcpy(text, more, length);
    return text + length;
}

/* Prints "download: WHAT number of all". */
static void tell(const struct runtime_api *api, const char *what, uint32_t number, uint32_t all)
{
    char line[64];
    char *end = put_text(put_text(line, "download: "), what);

    end = put_number(end, number);
    end = put_number(put_text(end, " of "), all);
    *end = '\0';
    api->print(line);
}

static enum mh_error open(const struct runtime_api *api, struct mfupdate *session, const struct mfupdate_header *header)
{
    uint8_t credentials[CREDENTIALS_SIZE];
    uint32_t length = 0;
    enum mh_error error = api->mfupdate->initialize(session, source_provider(api), header);

    if (error == MH_OK) {
        error = source_prove(api, session, credentials, &length);
    }
    return error ? error : api->mfupdate->open(session, credentials, length);
}

/* Stores what is missing of the update, has it verified, and asks for its install. */
static enum mh_error update(const struct runtime_api *api, const struct mfupdate_header *header)
{
    static struct mfupdate session;
    const struct runtime_mfupdate *mf = api->mfupdate;
    enum mh_error error = open(api, &session, header);

    if (error) {
        return error;
    }
    tell(api, "missing ", mf->missing(&session), mf->packets(&session));
    error = mf->download(&session);
    tell(api, "given ", source_given(), mf->packets(&session));
    if (error == MH_OK) {
        error = mf->validate(&session, NULL, 0);
    }
    return error ? error : mf->install(&session, NULL, 0);
}

int main(void)
{
    const struct runtime_api *api = runtime_api();
    struct mfupdate_header header;

    if (!api) {
        return 1;
    }
    if (api->update.unconfirmed()) {
        (void)api->update.confirm();
    }
    api->print("download: red");
    blink(api, BLINKS);
    for (;;) {
        if (source_offer(api, &header)) {
            api->print("download: storing");
            const enum mh_error error = update(api, &header);
            source_end(error);
            api->print(error ? mh_error_text(error) : "download: stored, restarting");
            if (error == MH_OK) {
                api->restart();
            }
        }
        blink(api, 1);
    }
}
