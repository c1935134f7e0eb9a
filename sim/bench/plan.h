/* SPDX-License-Identifier: MIT
 *
 * Which cuts a sweep makes.
 */
#ifndef MATTERHORN_BENCH_PLAN_H
#define MATTERHORN_BENCH_PLAN_H

#include "recording.h"
#include "session.h"

/* What is random, and yet the same each time. */
struct seeds {
    uint64_t cuts; /* which ones are chosen */
    uint64_t sram; /* what SRAM holds when power returns */
    uint64_t noise; /* how weak bits read then */
};

/* Power is lost at an operation. */
struct cut {
    size_t operation; /* index in the recording */
    enum nor_tear tear;
    unsigned repeat; /* 0, or the n-th one more of the same with other contents of the SRAM and other noise */
    size_t number;   /* its place in the whole plan */
};

struct plan {
    struct cut *cuts; /* in the order of operations */
    size_t count;
    size_t whole;    /* how many the whole plan has, of which this may be a part (shard.h) */
    size_t points;   /* distinct (operation, tear) there are */
    size_t repeated; /* cuts that repeat an (operation, tear), to reach a minimum */
    enum nor_tear tears[NOR_TEARS]; /* to choose from */
    unsigned tear_count;
};

struct plan_request {
    uint64_t seed;
    size_t count;                 /* at least; minima of the profile may need more */
    bool all;                     /* every (operation, tear) once */
    enum nor_tear tears[NOR_TEARS]; /* to choose from */
    unsigned tear_count;
};

/* The minima of the profile first, then spread evenly over all operations. The same request gives the same plan. */
bool plan_make(struct plan *plan, const struct recording *recording, const struct profile *profile,
               const struct plan_request *request, struct problem *problem);
void plan_free(struct plan *plan);
/* How many of the plan's points are at this operation: the tears that its kind has. */
size_t plan_points(const struct plan *plan, const struct operation *operation);

/* The name of a cut, such as "int.080A4800.p1.before". */
#define PLAN_NAME (RECORDING_NAME + 16)
void plan_name(const struct recording *recording, const struct cut *cut, char name[PLAN_NAME]);
/* What power-up number `power_up` after a cut finds. The same after every cut with the same `repeat`: so a state that differs only in
 * bytes that do not matter behaves in the same way. A repeat is as good as the next seeds: ids say no more than those. */
struct conditions plan_conditions(const struct seeds *seeds, unsigned repeat, unsigned power_up);

/* A well-mixed number from the state; the state moves on. */
uint64_t plan_random(uint64_t *state);

#endif
