/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * External interrupts (RM0090 Rev 21 section 12.3) and the registers of SYSCFG (section 9). Lines are triggered by
 * software and by other devices; no pin has edges yet, so EXTICR is stored only.
 */
#include "mcu.h"

enum {
    EXTI_IMR = 0x00,
    EXTI_EMR = 0x04,
    EXTI_RTSR = 0x08,
    EXTI_FTSR = 0x0C,
    EXTI_SWIER = 0x10,
    EXTI_PR = 0x14,
};

enum {
    SYSCFG_MEMRMP = 0x00,
    SYSCFG_PMC = 0x04,
    SYSCFG_EXTICR1 = 0x08,
    SYSCFG_EXTICR4 = 0x14,
    SYSCFG_CMPCR = 0x20,
};

enum { MEMRMP_MODE = 3u << 0, MEMRMP_F42X = 1u << 2 | 1u << 8 | 3u << 10, MEMRMP_SWP_FMC = 1u << 10 };

#define EXTI_LINES 0x7FFFFFu

/* Position in the vector table, and the lines that share it: RM0090 table 62. */
static const struct {
    uint8_t irq;
    uint32_t lines;
} vectors[EXTI_VECTORS] = {
    {6, 1u << 0}, {7, 1u << 1}, {8, 1u << 2}, {9, 1u << 3}, {10, 1u << 4}, {23, 0x03E0}, {40, 0xFC00},
    {1, 1u << 16}, {41, 1u << 17}, {42, 1u << 18}, {62, 1u << 19}, {76, 1u << 20}, {2, 1u << 21}, {3, 1u << 22},
};

static void update(Exti *exti)
{
    for (unsigned i = 0; i < EXTI_VECTORS; i++)
        qemu_set_irq(exti->irqs[i], (exti->pr & exti->imr & vectors[i].lines) != 0);
}

void exti_rise(Mcu *mcu, unsigned line)
{
    mcu->exti.pr |= mcu->exti.rtsr & 1u << line;
    update(&mcu->exti);
}

void exti_fall(Mcu *mcu, unsigned line)
{
    mcu->exti.pr |= mcu->exti.ftsr & 1u << line;
    update(&mcu->exti);
}

static uint64_t exti_read(void *opaque, hwaddr offset, unsigned size)
{
    Exti *exti = opaque;
    uint32_t value = 0;
    switch (offset & ~3) {
    case EXTI_IMR:
        value = exti->imr;
        break;
    case EXTI_EMR:
        value = exti->emr;
        break;
    case EXTI_RTSR:
        value = exti->rtsr;
        break;
    case EXTI_FTSR:
        value = exti->ftsr;
        break;
    case EXTI_SWIER:
        value = exti->swier;
        break;
    case EXTI_PR:
        value = exti->pr;
        break;
    }
    return value >> 8 * (offset & 3);
}

static void exti_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Exti *exti = opaque;
    value &= EXTI_LINES;
    switch (offset) {
    case EXTI_IMR:
        exti->imr = value;
        break;
    case EXTI_EMR:
        exti->emr = value;
        break;
    case EXTI_RTSR:
        exti->rtsr = value;
        break;
    case EXTI_FTSR:
        exti->ftsr = value;
        break;
    case EXTI_SWIER: /* a bit that becomes 1 triggers; the pending bit's clearing clears it */
        exti->pr |= value & ~exti->swier;
        exti->swier |= value;
        break;
    case EXTI_PR:
        exti->pr &= ~value;
        exti->swier &= ~value;
        break;
    }
    update(exti);
}

MCU_REGISTER_OPS(exti_ops, exti_read, exti_write);

/// SYSCFG ///

static uint64_t syscfg_read(void *opaque, hwaddr offset, unsigned size)
{
    Exti *exti = opaque;
    return offset < sizeof(exti->syscfg) ? exti->syscfg[offset / 4] >> 8 * (offset & 3) : 0;
}

/* 9.2.1 and, of F42x and F43x, 9.3.1 */
static void remap(Mcu *mcu, uint32_t *memrmp)
{
    if (!mcu->board.f42x)
        *memrmp &= ~(uint32_t)MEMRMP_F42X;
    if (*memrmp & ~(uint32_t)MEMRMP_SWP_FMC)
        qemu_log_mask(LOG_UNIMP, "SYSCFG: always the main flash memory is at address 0\n");
    fmc_swap(mcu, *memrmp & MEMRMP_SWP_FMC);
}

static void syscfg_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    static const uint32_t writable[] = {
        [SYSCFG_MEMRMP / 4] = MEMRMP_MODE | MEMRMP_F42X, [SYSCFG_PMC / 4] = 1u << 23,
        [SYSCFG_EXTICR1 / 4 ... SYSCFG_EXTICR4 / 4] = 0xFFFF, [SYSCFG_CMPCR / 4] = 1u << 0,
    };
    Exti *exti = opaque;
    if (offset >= sizeof(exti->syscfg))
        return;
    unsigned shift = 8 * (offset & 3);
    uint32_t mask = (uint32_t)(MAKE_64BIT_MASK(0, 8 * size) << shift) & writable[offset / 4];
    uint32_t *word = &exti->syscfg[offset / 4];
    *word = (*word & ~mask) | ((uint32_t)(value << shift) & mask);
    if ((offset & ~3) == SYSCFG_MEMRMP)
        remap(container_of(exti, Mcu, exti), word);
    if ((offset & ~3) == SYSCFG_CMPCR)
        *word = (*word & 1) | (*word & 1) << 8; /* the compensation cell is ready at once */
}

MCU_REGISTER_OPS(syscfg_ops, syscfg_read, syscfg_write);

void syscfg_reset(Mcu *mcu)
{
    memset(mcu->exti.syscfg, 0, sizeof(mcu->exti.syscfg));
}

void exti_reset(Mcu *mcu)
{
    Exti *exti = &mcu->exti;
    exti->imr = exti->emr = exti->rtsr = exti->ftsr = exti->swier = exti->pr = 0;
    update(exti);
    syscfg_reset(mcu);
}

void exti_init(Mcu *mcu)
{
    Exti *exti = &mcu->exti;
    for (unsigned i = 0; i < EXTI_VECTORS; i++)
        exti->irqs[i] = mcu_irq(mcu, vectors[i].irq);
    mcu_map(mcu, &exti->mmio, &exti_ops, exti, "exti", 0x40013C00);
    mcu_map(mcu, &exti->syscfg_mmio, &syscfg_ops, exti, "syscfg", 0x40013800);
}
