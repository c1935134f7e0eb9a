/* SPDX-License-Identifier: MIT
 *
 * The files into which the result of a sweep is written: each of them whole, or not at all.
 */
#ifndef MATTERHORN_OUTPUTS_H
#define MATTERHORN_OUTPUTS_H

#include "files.h"
#include "id.h"
#include "options.h"
#include "sweep.h"

enum output { OUTPUT_LIST, OUTPUT_JUNIT, OUTPUT_HTML, OUTPUT_MARKDOWN, OUTPUT_SARIF, OUTPUT_BASELINE, OUTPUTS };

struct outputs {
    char *paths[OUTPUTS]; /* as the user said them; NULL: not wanted */
    struct file_writer writers[OUTPUTS];
    char *baseline_path;
    struct baseline *baseline;
};

/* Their options, for a sub-command's table. */
#define OUTPUTS_OPTIONS(outputs)                                                                                            \
    {"list", '\0', POPT_ARG_STRING, &(outputs)->paths[OUTPUT_LIST], 0, "write one line per cut", "FILE"},                  \
    {"junit", '\0', POPT_ARG_STRING, &(outputs)->paths[OUTPUT_JUNIT], 0, "write JUnit XML: a test case per group and per finding", "FILE"}, \
    {"html", '\0', POPT_ARG_STRING, &(outputs)->paths[OUTPUT_HTML], 0, "write one page with timeline, flash map and findings", "FILE"},   \
    {"markdown", '\0', POPT_ARG_STRING, &(outputs)->paths[OUTPUT_MARKDOWN], 0, "write a summary in Markdown", "FILE"},          \
    {"sarif", '\0', POPT_ARG_STRING, &(outputs)->paths[OUTPUT_SARIF], 0, "write SARIF 2.1.0: a result per finding", "FILE"},      \
    {"baseline", '\0', POPT_ARG_STRING, &(outputs)->baseline_path, 0, "power losses that are known not to be recovered: only others fail", "FILE"}, \
    {"write-baseline", '\0', POPT_ARG_STRING, &(outputs)->paths[OUTPUT_BASELINE], 0, "write the baseline by which nothing is new", "FILE"}

/* No two of them are the same file, nor the same as one of `others`. */
bool outputs_apart(const struct outputs *outputs, const char *const others[], unsigned count, struct problem *problem);
/* Before anything long is done: it shall not end with a path that cannot be written. Reads the baseline. */
bool outputs_open(struct outputs *outputs, struct problem *problem);
/* Compares with the baseline, if there is one. */
void outputs_compare(const struct outputs *outputs, struct sweep_result *result, const struct profile *profile);
/* All of them, or none takes the place of what was there. */
bool outputs_write(struct outputs *outputs, const struct sweep_result *result, const struct profile *profile,
                   const struct id_target *target, struct problem *problem);
/* What was opened and not written leaves no trace. */
void outputs_close(struct outputs *outputs);

#endif
