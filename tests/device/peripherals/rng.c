/* SPDX-License-Identifier: MIT */
#include "interrupts.h"
#include "tests.h"

#define RNG 0x50060800

void test_rng(void)
{
    print("off", REG(RNG + 4));
    REG(RNG) = 1u << 2;
    uint32_t start = CYCLES;
    while (!(REG(RNG + 4) & 1))
        ;
    uint32_t polled = CYCLES - start;
    uint32_t first = REG(RNG + 8);
    print("taken", REG(RNG + 4));
    print("first_cycles", polled);
    print("number", first);
}

static void stop_rng(void)
{
    REG(RNG) = 0;
}

void test_rng_interrupt(void)
{
    listen(80, stop_rng);
    REG(RNG) = 3u << 2;
    uint32_t start = CYCLES;
    wait_for(80, 1);
    print("interrupt_cycles", first_at[80] - start);
}
