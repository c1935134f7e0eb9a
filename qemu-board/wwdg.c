/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Window watchdog: RM0090 Rev 21 section 22. Its counter goes down every 4096 * 2^WDGTB cycles of PCLK1, from the
 * moment when it was written; once enabled only a reset stops it.
 */
#include "mcu.h"

enum {
    WWDG_CR = 0x00,
    WWDG_CFR = 0x04,
    WWDG_SR = 0x08,
};

enum {
    CR_WDGA = 1u << 7,
    COUNTER = 0x7F,
    COUNTER_T6 = 0x40, /* the reset comes when it falls */
    CFR_EWI = 1u << 9,
    SR_EWIF = 1u << 0,
};

static int64_t tick_ns(Mcu *mcu, unsigned ticks)
{
    uint64_t cycles = (uint64_t)ticks * 4096 << extract32(mcu->wwdg.cfr, 7, 2);
    return muldiv64(cycles, NANOSECONDS_PER_SECOND, mcu->rcc.pclk1);
}

static uint32_t counter(Mcu *mcu)
{
    Wwdg *wwdg = &mcu->wwdg;
    if (!(wwdg->cr & CR_WDGA))
        return wwdg->cr & COUNTER;
    int64_t passed = time_now(mcu) - wwdg->since;
    return (wwdg->cr - passed / tick_ns(mcu, 1)) & COUNTER;
}

static void update(Mcu *mcu)
{
    Wwdg *wwdg = &mcu->wwdg;
    qemu_set_irq(wwdg->irq, (wwdg->cfr & CFR_EWI) && (wwdg->sr & SR_EWIF));
    if (!(wwdg->cr & CR_WDGA))
        return;
    uint32_t from = wwdg->cr & COUNTER;
    bool warned = counter(mcu) <= COUNTER_T6;
    int64_t next = wwdg->since + tick_ns(mcu, from - (warned ? COUNTER_T6 - 1 : COUNTER_T6));
    timer_mod(wwdg->timer, time_to_clock(mcu, next));
}

static void bite(Mcu *mcu)
{
    timer_del(mcu->wwdg.timer);
    mcu_request_reset(mcu, RCC_CSR_WWDGRSTF);
}

static void timer(void *opaque)
{
    Mcu *mcu = opaque;
    if (counter(mcu) < COUNTER_T6) {
        bite(mcu);
        return;
    }
    mcu->wwdg.sr |= SR_EWIF;
    update(mcu);
}

static uint64_t wwdg_read(void *opaque, hwaddr offset, unsigned size)
{
    Mcu *mcu = opaque;
    switch (offset) {
    case WWDG_CR:
        if (current_cpu != NULL)
            mcu->time.observed++;
        return (mcu->wwdg.cr & CR_WDGA) | counter(mcu);
    case WWDG_CFR:
        return mcu->wwdg.cfr;
    case WWDG_SR:
        return mcu->wwdg.sr;
    }
    return 0;
}

static void write_cr(Mcu *mcu, uint32_t value)
{
    Wwdg *wwdg = &mcu->wwdg;
    bool early = (wwdg->cr & CR_WDGA) && counter(mcu) > (wwdg->cfr & COUNTER);
    wwdg->cr = (value & COUNTER) | ((wwdg->cr | value) & CR_WDGA);
    wwdg->since = time_now(mcu);
    if ((wwdg->cr & CR_WDGA) && (early || !(value & COUNTER_T6)))
        bite(mcu);
    else
        update(mcu);
}

static void wwdg_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Mcu *mcu = opaque;
    Wwdg *wwdg = &mcu->wwdg;
    switch (offset) {
    case WWDG_CR:
        write_cr(mcu, value);
        return;
    case WWDG_CFR: /* the counter keeps its value when the prescaler changes */
        wwdg->cr = (wwdg->cr & CR_WDGA) | counter(mcu);
        wwdg->since = time_now(mcu);
        wwdg->cfr = (value & 0x3FF) | (wwdg->cfr & CFR_EWI);
        break;
    case WWDG_SR: /* zero clears */
        wwdg->sr &= value;
        break;
    }
    update(mcu);
}

MCU_REGISTER_OPS(wwdg_ops, wwdg_read, wwdg_write);

void wwdg_sync(Mcu *mcu)
{
    mcu->wwdg.cr = (mcu->wwdg.cr & CR_WDGA) | counter(mcu);
    mcu->wwdg.since = time_now(mcu);
}

void wwdg_clock_changed(Mcu *mcu)
{
    update(mcu);
}

void wwdg_reset(Mcu *mcu)
{
    Wwdg *wwdg = &mcu->wwdg;
    timer_del(wwdg->timer);
    wwdg->cr = wwdg->cfr = COUNTER;
    wwdg->sr = 0;
    wwdg->since = 0;
    qemu_irq_lower(wwdg->irq);
}

void wwdg_init(Mcu *mcu)
{
    mcu->wwdg.irq = mcu_irq(mcu, 0);
    mcu->wwdg.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, timer, mcu);
    mcu_map(mcu, &mcu->wwdg.mmio, &wwdg_ops, mcu, "wwdg", 0x40002C00);
}
