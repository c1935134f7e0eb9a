/* SPDX-License-Identifier: MIT
 *
 * How often the sectors of the internal flash are erased, from the first operation of the
 * update to the end of the recovery.
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
        uint32_t sectors[FOOTPRINT_SECTORS]; /* how often it erases each */
    } *erases;
    size_t count;
};

bool wear_open(struct wear *wear, const struct recording *recording, struct problem *problem);
void wear_close(struct wear *wear);

/* Adds the erases of the run until `cut` ended it. */
void wear_add(const struct wear *wear, const struct cut *cut, uint32_t erases[FOOTPRINT_SECTORS]);
/* True when no sector was erased more often than the budget of the profile allows with so many losses of power, or when
 * it says nothing of that; else `verdict` says which. `erases`: all of them. */
bool wear_judge_all(const struct profile *profile, unsigned losses, const uint32_t erases[FOOTPRINT_SECTORS],
                    struct verdict *verdict);
/* The same for one loss. `recovery`: the erases after the cut. */
bool wear_judge(const struct wear *wear, const struct profile *profile, const struct cut *cut,
                const uint32_t recovery[FOOTPRINT_SECTORS], struct verdict *verdict);

#endif
