/* SPDX-License-Identifier: MIT */
#include "matterhorn/update.h"

#include <string.h>

enum mh_error mh_update_initialize(struct mh_update *update, const struct mh_device *device)
{
    update->device = device;
    update->begun = false;
    update->validated = false;
    update->rollback_off = 0;
    const enum mh_error error = mh_journal_open(&update->journal, &device->nor);
    update->journal.alive = device->alive;
    update->open = error == MH_OK;
    return error;
}

/* Whether the package just opened is the one that the directory holds as incoming, unfinished. */
static bool is_incoming(const struct mh_update *update, uint32_t length)
{
    const struct mh_entry *incoming = &update->journal.state.entries[MH_INCOMING];

    return incoming->length == length && memcmp(incoming->id, update->package.manifest.id, MH_ID_SIZE) == 0;
}

/* Whether the key that signed what was just opened was revoked by a confirmation since the anchors were read. */
static bool is_revoked_since(const struct mh_update *update)
{
    const struct mh_device *device = update->device;
    const struct mh_package *package = &update->package;
    const uint32_t since = mh_otp_revoked(device->otp.cells) & ~device->anchors.revoked;

    return since && since >> mh_manifest_signer(package->header, package->manifest.size, &device->anchors) & 1;
}

/* The components whose running packages are in the store and could be rolled back to, as far as their manifests
 * tell. */
static unsigned kept(struct mh_update *update, const struct mh_state *state)
{
    unsigned components = 0;

    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (mh_rollback_check(update->device, state, number, &update->package) == MH_OK &&
            !is_revoked_since(update)) {
            components |= 1u << (number - 1);
        }
    }
    return components;
}

/* The components whose running package stands in the directory. */
static unsigned listed(const struct mh_state *state)
{
    unsigned components = 0;

    for (unsigned i = 0; i < MH_COMPONENTS; i++) {
        components |= (unsigned)(state->entries[i].length != 0) << i;
    }
    return components;
}

/* Opens what is offered, by its manifest, and makes room for it in *state, which nobody has recorded yet. */
static enum mh_error consider(struct mh_update *update, const uint8_t *first, uint32_t available, uint32_t length,
                              struct mh_state *state)
{
    const struct mh_device *device = update->device;
    const struct mh_manifest *manifest = &update->package.manifest;
    struct mh_installed installed;

    enum mh_error error = mh_package_open_manifest(&update->package, first, available, length, &device->anchors,
                                                   device->board);
    if (error) {
        return error;
    }
    if (is_revoked_since(update)) {
        return MH_ERR_REVOKED;
    }
    mh_installed_read(device, state, &installed);
    error = mh_manifest_accept(manifest, &installed);
    if (error == MH_OK && !is_incoming(update, length)) {
        error = mh_store_allocate(state, length, manifest->id, mh_manifest_components(manifest));
    }
    return error;
}

/* mh_update_plan; update->planned is then what mh_update_begin records. */
static enum mh_error make_plan(struct mh_update *update, const uint8_t *first, uint32_t available, uint32_t length,
                               struct mh_plan *plan)
{
    struct mh_state *state = &update->planned;

    *plan = (struct mh_plan){0};
    if (!update->open) {
        return MH_ERR_FLASH;
    }
    if (update->journal.state.phase != MH_IDLE) {
        return MH_ERR_STATE;
    }
    *state = update->journal.state;
    const unsigned before = listed(state), good = kept(update, state); /* overwrites the session's package */
    const enum mh_error error = consider(update, first, available, length, state);
    if (error == MH_OK) {
        plan->packets = (length + MH_PACKET_SIZE - 1) / MH_PACKET_SIZE;
        plan->components = mh_manifest_components(&update->package.manifest);
        plan->rollback_off = plan->components & ~(good & listed(state));
        plan->given_up = before & ~listed(state);
    }
    return error;
}

enum mh_error mh_update_plan(struct mh_update *update, const uint8_t *first, uint32_t available, uint32_t length,
                             struct mh_plan *plan)
{
    return make_plan(update, first, available, length, plan);
}

enum mh_error mh_update_begin(struct mh_update *update, const uint8_t *first, uint32_t available, uint32_t length)
{
    struct mh_plan plan;
    struct mh_source source;

    update->begun = false;
    update->validated = false;
    enum mh_error error = make_plan(update, first, available, length, &plan);
    if (error) {
        return error;
    }
    if (!is_incoming(update, length)) {
        const struct mh_state before = update->journal.state;
        update->journal.state = update->planned;
        error = mh_journal_write(&update->journal);
        if (error) {
            update->journal.state = before; /* else the next try would find it begun */
        }
    }
    if (error == MH_OK) {
        error = mh_stored_open(&update->stored, &update->device->nor, &update->journal.state.entries[MH_INCOMING],
                               &source);
    }
    update->rollback_off = plan.rollback_off;
    update->components = plan.components;
    update->begun = error == MH_OK;
    return error;
}

unsigned mh_update_rollback_off(const struct mh_update *update)
{
    return update->rollback_off;
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
    const unsigned records = mh_install_records(update->device, update->components);
    enum mh_error error = mh_journal_reserve(&update->journal, records); /* else the bootloader would have to refuse */
    if (error == MH_OK) {
        error = change_phase(update, MH_REQUESTED);
    }
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
    const enum mh_phase phase = update->journal.state.phase;

    return update->open && (phase == MH_TRIAL || phase == MH_CONFIRMING);
}

enum mh_error mh_update_confirm(struct mh_update *update)
{
    if (!update->open) {
        return MH_ERR_FLASH;
    }
    if (!mh_update_unconfirmed(update)) {
        return update->journal.state.phase == MH_IDLE ? MH_OK : MH_ERR_STATE;
    }
    if (update->journal.state.phase == MH_TRIAL) {
        const enum mh_error error = change_phase(update, MH_CONFIRMING);
        if (error) {
            return error;
        }
    }
    return mh_confirmation_finish(update->device, &update->journal);
}

enum mh_error mh_update_rollback(struct mh_update *update)
{
    if (!update->open) {
        return MH_ERR_FLASH;
    }
    if (update->journal.state.phase != MH_TRIAL) {
        return MH_ERR_STATE;
    }
    const enum mh_error error = mh_rollback_possible(update->device, &update->journal, &update->package);
    return error ? error : mh_rollback_request(update->device, &update->journal);
}
