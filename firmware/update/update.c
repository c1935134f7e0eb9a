/* SPDX-License-Identifier: MIT */
#include "matterhorn/update.h"

#include <string.h>

enum mh_error mh_update_initialize(struct mh_update *update, const struct mh_device *device)
{
    update->device = device;
    update->begun = false;
    update->validated = false;
    return mh_journal_open(&update->journal, &device->nor);
}

/* Whether the package just opened is the one that the directory holds as incoming, unfinished. */
static bool is_incoming(const struct mh_update *update, uint32_t length)
{
    const struct mh_entry *incoming = &update->journal.state.entries[MH_INCOMING];

    return incoming->length == length && memcmp(incoming->id, update->package.manifest.id, MH_ID_SIZE) == 0;
}

enum mh_error mh_update_begin(struct mh_update *update, const uint8_t *first, uint32_t available, uint32_t length)
{
    const struct mh_device *device = update->device;
    struct mh_state *state = &update->journal.state;
    struct mh_installed installed;
    struct mh_source source;

    update->begun = false;
    update->validated = false;
    if (state->phase != MH_IDLE) {
        return MH_ERR_STATE;
    }
    enum mh_error error = mh_package_open_manifest(&update->package, first, available, length, &device->anchors,
                                                   device->board);
    if (error) {
        return error;
    }
    mh_installed_read(device, state, &installed);
    error = mh_manifest_accept(&update->package.manifest, &installed);
    if (error == MH_OK && !is_incoming(update, length)) {
        error = mh_store_allocate(state, length, update->package.manifest.id);
    }
    /* Written also when resuming: the packets are about to erase extents, and only a firm directory says which are free. */
    if (error == MH_OK) {
        error = mh_journal_write(&update->journal);
    }
    if (error == MH_OK) {
        error = mh_stored_open(&update->stored, &device->nor, &state->entries[MH_INCOMING], &source);
    }
    update->begun = error == MH_OK;
    return error;
}

uint32_t mh_update_packets(const struct mh_update *update)
{
    return update->begun ? update->stored.count : 0;
}

bool mh_update_missing(const struct mh_update *update, uint32_t index)
{
    return index < mh_update_packets(update) && !mh_bit(update->journal.state.received, index);
}

enum mh_error mh_update_packet(struct mh_update *update, uint32_t index, const uint8_t *data, uint32_t length)
{
    struct mh_state *state = &update->journal.state;

    if (!update->begun) {
        return MH_ERR_STATE;
    }
    if (index >= mh_update_packets(update)) {
        return MH_ERR_ARGUMENT;
    }
    const uint32_t left = state->entries[MH_INCOMING].length - index * MH_PACKET_SIZE;
    if (length != (left < MH_PACKET_SIZE ? left : MH_PACKET_SIZE)) {
        return MH_ERR_ARGUMENT;
    }
    if (!mh_update_missing(update, index)) {
        return MH_OK;
    }
    enum mh_error error = mh_stored_write(&update->stored, index, data, length);
    if (error == MH_OK) {
        mh_bit_set(state->received, index);
        error = mh_journal_write(&update->journal);
    }
    return error;
}

static bool is_complete(const struct mh_update *update)
{
    for (uint32_t i = 0; i < mh_update_packets(update); i++) {
        if (mh_update_missing(update, i)) {
            return false;
        }
    }
    return update->begun;
}

enum mh_error mh_update_validate(struct mh_update *update)
{
    const struct mh_device *device = update->device;
    struct mh_state *state = &update->journal.state;
    struct mh_source source;

    if (!is_complete(update)) {
        return MH_ERR_STATE;
    }
    enum mh_error error =
        mh_stored_open(&update->stored, &device->nor, &state->entries[MH_INCOMING], &source);
    if (error == MH_OK) {
        error = mh_package_open(&update->package, &source, &device->anchors, device->board);
    }
    if (error == MH_OK) {
        error = mh_package_verify(&update->package, device->alive);
    }
    update->validated = error == MH_OK;
    if (error != MH_OK && error != MH_ERR_FLASH) {
        mh_state_refuse(state, error);
        update->begun = false;
        (void)mh_journal_write(&update->journal);
    }
    return error;
}

enum mh_error mh_update_install(struct mh_update *update)
{
    if (!update->validated) {
        return MH_ERR_STATE;
    }
    update->journal.state.phase = MH_REQUESTED;
    return mh_journal_write(&update->journal);
}

enum mh_error mh_update_delete(struct mh_update *update)
{
    if (update->journal.state.phase != MH_IDLE) {
        return MH_ERR_STATE;
    }
    mh_state_drop_incoming(&update->journal.state);
    update->begun = false;
    update->validated = false;
    return mh_journal_write(&update->journal);
}

bool mh_update_unconfirmed(const struct mh_update *update)
{
    return update->journal.state.phase == MH_TRIAL;
}

enum mh_error mh_update_confirm(struct mh_update *update)
{
    if (!mh_update_unconfirmed(update)) {
        return update->journal.state.phase == MH_IDLE ? MH_OK : MH_ERR_STATE;
    }
    update->journal.state.phase = MH_IDLE;
    return mh_journal_write(&update->journal);
}
