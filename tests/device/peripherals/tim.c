/* SPDX-License-Identifier: MIT */
#include "interrupts.h"
#include "tests.h"

#define CYCLES_PER_TICK 168 /* 1 us: the timers have 84 MHz, divided by 84 */

static uint32_t tim;

static void tim_set_up(uint32_t top, uint32_t cr1)
{
    REG(tim) = 0;
    REG(tim + 0x0C) = 0;
    REG(tim + 0x28) = 83;
    REG(tim + 0x2C) = top;
    REG(tim) = 1u << 2;    /* URS: UG loads the prescaler and raises no flag */
    REG(tim + 0x14) = 1;
    REG(tim + 0x10) = 0;
    REG(tim) = cr1;
}

static void tim_acknowledge(void)
{
    REG(tim + 0x10) = 0;
}

static void tim_updates(unsigned irq)
{
    tim_set_up(999, 1);
    uint32_t start = CYCLES;
    while (!(REG(tim + 0x10) & 1))
        ;
    uint32_t polled = CYCLES - start;
    tim_set_up(999, 1);
    listen(irq, tim_acknowledge);
    start = CYCLES;
    REG(tim + 0x0C) = 1;
    wait_for(irq, 3);
    uint32_t third = CYCLES - start;
    ignore(irq);
    print("update_cycles", polled);
    print("first_update_cycles", first_at[irq] - start);
    print("third_update_cycles", third);
    REG(tim) = 0;
    REG(tim + 0x10) = 0;
    REG(tim) = 1u << 2;
    REG(tim + 0x14) = 1;
    print("ug_flag_with_urs", REG(tim + 0x10) & 1);
    REG(tim) = 0;
    REG(tim + 0x14) = 1;
    print("ug_flag", REG(tim + 0x10) & 1);
}

static void tim_counter(void)
{
    tim_set_up(0xFFFF, 1);
    uint32_t start = CYCLES;
    busy(100 * CYCLES_PER_TICK);
    uint32_t count = REG(tim + 0x24), cycles = CYCLES - start;
    print("counter_error", count * CYCLES_PER_TICK + 400 - cycles < 600);
    tim_set_up(9, 1); /* hundreds of rounds that nobody looks at */
    start = CYCLES;
    busy(5 * 168000 + 504);
    count = REG(tim + 0x24), cycles = CYCLES - start;
    print("rounds_error", (cycles / CYCLES_PER_TICK - count) % 10 <= 1);
    print("rounds_flag", REG(tim + 0x10) & 1);
    REG(tim) = 0;
    count = REG(tim + 0x24);
    busy(1000);
    print("stopped", REG(tim + 0x24) == count);
    REG(tim + 0x2C) = 0x12345678;
    print("top", REG(tim + 0x2C));
}

static void tim_one_pulse(void)
{
    tim_set_up(99, 1u << 3 | 1);
    uint32_t start = CYCLES;
    while (REG(tim) & 1)
        ;
    uint32_t cycles = CYCLES - start;
    print("pulse_cycles", cycles);
    print("after_pulse", REG(tim + 0x24) << 8 | (REG(tim + 0x10) & 1));
}

/* A buffered top takes effect at the update after it was written. */
static void tim_preload(void)
{
    tim_set_up(199, 1u << 7 | 1);
    uint32_t start = CYCLES;
    REG(tim + 0x2C) = 49;
    while (!(REG(tim + 0x10) & 1))
        ;
    uint32_t first = CYCLES - start;
    REG(tim + 0x10) = 0;
    while (!(REG(tim + 0x10) & 1))
        ;
    uint32_t second = CYCLES - start;
    print("preload_first_cycles", first);
    print("preload_second_cycles", second);
}

static void tim_compare(unsigned irq)
{
    for (uint32_t i = 0; i < 4; i++)
        REG(tim + 0x34 + 4 * i) = 100 * (i + 1);
    tim_set_up(999, 1);
    uint32_t start = CYCLES;
    while (!(REG(tim + 0x10) & 16))
        ;
    uint32_t polled = CYCLES - start;
    print("compare_flags", REG(tim + 0x10));
    tim_set_up(999, 1);
    listen(irq, tim_acknowledge);
    start = CYCLES;
    REG(tim + 0x0C) = 4;
    wait_for(irq, 2);
    ignore(irq);
    uint32_t second = CYCLES - start;
    print("compare_cycles", polled);
    print("compare_interrupt_cycles", first_at[irq] - start);
    print("compare_again_cycles", second);
}

/* TIM2 has counted 100 us of 1 ms when its clock halves; WWDG's and the other timers' clock, too. */
void test_tim_clock(void)
{
    tim = 0x40000000;
    tim_set_up(999, 1);
    uint32_t start = CYCLES;
    busy(100 * CYCLES_PER_TICK);
    REG(RCC + 8) = 6u << 10 | 4u << 13 | 2; /* APB1: /8 instead of /4 */
    uint32_t count = REG(tim + 0x24);
    while (!(REG(tim + 0x10) & 1))
        ;
    uint32_t polled = CYCLES - start;
    REG(tim + 0x10) = 0;
    listen(28, tim_acknowledge);
    start = CYCLES;
    REG(tim + 0x0C) = 1;
    busy(200 * CYCLES_PER_TICK);
    REG(RCC + 8) = 5u << 10 | 4u << 13 | 2;
    wait_for(28, 1);
    uint32_t interrupt = first_at[28] - start;
    print("count", count);
    print("polled_cycles", polled);
    print("interrupt_cycles", interrupt);
}

/* Its address, interrupt, and whether it compares */
void test_tim(void)
{
    tim = TEST[1];
    tim_updates(TEST[2]);
    tim_counter();
    tim_one_pulse();
    tim_preload();
    if (TEST[3])
        tim_compare(TEST[2]);
}
