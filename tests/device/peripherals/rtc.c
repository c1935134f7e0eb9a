/* SPDX-License-Identifier: MIT */
#include "interrupts.h"
#include "tests.h"

#define PWR 0x40007000
#define RTC 0x40002800
#define BACKUP(n) REG(RTC + 0x50 + 4 * (n))
#define MAGIC 0x5AFEC0DEu

static void rtc_set_up(void)
{
    REG(PWR) |= 1u << 8;
    REG(RCC + 0x70) |= 1;
    while (!(REG(RCC + 0x70) & 2))
        ;
    REG(RCC + 0x70) |= 1u << 15 | 1u << 8;
    REG(RTC + 0x24) = 0xCA;
    REG(RTC + 0x24) = 0x53;
}

static uint32_t rtc_initialise(uint32_t time, uint32_t date)
{
    REG(RTC + 0x0C) = 0xFFFFFFFF;
    uint32_t start = CYCLES;
    while (!(REG(RTC + 0x0C) & 1u << 6))
        ;
    uint32_t cycles = CYCLES - start;
    REG(RTC + 0x10) = 31; /* 1024 "seconds" a second */
    REG(RTC + 0x10) = 31;
    REG(RTC) = time;
    REG(RTC + 4) = date;
    REG(RTC + 0x0C) = ~(1u << 7);
    return cycles;
}

static void rtc_calendar(void)
{
    uint32_t init = rtc_initialise(0x235958, 0x240000 | 3u << 13 | 0x228);
    uint32_t start = CYCLES;
    REG(RTC + 8) = 0;
    REG(RTC + 0x1C) = 1u << 31 | 0x000001; /* at 00:00:01, any day */
    REG(RTC + 8) = 1u << 8;
    while (!(REG(RTC + 0x0C) & 1u << 8))
        ;
    uint32_t cycles = CYCLES - start;
    uint32_t time = REG(RTC), date = REG(RTC + 4), rest = REG(RTC + 0x28);
    print("init_cycles", init);
    print("alarm_cycles", cycles);
    print("time", time);
    print("date", date);
    print("fresh_second", rest >= 30 && rest <= 31);
    REG(RTC + 8) = 0;
    REG(RTC + 0x0C) = 0xFFFFFEFF & ~(1u << 7);
    print("alarm_cleared", REG(RTC + 0x0C) >> 8 & 1);
}

static void alarm_acknowledge(void)
{
    REG(RTC + 0x0C) = ~(1u << 8 | 1u << 7);
    REG(EXTI + 0x14) = 1u << 17;
}

static void wakeup_acknowledge(void)
{
    REG(RTC + 0x0C) = ~(1u << 10 | 1u << 7);
    REG(EXTI + 0x14) = 1u << 22;
}

static void rtc_interrupts(void)
{
    REG(EXTI + 8) = 1u << 17 | 1u << 22;
    REG(EXTI) = 1u << 17 | 1u << 22;
    rtc_initialise(0x235958, 0x240000 | 3u << 13 | 0x228);
    uint32_t start = CYCLES;
    REG(RTC + 0x1C) = 1u << 31 | 0x000001;
    REG(RTC + 8) = 1u << 12 | 1u << 8;
    listen(41, alarm_acknowledge);
    wait_for(41, 1);
    print("alarm_interrupt_cycles", first_at[41] - start);
    REG(RTC + 8) = 0;
    REG(RTC + 0x14) = 163; /* 164 of 16384 Hz: 10 ms */
    listen(3, wakeup_acknowledge);
    start = CYCLES;
    REG(RTC + 8) = 1u << 14 | 1u << 10 | 3;
    wait_for(3, 3);
    uint32_t third = CYCLES - start;
    print("wakeup_cycles", first_at[3] - start);
    print("third_wakeup_cycles", third);
    REG(RTC + 8) = 0;
    start = CYCLES;
    REG(RTC + 8) = 1u << 10 | 3;
    while (!(REG(RTC + 0x0C) & 1u << 10))
        ;
    uint32_t polled = CYCLES - start;
    print("wakeup_polled_cycles", polled);
}

static void alarm_b_acknowledge(void)
{
    REG(RTC + 0x0C) = ~(1u << 9 | 1u << 7);
    REG(EXTI + 0x14) = 1u << 17;
}

/* At each :01 on a Thursday. Alarm A is set to the same and not enabled. */
void test_alarm_b(void)
{
    rtc_set_up();
    REG(EXTI + 8) = REG(EXTI) = 1u << 17;
    rtc_initialise(0x235900, 0x240000 | 3u << 13 | 0x228);
    uint32_t start = CYCLES;
    REG(RTC + 0x1C) = REG(RTC + 0x20) = 1u << 30 | 4u << 24 | 1u << 23 | 1u << 15 | 0x01;
    print("writable", REG(RTC + 0x0C) & 3);
    REG(RTC + 8) = 1u << 13 | 1u << 9;
    print("writable", REG(RTC + 0x0C) & 3);
    listen(41, alarm_b_acknowledge);
    wait_for(41, 1);
    uint32_t first = first_at[41] - start;
    print("flags", REG(RTC + 0x0C) >> 8 & 3);
    wait_for(41, 2);
    uint32_t second = CYCLES - start;
    print("first_cycles", first);
    print("second_cycles", second);
}

void test_rtc(void)
{
    print("vos_ready", REG(PWR + 4) >> 14 & 1);
    REG(RCC + 0x70) = 1;
    BACKUP(0) = 1;
    print("locked", REG(RCC + 0x70) | BACKUP(0));
    rtc_set_up();
    REG(RTC + 0x24) = 0;
    REG(RTC + 0x1C) = 5;
    print("without_keys", REG(RTC + 0x1C));
    REG(RTC + 0x24) = 0xCA;
    REG(RTC + 0x24) = 0x53;
    REG(RTC) = 5;
    print("without_init", REG(RTC));
    rtc_calendar();
    rtc_interrupts();
    REG(RCC + 0x70) |= 1u << 16;
    REG(RCC + 0x70) &= ~(1u << 16);
    print("backup_reset", REG(RTC + 0x10));
}

/* What the backup domain holds, before and after a reset of the MCU. */
void test_backup(void)
{
    print("kept", BACKUP(0) == MAGIC && BACKUP(19) == ~MAGIC);
    print("year", REG(RTC + 4) >> 16);
    print("lse", REG(RCC + 0x70) & 3);
    if (REG(RCC + 0x74) & 1u << 28)
        return;
    rtc_set_up();
    rtc_initialise(0, 0x240000 | 3u << 13 | 0x228);
    BACKUP(0) = MAGIC;
    BACKUP(19) = ~MAGIC;
    REG(0xE000ED0C) = 0x05FA0004;
    for (;;)
        ;
}
