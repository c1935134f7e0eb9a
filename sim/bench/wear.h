/* SPDX-License-Identifier: MIT
 *
 * How often the sectors of the internal flash are erased, from the first operation of the update to the end of the recovery.
 */
#ifndef MATTERHORN_BENCH_WEAR_H
#define MATTERHORN_BENCH_WEAR_H

#include "footprint.h"
#include "oracle.h"
#include "plan.h"

/* The erases of a recorded run. */
struct wear {
    struct wear_erase {
        size_t operation;
        struct rail_event event;
    } *erases;
    size_t count;
};

bool wear_open(struct wear *wear, const struct recording *recording, struct problem *problem);
void wear_close(struct wear *wear);

/* True when no sector was erased more often than the budget of the profile allows with one loss of power, or when it
 * says nothing of that; else `verdict` says which. `recovery`: the erases after the cut. */
bool wear_judge(const struct wear *wear, const struct profile *profile, const struct cut *cut,
                const uint32_t recovery[FOOTPRINT_SECTORS], struct verdict *verdict);

#endif
