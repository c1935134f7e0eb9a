/* SPDX-License-Identifier: MIT */
#include "config_parts.h"

#include "matterhorn/bytes.h"

#include <stddef.h>
#include <string.h>

#define RECORD_MAGIC 0x434Du /* "MC" */

bool config_is_opened(const uint8_t *sector)
{
    return memcmp(sector, CONFIG_HEAD_MAGIC, 4) == 0 && mh_get32(sector + HEAD_FORMAT) == CONFIG_FORMAT &&
           mh_get32(sector + HEAD_OPENED) != CONFIG_MARK_BLANK;
}

bool config_is_whole(const uint8_t *sector)
{
    return config_is_opened(sector) && mh_get32(sector + HEAD_CLOSED) == CONFIG_MARK_BLANK;
}

/// One record ///

/* A header says its own place: bytes of a value that look like one are none. */
bool config_record_at(const uint8_t *sector, uint32_t at, struct record *record)
{
    const uint8_t *header = sector + at;

    if (MH_CONFIG_SIZE - at < MH_CONFIG_RECORD_SIZE || mh_get16(header) != RECORD_MAGIC ||
        mh_get16(header + RECORD_PLACE) != at / 4 ||
        mh_get32(header + RECORD_HEADER_CRC) != mh_crc32(header, RECORD_HEADER_CRC)) {
        return false;
    }
    record->tag = mh_get16(header + RECORD_TAG);
    record->length = mh_get16(header + RECORD_LENGTH);
    record->size = config_record_size(record->length);
    if (record->size > MH_CONFIG_SIZE - at) {
        return false;
    }
    record->sealed = mh_get32(header + record->size - RECORD_SEAL_SIZE) != CONFIG_MARK_BLANK;
    return true;
}

static bool counts(const uint8_t *sector, uint32_t at, const struct record *record)
{
    const uint32_t body = record->size - RECORD_SEAL_SIZE - RECORD_CRC_SIZE;

    return record->sealed && record->tag >= 1 && record->tag <= MH_CONFIG_TAG_MAX &&
           mh_get32(sector + at + body) == mh_crc32(sector + at, body);
}

enum mh_error config_emit(const struct change *change, uint32_t at, config_sink *sink, void *context)
{
    const uint32_t whole = change->length / 4 * 4, rest = change->length - whole;
    uint8_t header[RECORD_VALUE], tail[8] = {0};
    uint32_t tail_size = 0;

    mh_put16(header, RECORD_MAGIC);
    mh_put16(header + RECORD_TAG, (uint16_t)change->tag);
    mh_put16(header + RECORD_LENGTH, (uint16_t)change->length);
    mh_put16(header + RECORD_PLACE, (uint16_t)(at / 4));
    mh_put32(header + RECORD_HEADER_CRC, mh_crc32(header, RECORD_HEADER_CRC));
    uint32_t crc = mh_crc32_more(mh_crc32(header, sizeof header), change->value, whole);
    if (rest > 0) {
        memcpy(tail, change->value + whole, rest);
        crc = mh_crc32_more(crc, tail, 4);
        tail_size = 4;
    }
    mh_put32(tail + tail_size, crc);
    enum mh_error error = sink(context, header, sizeof header);
    if (error == MH_OK && whole > 0) {
        error = sink(context, change->value, whole);
    }
    return error ? error : sink(context, tail, tail_size + RECORD_CRC_SIZE);
}

/// All of them ///

/* Goes on from `at` to the next record, the end of the sector if there is none. Words that begin no record are passed
 * over one by one: whatever they are, what stands behind them is found. */
static uint32_t next_record(const uint8_t *sector, uint32_t at, struct record *record)
{
    while (at < MH_CONFIG_SIZE && !config_record_at(sector, at, record)) {
        at += 4;
    }
    return at;
}

static uint32_t first_record(const uint8_t *sector, struct record *record)
{
    return config_is_opened(sector) ? next_record(sector, MH_CONFIG_HEAD_SIZE, record) : MH_CONFIG_SIZE;
}

/* Goes on from the record at `at`, itself included, to the next one of the tag that counts; the end of the sector if
 * there is none. */
static uint32_t next_of(const uint8_t *sector, uint32_t at, unsigned tag, struct record *record)
{
    while (at < MH_CONFIG_SIZE && !(record->tag == tag && counts(sector, at, record))) {
        at = next_record(sector, at + record->size, record);
    }
    return at;
}

static uint32_t next_behind(const uint8_t *sector, uint32_t at, unsigned tag, struct record record)
{
    at = next_record(sector, at + record.size, &record);
    return next_of(sector, at, tag, &record);
}

const uint8_t *mh_config_find(const uint8_t *sector, unsigned tag, uint32_t *length)
{
    struct record record = {0};
    const uint8_t *value = NULL;
    uint32_t at = next_of(sector, first_record(sector, &record), tag, &record);

    while (at < MH_CONFIG_SIZE) {
        value = record.length ? sector + at + RECORD_VALUE : NULL;
        *length = record.length;
        at = next_record(sector, at + record.size, &record);
        at = next_of(sector, at, tag, &record);
    }
    return value;
}

bool mh_config_next(const uint8_t *sector, struct mh_config_value *value)
{
    struct record record = {0};
    uint32_t at = value->next ? next_record(sector, value->next, &record) : first_record(sector, &record);

    for (; at < MH_CONFIG_SIZE; at = next_record(sector, at + record.size, &record)) {
        if (record.length > 0 && counts(sector, at, &record) &&
            next_behind(sector, at, record.tag, record) == MH_CONFIG_SIZE) {
            *value = (struct mh_config_value){record.tag, sector + at + RECORD_VALUE, record.length, at + record.size};
            return true;
        }
    }
    value->next = MH_CONFIG_SIZE;
    return false;
}

uint32_t config_size_with(const uint8_t *sector, const struct change *change)
{
    uint32_t size = MH_CONFIG_HEAD_SIZE + (change->length ? config_record_size(change->length) : 0);

    for (struct mh_config_value value = {0}; mh_config_next(sector, &value);) {
        if (value.tag != change->tag) {
            size += config_record_size(value.length);
        }
    }
    return size;
}
