/* SPDX-License-Identifier: MIT */
#include "matterhorn/config.h"

#include "matterhorn/bytes.h"

#include <string.h>

#define CONFIG_MAGIC 0x434Du /* "MC" */
#define CONFIG_END 0xFFFFu
#define CONFIG_FORMAT 1u

enum { OFF_TAG = 2, OFF_LENGTH = 4, OFF_FORMAT = 6, OFF_VALUE = 8, CRC_SIZE = 4 };

uint32_t mh_config_record_size(uint32_t length)
{
    return OFF_VALUE + (length + 3) / 4 * 4 + CRC_SIZE;
}

const uint8_t *mh_config_find(const uint8_t *sector, uint32_t size, unsigned tag, uint32_t *length)
{
    const uint8_t *found = NULL;
    uint32_t at = 0;

    while (size - at >= OFF_VALUE && mh_get16(sector + at) != CONFIG_END) {
        const uint8_t *record = sector + at;
        const uint32_t record_size = mh_config_record_size(mh_get16(record + OFF_LENGTH));
        if (record_size > size - at) {
            break;
        }
        const uint32_t body = record_size - CRC_SIZE;
        if (mh_get16(record) == CONFIG_MAGIC && mh_get16(record + OFF_TAG) == tag &&
            mh_get16(record + OFF_FORMAT) == CONFIG_FORMAT && mh_get32(record + body) == mh_crc32(record, body)) {
            found = record + OFF_VALUE;
            *length = mh_get16(record + OFF_LENGTH);
        }
        at += record_size;
    }
    return found;
}

uint32_t mh_config_write(uint8_t *bytes, unsigned tag, const uint8_t *value, uint32_t length)
{
    const uint32_t size = mh_config_record_size(length), body = size - CRC_SIZE;

    memset(bytes, 0, size);
    mh_put16(bytes, CONFIG_MAGIC);
    mh_put16(bytes + OFF_TAG, (uint16_t)tag);
    mh_put16(bytes + OFF_LENGTH, (uint16_t)length);
    mh_put16(bytes + OFF_FORMAT, CONFIG_FORMAT);
    memcpy(bytes + OFF_VALUE, value, length);
    mh_put32(bytes + body, mh_crc32(bytes, body));
    return size;
}
