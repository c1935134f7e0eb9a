/* SPDX-License-Identifier: MIT
 *
 * The operations of a sweep in groups of one phase, area and kind, and what came of the cuts in each.
 */
#ifndef MATTERHORN_BENCH_GROUPS_H
#define MATTERHORN_BENCH_GROUPS_H

#include "sweep.h"

/* What came of a cut. */
static inline const struct verdict *groups_verdict(const struct sweep_case *one)
{
    return &one->outcome->verdict;
}

struct group {
    unsigned phase;
    const char *area;
    unsigned kind;
    size_t operations;
    size_t points, tried; /* distinct (operation, tear) there are; those of them at which power was lost */
    size_t cuts, fired, run, recovered; /* cuts: a point may be repeated; run: not credited */
    size_t known; /* not recovered, and the baseline says so */
    uint64_t worst_ns;
    uint32_t worst_boots;
};

struct groups {
    struct group *entries; /* in the order of their first operation */
    size_t count;
};

/* False: no memory. */
bool groups_make(struct groups *groups, const struct sweep_result *result);
/* How many of the cuts were not recovered from. */
size_t groups_failed(const struct sweep_result *result);
void groups_free(struct groups *groups);

#endif
