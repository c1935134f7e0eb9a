/* SPDX-License-Identifier: MIT
 *
 * Where a sweep has lost power: per operation, and per sector of the flashes.
 */
#ifndef MATTERHORN_BENCH_COVERAGE_H
#define MATTERHORN_BENCH_COVERAGE_H

#include "summary.h"
#include "sweep.h"

enum coverage_mark { COVERAGE_CUT = 1, COVERAGE_FINDING = 2 };

struct coverage_sector {
    size_t operations, tried; /* operations on it; those at which power was lost */
    size_t cuts, findings;
};

struct coverage {
    struct summary summary;          /* of the recorded run */
    struct coverage_sector *sectors; /* per summary.sectors */
    uint8_t *marks;                  /* per operation of the recording: enum coverage_mark */
};

/* False: no memory. */
bool coverage_make(struct coverage *coverage, const struct sweep_result *result, const struct profile *profile);
void coverage_free(struct coverage *coverage);
/* The number of the sector in summary.sectors that starts there; SIZE_MAX when no operation touched it. */
size_t coverage_sector_at(const struct coverage *coverage, unsigned chip, uint32_t start);

#endif
