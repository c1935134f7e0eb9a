/* SPDX-License-Identifier: MIT
 *
 * Images of the .NET Micro Framework's original updater, which have the suffix .nmf too (docs/SPEC.md 9.4): blocks of
 * destination, lengths and compressed data, without magic, checksum or signature.
 */
#ifndef MATTERHORN_INPUTS_NETMF_H
#define MATTERHORN_INPUTS_NETMF_H

#include "memory.h"

/* Decompresses exactly `size` bytes from exactly `packed_size`. False: it says at which of the packed bytes it went
 * wrong, counted from `offset`, where they begin in their file. */
bool netmf_decompress(const uint8_t *packed, size_t packed_size, size_t offset, uint8_t *bytes, size_t size,
                      struct problem *problem);

/* Puts the contents of all blocks into memory. False: it says at which offset of the file it went wrong. */
bool netmf_read(const uint8_t *bytes, size_t size, struct memory *memory, struct problem *problem);

#endif
