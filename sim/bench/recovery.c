/* SPDX-License-Identifier: MIT */
#include "recovery.h"

#include <string.h>

struct observers {
    struct recovery *recovery;
    const struct recovery_request *request;
    unsigned power_up;
};

static void observe(void *context, const struct trace_item *item)
{
    const struct observers *observers = context;
    footprint_take(&observers->recovery->footprint, item);
    if (observers->power_up == 0 && observers->request->observe != NULL)
        observers->request->observe(observers->request->observer, item);
}

/* It recovers, but what power loss left was wrong already. */
static void take_loss(struct verdict *verdict, const struct verdict *lost)
{
    verdict->pass = false;
    verdict->oracle = lost->oracle;
    memcpy(verdict->detail, lost->detail, sizeof verdict->detail);
}

bool recovery_run(struct recovery *recovery, const struct oracle *oracle, struct machine *machine,
                  const struct recovery_request *request, struct problem *problem)
{
    static const char *const which[RECOVERY_POWER_UPS] = {"first power-up", "second power-up"};
    const struct profile *profile = oracle->profile;
    struct observers observers = {recovery, request, 0};
    struct session_request session = {.state = request->state,
                                      .wanted = &profile->wanted,
                                      .limit_ns = profile->budget.seconds * UINT64_C(1000000000),
                                      .limit_boots = profile->budget.boots,
                                      .observe = observe,
                                      .observer = &observers};
    struct session_result result;
    struct verdict *verdict = &recovery->verdict;
    *verdict = (struct verdict){.pass = true};
    const struct arrays *state = request->state != NULL ? request->state : &machine->arrays;
    struct verdict lost = {.pass = true};
    oracle_judge_loss(oracle, &oracle->update, state, &lost);
    oracle_count(&oracle->update, oracle->device, false, verdict);
    oracle_count(&oracle->update, state, true, verdict);
    footprint_begin(&recovery->footprint);
    if (request->touched && !machine_clear_touched(machine, problem))
        return false;
    for (unsigned i = 0; i < RECOVERY_POWER_UPS && verdict->pass; i++) {
        observers.power_up = i;
        session.conditions = request->conditions[i];
        if (!session_run(machine, &session, &result, problem))
            return false;
        if (i == 0) {
            verdict->boots = result.watch.boots;
            verdict->recovery_ns = result.time_ns;
            verdict->sram = result.sram;
        }
        verdict->virtual_ns += result.time_ns;
        verdict->operations += result.operations;
        oracle_judge(oracle, &oracle->update, &result, &machine->arrays, which[i], verdict);
        session.state = NULL;
        session.wanted = &profile->wanted_again;
    }
    if (verdict->pass && !lost.pass)
        take_loss(verdict, &lost);
    return true;
}
