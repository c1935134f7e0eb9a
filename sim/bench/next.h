/* SPDX-License-Identifier: MIT
 *
 * After a recovery the next update must work: a command of the profile puts it into the arrays, power rises, and the
 * device must end in what the profile says. The engine knows nothing of what the command does.
 *
 * Many recoveries end in the same arrays, so this is done once for each end state that differs from the others in
 * cells, marks, status registers of the SPI NOR, counts of erases where faults of the parts depend on them, or in the
 * SRAM's contents and noise that the device will find.
 */
#ifndef MATTERHORN_BENCH_NEXT_H
#define MATTERHORN_BENCH_NEXT_H

#include "oracle.h"
#include "recovery.h"
#include "scratch.h"

/* The end states that were met; shared by workers. */
struct next;

/* What a worker needs for it. */
struct next_place {
    struct scratch scratch; /* made when it is first needed */
    struct arrays arrays;   /* as the command leaves them */
};

/* `root`: where the command runs. */
struct next *next_open(const struct oracle *oracle, const char *root, struct problem *problem);
void next_close(struct next *next);
void next_place_close(struct next_place *place);

/* The verdict on the end state in which a recovery that passed left the machine, when power rises under `conditions`.
 * The first worker that meets the state finds the verdict
 * out; for others it may come later: until all are done, only the pointer is good. A worker that failed may come
 * again with the same end state. */
bool next_judge(struct next *next, struct next_place *place, struct machine *machine,
                const struct conditions *conditions, const struct verdict **verdict, struct problem *problem);
/* The end state of that verdict, as a number that is the same in every process. */
uint64_t next_key(const struct verdict *verdict);
/* An end state whose verdict was found out before, by another process. */
const struct verdict *next_known(struct next *next, uint64_t key, const struct verdict *verdict);
/* Calls `told` for each verdict that is known, and from now on for each that is found out. One call at a time. */
typedef void next_told_fn(void *context, uint64_t key, const struct verdict *verdict);
void next_tell(struct next *next, next_told_fn *told, void *context);
/* Once no worker is at it: whether there is a verdict. There is none where a worker failed and did not come again. */
bool next_decided(const struct verdict *next);
/* Once no worker is at it: a recovery that passed fails when the next update did, of the same words. */
void next_take(struct verdict *verdict, const struct verdict *next);

/* Once no worker is at it: how many states there were, and the CPU time that they took. */
size_t next_count(const struct next *next);
double next_cpu_seconds(const struct next *next);

#endif
