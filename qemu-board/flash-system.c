/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * System memory: OTP, unique id, size and option bytes as the core reads them (RM0090 Rev 21 sections 3.7, 3.8, 39).
 */
#include "mcu.h"
#include "exec/address-spaces.h"

#define SYSTEM_BASE 0x1FFF0000u
#define SYSTEM_SIZE 0x10000u
#define OTP 0x7800u /* from SYSTEM_BASE */
#define UNIQUE_ID 0x7A10u
#define FLASH_SIZE 0x7A22u
#define OPTIONS (FLASH_OPTIONS - SYSTEM_BASE)

static uint8_t system_byte(Mcu *mcu, hwaddr offset)
{
    Flash *flash = &mcu->flash;
    static const uint8_t size_kb[2] = {RAIL_INTERNAL_SIZE / 1024 & 0xFF, RAIL_INTERNAL_SIZE / 1024 >> 8};
    if (offset - OTP < RAIL_OTP_OPTIONS)
        return flash->otp.cells[offset - OTP];
    if (offset - UNIQUE_ID < sizeof(mcu->board.uid))
        return mcu->board.uid[offset - UNIQUE_ID];
    if (offset - FLASH_SIZE < sizeof(size_kb))
        return size_kb[offset - FLASH_SIZE];
    if (offset - OPTIONS < RAIL_OTP_SIZE - RAIL_OTP_OPTIONS)
        return flash->options[offset - OPTIONS];
    return 0xFF;
}

static MemTxResult system_read(void *opaque, hwaddr offset, uint64_t *value, unsigned size, MemTxAttrs attrs)
{
    Mcu *mcu = opaque;
    flash_read_waits(mcu, attrs);
    *value = 0;
    for (unsigned i = 0; i < size; i++)
        *value |= (uint64_t)system_byte(mcu, offset + i) << 8 * i;
    return MEMTX_OK;
}

static MemTxResult system_write(void *opaque, hwaddr offset, uint64_t value, unsigned size, MemTxAttrs attrs)
{
    Mcu *mcu = opaque;
    if (offset - OTP < RAIL_OTP_OPTIONS)
        flash_store(mcu, &mcu->flash.otp, offset - OTP, SYSTEM_BASE + offset, value, size);
    else
        flash_store_refused(mcu);
    return MEMTX_OK;
}

static const MemoryRegionOps system_ops = {
    .read_with_attrs = system_read,
    .write_with_attrs = system_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 1, .max_access_size = 8},
    .impl = {.min_access_size = 1, .max_access_size = 4},
};

void flash_system_init(Mcu *mcu)
{
    MemoryRegion *region = &mcu->flash.system;
    memory_region_init_io(region, OBJECT(mcu->machine), &system_ops, mcu, "system-flash", SYSTEM_SIZE);
    memory_region_add_subregion(get_system_memory(), SYSTEM_BASE, region);
}
