/* SPDX-License-Identifier: MIT
 *
 * MFUpdate, the toolbox for applications: stores a package in the reserved megabyte packet by packet, has it installed
 * at the next start, and confirms an installed one. Survives power loss between any two calls: a package that was
 * begun before is resumed, and only its missing packets are wanted.
 */
#ifndef MATTERHORN_UPDATE_H
#define MATTERHORN_UPDATE_H

#include "matterhorn/installer.h"

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
};

/* Opens the journal. MH_ERR_FLASH when the SPI NOR cannot be used. */
enum mh_error mh_update_initialize(struct mh_update *update, const struct mh_device *device);

/* Offers a package of `length` bytes by its first packet (`available` bytes, the manifest and signature among them).
 * Everything that the manifest tells is checked here; a refused package costs no erase. The same package again resumes. */
enum mh_error mh_update_begin(struct mh_update *update, const uint8_t *first, uint32_t available, uint32_t length);

/* Number of packets of the package that was begun. */
uint32_t mh_update_packets(const struct mh_update *update);

/* True when packet `index` is still wanted. */
bool mh_update_missing(const struct mh_update *update, uint32_t index);

/* Stores packet `index`: 4096 bytes, the last one what is left. A packet that is already there is not written again. */
enum mh_error mh_update_packet(struct mh_update *update, uint32_t index, const uint8_t *data, uint32_t length);

/* Verifies the stored package completely. MH_ERR_STATE while packets are missing. A package that does not verify is refused: the
 * reason is recorded and the package dropped; see mh_state_refuse. */
enum mh_error mh_update_validate(struct mh_update *update);

/* Requests the install of the validated package at the next start; the caller then resets. */
enum mh_error mh_update_install(struct mh_update *update);

/* Drops the incoming package. */
enum mh_error mh_update_delete(struct mh_update *update);

/* True while the running component awaits confirmation. */
bool mh_update_unconfirmed(const struct mh_update *update);

/* Confirms what was installed. MH_OK also when nothing awaited it; MH_ERR_STATE while an install is requested or going on. */
enum mh_error mh_update_confirm(struct mh_update *update);

#endif
