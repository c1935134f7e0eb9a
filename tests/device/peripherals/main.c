/* SPDX-License-Identifier: MIT
 *
 * Exercises what start-up code and common drivers touch, bare metal, on the machine stm32f407-nor with an 8 MHz
 * crystal. Which test runs is a word in sector 5 of the flash, whose other words are its arguments; results are lines
 * "name value" on USART1. Times are in HCLK cycles of 168 MHz.
 */
#include "bare.h"
#include "interrupts.h"
#include "tests.h"

#define DONE_PIN 1u << 14 /* PE14 */

/// Start ///

static void clocks(void)
{
    REG(RCC) |= 1u << 16;
    while (!(REG(RCC) & 1u << 17))
        ;
    REG(RCC + 4) = 8 | 336 << 6 | 0 << 16 | 1u << 22 | 7u << 24;
    REG(RCC) |= 1u << 24;
    while (!(REG(RCC) & 1u << 25))
        ;
    REG(RCC + 8) = 5u << 10 | 4u << 13 | 2; /* APB1 /4, APB2 /2, PLL */
    while ((REG(RCC + 8) >> 2 & 3) != 2)
        ;
    REG(RCC + 0x30) = 0x006011FF; /* GPIO, CRC, DMA */
    REG(RCC + 0x34) = 1u << 6;    /* RNG */
    REG(RCC + 0x40) = 0x107EC83F; /* TIM2 to 7, WWDG, SPI2, SPI3, USARTs, PWR */
    REG(RCC + 0x44) = 0x00005030; /* USART1, USART6, SPI1, SYSCFG */
}

void set_up_peripherals(void)
{
    REG(GPIO(4)) = 1u << 28;
    REG(USART1 + 8) = 84000000 / 115200;
    REG(USART1 + 12) = 1u << 13 | 1u << 3;
    set_up_cycles();
}

/// The machine itself ///

/* So many pairs of an address and what is written there, unless that is 0; it is read back. */
static void test_words(void)
{
    for (uint32_t i = 2; i < 2 + 2 * TEST[1]; i += 2) {
        if (TEST[i + 1] != 0)
            REG(TEST[i]) = TEST[i + 1];
        print("word", REG(TEST[i]));
    }
}

/* The pattern that an image next to this one holds, and what the machine says of itself. */
static void test_board(void)
{
    print("pattern", REG(0x080E0000));
    for (uint32_t i = 0; i < 3; i++)
        print("uid", REG(0x1FFF7A10 + 4 * i));
    print("flash_kb", REG16(0x1FFF7A22));
    print("device", REG(0xE0042000) & 0xFFF);
    print("csr", REG(RCC + 0x74) >> 24);
}

/// Which test runs ///

static void (*const tests[])(void) = {
    test_board, test_spi, test_usart, test_tim, test_crc, test_rng, test_rng_interrupt, test_exti, test_wwdg,
    test_rtc, test_backup, test_gate, test_held, test_spi_interrupts, test_double_buffer, test_usart_input,
    test_tim_clock, test_alarm_b, test_words,
};

void start(void)
{
    set_up_memory();
    clocks();
    set_up_peripherals();
    tests[TEST[0]]();
    REG(GPIO(4) + 0x18) = DONE_PIN;
    for (;;)
        WFI();
}

static void fault(void)
{
    print("fault", 1);
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16 + INTERRUPTS] = {
    (void *)0x20010000, start, [2 ... 15] = fault, [16 ... 16 + INTERRUPTS - 1] = any_interrupt,
};
