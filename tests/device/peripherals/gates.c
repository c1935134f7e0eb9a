/* SPDX-License-Identifier: MIT */
#include "tests.h"

/* A register's address, what to write to it, its clock gate's address and bit, and the address of its reset. */
void test_gate(void)
{
    uint32_t address = TEST[1], gate = TEST[3], bit = TEST[4], reset = TEST[5];
    REG(address) = TEST[2];
    uint32_t written = REG(address);
    REG(gate) &= ~bit;
    uint32_t without_clock = REG(address);
    REG(address) = written;
    REG(gate) |= bit;
    REG(reset) |= bit;
    REG(reset) &= ~bit;
    uint32_t after_reset = REG(address);
    set_up_peripherals();
    print("written", written);
    print("without_clock", without_clock);
    print("after_reset", after_reset);
}

/* The same with the reset held. */
void test_held(void)
{
    uint32_t address = TEST[1], bit = TEST[4], reset = TEST[5];
    REG(reset) |= bit;
    (void)REG(address);
    (void)REG(address);
    REG(reset) &= ~bit;
    set_up_peripherals();
}
