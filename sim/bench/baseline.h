/* SPDX-License-Identifier: MIT
 *
 * A baseline: power losses of which it is known that the device does not recover from them. Only others fail.
 *
 * A text file with an id on each line, without the firmware's hash (what stands behind @ is skipped); #
 * begins a comment. Every power loss is named, not only the first one of a finding: which of them go the same
 * way may change with any build.
 */
#ifndef MATTERHORN_BENCH_BASELINE_H
#define MATTERHORN_BENCH_BASELINE_H

#include "id.h"
#include "sweep.h"

#include <stdio.h>

struct baseline;

bool baseline_read(struct baseline **baseline, const char *path, struct problem *problem);
/* Harmless on NULL. */
void baseline_free(struct baseline *baseline);
/* Marks the cases whose failure is in the baseline, and remembers it in the result, for reports. Before, none is. */
void baseline_mark(struct baseline *baseline, struct sweep_result *result, const struct profile *profile);

/* What came of marking: cases that fail and were known; ids of the baseline that recover now, and ids
 * that this sweep has not tried. */
size_t baseline_known(const struct baseline *baseline);
size_t baseline_gone(const struct baseline *baseline);
size_t baseline_untried(const struct baseline *baseline);
/* Calls `each` for those that recover now, in the order of the file. */
typedef void baseline_id_fn(void *context, const char *id);
void baseline_each_gone(const struct baseline *baseline, baseline_id_fn *each, void *context);

/* Writes the baseline by which this result has nothing new. */
bool baseline_write(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                    const struct id_target *target);

#endif
