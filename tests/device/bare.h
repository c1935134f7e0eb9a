/* SPDX-License-Identifier: MIT
 *
 * What test firmwares on bare metal share: registers, results as lines "name value" on USART1, and memory at start.
 */
#ifndef BARE_H
#define BARE_H

#include <stdbool.h>
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define REG8(address) (*(volatile uint8_t *)(address))
#define REG16(address) (*(volatile uint16_t *)(address))
#define GPIO(port) (0x40020000 + 0x400 * (port))
#define RCC 0x40023800
#define USART1 0x40011000
#define CYCLES REG(0xE0001004)
#define WFI() __asm volatile("wfi")

/* Which test runs, and behind it its arguments: the test writes sector 5 of the flash. */
#define TEST ((const volatile uint32_t *)0x08020000)

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[];

static inline void put(char c)
{
    while (!(REG(USART1) & 1u << 7))
        ;
    REG(USART1 + 4) = (uint8_t)c;
}

/* Returns when the line was sent. */
static inline void print(const char *name, uint32_t value)
{
    while (*name)
        put(*name++);
    put(' ');
    char digits[10];
    int n = 0;
    do
        digits[n++] = '0' + value % 10;
    while ((value /= 10) != 0);
    while (n != 0)
        put(digits[--n]);
    put('\n');
    while (!(REG(USART1) & 1u << 6))
        ;
}

static inline void set_up_memory(void)
{
    uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
}

/* CYCLES counts. */
static inline void set_up_cycles(void)
{
    REG(0xE000EDFC) |= 1u << 24;
    REG(0xE0001000) |= 1;
}

#endif
