/* SPDX-License-Identifier: MIT
 *
 * What a soak saw, for people and for machines.
 */
#ifndef MATTERHORN_BENCH_SOAK_REPORT_H
#define MATTERHORN_BENCH_SOAK_REPORT_H

#include "soak.h"

#include <stdio.h>

/* Figures, life used, the finding, and the verdict. */
void soak_report_text(FILE *stream, const struct soak_result *result, const struct profile *profile);
/* One object on one line; what depends on the host is in its "host" alone. False: no memory. */
bool soak_report_json(FILE *stream, const struct soak_result *result, const struct profile *profile);

/* A soak_progress_fn for standard error: one line that is rewritten on a terminal, else one for each checkpoint and
 * now and then. `context`: a struct soak_progress, zeroed but for `updates`. */
struct soak_progress {
    uint64_t updates; /* wanted */
    double printed;   /* seconds of a clock */
    bool any;
};
void soak_progress(void *context, const struct soak_result *result, bool stored);
void soak_progress_end(const struct soak_progress *progress);

#endif
