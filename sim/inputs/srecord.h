/* SPDX-License-Identifier: MIT
 *
 * Motorola S-records: S0 to S3 and S5 to S9.
 */
#ifndef MATTERHORN_INPUTS_SRECORD_H
#define MATTERHORN_INPUTS_SRECORD_H

#include "memory.h"

/* Puts the data of a whole file into memory. False: it says in which line it went wrong. */
bool srecord_read(const uint8_t *bytes, size_t size, struct memory *memory, struct problem *problem);

#endif
