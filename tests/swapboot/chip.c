/* SPDX-License-Identifier: MIT */
#include "chip.h"

#define FLASH_KEYR 0x40023C04u
#define FLASH_SR 0x40023C0Cu
#define FLASH_CR 0x40023C10u
#define SR_ERRORS 0xF0u
#define SR_BSY (1u << 16)
#define CR_PG 1u
#define CR_SER 2u
#define CR_SNB 3
#define CR_STRT (1u << 16)
#define CR_LOCK (1u << 31)

#define RCC_AHB1ENR 0x40023830u
#define RCC_APB1ENR 0x40023840u
#define GPIOA 0x40020000u
#define GPIOD 0x40020C00u
#define MODER 0x00u
#define BSRR 0x18u
#define AFRL 0x20u
#define USART2 0x40004400u
#define SR 0x00u
#define DR 0x04u
#define BRR 0x08u
#define CR1 0x0Cu
#define STK_CTRL 0xE000E010u
#define STK_LOAD 0xE000E014u
#define STK_VAL 0xE000E018u

/// Flash: RM0090 section 3.6 ///

static void flash_command(uint32_t command)
{
    if (REG(FLASH_CR) & CR_LOCK) {
        REG(FLASH_KEYR) = 0x45670123;
        REG(FLASH_KEYR) = 0xCDEF89AB;
    }
    REG(FLASH_SR) = SR_ERRORS;
    REG(FLASH_CR) = command; /* PSIZE 0 is x8 */
}

static void flash_wait(void)
{
    while (REG(FLASH_SR) & SR_BSY)
        ;
}

void flash_erase(uint32_t sector)
{
    uint32_t offset = sector - 0x08000000;
    uint32_t number = offset < 0x10000 ? offset / 0x4000 : 4 + offset / 0x20000;
    flash_command(CR_SER | number << CR_SNB);
    REG(FLASH_CR) |= CR_STRT;
    flash_wait();
    REG(FLASH_CR) = CR_LOCK;
}

void flash_program(uint32_t address, const volatile uint8_t *bytes, uint32_t count)
{
    volatile uint8_t *to = (volatile uint8_t *)address;
    flash_command(CR_PG);
    for (; count > 0; count--, to++, bytes++) {
        if (*bytes == 0xFF)
            continue;
        *to = *bytes;
        flash_wait();
    }
    REG(FLASH_CR) = CR_LOCK;
}

/// UART ///

void uart_open(void)
{
    REG(RCC_AHB1ENR) |= 1u << 0;
    REG(RCC_APB1ENR) |= 1u << 17;
    REG(GPIOA + AFRL) = (REG(GPIOA + AFRL) & ~0xF00u) | 0x700u;
    REG(GPIOA + MODER) = (REG(GPIOA + MODER) & ~0x30u) | 0x20u;
    REG(USART2 + BRR) = 139; /* 16 MHz / 115200 */
    REG(USART2 + CR1) = 1u << 13 | 1u << 3;
}

static void uart_put(char letter)
{
    while (!(REG(USART2 + SR) & 1u << 7))
        ;
    REG(USART2 + DR) = (uint8_t)letter;
}

void uart_say(const char *line)
{
    while (*line)
        uart_put(*line++);
    uart_put('\r');
    uart_put('\n');
    while (!(REG(USART2 + SR) & 1u << 6)) /* what is said is said before anything else happens */
        ;
}

/// LEDs and time ///

void leds_open(void)
{
    REG(RCC_AHB1ENR) |= 1u << 3;
    REG(GPIOD + MODER) = (REG(GPIOD + MODER) & ~0xFF000000u) | 0x55000000u;
}

void led(unsigned pin, unsigned on)
{
    REG(GPIOD + BSRR) = on ? 1u << pin : 1u << (pin + 16);
}

void tick_open(unsigned ms)
{
    REG(STK_LOAD) = 16000 * ms - 1;
    REG(STK_VAL) = 0;
    REG(STK_CTRL) = 7;
}

void tick_wait(void)
{
    __asm__ volatile("wfi");
}
