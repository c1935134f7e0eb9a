/* SPDX-License-Identifier: MIT
 *
 * The stores of all shards of a sweep, put together: what one process would have kept.
 */
#ifndef MATTERHORN_BENCH_STORE_MERGE_H
#define MATTERHORN_BENCH_STORE_MERGE_H

#include "store.h"

/* Makes the file `out`, which must not be there, of the finished stores of all shards of one sweep: every one once.
 * Otherwise says which one differs, is not complete, is there twice or is missing, and leaves nothing. */
bool store_merge(const char *out, const char *const paths[], unsigned count, struct problem *problem);

#endif
