/* SPDX-License-Identifier: MIT
 *
 * A trial that failed as a bundle (bundle.h): what a soak has made of a device is in no id, so the bundle has the
 * device itself, with its marks, as it was before that update, and a list of the losses from there.
 */
#ifndef MATTERHORN_BENCH_TRIAL_BUNDLE_H
#define MATTERHORN_BENCH_TRIAL_BUNDLE_H

#include "bundle.h"
#include "soak.h"

struct trial_bundle {
    const struct target *target;
    const struct arrays *begin;
    const struct trial *trial;
    const struct trial_result *result;
    const struct soak_conditions *conditions;
    uint64_t update; /* of the soak, from 1 */
};

/* Runs the trial once more in the machine, which must go the same way, and writes the bundle with UART and trace
 * into `folder`; *path: where, malloc'ed. */
bool trial_bundle_write(const struct trial_bundle *bundle, const char *folder, struct machine *machine,
                        struct offer *offer, char **path, struct problem *problem);

/* Whether the bundle is one of a trial. */
bool trial_bundle_is(const struct bundle *bundle);
/* What it takes to run it again; `begin` is allocated. `trace`: what the hash of all events was. */
bool trial_bundle_read(const struct bundle *bundle, const struct profile *profile, struct trial *trial,
                       struct arrays *begin, struct soak_conditions *conditions, uint64_t *trace,
                       struct problem *problem);

#endif
