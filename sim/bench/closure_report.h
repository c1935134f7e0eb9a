/* SPDX-License-Identifier: MIT
 *
 * What a closure found, for people and for machines.
 */
#ifndef MATTERHORN_BENCH_CLOSURE_REPORT_H
#define MATTERHORN_BENCH_CLOSURE_REPORT_H

#include "closure.h"
#include "report.h"

/* A closure_progress_fn; `context` as that of report_progress. */
void closure_report_progress(void *context, const struct closure_progress *progress);
/* The table, the findings and how far it got; `target`: for the command that shows the first finding. */
void closure_report_text(FILE *stream, const struct closure_result *result, const struct id_target *target);
/* Its last words: whether it is closed, under which menu, or how far it got. */
void closure_report_end(FILE *stream, const struct closure_result *result);
/* One object on one line. False: no memory. */
bool closure_report_json(FILE *stream, const struct closure_result *result);
/* One line per crash state that was met: id, depth, verdict, and with which state it was credited or met before. */
void closure_report_list(FILE *stream, const struct closure_result *result);

#endif
