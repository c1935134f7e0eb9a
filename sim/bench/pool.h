/* SPDX-License-Identifier: MIT
 *
 * States that were run, and what of each mattered to its run, in little memory: pages with the same contents are kept
 * once. So a state can be credited with any of them (credit.h), whichever recovery it stems from.
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
/* Makes the arrays equal to the state; they must stem from the same device. */
void pooled_load_state(const struct pooled *pooled, struct arrays *arrays);
/* Makes it the representative again. */
void pooled_load(const struct pooled *pooled, struct representative *representative);

/* Adds the bytes of it that matter, but for those in `except`. */
void pooled_add_matters(const struct pooled *pooled, const struct pages *except, struct bytes *bytes);

/* Whether the state is credited with it, and all the states that differ from it in wild bytes too. */
bool pooled_credits(const struct pooled *pooled, const struct arrays *state, const struct wild *wild);

/* Many of them, to find those with which a state is credited without asking each: by a hash of the bytes that matter,
 * one for each set of such bytes, of which there are few. Searching is for several threads at once, adding for one. */
struct pool_index;
/* NULL: no memory. */
struct pool_index *pool_index_open(struct pool *pool);
void pool_index_close(struct pool_index *index);
/* `pooled` must outlive the index. */
void pool_index_add(struct pool_index *index, const struct pooled *pooled, size_t number);
/* The lowest number of those with which the state is credited; SIZE_MAX: none. */
size_t pool_index_find(const struct pool_index *index, const struct arrays *state, const struct wild *wild);

#endif
