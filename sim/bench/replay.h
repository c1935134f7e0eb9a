/* SPDX-License-Identifier: MIT
 *
 * A scenario from its id: the update is recorded again, the crash state is built as the sweep builds it, and the real
 * binary recovers from it. Everything follows from the id and the target.
 */
#ifndef MATTERHORN_BENCH_REPLAY_H
#define MATTERHORN_BENCH_REPLAY_H

#include "crash_state.h"
#include "id.h"
#include "plan.h"
#include "target.h"

/* A run in which power is lost: the update, then each recovery but the last. */
struct replay_run {
    struct recording recording;
    struct cut cut;
    struct crash_state state; /* what that leaves */
    struct conditions conditions; /* at the power-up that began this run */
};

struct replay {
    const struct id *id;
    const struct profile *profile;
    struct target target;
    struct replay_run runs[ID_CUTS]; /* one per cut */
    struct machine machine;
    struct conditions conditions[RECOVERY_MOST]; /* of the last recovery */
    struct recording recovery; /* its first power-up */
    struct verdict verdict;    /* of it, of the wear, and of the next update where the profile asks for that */
};

/* Opens the target. The caller may then compare replay->target.firmware with the id's. */
bool replay_open(struct replay *replay, const struct id *id, const struct profile *profile, const char *root,
                 const char *device, struct problem *problem);
/* Another id of the same profile takes the place of replay->id, in the same machine: the recorded update is kept. */
void replay_change(struct replay *replay, const struct id *id);
/* Builds the state that the last cut leaves. PROBLEM_USE when a recorded run does not have the operation. */
bool replay_build(struct replay *replay, struct problem *problem);
/* Recovers from it and judges. `observe`, which may be NULL, sees the events of the first power-up. */
bool replay_recover(struct replay *replay, machine_event_fn *observe, void *observer, struct problem *problem);
/* Writes what artifacts_write() does, and how to get there again, as a bundle that replays without the rest.
 * PROBLEM_USE when the profile has files that a bundle cannot have. */
bool replay_artifacts(struct replay *replay, const char *folder, const struct id_target *words,
                      struct problem *problem);
/* The SHA-256 of the events of the recovery, hexadecimal. */
void replay_trace_sum(const struct replay *replay, char sum[65]);
/* Harmless on a zeroed replay. */
void replay_close(struct replay *replay);

/* Both went the same way: each event of each run, and the verdict; else PROBLEM_BENCH says where they part. */
bool replay_same(const struct replay *one, const struct replay *other, struct problem *problem);

/* The last run that a cut ends, once more in a machine of its own with a debugger's port: paused one instruction before
 * the operation. The machine goes on by replay_lose_power(), or when a debugger lets it. */
bool replay_pause(struct replay *replay, unsigned port, struct machine *machine, struct problem *problem);
/* Power is lost at the operation. `gone_on`: a debugger let the machine go on. What the machine leaves must be the
 * state that was built, unless the debugger changed something: then false, PROBLEM_BENCH. */
bool replay_lose_power(const struct replay *replay, struct machine *machine, bool gone_on, struct problem *problem);

#endif
