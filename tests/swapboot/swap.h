/* SPDX-License-Identifier: MIT
 *
 * Swapping what is in the two slots, through the scratch, so that it can go on after any loss of power.
 */
#ifndef SWAPBOOT_SWAP_H
#define SWAPBOOT_SWAP_H

#include "slots.h"

/* Begins a swap: for a trial of what is in the secondary slot, or back to it. */
void swap_begin(uint8_t kind);
/* One was begun and is not finished. */
bool swap_is_open(void);
/* Finishes it, from whatever point. */
void swap_finish(void);

#endif
