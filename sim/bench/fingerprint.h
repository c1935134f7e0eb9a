/* SPDX-License-Identifier: MIT
 *
 * A number for a state, the same for the same cells and marks outside the wild bytes and the same wild bytes, and in practice for
 * no others: among n states, two have the same one with a probability of n*n / 2^65. That of a class is that of any of its members.
 *
 * Each page has its own, and the whole is all of them by exclusive or: an operation costs the pages that it changes.
 */
#ifndef MATTERHORN_BENCH_FINGERPRINT_H
#define MATTERHORN_BENCH_FINGERPRINT_H

#include "arrays.h"
#include "wild.h"

struct fingerprint {
    uint64_t pages[ARRAYS][ARRAYS_MOST_PAGES];
    uint64_t whole;
};

/* Of all pages of a device without marks. */
void fingerprint_device(struct fingerprint *print, const struct arrays *device);
/* Of a state that stems from the device of that other print. */
void fingerprint_begin(struct fingerprint *print, const struct fingerprint *device, const struct arrays *arrays,
                       const struct wild *wild);
/* Cells, marks or wild bytes may have changed in these pages. */
void fingerprint_move(struct fingerprint *print, const struct arrays *arrays, const struct wild *wild, const struct pages *moved);

#endif
