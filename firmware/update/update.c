/* SPDX-License-Identifier: MIT */
#include "matterhorn/update.h"

#include <string.h>

enum mh_error mh_update_initialize(struct mh_update *update, const struct mh_device *device)
{
    update->device = device;
    update->begun = false;
    update->validated = false;
    const enum mh_error error = mh_journal_open(&update->journal, &device->nor);
    update->open = error == MH_OK;
    return error;
}

/* Whether an install is wanted, which nothing must disturb. */
static bool is_requested(const struct mh_update *update)
{
    const enum mh_phase phase = update->journal.state.phase;

    return phase == MH_REQUESTED || phase == MH_INSTALLING;
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
    if (!update->open) {
        return MH_ERR_FLASH;
    }
    if (is_requested(update)) {
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
        if (error == MH_OK) {
            error = mh_journal_write(&update->journal);
        }
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
        if (error) {
            mh_bit_clear(state->received, index); /* else the next try would find it there */
        }
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

/* Whether what is stored is good, and is what was begun. */
static enum mh_error verify_stored(struct mh_update *update)
{
    const struct mh_device *device = update->device;
    const struct mh_entry *incoming = &update->journal.state.entries[MH_INCOMING];
    struct mh_source source;

    enum mh_error error = mh_stored_open(&update->stored, &device->nor, incoming, &source);
    if (error == MH_OK) {
        error = mh_package_open(&update->package, &source, &device->anchors, device->board);
    }
    if (error == MH_OK && !is_incoming(update, incoming->length)) {
        error = MH_ERR_LAYOUT;
    }
    return error ? error : mh_package_verify(&update->package, device->alive);
}

enum mh_error mh_update_validate(struct mh_update *update)
{
    enum mh_error error = MH_ERR_STATE;

    if (!is_complete(update)) {
        return error;
    }
    for (unsigned attempt = 0; error != MH_OK && attempt < MH_VERIFY_ATTEMPTS; attempt++) {
        error = verify_stored(update);
    }
    update->validated = error == MH_OK;
    if (error != MH_OK && error != MH_ERR_FLASH) {
        mh_state_refuse(&update->journal.state, error);
        update->begun = false;
        (void)mh_journal_write(&update->journal);
    }
    return error;
}

/* Records another phase; it stays what it was when that fails. */
static enum mh_error change_phase(struct mh_update *update, enum mh_phase phase)
{
    struct mh_state *state = &update->journal.state;
    const enum mh_phase before = state->phase;

    state->phase = phase;
    const enum mh_error error = mh_journal_write(&update->journal);
    if (error) {
        state->phase = before;
    }
    return error;
}

enum mh_error mh_update_install(struct mh_update *update)
{
    if (!update->validated) {
        return MH_ERR_STATE;
    }
    const enum mh_error error = change_phase(update, MH_REQUESTED);
    if (error == MH_OK) {
        update->begun = false;
        update->validated = false;
    }
    return error;
}

enum mh_error mh_update_delete(struct mh_update *update)
{
    if (!update->open) {
        return MH_ERR_FLASH;
    }
    if (is_requested(update)) {
        return MH_ERR_STATE;
    }
    mh_state_drop_incoming(&update->journal.state);
    update->begun = false;
    update->validated = false;
    return mh_journal_write(&update->journal);
}

bool mh_update_unconfirmed(const struct mh_update *update)
{
    return update->open && update->journal.state.phase == MH_TRIAL;
}

enum mh_error mh_update_confirm(struct mh_update *update)
{
    if (!update->open) {
        return MH_ERR_FLASH;
    }
    if (!mh_update_unconfirmed(update)) {
        return is_requested(update) ? MH_ERR_STATE : MH_OK;
    }
    return change_phase(update, MH_IDLE);
}
