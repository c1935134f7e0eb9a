/* SPDX-License-Identifier: MIT
 *
 * The internal flash (RM0090 3): words of 32 bits, 2.7 V and more. Unlocked only while an operation runs.
 */
#ifndef DRIVERS_INTERNAL_FLASH_H
#define DRIVERS_INTERNAL_FLASH_H

#include "matterhorn/device.h"

/* The driver interface of the update core. Words 0xFFFFFFFF are not programmed: erased is what they are. */
struct mh_internal internal_flash(void);

/* The same of the one-time programmable area, which is programmed in the same way (RM0090 3.6.5). */
struct mh_otp one_time_programmable(void);

#endif
