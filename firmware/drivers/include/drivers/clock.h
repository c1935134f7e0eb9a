/* SPDX-License-Identifier: MIT
 *
 * Clocks and time. 12 MHz crystal to HCLK 168 MHz, APB2 84 MHz, APB1 42 MHz.
 */
#ifndef DRIVERS_CLOCK_H
#define DRIVERS_CLOCK_H

#include <stdint.h>

#define CLOCK_HCLK_HZ 168000000u
#define CLOCK_APB2_HZ 84000000u

/* From reset state to full speed. Where the crystal does not start within 0.1 s, that is made from the internal
 * oscillator, which is exact to 1 % at 25 degrees (DS8626 table 33), so the UART is still understood. Where the PLL
 * does not start either, all stays at 16 MHz: everything takes ten times as long and nothing on the UART can be read,
 * but what is good is started. */
void clock_initialize(void);

/* Back to the internal 16 MHz oscillator, as after reset. */
void clock_release(void);

/* Counts time from now on, with TIM2, also while the core sleeps. */
void clock_count(void);
/* Since clock_count: ms, modulo 2^31 (24.8 days). */
uint32_t clock_elapsed_ms(void);

/* Sleeps in WFI until `ms` milliseconds have passed; no periodic interrupt. */
void clock_sleep_ms(uint32_t ms);

#endif
