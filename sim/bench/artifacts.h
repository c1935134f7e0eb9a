/* SPDX-License-Identifier: MIT
 *
 * What a finding leaves for people to look at.
 */
#ifndef MATTERHORN_BENCH_ARTIFACTS_H
#define MATTERHORN_BENCH_ARTIFACTS_H

#include "recovery.h"

#include <jansson.h>

struct target;

/* `folder`/ID, where the artifacts of an id are: '/' in the id becomes '+'; malloc'ed. */
char *artifacts_folder(const char *folder, const char *id);
/* Recovers once more as `request` says, which goes the same way, and writes into artifacts_folder() before/ and
 * after/ with the arrays, uart.txt and trace.txt of the first power-up, and a README unless `readme` is NULL. The
 * folder takes the place of an earlier one of the id, complete or not at all. */
bool artifacts_write(const char *folder, const char *id, const struct oracle *oracle, struct machine *machine,
                     const struct recovery_request *request, const char *readme, struct problem *problem);

/* What makes a bundle (bundle.h) of the folder. */
struct artifacts_bundle {
    const struct target *target;
    json_t *about; /* taken over */
};
/* The same, as a bundle. */
bool artifacts_write_bundle(const char *folder, const char *id, const struct artifacts_bundle *bundle,
                            struct machine *machine, const struct recovery_request *request, const char *readme,
                            struct problem *problem);

#endif
