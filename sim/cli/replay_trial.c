/* SPDX-License-Identifier: MIT */
#include "replay_trial.h"

#include "live.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct session {
    const struct bundle *bundle;
    const struct profile *profile;
    const struct replay_trial_options *options;
    struct target target;
    struct trial trial;
    struct soak_conditions conditions;
    struct arrays begin;
    uint64_t trace; /* as the bundle has it */
    struct live live;
    struct trial_result result;
};

static void show(void *context, const struct trace_item *item)
{
    live_take(context, item);
    fflush(stdout);
}

/* In a machine of its own. `observe` may be NULL. */
static bool run_once(struct session *session, struct trial_result *result, machine_event_fn *observe,
                     struct problem *problem)
{
    const struct machine_options options = {.model = session->profile->machine,
                                            .faults = &session->target.faults,
                                            .flash_times = session->conditions.flash_times,
                                            .nor_times = session->conditions.nor_times};
    struct machine machine = {0};
    struct offer offer = {.scratch = {NULL, -1}};
    bool good =
        machine_start(&machine, &options, &session->target.device, problem) &&
        machine_load(&machine, &session->begin, problem) &&
        trial_run(result, &session->trial, &session->target, &offer, &machine, observe, &session->live, problem);
    machine_close(&machine);
    offer_close(&offer);
    return good;
}

static bool verify(struct session *session, struct problem *problem)
{
    if (!session->options->verify)
        return true;
    struct trial_result *again = calloc(1, sizeof *again);
    bool good =
        again != NULL ? run_once(session, again, NULL, problem) : problem_set(problem, PROBLEM_BENCH, "no memory");
    if (good &&
        (again->trace != session->result.trace || strcmp(again->verdict.detail, session->result.verdict.detail) != 0))
        good = problem_set(problem, PROBLEM_BENCH, "two runs of the same bundle differ");
    free(again);
    return good;
}

static void print_head(const struct session *session)
{
    printf("%-10s %s on %s, firmware %.12s, %d MIPS, internal flash %s, SPI NOR %s\n", "target", session->profile->name,
           session->profile->machine, session->target.firmware, RAIL_MIPS, session->conditions.flash_times,
           session->conditions.nor_times);
    printf("%-10s %s; %u losses of power\n\n", "update", session->profile->soak[session->trial.soak].name,
           session->trial.count);
    fflush(stdout);
}

static void print_end(const struct session *session)
{
    const struct verdict *verdict = &session->result.verdict;
    for (unsigned i = 0; i < session->result.losses; i++) {
        char text[TRIAL_LOSS];
        trial_describe(&session->trial, &session->result, i, text);
        printf("%s%-10s %s\n", i == 0 ? "\n" : "", i == 0 ? "losses" : "", text);
    }
    if (session->options->verify)
        printf("verified   a second run in a fresh process went the same way, event by event\n");
    if (verdict->pass)
        printf("recovered  the update was there in the end\n");
    else
        printf("finding    %s: %s\n", verdict->oracle, verdict->detail);
    printf("bundle     %.12s; %s\n", session->bundle->sum,
           session->result.trace == session->trace
               ? "it went as where that was written, to the last event"
               : "it did NOT go as where that was written: is this the same version of the bench?");
}

static bool print_json(const struct session *session)
{
    const struct verdict *verdict = &session->result.verdict;
    json_t *losses = json_array();
    for (unsigned i = 0; i < session->result.losses; i++) {
        char text[TRIAL_LOSS];
        trial_describe(&session->trial, &session->result, i, text);
        json_array_append_new(losses, json_string(text));
    }
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:{s:s, s:b}, s:i}", "profile", session->profile->name, "firmware_sha256",
        session->target.firmware, "update", session->profile->soak[session->trial.soak].name, "losses", losses,
        "verdict", verdict->pass ? "pass" : "fail", "finding",
        verdict->pass ? json_null() : json_pack("{s:s, s:s}", "oracle", verdict->oracle, "detail", verdict->detail),
        "verified", session->options->verify ? json_true() : json_null(), "bundle", "sha256", session->bundle->sum,
        "same", session->result.trace == session->trace, "mips", RAIL_MIPS);
    if (object == NULL)
        return false;
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
    return true;
}

static bool open_session(struct session *session, struct problem *problem)
{
    if (!target_open(&session->target, session->profile, NULL, session->bundle->root, session->bundle->device, problem) ||
        !arrays_allocate(&session->begin, problem))
        return false;
    arrays_load_beside(&session->begin, &session->target.device);
    return trial_bundle_read(session->bundle, session->profile, &session->trial, &session->begin,
                             &session->conditions, &session->trace, problem);
}

static bool run_and_tell(struct session *session, struct problem *problem)
{
    const bool json = session->options->json;
    arrays_find_pages(&session->begin, &session->target.device);
    if (!json)
        print_head(session);
    live_begin(&session->live, stdout);
    for (unsigned i = 0; i < session->profile->pins_count; i++)
        live_name(&session->live, session->profile->pins[i].number, session->profile->pins[i].name);
    if (!run_once(session, &session->result, json ? NULL : show, problem) || !verify(session, problem))
        return false;
    if (!json)
        print_end(session);
    return !json || print_json(session) || problem_set(problem, PROBLEM_BENCH, "no memory for the report");
}

bool replay_trial(const struct bundle *bundle, const struct profile *profile,
                  const struct replay_trial_options *options, bool *pass, struct problem *problem)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    session->bundle = bundle;
    session->profile = profile;
    session->options = options;
    bool good = open_session(session, problem) && run_and_tell(session, problem);
    *pass = session->result.verdict.pass;
    arrays_free(&session->begin);
    target_close(&session->target);
    free(session);
    return good;
}
