/* SPDX-License-Identifier: MIT */
#include "matterhorn/trial.h"

#include "installer_parts.h"

#include <string.h>

static bool is_tried(const struct mh_state *state, unsigned number)
{
    return state->tried >> (number - 1) & 1;
}

/* Whether it is a trial that goes back, and not an install whose package went bad, which has its reason. That of a
 * trial is recorded at its end, or when it could not be finished once. */
static bool is_of_trial(const struct mh_state *state)
{
    return state->refusal == MH_OK || state->refusal == MH_ERR_ROLLED_BACK;
}

/// Rollback ///

/* Opens the package in the store that ran as component `number`. */
static enum mh_error open_running(const struct install *install, unsigned number, struct mh_stored *stored)
{
    const struct mh_device *device = install->device;
    const struct mh_entry *entry = &install->journal->state.entries[number - 1];

    return installer_open_running(device, entry, number, install->package, stored);
}

enum mh_error mh_rollback_check(const struct mh_device *device, const struct mh_state *state, unsigned number,
                                struct mh_package *package)
{
    struct mh_stored stored;

    return installer_open_running(device, &state->entries[number - 1], number, package, &stored);
}

/* How much of a stored package is looked at. */
enum depth { MANIFEST, CONTENTS };

/* Looks at the package that ran as component `number`; *component tells of it. */
static enum mh_error look_at_running(const struct install *install, unsigned number, enum depth depth,
                                     struct mh_component *component)
{
    struct mh_stored stored;
    enum mh_error error = open_running(install, number, &stored);

    if (error == MH_OK) {
        *component = install->package->manifest.components[number - 1];
    }
    if (error == MH_OK && depth == CONTENTS) {
        error = mh_package_verify_component(install->package, number, install->device->alive);
    }
    return error;
}

/* The component that is not on trial, if there is one. What else its header tells of is of no account. */
static void read_what_stays(const struct install *install, struct mh_manifest *standing)
{
    const struct mh_state *state = &install->journal->state;

    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (!is_tried(state, number) && mh_component_header(install->device, number, standing) != MH_OK) {
            standing->components[number - 1].present = false;
        }
    }
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        standing->components[number - 1].present &= !is_tried(state, number);
    }
}

/* Checks all that a rollback installs, and that it belongs to what stays. Nothing that this asks for is changed by
 * the rollback itself, so a rollback that lost power is asked the same. */
static enum mh_error check_rollback(const struct install *install, enum depth depth)
{
    const struct mh_device *device = install->device;
    struct mh_manifest standing = {0};
    struct mh_installed bounds = {0};

    installer_lift_limits(&bounds);
    read_what_stays(install, &standing);
    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        struct mh_component *component = &standing.components[number - 1];
        bounds.recorded[number - 1] = mh_otp_counter(device->otp.cells, number);
        if (is_tried(&install->journal->state, number)) {
            const enum mh_error error = look_at_running(install, number, depth, component);
            if (error) {
                return error;
            }
        }
    }
    return mh_manifest_accept(&standing, &bounds);
}

enum mh_error mh_rollback_possible(const struct mh_device *device, struct mh_journal *journal,
                                   struct mh_package *package)
{
    const struct install install = {device, journal, package, false};

    return check_rollback(&install, MANIFEST);
}

/* Records that what is tried shall go back; `refusal`: why, when it is no trial that ends. */
static enum mh_error record_rollback(struct mh_journal *journal, enum mh_error refusal)
{
    struct mh_state *state = &journal->state;
    const struct mh_state before = *state;

    state->phase = MH_ROLLING_BACK;
    state->sectors_done = 0; /* whatever stands there, as when an install begins */
    state->refusal = refusal;
    const enum mh_error error = mh_journal_write(journal);
    if (error) {
        *state = before;
    }
    return error;
}

enum mh_error mh_rollback_request(const struct mh_device *device, struct mh_journal *journal)
{
    const enum mh_error error = mh_journal_reserve(journal, mh_install_records(device, journal->state.tried));

    return error ? error : record_rollback(journal, (enum mh_error)journal->state.refusal);
}

static enum mh_error verify_rollback(const struct install *install)
{
    enum mh_error error = MH_ERR_FLASH;

    for (unsigned attempt = 0; error && attempt < MH_VERIFY_ATTEMPTS; attempt++) {
        error = check_rollback(install, CONTENTS);
    }
    return error;
}

static enum mh_error install_running(const struct install *install, unsigned number)
{
    struct mh_stored stored;
    enum mh_error error = open_running(install, number, &stored);

    return error ? error : installer_install_component(install, number);
}

/* What was tried never comes again; what went bad while it was installed may be offered again, undamaged. */
static enum mh_error record_rolled_back(const struct install *install)
{
    struct mh_state *state = &install->journal->state;

    if (!is_of_trial(state)) {
        mh_state_refuse(state, state->refusal);
        return mh_journal_write(install->journal);
    }
    state->sectors_done = 0;
    state->refusal = MH_ERR_ROLLED_BACK;
    memcpy(state->rolled_back_id, state->entries[MH_INCOMING].id, MH_ID_SIZE);
    mh_state_end_trial(state);
    return mh_journal_write(install->journal);
}

/* What was verified before. */
static enum mh_error roll_back(const struct install *install)
{
    struct mh_state *state = &install->journal->state;
    enum mh_error error = MH_OK;

    installer_log(install->device, state->sectors_done ? "resuming the rollback" : "rolling back");
    for (unsigned number = 1; error == MH_OK && number <= MH_COMPONENTS; number++) {
        if (is_tried(state, number)) {
            error = install_running(install, number);
        }
    }
    return error ? error : record_rolled_back(install);
}

/// The way forward ///

/* Whether all that was tried is again what it was. */
static bool is_back(const struct install *install)
{
    const struct mh_state *state = &install->journal->state;

    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (is_tried(state, number) && !installer_holds(install->device, number, state->entries[number - 1].id)) {
            return false;
        }
    }
    return true;
}

/* Nothing but the last record is missing: the packages are of no more use. */
static enum mh_error finish_without(const struct install *install)
{
    const enum mh_error error = installer_make_firm(install->device, install->journal->state.tried);

    return error ? error : record_rolled_back(install);
}

/* Whether the rollback has left nothing that could be started. */
static bool is_half_way(const struct install *install)
{
    const struct mh_state *state = &install->journal->state;
    struct mh_manifest manifest;

    for (unsigned number = 1; number <= MH_COMPONENTS; number++) {
        if (is_tried(state, number) && mh_component_verify(install->device, number, &manifest) != MH_OK) {
            return true;
        }
    }
    return mh_installed_mixed(install->device, state);
}

/* Records that what was tried is installed again. A trial that was over stays over: its credit is none. */
static enum mh_error record_way_forward(struct mh_journal *journal)
{
    struct mh_state *state = &journal->state;
    const struct mh_state before = *state;

    state->phase = MH_INSTALLING;
    state->sectors_done = 0; /* whatever stands there, as when an install begins */
    state->credit = is_of_trial(state) ? 0 : MH_TRIAL_CREDIT;
    state->refusal = MH_ERR_ROLLED_BACK;
    const enum mh_error error = mh_journal_write(journal);
    if (error) {
        *state = before;
    }
    return error;
}

/* What ran before cannot be had, for `reason`: what was tried may be whole in the store. Only once, else two packages
 * that are bad in turns would wear out the internal flash: MH_ERR_ROLLED_BACK says that it was done before. */
static enum mh_error go_forward(const struct install *install, enum mh_error reason)
{
    const struct mh_state *state = &install->journal->state;
    struct mh_stored stored;

    if (state->refusal == MH_ERR_ROLLED_BACK || !is_half_way(install) ||
        installer_verify_incoming(install, &stored) != MH_OK ||
        state->tried & ~mh_manifest_components(&install->package->manifest)) {
        return reason;
    }
    const enum mh_error error = record_way_forward(install->journal);
    return error ? error : installer_install_all(install);
}

enum mh_error mh_rollback(const struct mh_device *device, struct mh_journal *journal, struct mh_package *package)
{
    const struct install install = {device, journal, package, false};
    const enum mh_error error = verify_rollback(&install);

    if (error == MH_OK) {
        return roll_back(&install);
    }
    if (error == MH_ERR_FLASH) {
        return error;
    }
    return is_back(&install) ? finish_without(&install) : go_forward(&install, error);
}

enum mh_error mh_rollback_give_up(struct mh_journal *journal)
{
    struct mh_state *state = &journal->state;

    if (!is_of_trial(state)) {
        mh_state_refuse(state, state->refusal);
    } else {
        state->phase = MH_TRIAL;
        state->credit = 0;
    }
    return mh_journal_write(journal);
}

enum mh_error installer_go_back(const struct install *install, enum mh_error reason)
{
    struct mh_state *state = &install->journal->state;
    const uint8_t tried = state->tried; /* none, unless it is a way forward: then there is no other */

    state->tried = (uint8_t)installer_broken(install->device, state);
    if (state->tried == 0 || verify_rollback(install) != MH_OK) {
        state->tried = tried;
        return reason;
    }
    /* Without room in the journal too: there is nothing else to run. */
    enum mh_error error = record_rollback(install->journal, tried ? MH_ERR_ROLLED_BACK : reason);
    if (error) {
        state->tried = tried;
    } else {
        error = roll_back(install);
    }
    return error ? error : reason;
}

/// Trial ///

/* The trial's credit is used up. That is recorded once at most: a device whose rollback is off may start for ever. */
static enum mh_error end_trial(const struct install *install)
{
    struct mh_state *state = &install->journal->state;
    const enum mh_error off = verify_rollback(install);

    if (off) {
        if (state->credit != 0) {
            state->credit = 0;
            (void)mh_journal_write(install->journal);
        }
        return off;
    }
    const enum mh_error error = mh_rollback_request(install->device, install->journal);
    return error ? error : roll_back(install);
}

enum mh_error mh_trial_start(const struct mh_device *device, struct mh_journal *journal, struct mh_package *package,
                             bool blamed)
{
    const struct install install = {device, journal, package, false};
    const uint8_t cost = blamed ? MH_TRIAL_BLAMED : MH_TRIAL_START;

    if (journal->state.credit <= cost) {
        return end_trial(&install);
    }
    journal->state.credit = (uint8_t)(journal->state.credit - cost);
    return mh_journal_write(journal);
}

/// Confirmation ///

/* What the one-time programmable area can never hold. */
static bool is_never_recorded(enum mh_error error)
{
    return error == MH_ERR_COUNTER_FULL || error == MH_ERR_REVOCATION;
}

/* Records what the header of a component says of counter and keys: one of them also when the other cannot be. */
static enum mh_error record_header(const struct mh_device *device, unsigned number)
{
    struct mh_manifest header;
    const enum mh_error error = mh_component_header(device, number, &header);

    if (error) {
        return error;
    }
    const enum mh_error of_counter = mh_otp_raise(&device->otp, number, header.components[number - 1].counter);
    const enum mh_error of_keys = mh_otp_revoke(&device->otp, header.revokes);
    return of_counter == MH_OK || of_keys == MH_ERR_SUPPLY ? of_keys : of_counter;
}

enum mh_error mh_confirmation_finish(const struct mh_device *device, struct mh_journal *journal)
{
    struct mh_state *state = &journal->state;
    const struct mh_state before = *state;
    enum mh_error error = MH_OK, never_recorded = MH_OK;

    for (unsigned number = 1; error == MH_OK && number <= MH_COMPONENTS; number++) {
        if (is_tried(state, number)) {
            error = record_header(device, number);
            state->entries[number - 1] = state->entries[MH_INCOMING];
        }
        if (is_never_recorded(error)) {
            never_recorded = error;
            error = MH_OK; /* to wait for it would keep every other update out, for ever */
        }
    }
    if (error == MH_OK) {
        state->refusal = MH_OK;
        mh_state_end_trial(state);
        error = mh_journal_write(journal);
    }
    if (error) {
        *state = before;
    }
    return error ? error : never_recorded;
}

/// All of it ///

enum mh_error mh_proceed(const struct mh_device *device, struct mh_journal *journal, struct mh_package *package,
                         bool blamed)
{
    switch (journal->state.phase) {
    case MH_REQUESTED:
    case MH_INSTALLING:
        return mh_install_pending(device, journal, package);
    case MH_TRIAL:
        return mh_trial_start(device, journal, package, blamed);
    case MH_CONFIRMING:
        return mh_confirmation_finish(device, journal);
    case MH_ROLLING_BACK:
        return mh_rollback(device, journal, package);
    default:
        return MH_OK;
    }
}
