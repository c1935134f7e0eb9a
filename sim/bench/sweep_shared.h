/* SPDX-License-Identifier: MIT
 *
 * What the workers of a sweep share; for sweep.c and sweep_worker.c, and for the closure.
 */
#ifndef MATTERHORN_BENCH_SWEEP_SHARED_H
#define MATTERHORN_BENCH_SWEEP_SHARED_H

#include "credit.h"
#include "next.h"
#include "ranges.h"
#include "store.h"
#include "sweep.h"
#include "target.h"
#include "wear.h"

#include <pthread.h>
#include <stdatomic.h>

struct sweep {
    const struct profile *profile;
    const struct sweep_options *options;
    struct sweep_result *result;
    struct target target;
    struct wear wear;
    struct credit_rules rules;
    struct next *next; /* NULL: the profile does not ask for it */
    struct ranges *ranges; /* of cases, to be taken */
    size_t *live;      /* indices of cases to do for real */
    size_t *check;     /* indices of credited cases to run all the same */
    atomic_size_t next_live, next_check;
    atomic_size_t done, run, ran, live_done, check_done, findings, artifacts, lost;
    atomic_bool stop;
    bool resumed; /* what the store knows is in the result */
    pthread_mutex_t lock; /* guards what follows, and the totals in `result` */
    pthread_cond_t changed;
    unsigned running;
    double begin_s, start_s; /* of everything, of the cases */
    struct problem problem;
};

enum sweep_job {
    SWEEP_RECOVER, /* all cases, then the live ones */
    SWEEP_CHECK,   /* the credited ones to run all the same */
};

/* Opens what is put to the test, and closes it; the latter is harmless where the former has not succeeded. */
bool sweep_open(struct sweep *sweep, struct problem *problem);
void sweep_close(struct sweep *sweep);
/* Runs the update without power loss into result->recording and judges it: result->clean. A machine
 * that is lost is replaced once. */
bool sweep_record(struct sweep *sweep, struct problem *problem);

/* Starts the workers on that and waits for them. */
bool sweep_work(struct sweep *sweep, enum sweep_job job, sweep_progress_fn *progress, void *context,
                struct problem *problem);

double sweep_seconds(clockid_t clock);
/* CPU time of this process and of its machines that have ended. */
double sweep_cpu_seconds(void);
/* Chooses at most `wanted` of `count`, spread evenly, one at random in each stretch; writes their numbers. */
size_t sweep_spread(size_t wanted, size_t count, uint64_t random, size_t *chosen);
/* Pages outside the set must hold what was provisioned: else something changed them that is not in the trace. */
bool sweep_check_pages(const struct sweep *sweep, const struct machine *machine, struct problem *problem);

#endif
