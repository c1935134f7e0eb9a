/* SPDX-License-Identifier: MIT
 *
 * One power session: power rises, the device runs until what is wanted was seen or a budget is spent, power is lost.
 */
#ifndef MATTERHORN_BENCH_SESSION_H
#define MATTERHORN_BENCH_SESSION_H

#include "machine.h"
#include "watch.h"

/* What the device finds when power rises, beside its arrays. */
struct conditions {
    char sram[32];  /* as machine_power_on takes it */
    uint64_t noise; /* how weak bits read */
};

struct session_request {
    const struct arrays *state;        /* loaded before power rises; NULL: as the arrays are */
    struct conditions conditions;
    const struct watch_wanted *wanted; /* ends when all of it was seen */
    uint64_t limit_ns;                 /* of virtual time */
    uint32_t limit_boots;              /* power-on and resets */
    bool cut;                          /* lose power at `operation`, leaving `tear`; nothing else ends it, unless */
    bool either;                       /* what ends a session without a cut does so too, when it comes first */
    uint64_t operation;
    enum nor_tear tear;
    machine_event_fn *observe; /* sees every event; may be NULL */
    void *observer;
};

enum session_end { SESSION_REACHED, SESSION_TIME, SESSION_BOOTS, SESSION_CUT };

struct session_result {
    enum session_end end;
    uint64_t time_ns;    /* virtual, from power-on to the end */
    uint64_t operations; /* as the machine counts them */
    uint64_t sram;       /* a hash of what it held at power-on */
    uint32_t vectors;    /* where the core had its vector table at the end (VTOR), where wanted->vectors asks for it */
    struct watch watch;
};

bool session_run(struct machine *machine, const struct session_request *request, struct session_result *result,
                 struct problem *problem);

#endif
