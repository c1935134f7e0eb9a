/* SPDX-License-Identifier: MIT
 *
 * What a sweep found as Markdown, for the summary page of a CI job or a comment: verdict, groups,
 * findings with their commands.
 */
#ifndef MATTERHORN_BENCH_MARKDOWN_H
#define MATTERHORN_BENCH_MARKDOWN_H

#include "id.h"
#include "sweep.h"

#include <stdio.h>

/* False: no memory. */
bool markdown_write(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                    const struct id_target *target);

#endif
