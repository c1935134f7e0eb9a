/* SPDX-License-Identifier: MIT
 *
 * The machine as a profile names it: QEMU's name, such as "mountaineer-eth", and properties, each behind a comma. Which
 * of them may be set, and what they mean for a bench that builds states and puts them into one process after another.
 */
#ifndef MATTERHORN_BENCH_MODEL_H
#define MATTERHORN_BENCH_MODEL_H

#include "problem.h"

#include "fault.h"

/* Whether it is a name with properties, none of which is the bench's own. */
bool model_check(const char *model, struct problem *problem);
/* The faults of the parts that its properties are the same as: what holds for those holds for the machine. */
struct fault_set model_faults(const char *model);
/* Whether it begins each power-up with what the bench has put there and nothing else. */
bool model_forgets(const char *model, struct problem *problem);

#endif
