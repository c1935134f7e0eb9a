/* SPDX-License-Identifier: MIT */
#include "interrupts.h"
#include "tests.h"

static void exti_acknowledge(void)
{
    REG(EXTI + 0x14) = TEST[2];
}

/* Interrupt, line as a bit */
void test_exti(void)
{
    uint32_t line = TEST[2];
    listen(TEST[1], exti_acknowledge);
    REG(EXTI + 0x10) = line;
    print("pending", (REG(EXTI + 0x14) & line) != 0);
    print("masked", counts[TEST[1]]);
    REG(EXTI) = line;
    wait_for(TEST[1], 1);
    print("pending_after", REG(EXTI + 0x14) | REG(EXTI + 0x10));
    REG(EXTI + 0x10) = line;
    wait_for(TEST[1], 2);
    print("interrupts", counts[TEST[1]]);
    REG(0x40013808) = 0xFFFFFFFF;
    print("exticr", REG(0x40013808));
}
