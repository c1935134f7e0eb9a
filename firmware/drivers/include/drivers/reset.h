/* SPDX-License-Identifier: MIT
 *
 * Resets, their causes, the watchdog, and leaving for another program.
 */
#ifndef DRIVERS_RESET_H
#define DRIVERS_RESET_H

#include <stdint.h>

/* Why the MCU was reset last: "power-on", "watchdog", "software" or "pin". Clears the flags. */
const char *reset_cause(void);

_Noreturn void reset_system(void);

/* Gives the independent watchdog its longest period. Harmless when it does not run; it is never started here. */
void watchdog_relax(void);
void watchdog_feed(void);

/* Puts clocks and every peripheral that the drivers use back into reset state. */
void reset_peripherals(void);

/* Starts the program whose vector table is at `vectors`: its stack, its vectors, its entry. */
_Noreturn void reset_start(uint32_t vectors);

#endif
