/* SPDX-License-Identifier: MIT
 *
 * Starts without work: power-ups that did no operation on the flashes. Most second power-ups
 * of a recovery are, and alike.
 *
 * Let L be one that was run, and T the bytes that it read or fetched. A power-up from another state under the same
 * contents of SRAM and the same noise takes the same course when the two agree in T, in cells and marks: why is said in
 * credit.h. It writes nothing either, so that it leaves the state as it was. It need not be run: what was seen of L is
 * what is seen of it, and its own state is judged by that. Not so where weak bits are left in the internal flash or the
 * one-time programmable area, which a power-on sets (recovery.c): such a power-up is run.
 *
 * All of one set are under the same conditions.
 */
#ifndef MATTERHORN_BENCH_IDLE_H
#define MATTERHORN_BENCH_IDLE_H

#include "pool.h"
#include "session.h"

/* May be used by several threads. */
struct idles;

struct idle {
    struct session_result result;
    uint64_t trace;                /* a hash of all its events */
    const struct pooled *pooled;   /* the state and T */
};

/* `pool` must outlive it. NULL: no memory. */
struct idles *idles_open(struct pool *pool);
void idles_close(struct idles *idles);

/* One that a power-up in this state is like; NULL: none. It stays as long as they. */
const struct idle *idles_find(struct idles *idles, const struct arrays *state);
/* `begin`: in which state it began, and T. False: no memory. */
bool idles_add(struct idles *idles, const struct representative *begin, const struct session_result *result,
               uint64_t trace);

#endif
