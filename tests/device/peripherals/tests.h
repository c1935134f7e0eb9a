/* SPDX-License-Identifier: MIT
 *
 * The tests of the peripherals, each with its arguments in TEST[1] and behind it, as it says where it is defined.
 */
#ifndef PERIPHERALS_TESTS_H
#define PERIPHERALS_TESTS_H

#include "bare.h"

#define EXTI 0x40013C00

void test_spi(void);
void test_spi_interrupts(void);
void test_usart(void);
void test_usart_input(void);
void test_double_buffer(void);
void test_tim(void);
void test_tim_clock(void);
void test_crc(void);
void test_rng(void);
void test_rng_interrupt(void);
void test_exti(void);
void test_wwdg(void);
void test_rtc(void);
void test_alarm_b(void);
void test_backup(void);
void test_gate(void);
void test_held(void);

/* USART1 and the pin that says the end: what a test must do again that has reset them. */
void set_up_peripherals(void);

static inline void busy(uint32_t cycles)
{
    for (uint32_t start = CYCLES; CYCLES - start < cycles;)
        ;
}

#endif
