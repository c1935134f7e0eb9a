/* SPDX-License-Identifier: MIT
 *
 * The supply voltage, watched by the programmable voltage detector (RM0090 5.2.3). Programs and erases of 32 bits need
 * 2.7 V (RM0090 3.6.2), and so does the SPI NOR: what is written below may read good and not last.
 */
#ifndef DRIVERS_SUPPLY_H
#define DRIVERS_SUPPLY_H

#include "matterhorn/error.h"

/* Enables the detector at its level of 2.8 V. It trips between 2.85 and 2.99 V and lets go between 2.96 and 3.10 V
 * (DS8626 table 19): above what writing needs, and below 3.3 V less 5 %, which the level above it (up to 3.21 V) is
 * not: a good board must not wait for ever. */
void supply_watch(void);

/* Before each erase, and each program of at most 256 bytes: returns at once when the supply is high enough. Else looks
 * every 100 ms, feeds the watchdog, and gives up with MH_ERR_SUPPLY after 10 s; from then on at once, until it has been
 * high enough again. */
enum mh_error supply_wait(void);

#endif
