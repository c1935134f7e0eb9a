/* SPDX-License-Identifier: MIT
 *
 * What an ELF file for the core would put into memory.
 */
#ifndef MATTERHORN_BENCH_ELF_FILE_H
#define MATTERHORN_BENCH_ELF_FILE_H

#include "problem.h"

#include <stddef.h>
#include <stdint.h>

#define ELF_FILE_LARGEST (64u << 20) /* bytes; with debug information */

/* Whether the bytes look like any ELF file. */
bool elf_file_is(const uint8_t *bytes, size_t size);

/* Calls `each` for every section that is loaded, with the address where it is loaded, which is not where initialized
 * data are used; where sections were stripped, for every segment. False when it is no good 32-bit little-endian file
 * for ARM, which is described, or when `each` returned false. */
typedef bool elf_file_each_fn(void *context, uint32_t address, const uint8_t *bytes, uint32_t size);
bool elf_file_each(const uint8_t *bytes, size_t size, elf_file_each_fn *each, void *context, struct problem *problem);

#endif
