/* SPDX-License-Identifier: MIT
 *
 * What a sweep found, for people and for machines.
 */
#ifndef MATTERHORN_BENCH_REPORT_H
#define MATTERHORN_BENCH_REPORT_H

#include "sweep.h"

#include <stdio.h>

/* A sweep_progress_fn for standard error: one line that is rewritten on a terminal, else a line now and then.
 * `context`: a struct report_progress, zeroed. */
struct report_progress {
    double printed; /* seconds at which the last line was printed */
    bool any;
};
void report_progress(void *context, const struct sweep_progress *progress);
/* The same with any line, `seconds` after the beginning. */
void report_progress_line(struct report_progress *state, double seconds, const char *line);
/* Clears the line. */
void report_progress_end(struct report_progress *state);

/* A jansson object on one line, which is freed. False: it is NULL, for want of memory. */
struct json_t;
bool report_line(FILE *stream, struct json_t *object);
/* The table, the findings and the verdict. False: no memory. */
bool report_text(FILE *stream, const struct sweep_result *result, const struct profile *profile);
/* The findings of a sweep that was given up, and how far it got; `json`: as one object on one line. Nothing when no
 * case was judged. False: no memory. */
bool report_incomplete(FILE *stream, const struct sweep_result *result, const struct profile *profile, bool json);
/* One line per cut: id, phase, area, fired, live, boots, virtual ms, verdict. */
void report_list(FILE *stream, const struct sweep_result *result, const struct profile *profile);
/* One object on one line. False: no memory. */
bool report_json(FILE *stream, const struct sweep_result *result, const struct profile *profile);

#endif
