/* SPDX-License-Identifier: MIT
 *
 * Sets of pages of a device's non-volatile arrays.
 */
#ifndef MATTERHORN_BENCH_PAGES_H
#define MATTERHORN_BENCH_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "rail.h"

enum array { ARRAY_INTERNAL, ARRAY_OTP, ARRAY_NOR, ARRAYS };

#define ARRAYS_PAGE 1024u
#define ARRAYS_MOST_PAGES (RAIL_NOR_SIZE / ARRAYS_PAGE)
#define PAGES_WORDS (ARRAYS_MOST_PAGES / 64)

struct pages {
    uint64_t bits[ARRAYS][PAGES_WORDS];
};

/* Adds or removes the pages that hold any of `size` bytes from `offset`. */
void pages_add(struct pages *pages, enum array array, uint32_t offset, uint32_t size);
void pages_remove(struct pages *pages, enum array array, uint32_t offset, uint32_t size);
void pages_add_all(struct pages *pages, const struct pages *others);
bool pages_have(const struct pages *pages, enum array array, uint32_t page);

/* Calls `each` for every page of the set, in order. */
typedef void pages_each_fn(void *context, enum array array, uint32_t page);
void pages_each(const struct pages *pages, pages_each_fn *each, void *context);

#endif
