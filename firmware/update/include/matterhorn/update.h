/* SPDX-License-Identifier: MIT
 *
 * MFUpdate, the toolbox for applications: stores a package in the reserved megabyte packet by packet, has it installed
 * at the next start, and confirms an installed one, or has it rolled back. Survives power loss between any two calls: a
 * package that was begun before is resumed, and only its missing packets are wanted.
 */
#ifndef MATTERHORN_UPDATE_H
#define MATTERHORN_UPDATE_H

#include "matterhorn/trial.h"

#define MH_PACKET_SIZE MH_EXTENT_SIZE

/* A session; about 21 KB, supplied by the caller, reachable by DMA. */
struct mh_update {
    const struct mh_device *device;
    struct mh_journal journal;
    struct mh_package package;
    struct mh_stored stored;
    bool open; /* the journal was read: without it, every call is refused with MH_ERR_FLASH */
    bool begun;
    bool validated;
    unsigned components;     /* of the package that was begun */
    unsigned rollback_off;   /* of it too; see mh_update_rollback_off */
    struct mh_state planned; /* what begin would record */
};

/* Opens the journal. MH_ERR_FLASH when the SPI NOR cannot be used. */
enum mh_error mh_update_initialize(struct mh_update *update, const struct mh_device *device);

/* What mh_update_begin would do. Masks of components: bit n - 1 for component n. */
struct mh_plan {
    uint32_t packets;
    unsigned components;   /* that the package would replace */
    unsigned rollback_off; /* of these: what runs is not in the store, or makes room, or may not run any more */
    unsigned given_up;     /* whose stored running package makes room */
};

/* Tells what mh_update_begin with the same arguments would do, and what it would return; nothing is changed, but for
 * the session's working memory. *plan is zeros when the package would be refused. */
enum mh_error mh_update_plan(struct mh_update *update, const uint8_t *first, uint32_t available, uint32_t length,
                             struct mh_plan *plan);

/* Offers a package of `length` bytes by its first packet (`available` bytes, the manifest and signature among them).
 * Everything that the manifest tells is checked here; a refused package costs no erase. The same package again resumes.
 * MH_ERR_STATE in any phase but idle: what is on trial is confirmed or rolled back first. */
enum mh_error mh_update_begin(struct mh_update *update, const uint8_t *first, uint32_t available, uint32_t length);

/* The components (bit n - 1 for component n) that could not be rolled back to what runs now, were the package that
 * was begun installed. A rollback is of all components of a package or of none. */
unsigned mh_update_rollback_off(const struct mh_update *update);

/* Number of packets of the package that was begun. */
uint32_t mh_update_packets(const struct mh_update *update);

/* True when packet `index` is still wanted. */
bool mh_update_missing(const struct mh_update *update, uint32_t index);

/* Stores packet `index`: 4096 bytes, the last one what is left. A packet that is already there is not written again. */
enum mh_error mh_update_packet(struct mh_update *update, uint32_t index, const uint8_t *data, uint32_t length);

/* Verifies the stored package completely. MH_ERR_STATE while packets are missing. A package that does not verify is refused: the
 * reason is recorded and the package dropped; see mh_state_refuse. */
enum mh_error mh_update_validate(struct mh_update *update);

/* Requests the install of the validated package at the next start; the caller then resets. MH_ERR_FLASH when it cannot
 * be recorded, or the journal, worn out, could not follow the install to its end: nothing was erased then. */
enum mh_error mh_update_install(struct mh_update *update);

/* Drops the incoming package. MH_ERR_STATE in any phase but idle. */
enum mh_error mh_update_delete(struct mh_update *update);

/* True while the running package awaits confirmation, or a confirmation that was interrupted awaits its end. */
bool mh_update_unconfirmed(const struct mh_update *update);

/* Confirms what was installed: its security counters are recorded for good, and from then on nothing leads back.
 * What power loss interrupts is finished at the next start. MH_OK also when nothing awaited it; MH_ERR_STATE while
 * an install or a rollback is wanted; MH_ERR_FLASH or MH_ERR_SUPPLY when it could not be recorded: it may be called
 * again. MH_ERR_COUNTER_FULL or MH_ERR_REVOCATION: it is confirmed, and the device can never record its counter, or
 * that its keys are revoked. */
enum mh_error mh_update_confirm(struct mh_update *update);

/* Requests that what was there before the trial is installed again at the next start; the caller then resets.
 * MH_ERR_STATE when nothing is on trial; or why it is not possible: then the trial goes on. */
enum mh_error mh_update_rollback(struct mh_update *update);

#endif
