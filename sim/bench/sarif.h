/* SPDX-License-Identifier: MIT
 *
 * What a sweep found as SARIF 2.1.0 (OASIS), which code hosts show beside the code: a rule per oracle, a result per
 * finding. A finding is in no line of a source file: its location is the profile, and logically the operation.
 */
#ifndef MATTERHORN_BENCH_SARIF_H
#define MATTERHORN_BENCH_SARIF_H

#include "id.h"
#include "sweep.h"

#include <stdio.h>

/* False: no memory. */
bool sarif_write(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                 const struct id_target *target);

#endif
