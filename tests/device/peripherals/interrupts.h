/* SPDX-License-Identifier: MIT
 *
 * Interrupts of the MCU by their numbers (RM0090 table 62): how often each came, and when first.
 */
#ifndef PERIPHERALS_INTERRUPTS_H
#define PERIPHERALS_INTERRUPTS_H

#include "bare.h"

enum { INTERRUPTS = 82 };

extern volatile uint32_t counts[INTERRUPTS];
extern volatile uint32_t first_at[INTERRUPTS]; /* in CYCLES */

/* The vector of all of them. */
void any_interrupt(void);

/* Forgets what is pending, counts from 0, and enables the interrupt. The handler is called when it was counted; NULL:
 * none. */
void listen(unsigned number, void (*handler)(void));
/* Disables it. */
void ignore(unsigned number);
/* Sleeps until it has come so often. */
void wait_for(unsigned number, uint32_t count);

#endif
