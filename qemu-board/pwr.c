/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Power control: RM0090 Rev 21 section 5.4, and the voltage detector (section 5.2.3, thresholds of DS8626 table 19,
 * typical). What is asked for is ready at once; stop and standby modes are not modelled.
 */
#include "mcu.h"

enum {
    PWR_CR = 0x00,
    PWR_CSR = 0x04,
};

enum {
    CR_CLEARS = 3u << 2, /* CWUF, CSBF: read as 0, and neither flag is ever set */
    CR_PVDE = 1u << 4,
    CR_DBP = 1u << 8,
    CR_VOS = 1u << 14,
    CR_WRITABLE = 0x43F3,
    CSR_PVDO = 1u << 2,
    CSR_BRR = 1u << 3,
    CSR_EWUP = 1u << 8,
    CSR_BRE = 1u << 9,
    CSR_VOSRDY = 1u << 14,
};

bool pwr_backup_writable(Mcu *mcu)
{
    return mcu->pwr.cr & CR_DBP;
}

bool pwr_detector(Mcu *mcu, int32_t *falling, int32_t *rising)
{
    static const struct { int32_t falling, rising; } levels[] = { /* by PLS, mV */
        {2040, 2140}, {2190, 2300}, {2350, 2450}, {2510, 2600}, {2660, 2760}, {2840, 2930}, {2930, 3030}, {3030, 3140},
    };
    unsigned level = extract32(mcu->pwr.cr, 5, 3);
    *falling = levels[level].falling;
    *rising = levels[level].rising;
    return mcu->pwr.cr & CR_PVDE;
}

/* EXTI line 16 is PVDO. */
void pwr_detect(Mcu *mcu)
{
    Pwr *pwr = &mcu->pwr;
    int32_t falling, rising;
    bool low = pwr_detector(mcu, &falling, &rising) && supply_vdd(mcu) < (pwr->detected ? rising : falling);
    if (low == pwr->detected)
        return;
    pwr->detected = low;
    low ? exti_rise(mcu, 16) : exti_fall(mcu, 16);
}

static uint64_t pwr_read(void *opaque, hwaddr offset, unsigned size)
{
    Mcu *mcu = opaque;
    Pwr *pwr = &mcu->pwr;
    uint32_t value = 0;
    if ((offset & ~3) == PWR_CR)
        value = pwr->cr;
    if ((offset & ~3) == PWR_CSR)
        value = pwr->csr | (pwr->csr & CSR_BRE ? CSR_BRR : 0) | CSR_VOSRDY | (pwr->detected ? CSR_PVDO : 0);
    return value >> 8 * (offset & 3);
}

static void pwr_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Mcu *mcu = opaque;
    Pwr *pwr = &mcu->pwr;
    unsigned shift = 8 * (offset & 3);
    uint32_t mask = (uint32_t)(MAKE_64BIT_MASK(0, 8 * size) << shift);
    uint32_t word = (uint32_t)(value << shift) & mask;
    if ((offset & ~3) == PWR_CR) {
        pwr->cr = ((pwr->cr & ~mask) | word) & CR_WRITABLE & ~CR_CLEARS;
        pwr_detect(mcu);
        supply_look(mcu);
    }
    if ((offset & ~3) == PWR_CSR)
        pwr->csr = ((pwr->csr & ~mask) | word) & (CSR_EWUP | CSR_BRE);
}

MCU_REGISTER_OPS(pwr_ops, pwr_read, pwr_write);

void pwr_reset(Mcu *mcu)
{
    mcu->pwr.cr = CR_VOS;
    mcu->pwr.csr = 0;
    mcu->pwr.detected = false;
}

void pwr_init(Mcu *mcu)
{
    mcu_map(mcu, &mcu->pwr.mmio, &pwr_ops, mcu, "pwr", 0x40007000);
}
