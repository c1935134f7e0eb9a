/* SPDX-License-Identifier: MIT
 *
 * What a sweep found as one HTML page that needs nothing else: verdict, figures, findings, each sector over time, cut
 * coverage, flash map, groups.
 */
#ifndef MATTERHORN_BENCH_PAGE_H
#define MATTERHORN_BENCH_PAGE_H

#include "closure.h"
#include "id.h"
#include "sweep.h"

#include <stdio.h>

#define PAGE_LIMIT 1000000 /* bytes; findings beyond are counted, not listed */

/* False: no memory. */
bool page_write(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                const struct id_target *target);
/* Of a search of several power losses: what became of the states of each depth, and the findings. */
bool page_write_closure(FILE *stream, const struct closure_result *result, const struct id_target *target);

#endif
