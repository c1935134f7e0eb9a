/* SPDX-License-Identifier: MIT */
#include "recovery.h"

#include "mix.h"

#include <inttypes.h>
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

/* --- power-ups --- */

struct running {
    struct recovery *recovery;
    struct machine *machine;
    const struct recovery_request *request;
    struct session_request session;
    struct session_result result;
    struct problem *problem;
};

/* What was touched so far counts, and what was touched now where nothing was erased before. */
static void add_touched(uint8_t *touched, const uint8_t *now, const struct pages *erased)
{
    for (uint32_t i = 0; i < RAIL_TOUCHED_SIZE; i++) {
        bool nor = i >= RAIL_TOUCHED_NOR;
        uint32_t page = (i - (nor ? RAIL_TOUCHED_NOR : RAIL_TOUCHED_INTERNAL)) * 8 / ARRAYS_PAGE;
        if (now[i] != 0 && !pages_have(erased, nor ? ARRAY_NOR : ARRAY_INTERNAL, page))
            touched[i] |= now[i];
    }
}

/* A start that did something is of no use to others. */
static bool keep_idle(struct running *running, uint64_t trace)
{
    struct recovery_idle *idle = running->request->idle;
    static const struct footprint nothing;
    static const struct credit_rules no_rules;
    if (running->result.operations > 0)
        return true;
    representative_set(&idle->begin, &running->machine->arrays, running->machine->touched, &nothing, &no_rules, CREDIT_NOTHING);
    return idles_add(idle->idles, &idle->begin, &running->result, trace) ||
           problem_set(running->problem, PROBLEM_BENCH, "no memory for starts without work");
}

/* Runs a power-up after the first one, and tells what it touches from what those before it did. */
static bool run_apart(struct running *running)
{
    struct recovery *recovery = running->recovery;
    struct recovery_idle *idle = running->request->idle;
    struct pages erased = recovery->footprint.erased;
    if (recovery->touched != idle->touched)
        memcpy(idle->touched, recovery->touched, RAIL_TOUCHED_SIZE);
    recovery->touched = idle->touched;
    if (!machine_clear_touched(running->machine, running->problem) ||
        !session_run(running->machine, &running->session, &running->result, running->problem))
        return false;
    add_touched(idle->touched, running->machine->touched, &erased);
    return true;
}

/* Power-on decides anew what such a bit holds that is read as memory, and what it holds is judged. */
static bool weak_bits_are_left(const struct arrays *arrays)
{
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t i = 0; array != ARRAY_NOR && i < arrays->marks[array].count; i++)
            if (arrays->marks[array].list[i].kind == NOR_WEAK)
                return true;
    return false;
}

static bool run_or_find(struct running *running)
{
    struct recovery *recovery = running->recovery;
    if (!machine_read_beside(running->machine, running->problem))
        return false;
    if (weak_bits_are_left(&running->machine->arrays))
        return run_apart(running);
    recovery->idle = idles_find(running->request->idle->idles, &running->machine->arrays);
    if (recovery->idle == NULL)
        return run_apart(running) && keep_idle(running, recovery->footprint.trace);
    running->result = recovery->idle->result;
    recovery->footprint.trace = recovery->idle->trace;
    return true;
}

static bool run_plainly(struct running *running)
{
    return session_run(running->machine, &running->session, &running->result, running->problem);
}

/* Starts without work are those of second power-ups, under their conditions. */
static bool power_up(struct running *running, unsigned number)
{
    struct footprint *footprint = &running->recovery->footprint;
    uint64_t before = footprint->trace;
    footprint->trace = 0;
    running->session.conditions = running->request->conditions[number];
    bool good = running->request->idle == NULL || number == 0 ? run_plainly(running)
                : number == 1                                 ? run_or_find(running)
                                                              : run_apart(running);
    footprint->trace = mix_word(before, footprint->trace);
    running->session.state = NULL;
    return good;
}

static void add_up(struct verdict *verdict, const struct session_result *result, unsigned number)
{
    if (number == 0) {
        verdict->boots = result->watch.boots;
        verdict->recovery_ns = result->time_ns;
        verdict->sram = result->sram;
    }
    verdict->virtual_ns += result->time_ns;
    verdict->operations += result->operations;
}

static bool begin(struct recovery *recovery, const struct oracle *oracle, struct machine *machine, const struct recovery_request *request,
                  struct verdict *lost, struct problem *problem)
{
    const struct arrays *state = request->state != NULL ? request->state : &machine->arrays;
    recovery->verdict = *lost = (struct verdict){.pass = true};
    recovery->idle = NULL;
    recovery->touched = machine->touched;
    oracle_judge_loss(oracle, &oracle->update, state, lost);
    oracle_count(&oracle->update, oracle->device, false, &recovery->verdict);
    oracle_count(&oracle->update, state, true, &recovery->verdict);
    footprint_begin(&recovery->footprint);
    return !request->touched || machine_clear_touched(machine, problem);
}

static void find_work(struct verdict *verdict, const struct oracle *oracle, const struct session_result *result)
{
    oracle_fail(verdict, "idle", "fifth power-up",
                "%" PRIu64 " operations on the flashes, as there were at each since the second; budget is %" PRIu32,
                result->operations, *oracle->profile->budget.idle_operations);
}

bool recovery_run(struct recovery *recovery, const struct oracle *oracle, struct machine *machine,
                  const struct recovery_request *request, struct problem *problem)
{
    static const char *const which[RECOVERY_MOST] = {"first power-up", "second power-up", "third power-up", "fourth power-up",
                                                       "fifth power-up"};
    const struct profile *profile = oracle->profile;
    struct observers observers = {recovery, request, 0};
    struct running running = {.recovery = recovery, .machine = machine, .request = request, .problem = problem,
                              .session = {.state = request->state,
                                          .wanted = &profile->wanted,
                                          .limit_ns = profile->budget.seconds * UINT64_C(1000000000),
                                          .limit_boots = profile->budget.boots,
                                          .observe = observe,
                                          .observer = &observers}};
    struct verdict *verdict = &recovery->verdict, lost;
    bool rests = false;
    if (!begin(recovery, oracle, machine, request, &lost, problem))
        return false;
    for (unsigned i = 0; i < RECOVERY_MOST && !rests && verdict->pass; i++) {
        observers.power_up = i;
        if (!power_up(&running, i))
            return false;
        add_up(verdict, &running.result, i);
        footprint_compared(&recovery->footprint);
        oracle_judge(oracle, &oracle->update, &running.result, &machine->arrays, which[i], verdict);
        rests = i + 1 >= RECOVERY_POWER_UPS && !oracle_finds_work(oracle, &running.result);
        running.session.wanted = &profile->wanted_again;
    }
    if (verdict->pass && !rests)
        find_work(verdict, oracle, &running.result);
    if (verdict->pass && !lost.pass)
        take_loss(verdict, &lost);
    return true;
}
