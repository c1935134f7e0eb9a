/* SPDX-License-Identifier: MIT
 *
 * Updates of an application's own in the user's part of the SPI NOR. There is no header, no directory and no list of
 * free sectors, so none of them can be torn, full or wrong: each sector says by itself whether it holds the packet that
 * is looked for.
 */
#include "matterhorn/mfupdate.h"

#include "matterhorn/bytes.h"
#include "matterhorn/user_flash.h"

#include <string.h>

#define PIECE 256u
#define CRC_SIZE 4u
#define CRC_OFFSET (MH_USER_FLASH_SECTOR - CRC_SIZE)
#define KEY_SIZE 40u

_Static_assert(MFUPDATE_AREA_PACKET_MAX == CRC_OFFSET, "a packet and its CRC fill a sector");
_Static_assert(MFUPDATE_AREA_SECTORS_MAX == MH_USER_FLASH_SIZE / MH_USER_FLASH_SECTOR, "all of the user's sectors");

static uint32_t sector_address(const struct mfupdate_area *area, uint32_t index)
{
    return area->address + index * MH_USER_FLASH_SECTOR;
}

static uint32_t length_of(const struct mfupdate_header *header, uint32_t index)
{
    const uint32_t left = header->size - index * header->packet_size;

    return left < header->packet_size ? left : header->packet_size;
}

/* What a packet is a packet of: its CRC begins with this, so that it counts for this place of this update alone. */
static uint32_t crc_of_key(const struct mfupdate_header *header, uint32_t index)
{
    uint8_t key[KEY_SIZE];

    memcpy(key, header->id, MH_ID_SIZE);
    for (unsigned i = 0; i < 4; i++) {
        mh_put16(key + 16 + 2 * i, header->version.part[i]);
    }
    mh_put16(key + 24, header->type);
    mh_put16(key + 26, header->subtype);
    mh_put32(key + 28, header->size);
    mh_put32(key + 32, header->packet_size);
    mh_put32(key + 36, index);
    return mh_crc32(key, sizeof key);
}

/* Whether the sector holds this packet. */
static enum mh_error look(const struct mfupdate_area *area, const struct mfupdate_header *header, uint32_t index,
                          bool *there)
{
    const uint32_t address = sector_address(area, index), length = length_of(header, index);
    uint32_t crc = crc_of_key(header, index), part;
    uint8_t piece[PIECE];
    enum mh_error error = MH_OK;

    for (uint32_t at = 0; error == MH_OK && at < length; at += part) {
        part = length - at < PIECE ? length - at : PIECE;
        error = mh_user_flash_read(area->device, address + at, piece, part);
        crc = error ? crc : mh_crc32_more(crc, piece, part);
    }
    if (error == MH_OK) {
        error = mh_user_flash_read(area->device, address + CRC_OFFSET, piece, CRC_SIZE);
    }
    *there = error == MH_OK && mh_get32(piece) == crc;
    return error;
}

static void mark(struct mfupdate_area *area, uint32_t index, bool there)
{
    uint8_t *byte = &area->present[index / 8];
    const uint8_t bit = (uint8_t)(1u << index % 8);

    *byte = (uint8_t)(there ? *byte | bit : *byte & ~bit);
}

static enum mh_error open_stored(void *context, struct mfupdate *session, bool *found)
{
    struct mfupdate_area *area = context;
    const uint32_t packets = mfupdate_packets(session);
    enum mh_error error = MH_OK;

    memset(area->present, 0, sizeof area->present);
    if (session->header.packet_size > MFUPDATE_AREA_PACKET_MAX) {
        return MH_ERR_ARGUMENT;
    }
    if (packets > area->sectors) {
        return MH_ERR_NO_ROOM;
    }
    for (uint32_t i = 0; error == MH_OK && i < packets; i++) {
        bool there;
        error = look(area, &session->header, i, &there);
        mark(area, i, there);
        *found |= there;
    }
    return error;
}

/* Each sector is erased when its packet comes. */
static enum mh_error create(void *context, struct mfupdate *session)
{
    (void)context;
    (void)session;
    return MH_OK;
}

static bool missing(void *context, const struct mfupdate *session, uint32_t index)
{
    const struct mfupdate_area *area = context;

    return index < mfupdate_packets(session) && index < area->sectors && !(area->present[index / 8] >> index % 8 & 1);
}

static enum mh_error write(void *context, struct mfupdate *session, uint32_t index, const uint8_t *data,
                           uint32_t length)
{
    struct mfupdate_area *area = context;
    const uint32_t address = sector_address(area, index);
    uint8_t crc[CRC_SIZE];

    mh_put32(crc, mh_crc32_more(crc_of_key(&session->header, index), data, length));
    enum mh_error error = mh_user_flash_erase(area->device, address);
    if (error == MH_OK) {
        error = mh_user_flash_program(area->device, address, data, length);
    }
    if (error == MH_OK) {
        error = mh_user_flash_program(area->device, address + CRC_OFFSET, crc, sizeof crc);
    }
    mark(area, index, error == MH_OK);
    return error;
}

static enum mh_error read(void *context, struct mfupdate *session, uint32_t offset, uint8_t *buffer, uint32_t length)
{
    const struct mfupdate_area *area = context;
    const struct mfupdate_header *header = &session->header;
    enum mh_error error = MH_OK;

    if (offset > header->size || length > header->size - offset) {
        return MH_ERR_ARGUMENT;
    }
    while (error == MH_OK && length > 0) {
        const uint32_t index = offset / header->packet_size, inside = offset % header->packet_size;
        const uint32_t part = length < header->packet_size - inside ? length : header->packet_size - inside;
        error = mh_user_flash_read(area->device, sector_address(area, index) + inside, buffer, part);
        offset += part;
        buffer += part;
        length -= part;
    }
    return error;
}

static enum mh_error erase(void *context, struct mfupdate *session)
{
    struct mfupdate_area *area = context;
    const uint32_t packets = mfupdate_packets(session);
    enum mh_error error = MH_OK;

    for (uint32_t i = 0; error == MH_OK && i < packets && i < area->sectors; i++) {
        error = mh_user_flash_erase(area->device, sector_address(area, i));
        mark(area, i, false);
    }
    return error;
}

enum mh_error mfupdate_area(struct mfupdate_area *area, const struct mh_device *device, uint32_t address,
                            uint32_t size)
{
    if (address % MH_USER_FLASH_SECTOR != 0 || size % MH_USER_FLASH_SECTOR != 0 || size == 0 ||
        address > MH_USER_FLASH_SIZE || size > MH_USER_FLASH_SIZE - address) {
        return MH_ERR_ARGUMENT;
    }
    *area = (struct mfupdate_area){
        .storage = {open_stored, create, missing, write, read, erase, area},
        .device = device,
        .address = address,
        .sectors = size / MH_USER_FLASH_SECTOR,
    };
    return MH_OK;
}
