/* SPDX-License-Identifier: MIT
 *
 * Two sweeps of the same profile, such as of two builds of the firmware: which power losses fail that did not, which no
 * longer do, and what the update itself costs in each.
 */
#ifndef MATTERHORN_BENCH_COMPARE_H
#define MATTERHORN_BENCH_COMPARE_H

#include "store_report.h"

#include <stdio.h>

enum comparison_kind {
    COMPARED_NEW,   /* fails after; before it recovered, or there was no such power loss */
    COMPARED_FIXED, /* recovers after, failed before */
    COMPARED_GONE,  /* failed before; after there is no such power loss */
    COMPARED_STILL, /* fails in both */
    COMPARED_KINDS,
};

struct comparison {
    const struct store_report *before, *after;
    struct compared {
        const struct sweep_case **cases; /* of `after`; of `before` where they are gone; in the order of the plan */
        size_t count;
    } kinds[COMPARED_KINDS];
};

/* Both are complete. In either case, free it. */
bool compare(struct comparison *comparison, const struct store_report *before, const struct store_report *after,
             struct problem *problem);
void compare_free(struct comparison *comparison);
/* Something fails that did not. */
bool compare_worse(const struct comparison *comparison);

/* For people; for machines, one object on one line. False: no memory. */
bool compare_text(FILE *stream, const struct comparison *comparison);
bool compare_json(FILE *stream, const struct comparison *comparison);

#endif
