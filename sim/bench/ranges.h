/* SPDX-License-Identifier: MIT
 *
 * Ranges of numbers that workers take, split, and put back.
 */
#ifndef MATTERHORN_BENCH_RANGES_H
#define MATTERHORN_BENCH_RANGES_H

#include <stdbool.h>
#include <stddef.h>

struct range {
    size_t from, to; /* from <= number < to */
};

struct ranges;

/* The numbers 0..count-1 in at most `parts` equal ranges. NULL: no memory. */
struct ranges *ranges_open(size_t count, size_t parts);
void ranges_close(struct ranges *ranges);

/* Takes the first range, which must be followed by one ranges_done. Waits while others may still put some; false when
 * none will come, or when somebody failed. */
bool ranges_take(struct ranges *ranges, struct range *range);
bool ranges_put(struct ranges *ranges, struct range range);
/* The range that was taken is done with; `good`: else nobody shall take another. */
void ranges_done(struct ranges *ranges, bool good);

#endif
