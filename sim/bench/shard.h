/* SPDX-License-Identifier: MIT
 *
 * Shards: a sweep of N processes, on as many computers as one likes, each of which takes a part of the power losses.
 * Which ones depends on the plan and on I/N alone.
 *
 * The plan is cut into parts, as for the workers of one process, and shard I takes every Nth part. No state is
 * credited with the verdict of one in another part, and with up to SHARD_PARTS shards the parts are those of a sweep
 * without shards: so together the shards do exactly what one process would do. With more shards there are more parts,
 * and some more states are run.
 */
#ifndef MATTERHORN_BENCH_SHARD_H
#define MATTERHORN_BENCH_SHARD_H

#include "plan.h"
#include "problem.h"
#include "ranges.h"

#define SHARD_PARTS 16
#define SHARD_MOST 10000

struct shard {
    unsigned number, count; /* 1 to count; 1 of 1: everything */
};

/* "I/N", or "auto": what the array job says in the environment,
 *   SLURM_ARRAY_TASK_ID with _COUNT, _MIN and _STEP     a job array of Slurm
 *   JOB_COMPLETION_INDEX with MATTERHORN_SHARDS         an indexed job of Kubernetes, whose manifest says the number
 *   CI_NODE_INDEX with CI_NODE_TOTAL                    `parallel` in GitLab CI
 * It must be one of them. */
bool shard_parse(const char *text, struct shard *shard, struct problem *problem);
/* How many parts the plan has; stores with as many can be put together. */
unsigned shard_parts(const struct shard *shard);
/* How many of `total` power losses are the shard's. */
size_t shard_share(const struct shard *shard, size_t total);
/* Leaves the plan's cuts that are the shard's, and puts them into the ranges, part by part; `ranges`
 * may be NULL. False: no memory. */
bool shard_take(const struct shard *shard, struct plan *plan, struct ranges *ranges);

#endif
