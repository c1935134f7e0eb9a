/* SPDX-License-Identifier: MIT
 *
 * A recovery: the sequence of power-ups after a loss of power, each judged. The device must recover, and stay so under another
 * content of the SRAM and other noise of weak bits.
 */
#ifndef MATTERHORN_BENCH_RECOVERY_H
#define MATTERHORN_BENCH_RECOVERY_H

#include "footprint.h"
#include "oracle.h"

#define RECOVERY_POWER_UPS 2

struct recovery_request {
    const struct arrays *state; /* in which power was lost; NULL: as the machine's arrays are */
    struct conditions conditions[RECOVERY_POWER_UPS];
    bool touched;              /* machine->touched shall say what this touches */
    machine_event_fn *observe; /* sees the events of the first power-up; may be NULL */
    void *observer;
};

struct recovery {
    struct verdict verdict;
    struct footprint footprint; /* of all power-ups */
};

bool recovery_run(struct recovery *recovery, const struct oracle *oracle, struct machine *machine,
                  const struct recovery_request *request, struct problem *problem);

#endif
