/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The controller of external memory: FSMC of the STM32F405 and F407 (RM0090 Rev 21 section 36), FMC of the F42x and
 * F43x (section 37), whose registers contain the former's. All of them read back. Of the memories there is one SDRAM, on
 * a board that has it. It answers once its mode register was loaded; timing, refresh and the other commands are not
 * asked for.
 */
#include "mcu.h"
#include "exec/address-spaces.h"
#include "qapi/error.h"

enum {
    FMC_BCR1 = 0x00,
    FMC_BTR4 = 0x1C,
    FMC_PCR2 = 0x60,
    FMC_SR2 = 0x64,
    FMC_PIO4 = 0xB0,
    FMC_BWTR1 = 0x104,
    FMC_BWTR4 = 0x11C,
    FMC_SDCR1 = 0x140,
    FMC_SDCR2 = 0x144,
    FMC_SDTR1 = 0x148,
    FMC_SDTR2 = 0x14C,
    FMC_SDCMR = 0x150,
    FMC_SDSR = 0x158,
};

enum { SDCMR_MODE = 7u << 0, SDCMR_LOAD_MODE = 4, SDCMR_CTB2 = 1u << 3, SDCMR_CTB1 = 1u << 4 };

#define HIDDEN UINT64_C(0x200000000) /* where the SDRAM itself is: beyond what the core can address */

static uint32_t *reg(Fmc *fmc, hwaddr offset)
{
    return &fmc->regs[offset / 4];
}

/* 37.7.5: what a command sent to the SDRAM does. SDSR never tells that one is under way. */
static void send_command(Mcu *mcu, uint32_t command)
{
    uint32_t target = mcu->board.sdram_bank == 1 ? SDCMR_CTB1 : SDCMR_CTB2;
    if (mcu->board.sdram == 0)
        qemu_log_mask(LOG_GUEST_ERROR, "FMC: a command to SDRAM, of which this board has none\n");
    else if ((command & SDCMR_MODE) == SDCMR_LOAD_MODE && (command & target))
        memory_region_set_enabled(&mcu->fmc.bank, true);
}

static uint64_t fmc_read(void *opaque, hwaddr offset, unsigned size)
{
    Mcu *mcu = opaque;
    return offset < sizeof(mcu->fmc.regs) ? *reg(&mcu->fmc, offset) >> 8 * (offset & 3) : 0;
}

static void fmc_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Mcu *mcu = opaque;
    hwaddr end = mcu->board.f42x ? FMC_SDSR : FMC_SDCR1;
    if (offset >= end)
        return;
    unsigned shift = 8 * (offset & 3);
    uint32_t mask = (uint32_t)(MAKE_64BIT_MASK(0, 8 * size) << shift);
    uint32_t *word = reg(&mcu->fmc, offset);
    *word = (*word & ~mask) | ((uint32_t)(value << shift) & mask);
    if ((offset & ~3) == FMC_SDCMR)
        send_command(mcu, *word);
}

MCU_REGISTER_OPS(fmc_ops, fmc_read, fmc_write);

/* 2.3.3, 9.3.1: SDRAM is at 0xC0000000 and 0xD0000000, or in the place of NAND and PC card. */
void fmc_swap(Mcu *mcu, bool swapped)
{
    hwaddr base = swapped ? 0x80000000 : 0xC0000000;
    if (mcu->board.sdram != 0)
        memory_region_set_address(&mcu->fmc.bank, base + (mcu->board.sdram_bank - 1) * 0x10000000u);
}

/* 36.5.6, 36.6.8, 37.5.6, 37.6.8, 37.7.5 */
static void reset_registers(Mcu *mcu)
{
    Fmc *fmc = &mcu->fmc;
    memset(fmc->regs, 0, sizeof(fmc->regs));
    for (hwaddr bank = FMC_BCR1; bank < FMC_BTR4; bank += 8) {
        *reg(fmc, bank) = bank == FMC_BCR1 ? 0x30DB : 0x30D2;
        *reg(fmc, bank + 4) = *reg(fmc, FMC_BWTR1 + bank) = 0x0FFFFFFF;
    }
    for (hwaddr bank = FMC_PCR2; bank < FMC_PIO4; bank += 0x20) {
        *reg(fmc, bank) = 0x18;
        *reg(fmc, bank + 4) = 0x40;
        *reg(fmc, bank + 8) = *reg(fmc, bank + 12) = 0xFCFCFCFC;
    }
    *reg(fmc, FMC_PIO4) = 0xFCFCFCFC;
    if (!mcu->board.f42x)
        return;
    *reg(fmc, FMC_SDCR1) = *reg(fmc, FMC_SDCR2) = 0x2D0;
    *reg(fmc, FMC_SDTR1) = *reg(fmc, FMC_SDTR2) = 0x0FFFFFFF;
}

void fmc_reset(Mcu *mcu)
{
    reset_registers(mcu);
    if (mcu->board.sdram == 0)
        return;
    memory_region_set_enabled(&mcu->fmc.bank, false);
    fmc_swap(mcu, false);
}

/* Through the address space, so that code translated from there is dropped. */
void fmc_power_on(Mcu *mcu)
{
    if (mcu->board.sdram != 0)
        address_space_set(&address_space_memory, HIDDEN, 0, mcu->board.sdram, MEMTXATTRS_UNSPECIFIED);
}

void fmc_init(Mcu *mcu)
{
    Fmc *fmc = &mcu->fmc;
    Object *owner = OBJECT(mcu->machine);
    memory_region_init_io(&fmc->mmio, owner, &fmc_ops, mcu, "fmc", 0x1000);
    memory_region_add_subregion(get_system_memory(), 0xA0000000, &fmc->mmio);
    if (mcu->board.sdram == 0)
        return;
    memory_region_init_ram(&fmc->sdram, NULL, "sdram", mcu->board.sdram, &error_fatal);
    memory_region_add_subregion(get_system_memory(), HIDDEN, &fmc->sdram);
    memory_region_init_alias(&fmc->bank, owner, "sdram-bank", &fmc->sdram, 0, mcu->board.sdram);
    memory_region_add_subregion(get_system_memory(), 0xC0000000, &fmc->bank);
}
