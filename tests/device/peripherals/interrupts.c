/* SPDX-License-Identifier: MIT */
#include "interrupts.h"

static void (*volatile handlers[INTERRUPTS])(void);
volatile uint32_t counts[INTERRUPTS], first_at[INTERRUPTS];

void any_interrupt(void)
{
    uint32_t number, now = CYCLES;
    __asm volatile("mrs %0, ipsr" : "=r"(number));
    number -= 16;
    if (counts[number]++ == 0)
        first_at[number] = now;
    if (handlers[number])
        handlers[number]();
    __asm volatile("dsb");
}

void listen(unsigned number, void (*handler)(void))
{
    handlers[number] = handler;
    counts[number] = first_at[number] = 0;
    REG(0xE000E280 + number / 32 * 4) = 1u << number % 32;
    REG(0xE000E100 + number / 32 * 4) = 1u << number % 32;
}

void ignore(unsigned number)
{
    REG(0xE000E180 + number / 32 * 4) = 1u << number % 32;
    __asm volatile("dsb\n isb");
}

void wait_for(unsigned number, uint32_t count)
{
    for (;;) {
        __asm volatile("cpsid i");
        if (counts[number] >= count)
            break;
        WFI();
        __asm volatile("cpsie i\n isb");
    }
    __asm volatile("cpsie i");
}
