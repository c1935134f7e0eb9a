/* SPDX-License-Identifier: MIT
 *
 * Little-endian integers in byte arrays, and the CRC-32 of the formats (docs/SPEC.md, Conventions).
 */
#ifndef MATTERHORN_BYTES_H
#define MATTERHORN_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t mh_get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t mh_get32(const uint8_t *bytes)
{
    return mh_get16(bytes) | (uint32_t)mh_get16(bytes + 2) << 16;
}

static inline void mh_put16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static inline void mh_put32(uint8_t *bytes, uint32_t value)
{
    mh_put16(bytes, (uint16_t)value);
    mh_put16(bytes + 2, (uint16_t)(value >> 16));
}

uint32_t mh_crc32(const void *data, size_t length);
/* That of bytes whose first ones have the CRC-32 `crc`, and whose last ones are these. */
uint32_t mh_crc32_more(uint32_t crc, const void *data, size_t length);

#endif
