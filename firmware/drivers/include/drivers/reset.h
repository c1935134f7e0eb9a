/* SPDX-License-Identifier: MIT
 *
 * Resets, their causes, the watchdog, and leaving for another program.
 */
#ifndef DRIVERS_RESET_H
#define DRIVERS_RESET_H

#include <stdint.h>

/* Why the MCU was reset last; a brown-out is a power-on. */
enum reset_cause { RESET_POWER_ON, RESET_WATCHDOG, RESET_SOFTWARE, RESET_PIN };

/* Clears the flags (RM0090 7.3.21): to be asked once per start. */
enum reset_cause reset_cause(void);

/* "power-on", "watchdog", "software" or "pin". */
const char *reset_cause_name(enum reset_cause cause);

_Noreturn void reset_system(void);

/* Gives the independent watchdog its longest period: 32.8 s, by the tolerance of its oscillator from 22 to 61 s
 * (DS8626 table 33, RM0090 21.3). Harmless when it does not run. */
void watchdog_relax(void);
/* Starts it, with that period. Nothing but a reset stops it. */
void watchdog_start(void);
void watchdog_feed(void);

/* Puts clocks and every peripheral that the drivers use back into reset state. */
void reset_peripherals(void);

/* Starts the program whose vector table is at `vectors`: its stack, its vectors, its entry. */
_Noreturn void reset_start(uint32_t vectors);

#endif
