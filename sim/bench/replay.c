/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include "artifacts.h"
#include "files.h"
#include "next.h"
#include "wear.h"

#include <glib.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool replay_open(struct replay *replay, const struct id *id, const struct profile *profile, const char *root,
                 const char *device, struct problem *problem)
{
    *replay = (struct replay){.id = id, .profile = profile};
    if (strcmp(id->profile, profile->name) != 0)
        return problem_set(problem, PROBLEM_USE, "the id is of profile %s, not of %s", id->profile, profile->name);
    return target_open(&replay->target, profile, &id->faults, root, device, problem) &&
           target_can_be_built(&replay->target, problem);
}

void replay_close(struct replay *replay)
{
    machine_close(&replay->machine);
    for (unsigned i = 0; i < ID_CUTS; i++) {
        crash_state_free(&replay->runs[i].state);
        recording_free(&replay->runs[i].recording);
    }
    recording_free(&replay->recovery);
    if (replay->profile != NULL)
        target_close(&replay->target);
    *replay = (struct replay){0};
}

void replay_change(struct replay *replay, const struct id *id)
{
    replay->id = id;
    for (unsigned i = 0; i < ID_CUTS; i++) {
        crash_state_free(&replay->runs[i].state);
        if (i > 0)
            recording_free(&replay->runs[i].recording);
    }
}

/* --- building --- */

static struct conditions conditions_of(const struct replay *replay, unsigned power_up)
{
    return plan_conditions(&(struct seeds){.sram = replay->id->seed, .noise = replay->id->noise}, 0, power_up);
}

/* The update without power loss, unless an id before this one has recorded it. */
static bool record_update(struct replay *replay, struct recording *recording, struct problem *problem)
{
    if (recording->operations != NULL)
        return true;
    struct recovery_request request = {.observe = recording_take, .observer = recording};
    struct recovery clean;
    memcpy(request.conditions, target_clean_conditions, sizeof request.conditions);
    return recovery_run(&clean, &replay->target.oracle, &replay->machine, &request, problem) &&
           (clean.verdict.pass ||
            problem_set(problem, PROBLEM_USE, "%s: the update fails without any power loss: %s: %s",
                        replay->profile->name, clean.verdict.oracle, clean.verdict.detail)) &&
           recording_index(recording, replay->profile, problem);
}

/* The recovery from a state, which may fail; phases are those of the update, and it has none. */
static bool record_recovery(struct replay *replay, const struct replay_run *before, struct replay_run *run,
                            struct problem *problem)
{
    struct profile profile = *replay->profile;
    struct session_request request = {.state = &before->state.arrays,
                                      .conditions = run->conditions,
                                      .wanted = &replay->profile->wanted,
                                      .limit_ns = profile.budget.seconds * UINT64_C(1000000000),
                                      .limit_boots = profile.budget.boots,
                                      .observe = recording_take,
                                      .observer = &run->recording};
    struct session_result session;
    profile.phases_count = 0;
    return session_run(&replay->machine, &request, &session, problem) &&
           recording_index(&run->recording, &profile, problem);
}

/* What power loss number `index` leaves. */
static bool build(struct replay *replay, unsigned index, struct problem *problem)
{
    struct replay_run *run = &replay->runs[index], *before = index > 0 ? run - 1 : NULL;
    const struct arrays *start = before != NULL ? &before->state.arrays : &replay->target.device;
    const struct id_cut *cut = &replay->id->cuts[index];
    run->cut = (struct cut){.tear = cut->tear};
    run->conditions = before != NULL ? conditions_of(replay, 0) : target_clean_conditions[0];
    return (before != NULL ? record_recovery(replay, before, run, problem)
                           : record_update(replay, &run->recording, problem)) &&
           id_find(cut, &run->recording, &run->cut.operation, problem) &&
           crash_state_begin(&run->state, &run->recording, start, problem) &&
           crash_state_tear(&run->state, run->cut.operation, cut->tear, problem);
}

bool replay_build(struct replay *replay, struct problem *problem)
{
    bool good = replay->machine.process != 0 || target_start(&replay->target, &replay->machine, 0, problem);
    replay->target.device.status = replay->machine.arrays.status;
    for (unsigned i = 0; good && i < replay->id->count; i++)
        good = build(replay, i, problem);
    for (unsigned i = 0; i < RECOVERY_MOST; i++)
        replay->conditions[i] = conditions_of(replay, i);
    return good;
}

/* --- recovering --- */

struct observers {
    struct recording *recording;
    machine_event_fn *observe;
    void *observer;
};

static void observe_both(void *context, const struct trace_item *item)
{
    struct observers *observers = context;
    recording_take(observers->recording, item);
    if (observers->observe != NULL)
        observers->observe(observers->observer, item);
}

static const struct replay_run *last_run(const struct replay *replay)
{
    return &replay->runs[replay->id->count - 1];
}

static struct recovery_request request_of(const struct replay *replay)
{
    struct recovery_request request = {.state = &last_run(replay)->state.arrays};
    memcpy(request.conditions, replay->conditions, sizeof request.conditions);
    return request;
}

/* The erases of everything since the update began; each loss of power allows one more. */
static bool judge_wear(struct replay *replay, const struct recovery *recovery, struct problem *problem)
{
    uint32_t erases[FOOTPRINT_SECTORS];
    memcpy(erases, recovery->footprint.erases, sizeof erases);
    for (unsigned i = 0; i < replay->id->count; i++) {
        struct wear wear;
        if (!wear_open(&wear, &replay->runs[i].recording, problem))
            return false;
        wear_add(&wear, &replay->runs[i].cut, erases);
        wear_close(&wear);
    }
    wear_judge_all(replay->profile, replay->id->count, erases, &replay->verdict);
    return true;
}

static bool judge_next(struct replay *replay, struct problem *problem)
{
    struct conditions conditions = conditions_of(replay, RECOVERY_POWER_UPS);
    struct next_place place = {.scratch = {NULL, -1}};
    const struct verdict *verdict = NULL;
    struct next *next = next_open(&replay->target.oracle, replay->target.root, problem);
    bool good = next != NULL && next_judge(next, &place, &replay->machine, &conditions, &verdict, problem);
    if (good)
        next_take(&replay->verdict, verdict);
    next_place_close(&place);
    next_close(next);
    return good;
}

bool replay_recover(struct replay *replay, machine_event_fn *observe, void *observer, struct problem *problem)
{
    struct observers observers = {&replay->recovery, observe, observer};
    struct recovery_request request = request_of(replay);
    struct recovery recovery;
    request.observe = observe_both;
    request.observer = &observers;
    recording_free(&replay->recovery);
    if (!recovery_run(&recovery, &replay->target.oracle, &replay->machine, &request, problem))
        return false;
    if (replay->recovery.incomplete)
        return problem_set(problem, PROBLEM_BENCH, "no memory for the trace");
    replay->verdict = recovery.verdict;
    if (replay->verdict.pass && !judge_wear(replay, &recovery, problem))
        return false;
    return !replay->verdict.pass || replay->profile->next == NULL || judge_next(replay, problem);
}

static bool has_marks(const struct arrays *arrays)
{
    bool any = false;
    for (enum array array = 0; array < ARRAYS; array++)
        any = any || arrays->marks[array].count > 0;
    return any;
}

#define FAULT_OPTIONS 800

static void print_fault_options(const struct fault_set *faults, char text[FAULT_OPTIONS])
{
    char one[FAULT_TEXT];
    text[0] = '\0';
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        if (!faults->of[fault].on)
            continue;
        fault_format(faults, fault, one);
        snprintf(text + strlen(text), FAULT_OPTIONS - strlen(text), " --fault %s", one);
    }
}

void replay_trace_sum(const struct replay *replay, char sum[65])
{
    gchar *text = g_compute_checksum_for_data(G_CHECKSUM_SHA256, replay->recovery.events, replay->recovery.size);
    snprintf(sum, 65, "%s", text);
    g_free(text);
}

/* What a bundle says: the scenario, and what came of it. */
static json_t *about(const struct replay *replay, const char *id)
{
    const struct verdict *verdict = &replay->verdict;
    char sum[65];
    replay_trace_sum(replay, sum);
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o}", "id", id, "firmware_sha256", replay->target.firmware,
                     "trace_sha256", sum, "mips", RAIL_MIPS, "verdict", verdict->pass ? "pass" : "fail", "finding",
                     verdict->pass ? json_null()
                                   : json_pack("{s:s, s:s}", "oracle", verdict->oracle, "detail", verdict->detail));
}

bool replay_artifacts(struct replay *replay, const char *folder, const struct id_target *words, struct problem *problem)
{
    const struct recovery_request request = request_of(replay);
    const char *sram = replay->conditions[0].sram;
    struct id bare = *replay->id;
    char id[ID_TEXT], command[ID_COMMAND], faults[FAULT_OPTIONS], text[ID_TEXT + ID_COMMAND + FAULT_OPTIONS + 1500];
    bare.firmware[0] = '\0';
    id_format(&bare, id);
    id_command(id, replay->target.firmware, words, command);
    print_fault_options(&replay->target.faults, faults);
    snprintf(text, sizeof text,
             "%s\n\n    %s\n\nThis folder has all that takes, so it also replays on a machine without the rest: copy it, or an "
             "archive of it that tar made, and name it\ninstead of the id, as in\n\n    matterhorn replay FOLDER\n\n"
             "before/ is what the power loss left, after/ what the recovery made of it; uart.txt and "
             "trace.txt are its first power-up, which started with --sram %s. To debug it:\n\n"
             "    matterhorn boot before --machine %s --sram %s%s --gdb 1234\n%s",
             id, command, sram, replay->profile->machine, sram, faults,
             has_marks(request.state) ? "\nThe power loss also left weak bits or an incompletely erased range, which "
                                        "these files cannot hold: only replay has them.\n"
                                      : "");
    const struct artifacts_bundle bundle = {&replay->target, about(replay, id)};
    return artifacts_write_bundle(folder, id, &bundle, &replay->machine, &request, text, problem);
}

/* --- comparing --- */

static bool same_events(const char *what, const struct recording *one, const struct recording *other,
                        struct problem *problem)
{
    if (one->size == other->size && memcmp(one->events, other->events, one->size) == 0)
        return true;
    size_t at = 0, position = 0, number = 0;
    while (at < one->size && at < other->size && one->events[at] == other->events[at])
        at++;
    struct trace_item item;
    while (position <= at && trace_next(one->events, one->size, &position, &item))
        number++;
    return problem_set(problem, PROBLEM_BENCH, "two runs of the same id differ: %s, at event %zu of %zu and %zu bytes",
                       what, number, one->size, other->size);
}

bool replay_same(const struct replay *one, const struct replay *other, struct problem *problem)
{
    for (unsigned i = 0; i < one->id->count; i++)
        if (!same_events(i == 0 ? "the update" : "a recovery that loses power", &one->runs[i].recording,
                         &other->runs[i].recording, problem))
            return false;
    if (!same_events("the recovery", &one->recovery, &other->recovery, problem))
        return false;
    return (one->verdict.pass == other->verdict.pass && strcmp(one->verdict.detail, other->verdict.detail) == 0) ||
           problem_set(problem, PROBLEM_BENCH, "two runs of the same id are judged differently: \"%s\" and \"%s\"",
                       one->verdict.detail, other->verdict.detail);
}

/* --- pausing for a debugger --- */

static void ignore(void *context, const struct trace_item *item)
{
    (void)context;
    (void)item;
}

bool replay_pause(struct replay *replay, unsigned port, struct machine *machine, struct problem *problem)
{
    const struct replay_run *run = last_run(replay), *before = replay->id->count > 1 ? run - 1 : NULL;
    const struct rail_event *event = run->recording.operations[run->cut.operation].item.event;
    /* Time moves by whole instructions, so this is the boundary before the one that starts the operation. */
    struct run_request request = {.until_ns = event->time_ns - (UINT64_C(1) << RAIL_ICOUNT_SHIFT)};
    struct stop stop;
    if (!target_start(&replay->target, machine, port, problem) ||
        (before != NULL && !machine_load(machine, &before->state.arrays, problem)) ||
        !machine_power_on(machine, run->conditions.sram, run->conditions.noise, NULL, problem))
        return false;
    do {
        if (!machine_run(machine, &request, &stop, problem) || !machine_take_events(machine, ignore, NULL, problem))
            return false;
    } while (stop.reason == STOP_TRACE_FULL);
    if (stop.operations != run->cut.operation)
        return problem_set(problem, PROBLEM_BENCH, "the run with a debugger differs: %" PRIu64 " operations, not %zu",
                           stop.operations, run->cut.operation);
    /* No time passes, but from now on power is lost there, whoever lets the machine go on. */
    request.cut = true;
    request.operation = run->cut.operation;
    request.tear = run->cut.tear;
    return machine_run(machine, &request, &stop, problem);
}

bool replay_lose_power(const struct replay *replay, struct machine *machine, bool gone_on, struct problem *problem)
{
    const struct replay_run *run = last_run(replay);
    struct run_request request = {.until_ns = replay->profile->budget.seconds * UINT64_C(1000000000),
                                  .cut = true,
                                  .operation = run->cut.operation,
                                  .tear = run->cut.tear};
    enum array array;
    uint32_t offset;
    struct stop stop;
    if (!(gone_on ? machine_wait(machine, &stop, problem) : machine_run(machine, &request, &stop, problem)) ||
        !machine_take_events(machine, ignore, NULL, problem))
        return false;
    if (stop.reason != STOP_CUT)
        return problem_set(problem, PROBLEM_BENCH, "the machine stopped elsewhere, after %" PRIu64 " operations",
                           stop.operations);
    if (arrays_differ(&run->state.arrays, &machine->arrays, true, &array, &offset))
        return problem_set(problem, PROBLEM_BENCH,
                           "the machine leaves another state than was built: %s.bin at 0x%" PRIX32
                           " holds %02X, built was %02X",
                           arrays_name(array), offset, machine->arrays.cells[array][offset],
                           run->state.arrays.cells[array][offset]);
    return machine_has_beside(machine, &run->state.arrays, &array, problem) ||
           problem_set(problem, PROBLEM_BENCH,
                       "the machine leaves other weak bits, incompletely erased ranges or registers of %s.bin than were built: %.200s",
                       arrays_name(array), machine->reply);
}
