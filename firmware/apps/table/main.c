/* SPDX-License-Identifier: MIT
 *
 * An application with data of its own: a table in the last sectors of the user's SPI NOR, which comes through
 * MFUpdate packet by packet, as it would from a server. At each start it stores what is missing, and uses the table
 * only when all of it has its hash. First it looks whether it could reach what is not its own.
 */
#include "matterhorn/runtime.h"

#include <sodium/crypto_hash_sha256.h>
#include <string.h>

#define USER_END 0x700000u
#define AREA_ADDRESS 0x6F0000u
#define AREA_SIZE (USER_END - AREA_ADDRESS)
#define PACKET_SIZE 4000u
#define TABLE_SIZE (4 * PACKET_SIZE + 1001)
#define TAG_TABLE 0x8001u

static uint8_t table[TABLE_SIZE]; /* what the server has */
static struct mfupdate_area area;
static struct mfupdate session;
static const struct mfupdate_header header = {
    .id = "table", .version = {{1, 0, 0, 0}}, .type = MFUPDATE_USER, .size = TABLE_SIZE, .packet_size = PACKET_SIZE};

static void make_table(void)
{
    uint32_t number = 1;

    for (uint32_t i = 0; i < TABLE_SIZE; i++) {
        number = number * 1664525u + 1013904223u;
        table[i] = (uint8_t)(number >> 24);
    }
}

/* Nothing above the user's part is read, programmed or erased, and its last bytes are. */
static bool is_bounded(const struct runtime_user_flash *flash)
{
    static uint8_t bytes[2];

    return flash->read(USER_END - 1, bytes, 2) == MH_ERR_ARGUMENT &&
           flash->read(USER_END, bytes, 1) == MH_ERR_ARGUMENT &&
           flash->program(USER_END - 1, bytes, 2) == MH_ERR_ARGUMENT &&
           flash->program(UINT32_MAX, bytes, 2) == MH_ERR_ARGUMENT &&
           flash->erase(USER_END) == MH_ERR_ARGUMENT &&
           flash->erase(UINT32_MAX - 0xFFF) == MH_ERR_ARGUMENT &&
           flash->erase(AREA_ADDRESS + 1) == MH_ERR_ARGUMENT &&
           flash->read(USER_END - 1, bytes, 1) == MH_OK && flash->read(0, bytes, 2) == MH_OK;
}

static enum mh_error fetch(void *context, struct mfupdate *update, struct mfupdate_packet *packet)
{
    const uint32_t at = packet->index * PACKET_SIZE, left = update->header.size - at;
    const struct runtime_api *api = context;

    api->print("table: given a packet");
    packet->data = table + at;
    packet->length = left < PACKET_SIZE ? left : PACKET_SIZE;
    return MH_OK;
}

/* From now on the table is used. */
static enum mh_error use(void *context, struct mfupdate *update)
{
    const struct runtime_api *api = context;
    uint32_t length = 0;
    const uint8_t *used = api->config.find(TAG_TABLE, &length);

    if (used && length == sizeof update->header.id && memcmp(used, update->header.id, length) == 0) {
        return MH_OK;
    }
    return api->config.write(TAG_TABLE, update->header.id, sizeof update->header.id);
}

static enum mh_error update(const struct runtime_api *api, const uint8_t hash[crypto_hash_sha256_BYTES])
{
    void *const context = (void *)(uintptr_t)api;
    const struct runtime_mfupdate *mf = api->mfupdate;
    const struct mfupdate_actions actions = {.install = use, .context = context};
    const struct mfupdate_transport transport = {fetch, context};
    enum mh_error error = mf->area(&area, AREA_ADDRESS, AREA_SIZE);
    const struct mfupdate_provider row = {.name = "table",
                                          .update = &actions,
                                          .validation = mf->sha256,
                                          .storage = &area.storage,
                                          .transport = &transport};

    if (error == MH_OK) {
        error = mf->initialize(&session, &row, &header);
    }
    if (error == MH_OK) {
        error = mf->open(&session, NULL, 0);
    }
    if (error == MH_OK) {
        error = mf->download(&session);
    }
    return error ? error : mf->install(&session, hash, crypto_hash_sha256_BYTES);
}

int main(void)
{
    const struct runtime_api *api = runtime_api();
    uint8_t hash[crypto_hash_sha256_BYTES];

    if (!api) {
        return 1;
    }
    make_table();
    crypto_hash_sha256(hash, table, sizeof table);
    api->print(is_bounded(api->user_flash) ? "table: bounds hold" : "table: bounds do not hold");
    api->print("table: storing");
    const enum mh_error error = update(api, hash);
    api->print(error ? mh_error_text(error) : "table: whole");
    for (;;) {
        api->led(RUNTIME_LED_GREEN, error == MH_OK);
        api->sleep_ms(1000);
    }
}
