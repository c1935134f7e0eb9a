/* SPDX-License-Identifier: MIT
 *
 * The sweep: one recorded run, crash states built from it, each recovered by the real binary and judged, or credited
 * with the verdict of another that was.
 */
#ifndef MATTERHORN_BENCH_SWEEP_H
#define MATTERHORN_BENCH_SWEEP_H

#include "id.h"
#include "plan.h"
#include "recovery.h"
#include "shard.h"

struct store;
struct baseline;

struct sweep_options {
    const char *root;      /* where relative paths of the profile start; NULL: the project */
    const char *device;    /* folder; NULL: the profile's */
    const char *artifacts; /* folder for what the first findings leave; NULL: none */
    unsigned jobs;         /* workers, at least 1 */
    struct seeds seeds;
    struct fault_set faults; /* on top of the profile's */
    size_t cuts;           /* with `all` unset; minima of the profile may need more */
    bool all;              /* every operation with every tear */
    enum nor_tear tears[NOR_TEARS];
    unsigned tear_count;
    size_t live;           /* cuts that are also done for real */
    bool prune;            /* credit states that need not be run (credit.h); not where faults or machine forbid it */
    size_t check;          /* credited states that are run all the same */
    /* of a closure (closure.h): power losses in a row, at most CLOSURE_DEPTHS; 0: until nothing new is met */
    unsigned depth;
    bool list;             /* of a closure: keep what its list needs */
    struct shard shard;    /* which of the cuts; not of a closure's */
    double seconds;        /* of host time, after which no case is started any more; 0: none */
    struct store *store;   /* keeps what is found out, and has what was; NULL: none; not of a closure */
};

/* What came of running a state; shared by those that are credited with it. */
struct sweep_outcome {
    struct verdict verdict;
    bool recovered;             /* the power-ups were fine, whatever wear and the next update say */
    const struct verdict *next; /* of the next update; NULL: not tried */
    uint64_t trace;             /* a hash: the same for the same run */
    uint64_t instructions;
    const struct sweep_outcome *run; /* itself; where wear makes it another one, that of which it is a copy */
    uint32_t erases[FOOTPRINT_SECTORS];
    struct sweep_outcome *other; /* of the result's list */
};

/* One cut and what came of it. */
struct sweep_case {
    struct cut cut;
    const struct sweep_outcome *outcome; /* NULL: the sweep was given up before */
    size_t representative; /* index of the case that was run in its place; its own index when it was run itself */
    bool fired;   /* power was lost at this operation: its state was built, or left by the machine */
    bool live;    /* it was also done for real, and left the state that was built */
    bool checked; /* credited, and run all the same */
    bool known;   /* it failed, and the baseline says so */
};

struct sweep_result {
    struct recording recording;
    struct plan plan;
    struct verdict clean; /* of the run without power loss */
    struct sweep_case *cases; /* one per cut of the plan, in its order; NULL when the clean run failed */
    struct sweep_outcome *outcomes;
    size_t run, credited; /* of the cases */
    size_t known;         /* of the cases, from the store */
    size_t timed;         /* states run of which the times tell; others were run by processes that were killed */
    size_t live, checked; /* done for real as well, of the cases and of the credited ones */
    size_t ends;          /* end states on which the next update was tried */
    char firmware[65];    /* SHA-256 of the internal flash as provisioned, hexadecimal */
    struct seeds seeds;
    struct fault_set faults; /* the profile's and those of the options */
    uint64_t sram;        /* a hash of what SRAM held when power first returned */
    unsigned jobs;
    double wall_s, cpu_s; /* of everything */
    double recovery_wall_s, recovery_cpu_s; /* of recovering from the planned cuts alone, machines and engine */
    double next_cpu_s;                      /* of trying the next update; not in recovery_cpu_s */
    uint64_t virtual_ns, instructions; /* of the run without power loss, of states run and of those run all the same */
    uint64_t clean_instructions;
    size_t lost; /* machines that were, of which the figures know nothing: what they were at was done again */
    const struct baseline *baseline; /* with which failures were compared; NULL: none */
    struct problem warning; /* artifacts that could not be written; PROBLEM_NONE: none */
};

/* Called every so often from the calling thread, and once at the end. */
struct sweep_progress {
    size_t done, known, run, total, findings, live_done, live_total, check_done, check_total;
    double seconds;
};
typedef void sweep_progress_fn(void *context, const struct sweep_progress *progress);

/* What the profile asks for. */
void sweep_options_of(const struct profile *profile, struct sweep_options *options);
/* A machine that is lost on the way costs nothing but time; a case that loses two ends the sweep.
 * Where it is false, *result has the cases that were judged until then, if any: report_incomplete. In
 * either case, free with sweep_free. */
bool sweep_run(struct sweep_result *result, const struct profile *profile, const struct sweep_options *options,
               sweep_progress_fn *progress, void *context, struct problem *problem);
void sweep_free(struct sweep_result *result);
/* Makes the plan of the options out of the recording, and its cases, of which nothing is known yet. `live`, which may
 * be NULL, gets the indices of those to do for real, `ranges` the cases. */
bool sweep_plan(struct sweep_result *result, const struct profile *profile, const struct sweep_options *options,
                size_t **live, struct ranges *ranges, struct problem *problem);
/* Counts what follows from the cases. */
void sweep_count(struct sweep_result *result);

/* The text id of a case, which alone reproduces it: PROFILE~sSEED!FAULT/CUT. SEED is that of the SRAM's contents and of
 * the noise; where the two differ it is 1n2. A cut that is repeated has the next seed. */
#define SWEEP_ID 480
void sweep_id(const struct sweep_result *result, const struct profile *profile, const struct sweep_case *one,
              char id[SWEEP_ID]);

/* A finding is an outcome that failed. Its members are the cases that have it; the first one gives its id. */
struct sweep_finding {
    size_t members, first, last; /* their number; indices of cases */
    size_t known;                /* of the members, by the baseline */
};
/* The findings in the order of their first member; malloc'ed. NULL: no memory. */
struct sweep_finding *sweep_findings(const struct sweep_result *result, size_t *count);
/* Nothing failed but what the baseline knows. */
bool sweep_passed(const struct sweep_result *result);

#endif
