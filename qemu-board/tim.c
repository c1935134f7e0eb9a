/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * TIM2 to TIM5 (RM0090 Rev 21 section 18) and TIM6, TIM7 (section 20): counting up, with update and compare flags and
 * their interrupt; no pins. A timer is what it was at some instant; what happened since is worked out when somebody
 * looks, and a clock calls when an enabled interrupt is due.
 */
#include "mcu.h"

enum {
    TIM_CR1 = 0x00,
    TIM_CR2 = 0x04,
    TIM_SMCR = 0x08,
    TIM_DIER = 0x0C,
    TIM_SR = 0x10,
    TIM_EGR = 0x14,
    TIM_CCMR1 = 0x18,
    TIM_CCMR2 = 0x1C,
    TIM_CCER = 0x20,
    TIM_CNT = 0x24,
    TIM_PSC = 0x28,
    TIM_ARR = 0x2C,
    TIM_CCR1 = 0x34,
    TIM_CCR4 = 0x40,
};

enum {
    CR1_CEN = 1u << 0,
    CR1_UDIS = 1u << 1,
    CR1_URS = 1u << 2,
    CR1_OPM = 1u << 3,
    CR1_DOWN_OR_CENTRE = 7u << 4,
    CR1_ARPE = 1u << 7,
    SR_UIF = 1u << 0, /* DIER has the enables at the same places, EGR the triggers */
    SR_CC = 0x1E,
    DIER_INTERRUPTS = SR_UIF | SR_CC,
    SMCR_SMS = 7u << 0,
};

static const struct {
    const char *name;
    uint32_t base;
    unsigned irq, compares;
    uint32_t mask;
} tims[TIMS] = {
    {"tim2", 0x40000000, 28, 4, UINT32_MAX}, {"tim3", 0x40000400, 29, 4, UINT16_MAX},
    {"tim4", 0x40000800, 30, 4, UINT16_MAX}, {"tim5", 0x40000C00, 50, 4, UINT32_MAX},
    {"tim6", 0x40001000, 54, 0, UINT16_MAX}, {"tim7", 0x40001400, 55, 0, UINT16_MAX},
};

static unsigned index_of(const Tim *tim)
{
    return tim - tim->mcu->tim;
}

/* Where the counter starts again: beyond ARR, as when ARR was lowered below it, at its last value. */
static uint64_t period(const Tim *tim)
{
    return (uint64_t)(tim->count <= tim->arr ? tim->arr : tims[index_of(tim)].mask) + 1;
}

static uint64_t cycles_per_tick(const Tim *tim)
{
    return (uint64_t)tim->psc + 1;
}

/* With ARR 0 the counter is blocked. */
static bool running(const Tim *tim)
{
    return (tim->cr1 & CR1_CEN) && tim->arr != 0;
}

/* Cycles of the timer's clock since the epoch. */
static uint64_t cycles_at(Tim *tim, int64_t now)
{
    return muldiv64(now - tim->epoch, tim->mcu->rcc.timclk1, NANOSECONDS_PER_SECOND);
}

/* The first instant at which so many cycles have passed since the epoch. */
static int64_t instant_of(Tim *tim, uint64_t cycles)
{
    uint32_t hz = tim->mcu->rcc.timclk1;
    uint64_t whole = cycles / hz, rest = cycles % hz;
    return tim->epoch + whole * NANOSECONDS_PER_SECOND + DIV_ROUND_UP(rest * NANOSECONDS_PER_SECOND, hz);
}

static void load_preloads(Tim *tim)
{
    tim->psc = tim->psc_preload;
    tim->arr = tim->arr_preload;
    memcpy(tim->ccr, tim->ccr_preload, sizeof(tim->ccr));
}

/// Time passing ///

/* The counter went from its value up to `last`. */
static void compare(Tim *tim, uint64_t last)
{
    for (unsigned i = 0; i < tims[index_of(tim)].compares; i++)
        if (tim->ccr[i] > tim->count && tim->ccr[i] <= last)
            tim->sr |= 2u << i;
}

/* One update event, when the counter passes ARR. */
static void wrap(Tim *tim)
{
    compare(tim, period(tim) - 1);
    tim->start += (period(tim) - tim->count) * cycles_per_tick(tim);
    tim->count = 0;
    if (!(tim->cr1 & CR1_UDIS)) {
        tim->sr |= SR_UIF;
        load_preloads(tim);
    }
    if (tim->cr1 & CR1_OPM)
        tim->cr1 &= ~CR1_CEN;
    for (unsigned i = 0; i < tims[index_of(tim)].compares; i++)
        if (tim->ccr[i] == 0)
            tim->sr |= 2u << i;
}

/* More rounds than one are all alike: the registers changed at the first. */
static void skip_rounds(Tim *tim, uint64_t cycles)
{
    uint64_t round = period(tim) * cycles_per_tick(tim);
    uint64_t rounds = (cycles - tim->start) / round;
    if (rounds < 2)
        return;
    wrap(tim);
    tim->start += (rounds - 2) * round;
}

static void settle(Tim *tim)
{
    if (!running(tim))
        return;
    uint64_t cycles = cycles_at(tim, time_now(tim->mcu));
    while (running(tim) && tim->count + (cycles - tim->start) / cycles_per_tick(tim) >= period(tim)) {
        wrap(tim);
        if (running(tim))
            skip_rounds(tim, cycles);
    }
    if (!running(tim))
        return;
    uint64_t ticks = (cycles - tim->start) / cycles_per_tick(tim);
    compare(tim, tim->count + ticks);
    tim->count += ticks;
    tim->start += ticks * cycles_per_tick(tim);
}

/* When the first of these flags that is not set will be; INT64_MAX: never. */
static int64_t next_flag(Tim *tim, uint32_t wanted)
{
    if (!running(tim))
        return INT64_MAX;
    uint64_t ticks = UINT64_MAX;
    wanted &= ~tim->sr;
    if ((wanted & SR_UIF) && !(tim->cr1 & CR1_UDIS))
        ticks = period(tim) - tim->count;
    for (unsigned i = 0; i < tims[index_of(tim)].compares; i++)
        if ((wanted & 2u << i) && tim->ccr[i] <= tim->arr)
            ticks = MIN(ticks, tim->ccr[i] > tim->count ? tim->ccr[i] - tim->count :
                                                          period(tim) - tim->count + tim->ccr[i]);
    /* A preload changes what comes after the update, so do not look beyond it. */
    if (ticks != UINT64_MAX)
        ticks = MIN(ticks, period(tim) - tim->count);
    return ticks == UINT64_MAX ? INT64_MAX : instant_of(tim, tim->start + ticks * cycles_per_tick(tim));
}

static void update(Tim *tim)
{
    qemu_set_irq(tim->irq, (tim->sr & tim->dier & DIER_INTERRUPTS) != 0);
    int64_t next = next_flag(tim, tim->dier & DIER_INTERRUPTS);
    if (next != INT64_MAX)
        timer_mod(tim->timer, time_to_clock(tim->mcu, next));
    else
        timer_del(tim->timer);
}

static void timer(void *opaque)
{
    settle(opaque);
    update(opaque);
}

static void restart_epoch(Tim *tim)
{
    tim->epoch = time_now(tim->mcu);
    tim->start = 0;
}

void tim_sync(Mcu *mcu)
{
    for (unsigned i = 0; i < TIMS; i++)
        if (running(&mcu->tim[i])) {
            settle(&mcu->tim[i]);
            restart_epoch(&mcu->tim[i]);
        }
}

void tim_clock_changed(Mcu *mcu)
{
    for (unsigned i = 0; i < TIMS; i++)
        update(&mcu->tim[i]);
}

/// Registers ///

static uint32_t read_register(Tim *tim, hwaddr offset)
{
    switch (offset) {
    case TIM_CR1:
        return tim->cr1;
    case TIM_CR2:
        return tim->cr2;
    case TIM_SMCR:
        return tim->smcr;
    case TIM_DIER:
        return tim->dier;
    case TIM_CCMR1:
    case TIM_CCMR2:
        return tim->ccmr[(offset - TIM_CCMR1) / 4];
    case TIM_CCER:
        return tim->ccer;
    case TIM_CNT:
        if (current_cpu != NULL)
            tim->mcu->time.observed++;
        return tim->count;
    case TIM_PSC:
        return tim->psc_preload;
    case TIM_ARR:
        return tim->arr_preload;
    case TIM_CCR1 ... TIM_CCR4:
        return tim->ccr_preload[(offset - TIM_CCR1) / 4];
    }
    return 0;
}

static uint64_t tim_read(void *opaque, hwaddr offset, unsigned size)
{
    Tim *tim = opaque;
    settle(tim);
    if ((offset & ~3) == TIM_SR) {
        uint32_t sr = tim->sr;
        int64_t next = next_flag(tim, DIER_INTERRUPTS);
        time_poll(tim->mcu, &tim->poll, sr, next != INT64_MAX ? next : 0);
        return sr >> 8 * (offset & 3);
    }
    return read_register(tim, offset & ~3) >> 8 * (offset & 3);
}

static void write_cr1(Tim *tim, uint32_t value)
{
    if (value & ~tim->cr1 & CR1_DOWN_OR_CENTRE)
        qemu_log_mask(LOG_UNIMP, "%s: counts up only\n", tims[index_of(tim)].name);
    if ((value & CR1_CEN) && !(tim->cr1 & CR1_CEN))
        restart_epoch(tim);
    tim->cr1 = value & 0x3FF;
}

/* RM0090 18.4.6: UG starts again from 0, and loads the preloads; URS keeps UIF out of it. */
static void generate(Tim *tim, uint32_t events)
{
    tim->sr |= events & SR_CC;
    if (!(events & SR_UIF))
        return;
    tim->count = 0;
    restart_epoch(tim);
    if (tim->cr1 & CR1_UDIS)
        return;
    load_preloads(tim);
    if (!(tim->cr1 & CR1_URS))
        tim->sr |= SR_UIF;
}

static bool compare_is_buffered(Tim *tim, unsigned channel)
{
    return tim->ccmr[channel / 2] >> (channel % 2 * 8 + 3) & 1;
}

static void write_register(Tim *tim, hwaddr offset, uint32_t value)
{
    uint32_t mask = tims[index_of(tim)].mask;
    switch (offset) {
    case TIM_CR1:
        write_cr1(tim, value);
        break;
    case TIM_CR2:
        tim->cr2 = value & 0xF8;
        break;
    case TIM_SMCR:
        if (value & ~tim->smcr & SMCR_SMS)
            qemu_log_mask(LOG_UNIMP, "%s: no slave modes\n", tims[index_of(tim)].name);
        tim->smcr = value & 0xFFF7;
        break;
    case TIM_DIER:
        tim->dier = value & 0x5F5F;
        break;
    case TIM_SR: /* zero clears */
        tim->sr &= value;
        break;
    case TIM_EGR:
        generate(tim, value);
        break;
    case TIM_CCMR1:
    case TIM_CCMR2:
        tim->ccmr[(offset - TIM_CCMR1) / 4] = value & 0xFFFF;
        break;
    case TIM_CCER:
        tim->ccer = value & 0xBBBB;
        break;
    case TIM_CNT:
        tim->count = value & mask;
        break;
    case TIM_PSC:
        tim->psc_preload = value & 0xFFFF;
        break;
    case TIM_ARR:
        tim->arr_preload = value & mask;
        if (tim->cr1 & CR1_ARPE)
            break;
        if (!running(tim))
            restart_epoch(tim);
        tim->arr = tim->arr_preload;
        break;
    case TIM_CCR1 ... TIM_CCR4:
        tim->ccr_preload[(offset - TIM_CCR1) / 4] = value & mask;
        if (!compare_is_buffered(tim, (offset - TIM_CCR1) / 4))
            tim->ccr[(offset - TIM_CCR1) / 4] = value & mask;
        break;
    }
}

static void tim_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Tim *tim = opaque;
    settle(tim);
    write_register(tim, offset, value);
    update(tim);
}

MCU_REGISTER_OPS(tim_ops, tim_read, tim_write);

void tim_reset_one(Mcu *mcu, unsigned i)
{
    Tim *tim = &mcu->tim[i];
    timer_del(tim->timer);
    tim->cr1 = tim->cr2 = tim->smcr = tim->dier = tim->sr = tim->ccer = 0;
    tim->count = tim->psc = tim->psc_preload = 0;
    memset(tim->ccmr, 0, sizeof(tim->ccmr));
    memset(tim->ccr, 0, sizeof(tim->ccr));
    memset(tim->ccr_preload, 0, sizeof(tim->ccr_preload));
    tim->arr = tim->arr_preload = tims[i].mask;
    tim->epoch = 0;
    tim->start = 0;
    tim->poll = (Poll){0};
    qemu_irq_lower(tim->irq);
}

void tim_reset(Mcu *mcu)
{
    for (unsigned i = 0; i < TIMS; i++)
        tim_reset_one(mcu, i);
}

void tim_init(Mcu *mcu)
{
    for (unsigned i = 0; i < TIMS; i++) {
        Tim *tim = &mcu->tim[i];
        tim->mcu = mcu;
        tim->irq = mcu_irq(mcu, tims[i].irq);
        tim->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, timer, tim);
        mcu_map(mcu, &tim->mmio, &tim_ops, tim, tims[i].name, tims[i].base);
    }
}
