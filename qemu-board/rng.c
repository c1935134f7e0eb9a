/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random number generator: RM0090 Rev 21 section 24. Its numbers follow from the noise under which power rose, so that
 * a run can be repeated; a reset of the MCU does not start them again.
 */
#include "mcu.h"

enum {
    RNG_CR = 0x00,
    RNG_SR = 0x04,
    RNG_DR = 0x08,
};

enum {
    CR_RNGEN = 1u << 2,
    CR_IE = 1u << 3,
    SR_DRDY = 1u << 0,
};

#define RNG_CLK_CYCLES 40 /* of PLL48CLK, for each number (24.3.1) */

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014), upper half. */
static uint32_t next_number(Rng *rng)
{
    uint64_t z = rng->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (z ^ z >> 31) >> 32;
}

static bool ready(Mcu *mcu)
{
    return mcu->rng.ready_at != 0 && time_now(mcu) >= mcu->rng.ready_at;
}

static void update(Mcu *mcu)
{
    Rng *rng = &mcu->rng;
    qemu_set_irq(rng->irq, (rng->cr & CR_IE) && ready(mcu));
    if ((rng->cr & CR_IE) && rng->ready_at != 0 && !ready(mcu))
        timer_mod(rng->timer, time_to_clock(mcu, rng->ready_at));
    else
        timer_del(rng->timer);
}

static void timer(void *opaque)
{
    update(opaque);
}

/* Without PLL48CLK there is never a number. */
static void make_number(Mcu *mcu)
{
    Rng *rng = &mcu->rng;
    uint32_t hz = rcc_pll48_hz(mcu);
    rng->ready_at = 0;
    if ((rng->cr & CR_RNGEN) && hz != 0)
        rng->ready_at = time_now(mcu) + DIV_ROUND_UP(RNG_CLK_CYCLES * NANOSECONDS_PER_SECOND, hz);
    else if (rng->cr & CR_RNGEN)
        qemu_log_mask(LOG_GUEST_ERROR, "RNG: enabled while the PLL that clocks it is off\n");
    update(mcu);
}

static uint32_t read_dr(Mcu *mcu)
{
    Rng *rng = &mcu->rng;
    if (!ready(mcu) || current_cpu == NULL)
        return 0;
    uint32_t number = next_number(rng);
    make_number(mcu);
    return number;
}

static uint64_t rng_read(void *opaque, hwaddr offset, unsigned size)
{
    Mcu *mcu = opaque;
    switch (offset) {
    case RNG_CR:
        return mcu->rng.cr;
    case RNG_SR: {
        uint32_t sr = ready(mcu) ? SR_DRDY : 0;
        time_poll(mcu, &mcu->rng.poll, sr, mcu->rng.ready_at);
        return sr;
    }
    case RNG_DR:
        return read_dr(mcu);
    }
    return 0;
}

static void rng_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Mcu *mcu = opaque;
    Rng *rng = &mcu->rng;
    if (offset != RNG_CR)
        return; /* SR: the error flags are never set */
    bool was_enabled = rng->cr & CR_RNGEN;
    rng->cr = value & (CR_RNGEN | CR_IE);
    if (was_enabled != !!(value & CR_RNGEN))
        make_number(mcu);
    update(mcu);
}

MCU_REGISTER_OPS(rng_ops, rng_read, rng_write);

void rng_power_on(Mcu *mcu)
{
    mcu->rng.state = mcu->rail.noise;
}

void rng_reset(Mcu *mcu)
{
    Rng *rng = &mcu->rng;
    timer_del(rng->timer);
    rng->cr = 0;
    rng->ready_at = 0;
    rng->poll = (Poll){0};
    qemu_irq_lower(rng->irq);
}

void rng_init(Mcu *mcu)
{
    mcu->rng.irq = mcu_irq(mcu, 80);
    mcu->rng.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, timer, mcu);
    mcu_map(mcu, &mcu->rng.mmio, &rng_ops, mcu, "rng", 0x50060800);
}
