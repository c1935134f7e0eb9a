/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The two supply voltages, and what watches them: the MCU's supervisor (POR/PDR and BOR: RM0090 Rev 21 section 5.2,
 * thresholds of DS8626 table 19, typical) and detector (PVD, pwr.c), and the SPI NOR's write inhibit (W25Q64JV Rev J
 * sections 7 and 9.3). The bench gives them as points in virtual time; in between they go straight. What a voltage does
 * it does where it crosses a threshold, and those instants are worked out exactly; in between nobody looks.
 */
#include "mcu.h"

typedef struct Threshold {
    int32_t falling, rising; /* mV: low below the one, high again from the other on */
} Threshold;

static const Threshold por = {1680, 1720};
/* By BOR_LEV of the option bytes, of which 3 is none. */
static const Threshold bor[] = {{2830, 2920}, {2500, 2590}, {2190, 2290}};
/* VWI is between 1.0 and 2.0 V: the chip is taken for one that gives up as early as it may. */
static const Threshold write_inhibit = {2000, 2000};
/* Below it the SRAM forgets. No data sheet states it: an assumption. */
static const int32_t sram_keeps = 1000;

/// Curves ///

/* The voltage is that of the first point before it, and of the last one behind it. */
static int32_t voltage(const SupplyCurve *curve, int64_t at)
{
    unsigned next = 0;
    if (curve->count == 0)
        return SUPPLY_NOMINAL_MV;
    while (next < curve->count && curve->points[next].at <= at)
        next++;
    if (next == 0)
        return curve->points[0].mv;
    const SupplyPoint *from = &curve->points[next - 1], *to = &curve->points[next];
    if (next == curve->count || from->mv == to->mv)
        return from->mv;
    /* Rounded down, so that "below" means the same for what is rounded and what is not. */
    __int128 rise = (__int128)(to->mv - from->mv) * (at - from->at);
    int64_t span = to->at - from->at, whole = rise / span;
    return from->mv + whole - (rise < 0 && whole * span != rise);
}

/* The instant of a straight line at which it gets below `mv`, or up to it. */
static int64_t reaches(const SupplyPoint *from, const SupplyPoint *to, int32_t mv, bool below)
{
    int64_t distance = below ? from->mv - mv : mv - from->mv, slope = below ? from->mv - to->mv : to->mv - from->mv;
    __int128 product = (__int128)distance * (to->at - from->at);
    return from->at + (below ? product / slope + 1 : (product + slope - 1) / slope);
}

/* The first instant from `at` on at which the voltage is below `mv`, or is not; INT64_MAX: none. */
static int64_t first(const SupplyCurve *curve, int64_t at, int32_t mv, bool below)
{
    if ((voltage(curve, at) < mv) == below)
        return at;
    for (unsigned i = 0; i < curve->count; i++) {
        const SupplyPoint *to = &curve->points[i];
        if (to->at <= at)
            continue;
        const SupplyPoint *from = i > 0 ? to - 1 : to;
        if ((to->mv < mv) == below && from->at < to->at && (from->mv < mv) != below) {
            int64_t when = reaches(from, to, mv, below);
            if (when < to->at)
                return when;
        }
        if ((voltage(curve, to->at) < mv) == below)
            return to->at;
    }
    return INT64_MAX;
}

static int64_t crossing(const SupplyCurve *curve, int64_t at, const Threshold *threshold, bool low)
{
    return first(curve, at, low ? threshold->rising : threshold->falling, !low);
}

static bool is_low(const SupplyCurve *curve, int64_t at, const Threshold *threshold, bool low)
{
    return voltage(curve, at) < (low ? threshold->rising : threshold->falling);
}

int32_t supply_vdd(Mcu *mcu)
{
    return voltage(&mcu->supply.vdd, time_now(mcu));
}

int32_t supply_lowest_vdd(Mcu *mcu, int64_t from, int64_t to)
{
    const SupplyCurve *curve = &mcu->supply.vdd;
    int32_t lowest = MIN(voltage(curve, from), voltage(curve, to));
    for (unsigned i = 0; i < curve->count; i++)
        if (curve->points[i].at >= from && curve->points[i].at <= to)
            lowest = MIN(lowest, curve->points[i].mv);
    return lowest;
}

/// The MCU ///

/* BOR's threshold; NULL: it is off. */
static const Threshold *brown_out(Mcu *mcu)
{
    unsigned level = mcu->flash.options[0] >> 2 & 3;
    return level < ARRAY_SIZE(bor) ? &bor[level] : NULL;
}

/* What the supervisor says now; true when it holds the MCU in reset. */
static bool supervise(Mcu *mcu)
{
    Supply *supply = &mcu->supply;
    const Threshold *level = brown_out(mcu);
    int64_t now = time_now(mcu);
    bool was_low = supply->power_low;
    supply->power_low = is_low(&supply->vdd, now, &por, was_low);
    supply->brown_low = level != NULL && is_low(&supply->vdd, now, level, supply->brown_low);
    supply->power_lost = supply->power_lost || (supply->power_low && !was_low);
    return supply->power_low || supply->brown_low;
}

static void hold(Mcu *mcu)
{
    Supply *supply = &mcu->supply;
    mcu_request_reset(mcu, 0);
    supply->held = true;
    supply->held_since = time_now(mcu);
    trace_now(mcu, RAIL_SUPPLY, 0, RAIL_SUPPLY_VDD, supply_vdd(mcu));
    flash_power_off(mcu, TEAR_BY_PHASE);
}

static void release(Mcu *mcu)
{
    trace_now(mcu, RAIL_SUPPLY, 0, RAIL_SUPPLY_VDD, supply_vdd(mcu));
    mcu->supply.held = false;
    mcu_request_reset(mcu, RCC_CSR_BORRSTF);
}

void supply_before_reset(Mcu *mcu)
{
    Supply *supply = &mcu->supply;
    if (supply->held || !supply->power_lost)
        return;
    supply->power_lost = false;
    if (supply_lowest_vdd(mcu, supply->held_since, time_now(mcu)) < sram_keeps)
        rail_fill_sram(mcu, ++supply->dips);
    mcu_contents_lost(mcu);
}

/* The core stands still until the next reset, as it does in a lockup. */
bool supply_holds(Mcu *mcu)
{
    if (mcu->supply.held) {
        ARM_CPU(mcu->cpu)->power_state = PSCI_OFF;
        mcu->cpu->halted = 1;
    }
    return mcu->supply.held;
}

/// The SPI NOR ///

static void look_at_nor(Mcu *mcu)
{
    bool low = is_low(&mcu->supply.vcc, time_now(mcu), &write_inhibit, !mcu->nor.powered);
    if (low != mcu->nor.powered)
        return;
    trace_now(mcu, RAIL_SUPPLY, 0, RAIL_SUPPLY_VCC, voltage(&mcu->supply.vcc, time_now(mcu)));
    spi_nor_supply(mcu, !low);
}

/// Both ///

static int64_t next_crossing(Mcu *mcu)
{
    Supply *supply = &mcu->supply;
    int64_t now = time_now(mcu);
    const Threshold *level = brown_out(mcu);
    Threshold detector;
    int64_t next = MIN(crossing(&supply->vdd, now, &por, supply->power_low),
                       crossing(&supply->vcc, now, &write_inhibit, !mcu->nor.powered));
    if (level != NULL)
        next = MIN(next, crossing(&supply->vdd, now, level, supply->brown_low));
    /* The detector is off until the reset that is held is over, though its registers may still be those before it. */
    if (!supply->held && pwr_detector(mcu, &detector.falling, &detector.rising))
        next = MIN(next, crossing(&supply->vdd, now, &detector, mcu->pwr.detected));
    return next;
}

void supply_look(Mcu *mcu)
{
    Supply *supply = &mcu->supply;
    if (supply->vdd.count == 0 && supply->vcc.count == 0)
        return;
    look_at_nor(mcu);
    bool low = supervise(mcu);
    if (low != supply->held)
        low ? hold(mcu) : release(mcu);
    if (!supply->held)
        pwr_detect(mcu);
    int64_t next = next_crossing(mcu);
    if (next != INT64_MAX)
        timer_mod(supply->timer, time_to_clock(mcu, next));
    else
        timer_del(supply->timer);
}

static void crossed(void *opaque)
{
    supply_look(opaque);
}

/// Life ///

bool supply_set(Mcu *mcu, const char *rail, const SupplyCurve *curve)
{
    if (strcmp(rail, "vdd") == 0)
        mcu->supply.vdd = *curve;
    else if (strcmp(rail, "vcc") == 0)
        mcu->supply.vcc = *curve;
    else
        return false;
    return true;
}

void supply_power_on(Mcu *mcu)
{
    Supply *supply = &mcu->supply;
    supply->dips = 0;
    supply->held_since = 0;
    supply->power_lost = false;
    supply->power_low = supply->brown_low = true; /* the voltage comes from below */
    supply->held = supervise(mcu);
    supply_holds(mcu);
    if (is_low(&supply->vcc, 0, &write_inhibit, true))
        spi_nor_supply(mcu, false);
    supply_look(mcu);
}

void supply_power_off(Mcu *mcu)
{
    Supply *supply = &mcu->supply;
    timer_del(supply->timer);
    supply->vdd.count = supply->vcc.count = 0;
    supply->held = supply->power_lost = false;
}

void supply_init(Mcu *mcu)
{
    mcu->supply.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, crossed, mcu);
}
