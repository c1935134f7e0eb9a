/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Real-time clock: RM0090 Rev 21 section 26. Calendar (24 hours), both alarms to the second, wakeup timer and backup
 * registers. It counts virtual time; while the power is off its clock stands still, and without VBAT it forgets all.
 */
#include "mcu.h"
#include "qemu/cutils.h"

enum {
    RTC_TR = 0x00,
    RTC_DR = 0x04,
    RTC_CR = 0x08,
    RTC_ISR = 0x0C,
    RTC_PRER = 0x10,
    RTC_WUTR = 0x14,
    RTC_ALRMAR = 0x1C,
    RTC_ALRMBR = 0x20,
    RTC_WPR = 0x24,
    RTC_SSR = 0x28,
    RTC_TAFCR = 0x40,
    RTC_ALRMASSR = 0x44,
    RTC_ALRMBSSR = 0x48,
    RTC_BKP0R = 0x50,
    RTC_BKP19R = 0x9C,
};

enum {
    CR_FMT = 1u << 6,
    CR_ALRAE = 1u << 8, /* that of alarm B is the next bit, as with all of these */
    CR_WUTE = 1u << 10,
    CR_ALRAIE = 1u << 12,
    CR_WUTIE = 1u << 14,
    ISR_ALRAWF = 1u << 0,
    ISR_WUTWF = 1u << 2,
    ISR_INITS = 1u << 4,
    ISR_RSF = 1u << 5,
    ISR_INITF = 1u << 6,
    ISR_INIT = 1u << 7,
    ISR_ALRAF = 1u << 8,
    ISR_WUTF = 1u << 10,
    ISR_EVENTS = ISR_ALRAF | ISR_ALRAF << 1 | ISR_WUTF,
};

enum { EXTI_ALARM = 17, EXTI_WAKEUP = 22 };
enum { KEY_1 = 0xCA, KEY_2 = 0x53 };
#define DAY 86400

/// Calendar ///

static unsigned from_bcd(uint32_t bcd)
{
    return (bcd >> 4) * 10 + (bcd & 15);
}

static uint32_t to_bcd(unsigned value)
{
    return value / 10 << 4 | value % 10;
}

static void fields(const Rtc *rtc, struct tm *tm)
{
    time_t time = rtc->seconds;
    gmtime_r(&time, tm);
}

static uint32_t time_register(const Rtc *rtc)
{
    struct tm tm;
    fields(rtc, &tm);
    return to_bcd(tm.tm_hour) << 16 | to_bcd(tm.tm_min) << 8 | to_bcd(tm.tm_sec);
}

/* The day of the week is what the firmware said it is, counted on. */
static uint32_t date_register(const Rtc *rtc)
{
    struct tm tm;
    fields(rtc, &tm);
    uint32_t weekday = (rtc->seconds / DAY + rtc->weekday) % 7 + 1;
    return to_bcd(tm.tm_year % 100) << 16 | weekday << 13 | to_bcd(tm.tm_mon + 1) << 8 | to_bcd(tm.tm_mday);
}

static void set_calendar(Rtc *rtc, uint32_t tr, uint32_t dr)
{
    struct tm tm = {
        .tm_year = 100 + from_bcd(dr >> 16 & 0xFF), .tm_mon = from_bcd(dr >> 8 & 0x1F) - 1,
        .tm_mday = from_bcd(dr & 0x3F),
        .tm_hour = from_bcd(tr >> 16 & 0x3F), .tm_min = from_bcd(tr >> 8 & 0x7F), .tm_sec = from_bcd(tr & 0x7F),
    };
    rtc->seconds = mktimegm(&tm);
    rtc->weekday = (7 + extract32(dr, 13, 3) - 1 - rtc->seconds / DAY % 7) % 7;
}

/// Time passing ///

static uint64_t cycles_per_second(const Rtc *rtc)
{
    return (extract32(rtc->prer, 16, 7) + 1) * (uint64_t)(extract32(rtc->prer, 0, 15) + 1);
}

/* Cycles of RTCCLK since the epoch. */
static uint64_t cycles_at(Rtc *rtc, int64_t now)
{
    return muldiv64(now - rtc->epoch, rtc->hz, NANOSECONDS_PER_SECOND);
}

static int64_t instant_of(Rtc *rtc, uint64_t cycles)
{
    uint64_t whole = cycles / rtc->hz, rest = cycles % rtc->hz;
    return rtc->epoch + whole * NANOSECONDS_PER_SECOND + DIV_ROUND_UP(rest * NANOSECONDS_PER_SECOND, rtc->hz);
}

static bool counting(const Rtc *rtc)
{
    return rtc->hz != 0 && !(rtc->isr & ISR_INIT);
}

static bool alarm_matches(Rtc *rtc, unsigned alarm)
{
    uint32_t wanted = rtc->alarm[alarm], tr = time_register(rtc), dr = date_register(rtc);
    for (unsigned i = 0; i < 3; i++) /* seconds, minutes, hours; each has its mask in bit 7 */
        if (!(wanted & 0x80u << 8 * i) && ((wanted ^ tr) & 0x7Fu << 8 * i))
            return false;
    if (wanted & 1u << 31)
        return true;
    bool weekday = wanted & 1u << 30;
    return weekday ? extract32(wanted, 24, 4) == extract32(dr, 13, 3) : extract32(wanted, 24, 6) == extract32(dr, 0, 6);
}

static bool alarms_enabled(const Rtc *rtc)
{
    return rtc->cr & (CR_ALRAE | CR_ALRAE << 1);
}

static void raise_flag(Rtc *rtc, uint32_t flag)
{
    if (rtc->isr & flag)
        return;
    rtc->isr |= flag;
    if (rtc->cr & flag << 4) /* the enables are four bits above the flags */
        exti_rise(rtc->mcu, flag == ISR_WUTF ? EXTI_WAKEUP : EXTI_ALARM);
}

static void pass_seconds(Rtc *rtc, uint64_t cycles)
{
    uint64_t second = cycles_per_second(rtc);
    while (cycles - rtc->second_start >= second) {
        uint64_t step = alarms_enabled(rtc) ? 1 : (cycles - rtc->second_start) / second;
        rtc->second_start += step * second;
        rtc->seconds += step;
        for (unsigned i = 0; i < 2; i++)
            if ((rtc->cr & CR_ALRAE << i) && alarm_matches(rtc, i))
                raise_flag(rtc, ISR_ALRAF << i);
    }
}

/* RTCCLK cycles from one wakeup to the next (26.3.6, 26.6.3). */
static uint64_t wakeup_cycles(const Rtc *rtc)
{
    unsigned select = rtc->cr & 7;
    uint64_t count = rtc->wutr + 1 + (select >= 6 ? 0x10000 : 0);
    return count * (select < 4 ? 16u >> select : cycles_per_second(rtc));
}

static void settle(Rtc *rtc)
{
    if (!counting(rtc))
        return;
    uint64_t cycles = cycles_at(rtc, time_now(rtc->mcu));
    pass_seconds(rtc, cycles);
    if (!(rtc->cr & CR_WUTE) || cycles < rtc->wakeup_at)
        return;
    raise_flag(rtc, ISR_WUTF);
    rtc->wakeup_at += ((cycles - rtc->wakeup_at) / wakeup_cycles(rtc) + 1) * wakeup_cycles(rtc);
}

/* The calendar's registers are copied, or the calendar is stopped, two cycles of RTCCLK after it was asked for. */
static int64_t two_cycles_on(Rtc *rtc)
{
    return rtc->hz == 0 ? INT64_MAX : time_now(rtc->mcu) + DIV_ROUND_UP(2 * NANOSECONDS_PER_SECOND, rtc->hz);
}

static int64_t next_event(Rtc *rtc)
{
    int64_t next = INT64_MAX;
    if (counting(rtc) && alarms_enabled(rtc))
        next = instant_of(rtc, rtc->second_start + cycles_per_second(rtc));
    if (counting(rtc) && (rtc->cr & CR_WUTE))
        next = MIN(next, instant_of(rtc, rtc->wakeup_at));
    return next;
}

static void update(Rtc *rtc)
{
    int64_t next = next_event(rtc);
    if (next != INT64_MAX)
        timer_mod(rtc->timer, time_to_clock(rtc->mcu, next));
    else
        timer_del(rtc->timer);
}

static void timer(void *opaque)
{
    settle(opaque);
    update(opaque);
}

/* Counting goes on from here: after a power-on, another clock, or initialisation. */
static void restart(Rtc *rtc)
{
    rtc->epoch = time_now(rtc->mcu);
    rtc->second_start = 0;
    rtc->wakeup_at = wakeup_cycles(rtc);
    rtc->copied_at = rtc->init_at = two_cycles_on(rtc);
    update(rtc);
}

void rtc_clock_changed(Mcu *mcu, uint32_t hz)
{
    Rtc *rtc = &mcu->rtc;
    if (hz == rtc->hz)
        return;
    settle(rtc);
    rtc->hz = hz;
    restart(rtc);
}

/// Registers ///

static uint32_t status(Rtc *rtc)
{
    int64_t now = time_now(rtc->mcu);
    struct tm tm;
    fields(rtc, &tm);
    uint32_t isr = rtc->isr | (~rtc->cr >> 8 & 7); /* ALRAWF, ALRBWF, WUTWF: what is disabled may be written */
    if (tm.tm_year != 100)
        isr |= ISR_INITS;
    if ((isr & ISR_INIT) && now >= rtc->init_at)
        isr |= ISR_INITF;
    if (now >= rtc->copied_at)
        isr |= ISR_RSF;
    return isr;
}

static uint32_t read_isr(Rtc *rtc)
{
    uint32_t isr = status(rtc);
    int64_t now = time_now(rtc->mcu), next = next_event(rtc);
    if ((isr & ISR_INIT) && now < rtc->init_at)
        next = MIN(next, rtc->init_at);
    if (now < rtc->copied_at)
        next = MIN(next, rtc->copied_at);
    time_poll(rtc->mcu, &rtc->poll, isr, next != INT64_MAX ? next : 0);
    return isr;
}

static uint32_t read_subseconds(Rtc *rtc)
{
    uint32_t top = extract32(rtc->prer, 0, 15);
    if (!counting(rtc))
        return top;
    uint64_t cycles = cycles_at(rtc, time_now(rtc->mcu)) - rtc->second_start;
    return top - cycles / (extract32(rtc->prer, 16, 7) + 1);
}

static uint32_t read_register(Rtc *rtc, hwaddr offset)
{
    if (current_cpu != NULL && (offset == RTC_TR || offset == RTC_DR || offset == RTC_SSR))
        rtc->mcu->time.observed++;
    switch (offset) {
    case RTC_TR:
        return time_register(rtc);
    case RTC_DR:
        return date_register(rtc);
    case RTC_CR:
        return rtc->cr;
    case RTC_ISR:
        return read_isr(rtc);
    case RTC_PRER:
        return rtc->prer;
    case RTC_WUTR:
        return rtc->wutr;
    case RTC_ALRMAR:
    case RTC_ALRMBR:
        return rtc->alarm[(offset - RTC_ALRMAR) / 4];
    case RTC_SSR:
        return read_subseconds(rtc);
    case RTC_TAFCR:
        return rtc->tafcr;
    case RTC_ALRMASSR:
    case RTC_ALRMBSSR:
        return rtc->alarm_subseconds[(offset - RTC_ALRMASSR) / 4];
    case RTC_BKP0R ... RTC_BKP19R:
        return rtc->backup[(offset - RTC_BKP0R) / 4];
    }
    return 0;
}

static uint64_t rtc_read(void *opaque, hwaddr offset, unsigned size)
{
    Rtc *rtc = opaque;
    settle(rtc);
    return read_register(rtc, offset & ~3) >> 8 * (offset & 3);
}

static void write_isr(Rtc *rtc, uint32_t value)
{
    rtc->isr &= ~ISR_EVENTS | value; /* zero clears */
    if (!(value & ISR_RSF))
        rtc->copied_at = two_cycles_on(rtc);
    bool initialise = value & ISR_INIT;
    if (initialise == !!(rtc->isr & ISR_INIT))
        return;
    if (initialise) {
        rtc->isr |= ISR_INIT;
        rtc->init_at = two_cycles_on(rtc);
    } else {
        rtc->isr &= ~ISR_INIT;
        restart(rtc);
    }
}

static void write_cr(Rtc *rtc, uint32_t value)
{
    if (value & ~rtc->cr & CR_FMT)
        qemu_log_mask(LOG_UNIMP, "RTC: 24 hours only\n");
    bool starts = value & ~rtc->cr & CR_WUTE;
    rtc->cr = value & 0xFCFFFF;
    if (starts && rtc->hz != 0)
        rtc->wakeup_at = cycles_at(rtc, time_now(rtc->mcu)) + wakeup_cycles(rtc);
}

/* What can be written while the calendar is being initialised only. */
static void write_calendar(Rtc *rtc, hwaddr offset, uint32_t value)
{
    if (!(status(rtc) & ISR_INITF))
        qemu_log_mask(LOG_GUEST_ERROR, "RTC: TR, DR or PRER written while INITF is 0\n");
    else if (offset == RTC_TR)
        set_calendar(rtc, value, date_register(rtc));
    else if (offset == RTC_DR)
        set_calendar(rtc, time_register(rtc), value);
    else
        rtc->prer = value & 0x7F7FFF;
}

static void write_register(Rtc *rtc, hwaddr offset, uint32_t value)
{
    switch (offset) {
    case RTC_TR:
    case RTC_DR:
    case RTC_PRER:
        write_calendar(rtc, offset, value);
        break;
    case RTC_CR:
        write_cr(rtc, value);
        break;
    case RTC_ISR:
        write_isr(rtc, value);
        break;
    case RTC_WUTR:
        rtc->wutr = value & 0xFFFF;
        break;
    case RTC_ALRMAR:
    case RTC_ALRMBR:
        rtc->alarm[(offset - RTC_ALRMAR) / 4] = value;
        break;
    case RTC_TAFCR:
        rtc->tafcr = value & 0x7FFFF;
        break;
    case RTC_ALRMASSR:
    case RTC_ALRMBSSR:
        if (value & 0xF000000)
            qemu_log_mask(LOG_UNIMP, "RTC: alarms are to the second\n");
        rtc->alarm_subseconds[(offset - RTC_ALRMASSR) / 4] = value & 0xF007FFF;
        break;
    case RTC_BKP0R ... RTC_BKP19R:
        rtc->backup[(offset - RTC_BKP0R) / 4] = value;
        break;
    }
}

static void write_key(Rtc *rtc, uint8_t key)
{
    rtc->unlocked = rtc->half_unlocked && key == KEY_2;
    rtc->half_unlocked = key == KEY_1;
}

/* 26.3.5: all registers need PWR_CR.DBP, and most of them the keys. */
static bool protected(Rtc *rtc, hwaddr offset, uint32_t value)
{
    if (!pwr_backup_writable(rtc->mcu))
        return true;
    bool only_flags = offset == RTC_ISR && !((value ^ rtc->isr) & ISR_INIT) && (value & ISR_RSF);
    return !rtc->unlocked && offset != RTC_TAFCR && offset < RTC_BKP0R && !only_flags;
}

static void rtc_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Rtc *rtc = opaque;
    offset &= ~3;
    settle(rtc);
    if (offset == RTC_WPR)
        write_key(rtc, value);
    else if (protected(rtc, offset, value))
        qemu_log_mask(LOG_GUEST_ERROR, "RTC: register 0x%02x written while it is protected\n", (unsigned)offset);
    else
        write_register(rtc, offset, value);
    update(rtc);
}

MCU_REGISTER_OPS(rtc_ops, rtc_read, rtc_write);

/// Power and reset ///

void rtc_backup_reset(Mcu *mcu)
{
    Rtc *rtc = &mcu->rtc;
    rtc->cr = rtc->isr = rtc->tafcr = 0;
    rtc->prer = 0x007F00FF;
    rtc->wutr = 0xFFFF;
    memset(rtc->alarm, 0, sizeof(rtc->alarm));
    memset(rtc->alarm_subseconds, 0, sizeof(rtc->alarm_subseconds));
    memset(rtc->backup, 0, sizeof(rtc->backup));
    set_calendar(rtc, 0, 0x2101);
    restart(rtc);
}

void rtc_power_off(Mcu *mcu)
{
    settle(&mcu->rtc);
    timer_del(mcu->rtc.timer);
}

void rtc_power_on(Mcu *mcu)
{
    if (!mcu->board.vbat)
        rtc_backup_reset(mcu);
    restart(&mcu->rtc);
}

void rtc_reset(Mcu *mcu)
{
    Rtc *rtc = &mcu->rtc;
    rtc->unlocked = rtc->half_unlocked = false;
    rtc->isr &= ~ISR_INIT;
    rtc->init_at = 0;
    rtc->copied_at = two_cycles_on(rtc);
    rtc->poll = (Poll){0};
    update(rtc);
}

void rtc_init(Mcu *mcu)
{
    Rtc *rtc = &mcu->rtc;
    rtc->mcu = mcu;
    rtc->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, timer, rtc);
    rtc_backup_reset(mcu);
    mcu_map(mcu, &rtc->mmio, &rtc_ops, rtc, "rtc", 0x40002800);
}
