/* SPDX-License-Identifier: MIT
 *
 * What compilers and other tools make of a program: files of several formats, and what each of them puts into memory
 * (docs/SPEC.md 9).
 */
#ifndef MATTERHORN_INPUTS_INPUT_H
#define MATTERHORN_INPUTS_INPUT_H

#include "memory.h"

enum input_format { INPUT_AUTO, INPUT_RAW, INPUT_ELF, INPUT_HEX, INPUT_SREC, INPUT_NETMF };

#define INPUT_FORMATS "auto, raw, elf, hex, srec, netmf" /* their names, for messages */

/* False when no format is called so. */
bool input_named(const char *name, enum input_format *format);

/* Which one it is, by its first bytes; never INPUT_AUTO. What looks like none of the others is raw. */
enum input_format input_guess(const uint8_t *bytes, size_t size);

/* Puts what is in the file into memory. A raw binary goes to `raw_address`; the others say themselves. */
bool input_read(enum input_format format, const uint8_t *bytes, size_t size, uint32_t raw_address,
                struct memory *memory, struct problem *problem);

#endif
