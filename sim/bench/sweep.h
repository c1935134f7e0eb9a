/* SPDX-License-Identifier: MIT
 *
 * The sweep: one recorded run, crash states built from it, each recovered by the real binary and judged.
 */
#ifndef MATTERHORN_BENCH_SWEEP_H
#define MATTERHORN_BENCH_SWEEP_H

#include "oracle.h"
#include "plan.h"

struct sweep_options {
    const char *root;      /* where relative paths of the profile start; NULL: the project */
    const char *device;    /* folder; NULL: the profile's */
    const char *artifacts; /* folder for what the first findings leave; NULL: none */
    unsigned jobs;         /* workers, at least 1 */
    uint64_t seed;         /* 0: the profile's */
    size_t cuts;           /* 0: as many as the profile says */
    bool all;              /* every operation with every tear */
    size_t live;           /* cuts that are also done for real */
};

/* One cut and what came of it. */
struct sweep_case {
    struct cut cut;
    bool fired; /* power was lost at this operation: its state was built, or left by the machine */
    bool live;  /* it was also done for real, and left the state that was built */
    struct verdict verdict;
};

struct sweep_result {
    struct recording recording;
    struct plan plan;
    struct verdict clean; /* of the run without power loss */
    struct sweep_case *cases; /* one per cut of the plan, in its order; NULL when the clean run failed */
    size_t live;
    char firmware[65]; /* SHA-256 of the internal flash as provisioned, hexadecimal */
    uint64_t seed;
    unsigned jobs;
    double wall_s, cpu_s; /* of everything */
    double recovery_wall_s, recovery_cpu_s; /* of recovering from the planned cuts alone, machines and engine */
    uint64_t virtual_ns, instructions;
};

/* Called every so often from the calling thread, and once at the end. */
struct sweep_progress {
    size_t done, total, findings, live_done, live_total;
    double seconds;
};
typedef void sweep_progress_fn(void *context, const struct sweep_progress *progress);

bool sweep_run(struct sweep_result *result, const struct profile *profile, const struct sweep_options *options,
               sweep_progress_fn *progress, void *context, struct problem *problem);
void sweep_free(struct sweep_result *result);

/* The text id of a case, which alone reproduces it: PROFILE~sSEED/CUT. */
#define SWEEP_ID 128
void sweep_id(const struct sweep_result *result, const struct profile *profile, const struct sweep_case *one,
              char id[SWEEP_ID]);
size_t sweep_findings(const struct sweep_result *result);

#endif
