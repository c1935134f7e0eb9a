/* SPDX-License-Identifier: MIT */
#include "session.h"

struct observation {
    struct watch *watch;
    const struct session_request *request;
};

static void observe(void *context, const struct trace_item *item)
{
    struct observation *observation = context;
    watch_take(observation->watch, item);
    if (observation->request->observe != NULL)
        observation->request->observe(observation->request->observer, item);
}

/* Whether what is seen may end it. */
static bool watches(const struct session_request *request)
{
    return !request->cut || request->either;
}

/* True when the session is over. */
static bool ended(const struct session_request *request, const struct stop *stop, struct session_result *result)
{
    if (stop->reason == STOP_CUT)
        result->end = SESSION_CUT;
    else if (watches(request) && watch_all_seen(&result->watch))
        result->end = SESSION_REACHED;
    else if (stop->reason == STOP_TIME)
        result->end = SESSION_TIME;
    else if (watches(request) && result->watch.boots > request->limit_boots)
        result->end = SESSION_BOOTS;
    else
        return false;
    return true;
}

/* Lines first, then edges: each stop costs a round trip, and pins may toggle often. Where there are alternatives, the
 * lines of one may be followed by those of another. */
static void choose_stops(const struct session_request *request, const struct watch *watch, struct run_request *run)
{
    bool lines = watch_lines_seen(watch);
    run->line = watches(request) && (!lines || request->wanted->any_count > 0);
    run->edge = watches(request) && lines;
    run->reset = watches(request);
}

bool session_run(struct machine *machine, const struct session_request *request, struct session_result *result,
                 struct problem *problem)
{
    struct observation observation = {&result->watch, request};
    struct run_request run = {.until_ns = request->limit_ns,
                              .cut = request->cut,
                              .operation = request->operation,
                              .tear = request->tear};
    struct stop stop;
    watch_begin(&result->watch, request->wanted);
    choose_stops(request, &result->watch, &run);
    if ((request->state != NULL && !machine_load(machine, request->state, problem)) ||
        !machine_start_run(machine, request->conditions.sram, request->conditions.noise, &result->sram, &run, &stop,
                           problem) ||
        !machine_take_events(machine, observe, &observation, problem))
        return false;
    while (!ended(request, &stop, result)) {
        choose_stops(request, &result->watch, &run);
        if (!machine_run(machine, &run, &stop, problem) ||
            !machine_take_events(machine, observe, &observation, problem))
            return false;
    }
    result->time_ns = stop.time_ns;
    result->operations = stop.operations;
    result->vectors = 0;
    if (request->wanted->vectors && result->end == SESSION_REACHED &&
        !machine_vectors(machine, &result->vectors, problem))
        return false;
    return result->end == SESSION_CUT || (machine_power_off(machine, problem) &&
                                          machine_take_events(machine, observe, &observation, problem));
}
