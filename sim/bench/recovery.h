/* SPDX-License-Identifier: MIT
 *
 * A recovery: the sequence of power-ups after a loss of power, each judged. The device must recover, and stay so under another
 * content of the SRAM and other noise of weak bits. Where the profile says what a start without work may do to the flashes, a second power-up that does
 * more has found work, such as a bit that reads differently now; then there is a third one, which must find none.
 */
#ifndef MATTERHORN_BENCH_RECOVERY_H
#define MATTERHORN_BENCH_RECOVERY_H

#include "footprint.h"
#include "idle.h"
#include "oracle.h"

#define RECOVERY_POWER_UPS 2
/* More, as long as each still had work to do: a start repairs what it reads wrong, and what two losses of power have left weak
 * in two places may read wrong in two different starts. Who has work in each of so many is not done. */
#define RECOVERY_MOST (RECOVERY_POWER_UPS + 3)

/* What a worker needs to tell power-ups after the first one from others that were run. */
struct recovery_idle {
    struct idles *idles;
    uint8_t *touched; /* room for a touched map (rail.h) */
    struct representative begin;
};

struct recovery_request {
    const struct arrays *state; /* in which power was lost; NULL: as the machine's arrays are */
    struct conditions conditions[RECOVERY_MOST];
    bool touched;              /* recovery->touched shall say what this touches */
    struct recovery_idle *idle; /* a power-up after the first one that is like a start without work which was run is not run; NULL: all are */
    machine_event_fn *observe; /* sees the events of the first power-up; may be NULL */
    void *observer;
};

struct recovery {
    struct verdict verdict;
    struct footprint footprint; /* of all power-ups */
    const struct idle *idle;    /* stands for the last power-up, which was not run; NULL: nothing was left out */
    const uint8_t *touched;     /* a touched map (rail.h) of what was run; good until the machine runs again */
};

bool recovery_run(struct recovery *recovery, const struct oracle *oracle, struct machine *machine,
                  const struct recovery_request *request, struct problem *problem);

#endif
