/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The core's cycle counter (ARMv7-M ARM C1.8) and the device's identity code (RM0090 38.6). CYCCNT counts HCLK cycles
 * of virtual time, not instructions.
 */
#include "mcu.h"
#include "hw/core/cpu.h"

enum {
    DWT_CTRL = 0x00,
    DWT_CYCCNT = 0x04,
};

enum { CTRL_CYCCNTENA = 1u << 0, CTRL_NUMCOMP = 4u << 28, DEMCR_TRCENA = 1u << 24 };

static bool counting(Dwt *dwt)
{
    return (dwt->ctrl & CTRL_CYCCNTENA) && (dwt->demcr & DEMCR_TRCENA);
}

void dwt_sync(Mcu *mcu)
{
    Dwt *dwt = &mcu->dwt;
    int64_t now = time_now(mcu);
    if (counting(dwt))
        dwt->count += muldiv64(now - dwt->since, mcu->rcc.hclk, NANOSECONDS_PER_SECOND);
    dwt->since = now;
}

static uint64_t dwt_read(void *opaque, hwaddr offset, unsigned size)
{
    Mcu *mcu = opaque;
    Dwt *dwt = &mcu->dwt;
    switch (offset) {
    case DWT_CTRL:
        return dwt->ctrl | CTRL_NUMCOMP;
    case DWT_CYCCNT:
        if (current_cpu != NULL) /* a debugger's read is none */
            mcu->time.observed++;
        if (!counting(dwt))
            return dwt->count;
        return dwt->count + (uint32_t)muldiv64(time_now(mcu) - dwt->since, mcu->rcc.hclk, NANOSECONDS_PER_SECOND);
    }
    return 0;
}

static void dwt_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Mcu *mcu = opaque;
    dwt_sync(mcu);
    switch (offset) {
    case DWT_CTRL:
        mcu->dwt.ctrl = value & 0x0FFFFFFF;
        break;
    case DWT_CYCCNT:
        mcu->dwt.count = value;
        break;
    }
}

static uint64_t demcr_read(void *opaque, hwaddr offset, unsigned size)
{
    Mcu *mcu = opaque;
    return mcu->dwt.demcr;
}

static void demcr_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Mcu *mcu = opaque;
    dwt_sync(mcu);
    mcu->dwt.demcr = value;
}

static uint64_t idcode_read(void *opaque, hwaddr offset, unsigned size)
{
    Mcu *mcu = opaque;
    return mcu->board.idcode;
}

static void idcode_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
}

MCU_REGISTER_OPS(dwt_ops, dwt_read, dwt_write);
MCU_REGISTER_OPS(demcr_ops, demcr_read, demcr_write);
MCU_REGISTER_OPS(idcode_ops, idcode_read, idcode_write);

void dwt_reset(Mcu *mcu)
{
    Dwt *dwt = &mcu->dwt;
    dwt->ctrl = dwt->demcr = dwt->count = 0;
    dwt->since = time_now(mcu);
}

/* Over the container's default region, which would hide them. */
static void map_private(Mcu *mcu, MemoryRegion *mmio, const MemoryRegionOps *ops, const char *name, hwaddr base,
                        uint64_t size)
{
    memory_region_init_io(mmio, OBJECT(mcu->machine), ops, mcu, name, size);
    memory_region_add_subregion_overlap(&ARMV7M(mcu->armv7m)->container, base, mmio, 2);
}

void dwt_init(Mcu *mcu)
{
    Dwt *dwt = &mcu->dwt;
    map_private(mcu, &dwt->mmio, &dwt_ops, "dwt", 0xE0001000, 0x20);
    map_private(mcu, &dwt->demcr_mmio, &demcr_ops, "demcr", 0xE000EDFC, 4);
    map_private(mcu, &dwt->dbgmcu_mmio, &idcode_ops, "dbgmcu-idcode", 0xE0042000, 4);
}
