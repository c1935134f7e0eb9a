/* SPDX-License-Identifier: MIT
 *
 * Which cuts a sweep makes.
 */
#ifndef MATTERHORN_BENCH_PLAN_H
#define MATTERHORN_BENCH_PLAN_H

#include "recording.h"

/* Power is lost at an operation. */
struct cut {
    size_t operation; /* index in the recording */
    enum nor_tear tear;
    uint64_t seed; /* of what the name does not say, such as the SRAM's contents when power returns */
};

struct plan {
    struct cut *cuts; /* in the order of operations */
    size_t count;
    size_t points;   /* distinct (operation, tear) there are */
    size_t repeated; /* cuts that repeat an (operation, tear) with another seed, to reach a minimum */
};

struct plan_request {
    uint64_t seed;
    size_t count; /* at least; minima of the profile may need more */
    bool all;     /* every (operation, tear) once */
};

/* The minima of the profile first, then spread evenly over all operations. The same request gives the same plan. */
bool plan_make(struct plan *plan, const struct recording *recording, const struct profile *profile,
               const struct plan_request *request, struct problem *problem);
void plan_free(struct plan *plan);

/* The name of a cut, such as "int.080A4800.p1.before". */
#define PLAN_NAME (RECORDING_NAME + 16)
void plan_name(const struct recording *recording, const struct cut *cut, char name[PLAN_NAME]);
/* What SRAM holds when power returns after a cut: a function of its name and seed, in words of the control channel. */
#define PLAN_SRAM 32
void plan_sram(const struct recording *recording, const struct cut *cut, unsigned power_up, char sram[PLAN_SRAM]);

/* A well-mixed number from the state; the state moves on. */
uint64_t plan_random(uint64_t *state);

#endif
