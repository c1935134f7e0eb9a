/* SPDX-License-Identifier: MIT */
#include "slots.h"

#define YES 0x01
#define FLOOR_BYTES 16

static const uint8_t magic[16] = {0x77, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F,
                                  0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80};

void flag_set(uint32_t flag)
{
    static const uint8_t yes[2] = {YES, YES};
    flash_program(flag, yes, sizeof yes);
}

/* When only the first byte stands, power was lost while the flag was set, and it may read otherwise the next time: it
 * is made firm before anybody acts on it. */
bool flag_is_set(uint32_t flag)
{
    if (BYTE(flag) != YES)
        return false;
    if (BYTE(flag + 1) != YES)
        flag_set(flag);
    return true;
}

bool magic_is_there(uint32_t slot)
{
    for (unsigned i = 0; i < sizeof magic; i++)
        if (BYTE(AT(slot, MAGIC + i)) != magic[i])
            return false;
    return true;
}

void magic_write(uint32_t slot)
{
    flash_program(AT(slot, MAGIC), magic, sizeof magic);
}

uint32_t image_length(uint32_t slot)
{
    uint32_t size = WORD(slot + HEADER_SIZE);
    if (WORD(slot) != HEADER_MAGIC || size > SLOT - HEADER - TRAILER)
        return 0;
    return HEADER + size;
}

/* CRC-32 as in IEEE 802.3, four bits at a time. */
static uint32_t crc32(uint32_t from, uint32_t to)
{
    uint32_t table[16], crc = 0xFFFFFFFF;
    for (uint32_t i = 0; i < 16; i++) {
        table[i] = i;
        for (unsigned bit = 0; bit < 4; bit++)
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xEDB88320 : table[i] >> 1;
    }
    for (; from < to; from++) {
        crc ^= BYTE(from);
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

bool image_is_whole(uint32_t slot)
{
    uint32_t length = image_length(slot);
    return length > HEADER && crc32(slot + HEADER, slot + length) == WORD(slot + HEADER_CRC);
}

unsigned floor_read(void)
{
    unsigned version = 0;
    for (unsigned i = 0; i < 8 * FLOOR_BYTES; i++)
        version += !(BYTE(FLOOR + i / 8) >> i % 8 & 1);
    return version;
}

void floor_raise(unsigned version)
{
    for (unsigned i = 0; 8 * i < version; i++) {
        uint8_t wanted = version - 8 * i >= 8 ? 0 : (uint8_t)(0xFF << (version - 8 * i));
        if (BYTE(FLOOR + i) & ~wanted)
            flash_program(FLOOR + i, &wanted, 1);
    }
}
