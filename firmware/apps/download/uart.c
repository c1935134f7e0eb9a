/* SPDX-License-Identifier: MIT
 *
 * Updates over a UART (link.h). What the device asks, and what it wants to hear (integers are little-endian):
 *
 *      offer           what is there: id (16 bytes, docs/SPEC.md 2.1), length of the package (4)
 *      prove NONCE     HMAC-SHA-256 under the key that both have, of the nonce (16 bytes, here as 32 hexadecimal
 *                      digits), id and length (32)
 *      want N          packet N (4096 bytes, the last one what is left)
 *      end WORD        nothing: it is over, "accepted" or "refused"
 *
 * The key is 32 bytes in the config store, under tag 0x8010; without it nobody may offer anything. A nonce is never
 * given twice: its number, under tag 0x8011, is written before it is used.
 */
#include "link.h"
#include "source.h"

#include "matterhorn/bytes.h"

#include <sodium/crypto_auth_hmacsha256.h>
#include <string.h>

#define TAG_KEY 0x8010u
#define TAG_NONCE 0x8011u
#define NONCE_SIZE 16u
#define OFFER_SIZE (MH_ID_SIZE + 4u)
#define PACKET_SIZE 4096u
#define ATTEMPTS 3u

enum command { COMMAND_NONCE = 1 };

static const struct runtime_api *runtime;
static uint8_t nonce[NONCE_SIZE];
static bool nonce_is_fresh;
static uint8_t packet_data[PACKET_SIZE];
static uint32_t given;

/* Asks until it is answered. */
static bool ask(const char *line, uint32_t number, uint8_t *answer, uint32_t length)
{
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        link_ask(line);
        if (link_answer(number, answer, length)) {
            return true;
        }
    }
    return false;
}

static void put_offer(const struct mfupdate_header *header, uint8_t offer[OFFER_SIZE])
{
    memcpy(offer, header->id, MH_ID_SIZE);
    mh_put32(offer + MH_ID_SIZE, header->size);
}

bool source_offer(const struct runtime_api *api, struct mfupdate_header *header)
{
    uint8_t offer[OFFER_SIZE];

    runtime = api;
    link_initialize();
    link_ask("offer");
    if (!link_answer(0, offer, sizeof offer)) {
        return false;
    }
    *header = (struct mfupdate_header){
        .type = MFUPDATE_FIRMWARE, .size = mh_get32(offer + MH_ID_SIZE), .packet_size = PACKET_SIZE};
    memcpy(header->id, offer, MH_ID_SIZE);
    return true;
}

/// Validation: who may offer an update ///

static const uint8_t *key(void)
{
    uint32_t length = 0;
    const uint8_t *value = runtime->config.find(TAG_KEY, &length);

    return value && length == crypto_auth_hmacsha256_KEYBYTES ? value : NULL;
}

static enum mh_error next_number(uint8_t number[4])
{
    uint32_t length = 0;
    const uint8_t *value = runtime->config.find(TAG_NONCE, &length);

    mh_put32(number, value && length == 4 ? mh_get32(value) + 1 : 1);
    return runtime->config.write(TAG_NONCE, number, 4);
}

static enum mh_error give_nonce(void *context, struct mfupdate *session, uint32_t command, const uint8_t *arguments,
                                uint32_t length, uint8_t *answer, uint32_t *answer_length)
{
    uint8_t number[4], hash[crypto_auth_hmacsha256_BYTES];

    (void)context;
    (void)session;
    (void)arguments;
    if (command != COMMAND_NONCE || length != 0 || *answer_length < NONCE_SIZE) {
        return MH_ERR_ARGUMENT;
    }
    if (!key()) {
        return MH_ERR_AUTHENTICATION;
    }
    const enum mh_error error = next_number(number);
    if (error) {
        return error;
    }
    crypto_auth_hmacsha256(hash, number, sizeof number, key());
    memcpy(nonce, hash, NONCE_SIZE);
    memcpy(answer, nonce, NONCE_SIZE);
    *answer_length = NONCE_SIZE;
    nonce_is_fresh = true;
    return MH_OK;
}

static enum mh_error authenticate(void *context, struct mfupdate *session, const uint8_t *credentials, uint32_t length)
{
    uint8_t message[NONCE_SIZE + OFFER_SIZE];
    const bool fresh = nonce_is_fresh;

    (void)context;
    nonce_is_fresh = false;
    if (!fresh || !key() || length != crypto_auth_hmacsha256_BYTES) {
        return MH_ERR_AUTHENTICATION;
    }
    memcpy(message, nonce, NONCE_SIZE);
    put_offer(&session->header, message + NONCE_SIZE);
    return crypto_auth_hmacsha256_verify(credentials, message, sizeof message, key()) == 0 ? MH_OK
                                                                                           : MH_ERR_AUTHENTICATION;
}

/* Whether the package is good is for the core to say. */
static enum mh_error check_update(void *context, struct mfupdate *session, const uint8_t *check, uint32_t length)
{
    const struct mfupdate_validation *core = runtime->mfupdate->provider(MFUPDATE_MATTERHORN)->validation;

    (void)context;
    return core->check_update(core->context, session, check, length);
}

enum mh_error source_prove(const struct runtime_api *api, struct mfupdate *session,
                           uint8_t credentials[CREDENTIALS_SIZE], uint32_t *length)
{
    static const char digits[] = "0123456789abcdef", prove[] = "prove ";
    char line[sizeof prove + 2 * NONCE_SIZE];
    uint8_t bytes[NONCE_SIZE];
    uint32_t size = sizeof bytes;
    const enum mh_error error = api->mfupdate->command(session, COMMAND_NONCE, NULL, 0, bytes, &size);

    if (error) {
        return error;
    }
    memcpy(line, prove, sizeof prove);
    for (unsigned i = 0; i < NONCE_SIZE; i++) {
        line[sizeof prove - 1 + 2 * i] = digits[bytes[i] >> 4];
        line[sizeof prove + 2 * i] = digits[bytes[i] & 15];
    }
    line[sizeof line - 1] = '\0';
    *length = CREDENTIALS_SIZE;
    return ask(line, 0, credentials, CREDENTIALS_SIZE) ? MH_OK : MH_ERR_AUTHENTICATION;
}

/// Transport ///

/* "want " and the number, which has at most three digits. */
static void put_want(char line[9], uint32_t index)
{
    char *at = line + 5;

    memcpy(line, "want ", 5);
    for (uint32_t unit = 100; unit > 0; unit /= 10) {
        if (index >= unit || unit == 1) {
            *at++ = (char)('0' + index / unit % 10);
        }
    }
    *at = '\0';
}

static enum mh_error fetch(void *context, struct mfupdate *session, struct mfupdate_packet *packet)
{
    const uint32_t left = session->header.size - packet->index * PACKET_SIZE;
    char line[9];

    (void)context;
    put_want(line, packet->index);
    packet->data = packet_data;
    packet->length = left < PACKET_SIZE ? left : PACKET_SIZE;
    if (!ask(line, packet->index, packet_data, packet->length)) {
        return MH_ERR_TRUNCATED;
    }
    given++;
    return MH_OK;
}

const struct mfupdate_provider *source_provider(const struct runtime_api *api)
{
    static const struct mfupdate_validation validation = {
        .command = give_nonce, .authenticate = authenticate, .check_update = check_update};
    static const struct mfupdate_transport transport = {.fetch = fetch};
    static struct mfupdate_provider row;

    row = *api->mfupdate->provider(MFUPDATE_MATTERHORN);
    row.name = "UART";
    row.validation = &validation;
    row.transport = &transport;
    return &row;
}

void source_end(enum mh_error error)
{
    link_ask(error ? "end refused" : "end accepted");
}

uint32_t source_given(void)
{
    return given;
}
