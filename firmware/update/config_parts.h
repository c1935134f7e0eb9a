/* SPDX-License-Identifier: MIT
 *
 * What the files of the config store share: records as they stand in the sector, and how the sector is written anew.
 */
#ifndef MATTERHORN_CONFIG_PARTS_H
#define MATTERHORN_CONFIG_PARTS_H

#include "matterhorn/config.h"

#define CONFIG_HEAD_MAGIC "MTHC"
#define CONFIG_FORMAT 2u
#define CONFIG_MARK_BLANK 0xFFFFFFFFu

/* The sector's head. */
enum { HEAD_FORMAT = 4, HEAD_OPENED = 8, HEAD_CLOSED = 12 };

/* A record. */
enum { RECORD_TAG = 2, RECORD_LENGTH = 4, RECORD_PLACE = 6, RECORD_HEADER_CRC = 8, RECORD_VALUE = 12 };
#define RECORD_CRC_SIZE 4u
#define RECORD_SEAL_SIZE 4u

struct record {
    unsigned tag;
    uint32_t length; /* of the value; 0: the tag has none */
    uint32_t size;   /* from header to seal */
    bool sealed;
};

/* The record that begins at `at`, as its header tells; false when no good header stands there. It lies within the
 * sector. */
bool config_record_at(const uint8_t *sector, uint32_t at, struct record *record);

static inline uint32_t config_record_size(uint32_t length)
{
    return MH_CONFIG_RECORD_SIZE + (length + 3) / 4 * 4;
}

/* Whether somebody finished writing the sector, whatever an erase has left of it since. Of any other one nothing
 * counts: what stands there may not have been authenticated yet. */
bool config_is_opened(const uint8_t *sector);
/* Whether what stands in the sector counts, rather than its shadow. */
bool config_is_whole(const uint8_t *sector);

static inline const uint8_t *config_sector(const struct mh_device *device)
{
    return device->internal.cells + (MH_CONFIG_ADDRESS - MH_INTERNAL_BASE);
}

/* What shall stand under a tag from now on. */
struct change {
    unsigned tag;
    const uint8_t *value;
    uint32_t length; /* 0: nothing */
};

/* Takes the next bytes of a record or of the sector, a multiple of 4. */
typedef enum mh_error config_sink(void *context, const uint8_t *bytes, uint32_t length);

/* The record that makes the change, as it stands at `at`, without its seal. */
enum mh_error config_emit(const struct change *change, uint32_t at, config_sink *sink, void *context);

/* Programs bytes of the sector and reads them back. */
enum mh_error config_program(const struct mh_device *device, uint32_t at, const uint8_t *bytes, uint32_t length);
/* Clears all bits of `length` bytes: marks, and what nobody shall read any more. */
enum mh_error config_clear(const struct mh_device *device, uint32_t at, uint32_t length);

/* Finishes a mark that was begun: it shall never read blank again. */
enum mh_error config_finish_mark(const struct mh_device *device, uint32_t at);

/* The sector anew, by way of the shadow: what counts in it, with that change. MH_ERR_FLASH, MH_ERR_STATE: the sector
 * is as it was, or not whole and its shadow is authentic. */
enum mh_error config_compact(const struct mh_device *device, const struct change *change);

/* The end of the records that stay when the change is made: of a sector without it, and of one written anew. */
uint32_t config_size_with(const uint8_t *sector, const struct change *change);

/* Erases what is left of a shadow, if anything is. */
void config_drop_shadow(const struct mh_device *device);

#endif
