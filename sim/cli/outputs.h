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

enum output { OUTPUT_LIST, OUTPUT_JUNIT, OUTPUT_HTML, OUTPUTS };

struct outputs {
    char *paths[OUTPUTS]; /* as the user said them; NULL: not wanted */
    struct file_writer writers[OUTPUTS];
};

/* Their options, for a sub-command's table. */
#define OUTPUTS_OPTIONS(outputs)                                                                                            \
    {"list", '\0', POPT_ARG_STRING, &(outputs)->paths[OUTPUT_LIST], 0, "write one line per cut", "FILE"},                  \
    {"junit", '\0', POPT_ARG_STRING, &(outputs)->paths[OUTPUT_JUNIT], 0, "write JUnit XML: a test case per group and per finding", "FILE"}, \
    {"html", '\0', POPT_ARG_STRING, &(outputs)->paths[OUTPUT_HTML], 0, "write one page with timeline, flash map and findings", "FILE"}

/* No two of them are the same file, nor the same as one of `others`. */
bool outputs_apart(const struct outputs *outputs, const char *const others[], unsigned count, struct problem *problem);
/* Before anything long is done: it shall not end with a path that cannot be written. */
bool outputs_open(struct outputs *outputs, struct problem *problem);
/* All of them, or none takes the place of what was there. */
bool outputs_write(struct outputs *outputs, const struct sweep_result *result, const struct profile *profile,
                   const struct id_target *target, struct problem *problem);
/* What was opened and not written leaves no trace. */
void outputs_close(struct outputs *outputs);

#endif
