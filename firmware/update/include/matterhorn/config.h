/* SPDX-License-Identifier: MIT
 *
 * The config store (docs/SPEC.md 5): named values in internal sector 3 that updates never touch, the MAC address
 * among them.
 *
 * The sector is a log: the newest finished record of a tag counts. A record is finished when its seal is programmed,
 * which is begun only after all before it was read back. So what a power loss leaves of a record never counts, and
 * what counts was firm before: readers need not write.
 *
 * When the sector is full, the records that count are copied to a shadow in the SPI NOR, authenticated with the
 * secret of this device; then the sector is erased and written again. From the moment it is marked closed until it is
 * marked open again the shadow counts, and only then.
 */
#ifndef MATTERHORN_CONFIG_H
#define MATTERHORN_CONFIG_H

#include "matterhorn/device.h"

#include <stdbool.h>

#define MH_CONFIG_SECTOR 3u
#define MH_CONFIG_HEAD_SIZE 64u   /* of the sector, before the first record */
#define MH_CONFIG_RECORD_SIZE 20u /* of a record, beside its value, which takes a multiple of 4 */
#define MH_CONFIG_VALUE_MAX (MH_CONFIG_SIZE - MH_CONFIG_HEAD_SIZE - MH_CONFIG_RECORD_SIZE)
#define MH_CONFIG_SHADOW_ADDRESS 0x7FA000u /* of the SPI NOR, as many bytes as the sector */

/* Tags are 1 to MH_CONFIG_TAG_MAX; those below MH_CONFIG_TAG_APPLICATION are the system's. */
enum mh_config_tag { MH_CONFIG_MAC = 1 };
#define MH_CONFIG_TAG_APPLICATION 0x8000u
#define MH_CONFIG_TAG_MAX 0xFFFEu
#define MH_MAC_SIZE 6u

/// Reading: the sector's MH_CONFIG_SIZE bytes alone, which need not be open ///

/* The value of `tag`, within the sector; it moves when anything is written. NULL when there is none; *length in
 * bytes. */
const uint8_t *mh_config_find(const uint8_t *sector, unsigned tag, uint32_t *length);

struct mh_config_value {
    unsigned tag;
    const uint8_t *value;
    uint32_t length;
    uint32_t next; /* where to look on; 0: from the beginning */
};
/* The next value that counts, each tag once. False when there is no more. */
bool mh_config_next(const uint8_t *sector, struct mh_config_value *value);

/// Writing ///

struct mh_config {
    const struct mh_device *device;
    bool open;    /* what a power loss had left is settled: without it, every change is refused with MH_ERR_FLASH */
    bool whole;   /* records can be added to the sector; else the next change writes it anew */
    uint32_t end; /* of what is written in the sector */
    bool passed_over; /* nobody but this session has begun the word at `end` */
};

/* Finishes what a power loss has interrupted when the sector is not whole and its shadow is authentic; else writes
 * nothing, but the rest of the mark that makes a sector whole. The shadow of a whole sector is never looked at.
 * MH_ERR_FLASH when the SPI NOR cannot be read, or the sector not be written; what is left in it still reads. */
enum mh_error mh_config_resume(const struct mh_device *device);

/* Resumes, and removes what a power loss has left of a record. Where there is neither a whole sector nor its shadow,
 * what still reads good in the sector is what there is. */
enum mh_error mh_config_open(struct mh_config *config, const struct mh_device *device);

/* Gives `tag` this value of 1 to MH_CONFIG_VALUE_MAX bytes, read back; one that it has already costs nothing. Until
 * this returns, the old value or the new one counts after a power loss; from then on the new one. MH_ERR_NO_ROOM when
 * it does not fit beside the other values. MH_ERR_FLASH when the sector does not hold it, or is full while the SPI
 * NOR does not hold the shadow, MH_ERR_STATE when it is full and the device has no secret: the old value counts,
 * unless the store is not `open` any more: then the next opening tells. The sector is erased only when it is full, or
 * not whole. */
enum mh_error mh_config_write(struct mh_config *config, unsigned tag, const uint8_t *value, uint32_t length);

/* Takes the value of `tag` away; MH_OK also when it has none. Otherwise as mh_config_write. */
enum mh_error mh_config_delete(struct mh_config *config, unsigned tag);

/* The longest value that one more tag could have, in bytes, a multiple of 4. */
uint32_t mh_config_room(const struct mh_config *config);

#endif
