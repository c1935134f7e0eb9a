/* SPDX-License-Identifier: MIT
 *
 * A soak's checkpoint: one file with all that it takes to go on as if nothing had happened. Its first line names the
 * format, its second one is JSON (conditions, totals, marks), then come the cells of the three arrays, and in the end
 * the SHA-256 of all that.
 */
#ifndef MATTERHORN_BENCH_SOAK_STORE_H
#define MATTERHORN_BENCH_SOAK_STORE_H

#include "soak.h"

/* Takes the place of an earlier one when it is complete. */
bool soak_store_write(const char *path, const struct profile *profile, const struct soak_result *result,
                      const struct arrays *device, struct problem *problem);
/* result->firmware is set: a checkpoint of another profile or firmware is refused. `device` gets cells and marks. */
bool soak_store_read(const char *path, const struct profile *profile, struct soak_result *result, struct arrays *device,
                     struct problem *problem);

#endif
