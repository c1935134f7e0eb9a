/* SPDX-License-Identifier: MIT */
#include "matterhorn/bytes.h"

/* Four bits at a time: a table of 64 bytes is the right size for a bootloader that checks records, not images. */
uint32_t mh_crc32_more(uint32_t crc, const void *data, size_t length)
{
    static const uint32_t nibbles[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    const uint8_t *bytes = data;

    crc = ~crc;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return ~crc;
}

uint32_t mh_crc32(const void *data, size_t length)
{
    return mh_crc32_more(0, data, length);
}
