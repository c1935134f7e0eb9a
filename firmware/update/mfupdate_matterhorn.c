/* SPDX-License-Identifier: MIT
 *
 * The row "Matterhorn" of MFUpdate: the update core behind the tables of functions. A session of the toolbox is one of
 * possibly several over the one session of the core, so each function first asks whether the core is at this update.
 */
#include "matterhorn/mfupdate.h"

#include "matterhorn/bytes.h"
#include "matterhorn/update.h"

#include <sodium/crypto_hash_sha256.h>
#include <string.h>

static const uint8_t unknown_id[MH_ID_SIZE];

static struct mh_update *core_of(void *context)
{
    return ((struct mfupdate_matterhorn *)context)->core;
}

static bool has_id(const struct mfupdate_header *header, const uint8_t id[MH_ID_SIZE])
{
    return memcmp(header->id, id, MH_ID_SIZE) == 0;
}

/* Whether the directory holds this update as the incoming one. */
static bool is_incoming(const struct mh_update *core, const struct mfupdate *session)
{
    const struct mh_entry *incoming = &core->journal.state.entries[MH_INCOMING];

    return core->open && incoming->length == session->header.size && has_id(&session->header, incoming->id);
}

static bool has_begun(const struct mh_update *core, const struct mfupdate *session)
{
    return mh_update_packets(core) > 0 && is_incoming(core, session);
}

enum mh_error mfupdate_describe(struct mfupdate_header *header, const uint8_t *first, uint32_t available,
                                uint32_t size)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    uint32_t manifest_size;
    const enum mh_error error = mh_manifest_frame(first, available, &manifest_size);

    if (error) {
        return error;
    }
    crypto_hash_sha256(hash, first, manifest_size);
    *header = (struct mfupdate_header){.type = MFUPDATE_FIRMWARE, .size = size, .packet_size = MH_PACKET_SIZE};
    memcpy(header->id, hash, MH_ID_SIZE);
    return MH_OK;
}

/// Storage ///

/* Begins with the first packet as it is stored. Whatever is wrong with that, it is then sent again. */
static enum mh_error begin_from_store(struct mfupdate_matterhorn *provider, uint32_t size)
{
    struct mh_update *core = provider->core;
    struct mh_source source;
    const uint32_t available = size < sizeof provider->first ? size : sizeof provider->first;
    enum mh_error error =
        mh_stored_open(&core->stored, &core->device->nor, &core->journal.state.entries[MH_INCOMING], &source);

    if (error == MH_OK) {
        error = source.read(source.context, 0, provider->first, available);
    }
    return error ? error : mh_update_begin(core, provider->first, available, size);
}

static enum mh_error open_stored(void *context, struct mfupdate *session, bool *found)
{
    struct mh_update *core = core_of(context);

    if (!core->open) {
        return MH_ERR_FLASH;
    }
    if (!is_incoming(core, session) || !mh_bit(core->journal.state.received, 0)) {
        return MH_OK;
    }
    const enum mh_error error = begin_from_store(context, session->header.size);
    *found = error == MH_OK;
    return error == MH_ERR_FLASH || error == MH_ERR_STATE ? error : MH_OK;
}

/* Packet 0 creates it, once its manifest is accepted. */
static enum mh_error create(void *context, struct mfupdate *session)
{
    const struct mh_update *core = core_of(context);

    (void)session;
    return core->open ? MH_OK : MH_ERR_FLASH;
}

static bool missing(void *context, const struct mfupdate *session, uint32_t index)
{
    const struct mh_update *core = core_of(context);

    return has_begun(core, session) ? mh_update_missing(core, index) : index < mfupdate_packets(session);
}

static enum mh_error begin(struct mh_update *core, struct mfupdate *session, const uint8_t *data, uint32_t length)
{
    struct mfupdate_header offered;
    enum mh_error error = mfupdate_describe(&offered, data, length, session->header.size);

    if (error) {
        return error;
    }
    if (!has_id(&session->header, unknown_id) && !has_id(&session->header, offered.id)) {
        return MH_ERR_ARGUMENT;
    }
    error = mh_update_begin(core, data, length, session->header.size);
    if (error == MH_OK) {
        memcpy(session->header.id, offered.id, MH_ID_SIZE);
    }
    return error;
}

static enum mh_error write(void *context, struct mfupdate *session, uint32_t index, const uint8_t *data,
                           uint32_t length)
{
    struct mh_update *core = core_of(context);

    if (!has_begun(core, session)) {
        const enum mh_error error = index == 0 ? begin(core, session, data, length) : MH_ERR_STATE;
        if (error) {
            return error;
        }
    }
    return mh_update_packet(core, index, data, length);
}

static enum mh_error read(void *context, struct mfupdate *session, uint32_t offset, uint8_t *buffer, uint32_t length)
{
    const struct mh_update *core = core_of(context);
    struct mh_stored stored;
    struct mh_source source;

    if (!has_begun(core, session)) {
        return MH_ERR_STATE;
    }
    if (offset > session->header.size || length > session->header.size - offset) {
        return MH_ERR_ARGUMENT;
    }
    const enum mh_error error =
        mh_stored_open(&stored, &core->device->nor, &core->journal.state.entries[MH_INCOMING], &source);
    return error ? error : source.read(source.context, offset, buffer, length);
}

static enum mh_error erase(void *context, struct mfupdate *session)
{
    struct mh_update *core = core_of(context);

    return is_incoming(core, session) ? mh_update_delete(core) : MH_OK;
}

/// Validation, install, and the way back ///

static enum mh_error check_update(void *context, struct mfupdate *session, const uint8_t *check, uint32_t length)
{
    struct mh_update *core = core_of(context);

    (void)check;
    (void)length;
    return has_begun(core, session) ? mh_update_validate(core) : MH_ERR_STATE;
}

static enum mh_error accept(void *context, struct mfupdate *session)
{
    const struct mfupdate_header *header = &session->header;

    (void)context;
    return header->type == MFUPDATE_FIRMWARE && header->packet_size == MH_PACKET_SIZE ? MH_OK : MH_ERR_ARGUMENT;
}

/* Whoever has validated it before, the core has the last word: a row with another validation provider comes here
 * too. */
static enum mh_error install(void *context, struct mfupdate *session)
{
    struct mh_update *core = core_of(context);

    if (!has_begun(core, session)) {
        return MH_ERR_STATE;
    }
    const enum mh_error error = core->validated ? MH_OK : mh_update_validate(core);
    return error ? error : mh_update_install(core);
}

/* The store keeps what runs, as long as there is room: nothing is left to do. */
static enum mh_error keep(void *context, struct mfupdate *session)
{
    (void)context;
    (void)session;
    return MH_OK;
}

static enum mh_error roll_back(void *context, struct mfupdate *session)
{
    (void)session;
    return mh_update_rollback(core_of(context));
}

static enum mh_error confirm(void *context, struct mfupdate *session)
{
    (void)session;
    return mh_update_confirm(core_of(context));
}

/// Properties ///

/* As struct mfupdate_actions has it. */
static enum mh_error give(uint8_t *value, uint32_t *length, const uint8_t *bytes, uint32_t size)
{
    const uint32_t room = *length;

    *length = size;
    if (!value) {
        return MH_OK;
    }
    if (room < size) {
        return MH_ERR_ARGUMENT;
    }
    memcpy(value, bytes, size);
    return MH_OK;
}

static enum mh_error give_number(uint8_t *value, uint32_t *length, uint32_t number)
{
    uint8_t bytes[4];

    mh_put32(bytes, number);
    return give(value, length, bytes, sizeof bytes);
}

static enum mh_error give_version(const struct mh_update *core, unsigned number, uint8_t *value, uint32_t *length)
{
    struct mh_installed installed;
    uint8_t bytes[8];

    mh_installed_read(core->device, &core->journal.state, &installed);
    if (!installed.present[number - 1]) {
        return MH_ERR_NO_IMAGE;
    }
    for (unsigned i = 0; i < 4; i++) {
        mh_put16(bytes + 2 * i, installed.version[number - 1].part[i]);
    }
    return give(value, length, bytes, sizeof bytes);
}

static uint32_t count_received(const struct mh_state *state)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < MH_EXTENTS; i++) {
        count += mh_bit(state->received, i);
    }
    return count;
}

static enum mh_error get(void *context, struct mfupdate *session, const char *name, uint8_t *value, uint32_t *length)
{
    const struct mh_update *core = core_of(context);
    const struct mh_state *state = &core->journal.state;
    const struct mh_entry *incoming = &state->entries[MH_INCOMING];
    const struct {
        const char *name;
        uint32_t number;
    } numbers[] = {
        {"phase", state->phase},
        {"refusal", state->refusal},
        {"incoming-length", incoming->length},
        {"received", count_received(state)},
        {"rollback-off", has_begun(core, session) ? mh_update_rollback_off(core) : 0},
    };

    if (!core->open) {
        return MH_ERR_FLASH;
    }
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            return give_number(value, length, numbers[i].number);
        }
    }
    if (strcmp(name, "refused-id") == 0) {
        return give(value, length, state->refused_id, MH_ID_SIZE);
    }
    if (strcmp(name, "incoming-id") == 0) {
        return give(value, length, incoming->id, MH_ID_SIZE);
    }
    if (strcmp(name, "runtime-version") == 0) {
        return give_version(core, MH_RUNTIME, value, length);
    }
    return strcmp(name, "application-version") == 0 ? give_version(core, MH_APPLICATION, value, length)
                                                    : MH_ERR_ARGUMENT;
}

void mfupdate_matterhorn(struct mfupdate_matterhorn *provider, struct mh_update *core)
{
    provider->core = core;
    provider->update = (struct mfupdate_actions){accept, get, NULL, install, provider};
    provider->validation = (struct mfupdate_validation){.check_update = check_update, .context = provider};
    provider->storage = (struct mfupdate_storage){open_stored, create, missing, write, read, erase, provider};
    provider->backup = (struct mfupdate_backup){keep, roll_back, confirm, provider};
    provider->row = (struct mfupdate_provider){
        .name = MFUPDATE_MATTERHORN,
        .update = &provider->update,
        .validation = &provider->validation,
        .storage = &provider->storage,
        .backup = &provider->backup,
    };
}
