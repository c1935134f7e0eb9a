/* SPDX-License-Identifier: MIT
 *
 * A soak: thousands of updates in a row on one device, which loses power at random. The updates of the profile's `soak`
 * take turns; each must be there in the end, and its wear counts over the whole soak.
 *
 * Everything random follows from the seed and the number of the update, so an update's losses do not depend on what
 * came before, and a soak that goes on from a checkpoint (soak_store.h) ends as if it had never stopped.
 */
#ifndef MATTERHORN_BENCH_SOAK_H
#define MATTERHORN_BENCH_SOAK_H

#include "trial.h"

/* What a soak is; a checkpoint keeps it. */
struct soak_conditions {
    uint64_t seed;
    double losses;                     /* interruptions per update, on average */
    char flash_times[8], nor_times[8]; /* typical or maximum */
};

struct soak_options {
    const char *root, *device; /* as target_open takes them */
    const char *profile_file;  /* nothing is written there */
    struct soak_conditions conditions;
    uint64_t updates;
    const char *store; /* checkpoint, written every so many updates and at the end; NULL: none */
    uint64_t every;
    bool resume;           /* from there; conditions come from it too */
    const char *artifacts; /* folder for the bundle of a finding; NULL: none */
};

/* All that was seen; a checkpoint keeps it. */
struct soak_totals {
    uint64_t updates;             /* done */
    uint64_t disturbed;           /* of these, with a loss of power at least */
    uint64_t losses, most_losses; /* of power; of one update at most */
    uint64_t boots, operations, virtual_ns;
    uint64_t trace;                /* a hash of everything that happened */
    double cpu_s;                  /* processor time of bench, machine and commands */
    uint64_t usual[PROFILE_SOAKS]; /* operations of an update without a loss, the last time; 0: not yet */
    struct life life;
};

struct soak_result {
    struct soak_conditions conditions;
    struct soak_totals totals;
    char firmware[65];
    bool failed;
    struct trial trial; /* that failed; it is the one after totals.updates */
    struct trial_result finding;
    char *bundle; /* its folder; NULL: none was written */
};

/* Called after each update; `stored`: a checkpoint was written. */
typedef void soak_progress_fn(void *context, const struct soak_result *result, bool stored);

/* Ends at the first finding, where the device may be lost for good, or after the last update. */
bool soak_run(struct soak_result *result, const struct profile *profile, const struct soak_options *options,
              soak_progress_fn *progress, void *context, struct problem *problem);
void soak_free(struct soak_result *result);

/* The losses of an update. Exported for tests: a function of the arguments alone. `usual`: operations of such an
 * update; 0: not known yet, so it is left alone. */
void soak_plan(struct trial *trial, const struct profile *profile, const struct soak_conditions *conditions,
               uint64_t update, uint64_t usual);

#endif
