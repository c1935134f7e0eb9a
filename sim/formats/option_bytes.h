/* SPDX-License-Identifier: MIT
 *
 * The option bytes of the STM32F405/407 (RM0090 Rev 21, 3.7 and 3.9.9): what protects a device that left the factory.
 */
#ifndef MATTERHORN_OPTION_BYTES_H
#define MATTERHORN_OPTION_BYTES_H

#include "rail.h"

#include <stdbool.h>
#include <stdint.h>

/* What `provision --lock` asks for, as FLASH_OPTCR holds it: brown-out level 3 (2.7 V, what programming 32 bits at a
 * time needs), watchdog started by software, no reset on stop and standby, read protection level 1, sectors 0 to 2
 * (bootloader and anchors) write-protected. */
#define OPTION_BYTES_LOCKED 0x0FF855E0u

/* Puts option bytes into the cells of otp.bin (docs/SPEC.md 7), as the part leaves them when OPTSTRT was set with this
 * in FLASH_OPTCR. OPTLOCK and OPTSTRT (bits 0 and 1) do not count. */
void option_bytes_set(uint8_t otp[RAIL_OTP_SIZE], uint32_t optcr);
/* What FLASH_OPTCR reads after a reset, without OPTLOCK. */
uint32_t option_bytes_get(const uint8_t otp[RAIL_OTP_SIZE]);

/* 0: the debug port reads and writes everything; 1: the flash is closed to it, and opens by a mass erase; 2: closed for
 * ever. */
unsigned option_bytes_read_protection(uint32_t optcr);
/* 0 to 3: below which supply the part is held in reset. 0: off, 1: 2.1 V, 2: 2.4 V, 3: 2.7 V. */
unsigned option_bytes_brown_out(uint32_t optcr);
bool option_bytes_write_protected(uint32_t optcr, unsigned sector);
/* Whether the independent watchdog runs from reset on, at 512 ms, and cannot be stopped. */
bool option_bytes_hardware_watchdog(uint32_t optcr);

#endif
