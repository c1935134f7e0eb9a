/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reset and clock control: RM0090 Rev 21 section 7, and 6 for what F42x and F43x have besides. Oscillators are ready as
 * soon as they are enabled.
 */
#include "mcu.h"
#include "hw/qdev-clock.h"

#define HSI_HZ 16000000u

enum {
    RCC_CR = 0x00,
    RCC_PLLCFGR = 0x04,
    RCC_CFGR = 0x08,
    RCC_BDCR = 0x70,
    RCC_CSR = 0x74,
    RCC_PLLSAICFGR = 0x88, /* this and the next one: F42x and F43x only */
    RCC_DCKCFGR = 0x8C,
};

enum {
    CR_HSION = 1u << 0,
    CR_HSEON = 1u << 16,
    CR_PLLON = 1u << 24,
    CR_PLLI2SON = 1u << 26,
    CR_PLLSAION = 1u << 28, /* F42x and F43x only */
    CR_ENABLES = CR_HSION | CR_HSEON | CR_PLLON | CR_PLLI2SON | CR_PLLSAION,
    CR_READY = CR_ENABLES << 1, /* each beside its enable */
    PLLCFGR_PLLSRC = 1u << 22,
    BDCR_LSEON = 1u << 0,
    BDCR_LSERDY = 1u << 1,
    BDCR_LSEBYP = 1u << 2,
    BDCR_RTCSEL = 3u << 8,
    BDCR_RTCEN = 1u << 15,
    BDCR_BDRST = 1u << 16,
    CSR_LSION = 1u << 0,
    DCKCFGR_TIMPRE = 1u << 24,
};

static uint32_t *reg(Rcc *rcc, hwaddr offset)
{
    return &rcc->regs[offset / 4];
}

static uint32_t pll_hz(Mcu *mcu, uint32_t divider)
{
    uint32_t cfg = *reg(&mcu->rcc, RCC_PLLCFGR);
    uint32_t m = cfg & 0x3F;
    uint32_t n = extract32(cfg, 6, 9);
    uint64_t input = cfg & PLLCFGR_PLLSRC ? mcu->board.hse : HSI_HZ;
    return m == 0 || divider == 0 ? 0 : input * n / m / divider;
}

static uint32_t system_pll_hz(Mcu *mcu)
{
    return pll_hz(mcu, 2 * (extract32(*reg(&mcu->rcc, RCC_PLLCFGR), 16, 2) + 1));
}

uint32_t rcc_pll48_hz(Mcu *mcu)
{
    bool on = *reg(&mcu->rcc, RCC_CR) & CR_PLLON;
    return on ? pll_hz(mcu, extract32(*reg(&mcu->rcc, RCC_PLLCFGR), 24, 4)) : 0;
}

static uint32_t apb_shift(uint32_t pre)
{
    return pre < 4 ? 0 : pre - 3;
}

static void update_clocks(Mcu *mcu)
{
    static const uint8_t ahb_shift[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 6, 7, 8, 9};
    Rcc *rcc = &mcu->rcc;
    uint32_t cfgr = *reg(rcc, RCC_CFGR);
    uint32_t source = (cfgr & 3) == 0 ? HSI_HZ : (cfgr & 3) == 1 ? mcu->board.hse : system_pll_hz(mcu);
    uint32_t hclk = MAX(source >> ahb_shift[extract32(cfgr, 4, 4)], 1);
    uint32_t pclk1 = MAX(hclk >> apb_shift(extract32(cfgr, 10, 3)), 1);
    uint32_t timclk1 = extract32(cfgr, 10, 3) < 4 ? pclk1 : 2 * pclk1; /* RM0090 7.2 */
    if (pclk1 != rcc->pclk1 || timclk1 != rcc->timclk1) {
        tim_sync(mcu);
        wwdg_sync(mcu);
        rcc->pclk1 = pclk1;
        rcc->timclk1 = timclk1;
        tim_clock_changed(mcu);
        wwdg_clock_changed(mcu);
    }
    rcc->pclk2 = MAX(hclk >> apb_shift(extract32(cfgr, 13, 3)), 1);
    if (hclk == rcc->hclk)
        return;
    dwt_sync(mcu);
    rcc->hclk = hclk;
    clock_update_hz(rcc->refclk, MAX(hclk / 8, 1));
    clock_update_hz(rcc->cpuclk, hclk);
}

/* 7.2.8 */
static uint32_t rtc_hz(Mcu *mcu)
{
    Rcc *rcc = &mcu->rcc;
    uint32_t bdcr = *reg(rcc, RCC_BDCR), divider = extract32(*reg(rcc, RCC_CFGR), 16, 5);
    switch (bdcr & BDCR_RTCEN ? extract32(bdcr, 8, 2) : 0) {
    case 1:
        return bdcr & BDCR_LSEON ? 32768 : 0;
    case 2:
        return *reg(rcc, RCC_CSR) & CSR_LSION ? 32000 : 0;
    case 3:
        return (*reg(rcc, RCC_CR) & CR_HSEON) && divider >= 2 ? mcu->board.hse / divider : 0;
    }
    return 0;
}

static uint32_t write_bdcr(Mcu *mcu, uint32_t value)
{
    uint32_t old = *reg(&mcu->rcc, RCC_BDCR);
    if (!pwr_backup_writable(mcu)) {
        qemu_log_mask(LOG_GUEST_ERROR, "RCC: BDCR written while PWR_CR.DBP is 0\n");
        return old;
    }
    if (value & BDCR_BDRST) {
        rtc_backup_reset(mcu);
        return BDCR_BDRST;
    }
    if (extract32(old, 8, 2) != 0) /* RTCSEL is chosen once */
        value = (value & ~BDCR_RTCSEL) | (old & BDCR_RTCSEL);
    value &= BDCR_LSEON | BDCR_LSEBYP | BDCR_RTCSEL | BDCR_RTCEN;
    return value | (value & BDCR_LSEON ? BDCR_LSERDY : 0);
}

/* What is enabled is ready at once, but what a dead crystal drives. */
static uint32_t ready(Mcu *mcu, uint32_t cr)
{
    uint32_t started = cr & CR_ENABLES;
    if (faults_on(mcu, FAULT_HSE_DEAD)) {
        started &= ~CR_HSEON;
        if (*reg(&mcu->rcc, RCC_PLLCFGR) & PLLCFGR_PLLSRC)
            started &= ~(CR_PLLON | CR_PLLI2SON | CR_PLLSAION);
    }
    return started << 1;
}

static uint64_t rcc_read(void *opaque, hwaddr offset, unsigned size)
{
    Mcu *mcu = opaque;
    Rcc *rcc = &mcu->rcc;
    if (offset >= sizeof(rcc->regs))
        return 0;
    uint32_t value = *reg(rcc, offset);
    switch (offset & ~3) {
    case RCC_CFGR:
        value = (value & ~0xCu) | (value & 3) << 2;
        break;
    case RCC_CSR:
        value |= rcc->reset_flags;
        break;
    }
    return value >> 8 * (offset & 3);
}

static void rcc_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Mcu *mcu = opaque;
    Rcc *rcc = &mcu->rcc;
    if (offset >= sizeof(rcc->regs))
        return;
    unsigned shift = 8 * (offset & 3);
    uint32_t mask = (uint32_t)(MAKE_64BIT_MASK(0, 8 * size) << shift);
    value = (*reg(rcc, offset) & ~mask) | ((value << shift) & mask);
    switch (offset & ~3) {
    case RCC_CR:
        value &= ~CR_READY;
        if (!mcu->board.f42x)
            value &= ~CR_PLLSAION;
        if ((*reg(rcc, RCC_CFGR) & 3) == 0)
            value |= CR_HSION; /* the core runs from it */
        value |= ready(mcu, value);
        break;
    case RCC_PLLCFGR:
        if (*reg(rcc, RCC_CR) & CR_PLLON) {
            qemu_log_mask(LOG_GUEST_ERROR, "RCC: PLLCFGR written while the PLL runs\n");
            return;
        }
        break;
    case RCC_BDCR:
        value = write_bdcr(mcu, value);
        break;
    case RCC_CSR:
        if (value & RCC_CSR_RMVF)
            rcc->reset_flags = 0;
        value &= 1;
        value |= value << 1;
        break;
    case RCC_PLLSAICFGR:
    case RCC_DCKCFGR:
        if (!mcu->board.f42x)
            value = 0;
        if (value & DCKCFGR_TIMPRE && (offset & ~3) == RCC_DCKCFGR)
            qemu_log_mask(LOG_UNIMP, "RCC: timers always have the clock of TIMPRE = 0\n");
        break;
    }
    *reg(rcc, offset) = value;
    update_clocks(mcu);
    rtc_clock_changed(mcu, rtc_hz(mcu));
    gates_changed(mcu);
}

MCU_REGISTER_OPS(rcc_ops, rcc_read, rcc_write);

void rcc_reset(Mcu *mcu)
{
    Rcc *rcc = &mcu->rcc;
    uint32_t backup = *reg(rcc, RCC_BDCR);
    memset(rcc->regs, 0, sizeof(rcc->regs));
    *reg(rcc, RCC_CR) = 0x83;
    *reg(rcc, RCC_PLLCFGR) = 0x24003010;
    *reg(rcc, RCC_AHB1ENR) = 0x00100000;
    *reg(rcc, RCC_BDCR) = backup;
    *reg(rcc, RCC_PLLSAICFGR) = mcu->board.f42x ? 0x24003000 : 0;
    update_clocks(mcu);
    rtc_clock_changed(mcu, rtc_hz(mcu));
    gates_changed(mcu);
}

void rcc_power_on(Mcu *mcu)
{
    gates_power_on(mcu);
    if (!mcu->board.vbat)
        *reg(&mcu->rcc, RCC_BDCR) = 0;
    mcu->rcc.reset_flags = RCC_CSR_PORRSTF | RCC_CSR_BORRSTF | RCC_CSR_PINRSTF;
}

void rcc_init(Mcu *mcu)
{
    Rcc *rcc = &mcu->rcc;
    rcc->cpuclk = clock_new(OBJECT(mcu->machine), "hclk");
    rcc->refclk = clock_new(OBJECT(mcu->machine), "hclk-8");
    clock_set_hz(rcc->cpuclk, HSI_HZ);
    clock_set_hz(rcc->refclk, HSI_HZ / 8);
    rcc->hclk = rcc->pclk1 = rcc->timclk1 = HSI_HZ;
    mcu_map(mcu, &rcc->mmio, &rcc_ops, mcu, "rcc", 0x40023800);
}
