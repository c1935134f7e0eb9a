/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include "plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct running {
    const struct trial *trial;
    const struct target *target;
    struct machine *machine;
    struct trial_result *result;
    struct footprint footprint;
    struct rail_event last; /* operation */
    machine_event_fn *observe;
    void *observer;
};

static void observe(void *context, const struct trace_item *item)
{
    struct running *running = context;
    footprint_take(&running->footprint, item);
    life_take(&running->result->life, item->event);
    if (trace_is_operation(item->event))
        running->last = *item->event;
    if (running->observe != NULL)
        running->observe(running->observer, item);
}

static const struct profile_soak *soak_of(const struct running *running)
{
    return &running->target->profile->soak[running->trial->soak];
}

/* Power-up number `power_up`, which loses power as the trial has it. */
static bool power_up(struct running *running, unsigned power_up, bool again, struct session_result *session,
                     struct problem *problem)
{
    const struct profile *profile = running->target->profile;
    const struct trial *trial = running->trial;
    const struct seeds seeds = {.sram = trial->seed, .noise = trial->seed};
    struct trial_result *result = running->result;
    struct session_request request = {.conditions = plan_conditions(&seeds, 0, power_up),
                                      .limit_ns = profile->budget.seconds * UINT64_C(1000000000),
                                      .limit_boots = profile->budget.boots,
                                      .observe = observe,
                                      .observer = running};
    request.wanted = soak_of(running)->ends == PROFILE_NEXT ? &profile->wanted_next
                     : again                                ? &profile->wanted_again
                                                            : &profile->wanted;
    request.cut = request.either = !again && power_up < trial->count;
    if (request.cut) {
        request.operation = trial->losses[power_up].operation;
        request.tear = trial->losses[power_up].tear;
    }
    if (!session_run(running->machine, &request, session, problem))
        return false;
    result->operations = session->operations;
    result->all_operations += session->operations;
    result->virtual_ns += session->time_ns;
    result->boots += session->watch.boots;
    return true;
}

/* Power was lost at the last operation. */
static void take_loss(struct running *running)
{
    struct trial_result *result = running->result;
    if (running->trial->losses[result->losses].tear == NOR_TEAR_BEFORE)
        life_take_back(&result->life, &running->last);
    result->at[result->losses++] = running->last;
}

static void judge(struct running *running, const struct session_result *session, const char *which)
{
    const struct oracle *oracle = &running->target->oracle;
    const struct oracle_goal *goal = soak_of(running)->ends == PROFILE_NEXT ? &oracle->next : &oracle->update;
    oracle_judge(oracle, goal, session, &running->machine->arrays, which, &running->result->verdict);
}

static void judge_wear(const struct running *running)
{
    struct trial_result *result = running->result;
    const unsigned most = soak_of(running)->erases + result->losses;
    for (unsigned sector = 0; soak_of(running)->erases > 0 && sector < life_sectors(ARRAY_INTERNAL); sector++)
        if (result->life.erases[ARRAY_INTERNAL][sector] > most) {
            oracle_fail(&result->verdict, "wear", "whole update",
                        "sector %u of the internal flash was erased %" PRIu32
                        " times, budget is %u and %u for the losses of power",
                        sector, result->life.erases[ARRAY_INTERNAL][sector], soak_of(running)->erases, result->losses);
            return;
        }
}

/* From the first power-up until the device is there, and once more. */
static bool run_power_ups(struct running *running, struct problem *problem)
{
    struct trial_result *result = running->result;
    struct session_result session;
    do {
        if (!power_up(running, result->losses, false, &session, problem))
            return false;
        if (session.end == SESSION_CUT)
            take_loss(running);
    } while (session.end == SESSION_CUT);
    const uint64_t operations = result->operations;
    judge(running, &session, "update");
    if (result->verdict.pass) {
        if (!power_up(running, result->losses + 1, true, &session, problem))
            return false;
        judge(running, &session, "power-up after the update");
    }
    result->operations = operations;
    if (result->verdict.pass)
        judge_wear(running);
    return true;
}

bool trial_run(struct trial_result *result, const struct trial *trial, const struct target *target, struct offer *offer,
               struct machine *machine, machine_event_fn *observe, void *observer, struct problem *problem)
{
    struct running running = {.trial = trial,
                              .target = target,
                              .machine = machine,
                              .result = result,
                              .observe = observe,
                              .observer = observer};
    const struct profile_soak *soak = &target->profile->soak[trial->soak];
    const struct device_command command = {"soak.command", soak->command, soak->command_count, target->root};
    *result = (struct trial_result){.verdict = {.pass = true}};
    footprint_begin(&running.footprint);
    if (!offer_update(offer, machine, &command, &target->device, &result->life, &result->verdict, problem) ||
        (result->verdict.pass && !run_power_ups(&running, problem)))
        return false;
    result->trace = running.footprint.trace;
    return true;
}

void trial_describe(const struct trial *trial, const struct trial_result *result, unsigned loss, char text[TRIAL_LOSS])
{
    const struct rail_event *event = &result->at[loss];
    snprintf(text, TRIAL_LOSS,
             "power-up %u: operation %" PRIu64 ", %s of %" PRIu32 " bytes at %s %0*" PRIX32 ", torn: %s", loss + 1,
             trial->losses[loss].operation + 1, trace_kind_name(event->kind), event->value, trace_chip_name(event),
             event->chip == RAIL_CHIP_NOR ? 6 : 8, event->address, nor_tear_name(trial->losses[loss].tear));
}
