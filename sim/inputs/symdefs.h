/* SPDX-License-Identifier: MIT
 *
 * symdefs.txt, as armlink writes it: the addresses that an application was linked against.
 */
#ifndef MATTERHORN_INPUTS_SYMDEFS_H
#define MATTERHORN_INPUTS_SYMDEFS_H

#include "problem.h"

#include <stddef.h>
#include <stdint.h>

/* Where every symbol must lie. */
struct symdefs_range {
    const char *name; /* for messages */
    uint32_t address, size;
};

/* Whether each line is as it should be and each symbol that is an address lies in the range. Numbers (type N) may have
 * any value. False: it says which line is not so. */
bool symdefs_check(const uint8_t *bytes, size_t size, const struct symdefs_range *range, struct problem *problem);

#endif
