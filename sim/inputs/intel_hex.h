/* SPDX-License-Identifier: MIT
 *
 * Intel HEX (Intel, Hexadecimal Object File Format Specification, revision A): record types 00 to 05.
 */
#ifndef MATTERHORN_INPUTS_INTEL_HEX_H
#define MATTERHORN_INPUTS_INTEL_HEX_H

#include "memory.h"

/* Puts the data of a whole file into memory. False: it says in which line it went wrong. */
bool intel_hex_read(const uint8_t *bytes, size_t size, struct memory *memory, struct problem *problem);

#endif
