/* SPDX-License-Identifier: MIT
 *
 * Sets of bytes of a device's non-volatile arrays, a bit each.
 */
#ifndef MATTERHORN_BENCH_BYTES_H
#define MATTERHORN_BENCH_BYTES_H

#include "pages.h"
#include "problem.h"

#include <stddef.h>

#define BYTES_PAGE_WORDS (ARRAYS_PAGE / 64)

struct bytes {
    uint64_t *bits[ARRAYS]; /* BYTES_PAGE_WORDS for each page */
};

bool bytes_allocate(struct bytes *bytes, struct problem *problem);
/* Harmless on a zeroed set. */
void bytes_free(struct bytes *bytes);

void bytes_add(struct bytes *bytes, enum array array, uint32_t offset, uint32_t size);
void bytes_add_all(struct bytes *bytes, const struct bytes *others);
bool bytes_have(const struct bytes *bytes, enum array array, uint32_t offset);
bool bytes_have_any(const struct bytes *bytes, enum array array, uint32_t offset, uint32_t size);
size_t bytes_count(const struct bytes *bytes);

#endif
