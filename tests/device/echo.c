/* SPDX-License-Identifier: MIT
 *
 * Says on USART1 that it is there, thinks for a while, and only then listens: bare metal at reset's 16
 * MHz. From then on it echoes.
 */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define RCC 0x40023800
#define USART1 0x40011000

static void put(char c)
{
    while (!(REG(USART1) & 1u << 7))
        ;
    REG(USART1 + 4) = (uint8_t)c;
}

void start(void)
{
    REG(RCC + 0x44) |= 1u << 4;
    REG(USART1 + 8) = 16000000 / 115200;
    REG(USART1 + 12) = 1u << 13 | 1u << 3;
    put('.');
    for (uint32_t i = 0; i < 10000000; i++)
        __asm volatile("nop");
    REG(USART1 + 12) |= 1u << 2;
    for (;;) {
        while (!(REG(USART1) & 1u << 5))
            ;
        put(REG(USART1 + 4));
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {(void *)0x20010000, start};
