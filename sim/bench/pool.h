/* SPDX-License-Identifier: MIT
 *
 * States that were run, and what of each mattered to its run, in little memory: pages with the same contents are kept once. So a state can be
 * credited with any of them (credit.h), whichever recovery it stems from.
 */
#ifndef MATTERHORN_BENCH_POOL_H
#define MATTERHORN_BENCH_POOL_H

#include "credit.h"
#include "wild.h"

/* The pages of all of them; may be used by several threads. */
struct pool;
/* One state; free with pooled_free. It is not changed any more. */
struct pooled;

/* `device`: the provisioned one, from which all states stem. NULL: no memory. */
struct pool *pool_open(const struct arrays *device);
void pool_close(struct pool *pool);

/* NULL: no memory. */
struct pooled *pool_keep(struct pool *pool, const struct representative *representative);
/* Harmless on NULL. */
void pooled_free(struct pooled *pooled);
/* Makes it the representative again. */
void pooled_load(const struct pooled *pooled, struct representative *representative);

/* Where a state was found to differ, which is where it is likely to differ from the next one; starts zeroed. */
struct pool_hint {
    enum array array;
    uint32_t page;
};

/* Whether the state is credited with it, and all the states that differ from it in wild bytes too. */
bool pooled_credits(const struct pooled *pooled, const struct arrays *state, const struct wild *wild, struct pool_hint *hint);

#endif
