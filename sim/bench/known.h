/* SPDX-License-Identifier: MIT
 *
 * States that were met, by fingerprint: 16 to 32 bytes each.
 */
#ifndef MATTERHORN_BENCH_KNOWN_H
#define MATTERHORN_BENCH_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KNOWN_NONE UINT32_MAX

struct known {
    struct known_entry {
        uint64_t print;
        uint32_t number; /* KNOWN_NONE: free */
    } *entries;
    size_t count, capacity; /* a power of two */
};

/* The number under which the fingerprint was added; KNOWN_NONE when it was not. */
uint32_t known_find(const struct known *known, uint64_t print);
/* Unless it is known already. False: no memory. `known` starts zeroed. */
bool known_add(struct known *known, uint64_t print, uint32_t number);
void known_free(struct known *known);

#endif
