/* SPDX-License-Identifier: MIT
 *
 * What a device must be like after a power session, and the judgement of the sequence of sessions after a cut.
 */
#ifndef MATTERHORN_BENCH_ORACLE_H
#define MATTERHORN_BENCH_ORACLE_H

#include "profile.h"
#include "session.h"

/* Loaded contents of a profile's `equal` entry. */
struct oracle_contents {
    uint8_t *data;
    size_t size;
    enum array array;
    uint32_t offset;
};

/* Everything that judging needs; read only, shared by workers. */
struct oracle {
    const struct profile *profile;
    const struct arrays *device; /* as provisioned */
    struct oracle_contents *equal; /* per profile->recovered.equal */
};

struct verdict {
    bool pass;
    const char *oracle; /* which one failed: "time", "boots", "over", "equal", "unchanged" */
    char detail[200];
    uint32_t boots;          /* power-ons and resets of the first session */
    uint64_t recovery_ns;    /* virtual time of the first session */
    uint64_t virtual_ns;     /* of all sessions */
    uint64_t operations;     /* of all sessions */
};

/* `root`: where relative paths start. */
bool oracle_open(struct oracle *oracle, const struct profile *profile, const struct arrays *device, const char *root,
                 struct problem *problem);
void oracle_close(struct oracle *oracle);

/* Judges one session and the arrays after it; true when nothing is wrong, else verdict->oracle and ->detail say what.
 * `which` names the session in words, for the detail. */
bool oracle_judge(const struct oracle *oracle, const struct session_result *session, const struct arrays *arrays,
                  const char *which, struct verdict *verdict);

/* Two power-ups, judged each: the device must recover, and stay so. `state` NULL: as the arrays are. `observe`, which may
 * be NULL, sees the events of the first one; `srams` is what SRAM holds at each. */
bool oracle_recover(const struct oracle *oracle, struct machine *machine, const struct arrays *state,
                    const char *const srams[2], machine_event_fn *observe, void *observer, struct verdict *verdict,
                    struct problem *problem);

#endif
