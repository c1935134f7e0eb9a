/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CRC calculation unit: RM0090 Rev 21 section 4. The polynomial is 0x04C11DB7, words go in from their highest bit.
 */
#include "mcu.h"

enum {
    CRC_DR = 0x00,
    CRC_IDR = 0x04,
    CRC_CR = 0x08,
};

enum { CR_RESET = 1u << 0 };

#define POLYNOMIAL 0x04C11DB7u

static uint32_t add_word(uint32_t crc, uint32_t word)
{
    crc ^= word;
    for (unsigned bit = 0; bit < 32; bit++)
        crc = crc << 1 ^ (crc >> 31 ? POLYNOMIAL : 0);
    return crc;
}

static uint64_t crc_read(void *opaque, hwaddr offset, unsigned size)
{
    Crc *crc = opaque;
    switch (offset & ~3) {
    case CRC_DR:
        return crc->dr >> 8 * (offset & 3);
    case CRC_IDR:
        return crc->idr;
    }
    return 0;
}

static void crc_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Crc *crc = opaque;
    switch (offset) {
    case CRC_DR:
        if (size != 4)
            qemu_log_mask(LOG_GUEST_ERROR, "CRC: DR takes whole words only\n");
        crc->dr = add_word(crc->dr, value);
        break;
    case CRC_IDR:
        crc->idr = value;
        break;
    case CRC_CR:
        if (value & CR_RESET)
            crc->dr = UINT32_MAX;
        break;
    }
}

MCU_REGISTER_OPS(crc_ops, crc_read, crc_write);

void crc_reset(Mcu *mcu)
{
    mcu->crc.dr = UINT32_MAX;
    mcu->crc.idr = 0;
}

void crc_init(Mcu *mcu)
{
    mcu_map(mcu, &mcu->crc.mmio, &crc_ops, &mcu->crc, "crc", 0x40023000);
}
