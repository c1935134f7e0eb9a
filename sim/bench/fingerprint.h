/* SPDX-License-Identifier: MIT
 *
 * A number for a state, the same for the same cells and marks outside the wild bytes and the same wild bytes, and in practice for
 * no others: among n states, two have the same one with a probability of n*n / 2^65. That of a class is that of any of its members.
 *
 * Each eight bytes have their own, a hash of where they are and of all that counts of them, and the whole is all of them by exclusive or: an
 * operation costs the bytes that it changes. (So are positions hashed that change by a move each; Zobrist, A new hashing method with application
 * for game playing, 1970.)
 */
#ifndef MATTERHORN_BENCH_FINGERPRINT_H
#define MATTERHORN_BENCH_FINGERPRINT_H

#include "arrays.h"
#include "changes.h"
#include "wild.h"

struct fingerprint {
    uint64_t *words[ARRAYS]; /* of each eight bytes */
    uint8_t *cells[ARRAYS];  /* of which they are, so that what has not changed need not be hashed again */
    struct pages pages;      /* in which some may not be those of the device */
    struct pages odd;        /* in which some are not those of the cells alone */
    uint64_t whole;          /* 0: that of the device, nothing wild */
};

/* Of a device without marks; free with fingerprint_close. */
bool fingerprint_open(struct fingerprint *print, const struct arrays *device, struct problem *problem);
/* Harmless on a zeroed one. */
void fingerprint_close(struct fingerprint *print);
/* Of a state that stems from that device. */
void fingerprint_begin(struct fingerprint *print, const struct arrays *arrays, const struct wild *wild);
/* Cells, marks or wild bytes may have changed there, and nowhere else. */
void fingerprint_move(struct fingerprint *print, const struct arrays *arrays, const struct wild *wild, const struct changes *changes);

#endif
