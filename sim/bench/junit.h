/* SPDX-License-Identifier: MIT
 *
 * What a sweep found as JUnit XML: one test case per group (phase, area, kind), and one per finding, whose system-out
 * is the command that replays its first power loss, and whose system-err says how many more go the same way.
 */
#ifndef MATTERHORN_BENCH_JUNIT_H
#define MATTERHORN_BENCH_JUNIT_H

#include "id.h"
#include "sweep.h"

#include <stdio.h>

/* False: no memory. */
bool junit_write(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                 const struct id_target *target);

#endif
