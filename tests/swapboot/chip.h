/* SPDX-License-Identifier: MIT
 *
 * What bootloader and applications need of the STM32F407 (RM0090 Rev 21): the flash, byte by byte, and a UART.
 */
#ifndef SWAPBOOT_CHIP_H
#define SWAPBOOT_CHIP_H

#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define BYTE(address) (*(const volatile uint8_t *)(address))
#define WORD(address) (*(const volatile uint32_t *)(address))

/* Erases the sector that begins at this address. */
void flash_erase(uint32_t sector);
/* Programs bytes, one by one (PSIZE x8: what any supply voltage allows). Those that stay erased are left out. */
void flash_program(uint32_t address, const volatile uint8_t *bytes, uint32_t count);

/* USART2 at 115200, from the internal oscillator as it is after a reset. */
void uart_open(void);
void uart_say(const char *line);

/* Makes PD12 to PD15 outputs, where evaluation boards have their LEDs. */
void leds_open(void);
void led(unsigned pin, unsigned on);
/* Wakes the core every so many ms, of at most 1000; wait for it with tick_wait. */
void tick_open(unsigned ms);
void tick_wait(void);

#endif
