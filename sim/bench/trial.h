/* SPDX-License-Identifier: MIT
 *
 * A trial: one update of a profile's `soak`, put into the device that a machine holds, with power lost at any number of
 * operations, in it and in the recoveries. The device must get there all the same.
 */
#ifndef MATTERHORN_BENCH_TRIAL_H
#define MATTERHORN_BENCH_TRIAL_H

#include "life.h"
#include "offer.h"
#include "target.h"

#define TRIAL_LOSSES 64

/* Power-up number n, from 0, is lost at operation number losses[n].operation of it, if the update is not over
 * before. */
struct trial {
    unsigned soak; /* which of the profile's */
    uint64_t seed; /* of what SRAM holds and how weak bits read at each power-up */
    struct trial_loss {
        uint64_t operation;
        enum nor_tear tear;
    } losses[TRIAL_LOSSES];
    unsigned count;
};

struct trial_result {
    struct verdict verdict;
    unsigned losses;                     /* that happened: those that would have come after the update did not */
    struct rail_event at[TRIAL_LOSSES];  /* the operations that lost power */
    uint64_t operations;                 /* of the power-up that was not lost */
    uint64_t all_operations, virtual_ns; /* of all of them, as the boots and resets are */
    uint32_t boots;
    struct life life; /* erases, the command's included */
    uint64_t trace;   /* a hash of all events */
};

/* The machine is off. What it holds is where the trial begins, and after it what the trial left. `observe`, which
 * may be NULL, sees all events. */
bool trial_run(struct trial_result *result, const struct trial *trial, const struct target *target, struct offer *offer,
               struct machine *machine, machine_event_fn *observe, void *observer, struct problem *problem);

/* "power-up 2: operation 17, program of 256 bytes at nor 7FE200, torn: weak". */
#define TRIAL_LOSS 120
void trial_describe(const struct trial *trial, const struct trial_result *result, unsigned loss, char text[TRIAL_LOSS]);

#endif
