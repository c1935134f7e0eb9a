/* SPDX-License-Identifier: MIT */
#include "oracle.h"

#include "files.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool oracle_open(struct oracle *oracle, const struct profile *profile, const struct arrays *device, const char *root,
                 struct problem *problem)
{
    const struct profile_recovered *recovered = &profile->recovered;
    *oracle = (struct oracle){profile, device, calloc(recovered->equal_count + 1u, sizeof *oracle->equal)};
    bool good = oracle->equal != NULL || problem_set(problem, PROBLEM_BENCH, "no memory");
    for (unsigned i = 0; good && i < recovered->equal_count; i++) {
        const struct profile_equal *equal = &recovered->equal[i];
        struct oracle_contents *contents = &oracle->equal[i];
        char *path = files_join(root, equal->file);
        good = path != NULL && files_read(path, RAIL_NOR_SIZE, &contents->data, &contents->size, problem);
        free(path);
        if (good && !arrays_locate(equal->chip, equal->address, (uint32_t)contents->size, &contents->array,
                                   &contents->offset))
            good = problem_set(problem, PROBLEM_USE, "profile %s: recovered.equal \"%s\": the file is not on the chip",
                               profile->name, equal->name);
    }
    if (!good)
        oracle_close(oracle);
    return good;
}

void oracle_close(struct oracle *oracle)
{
    for (unsigned i = 0; oracle->equal != NULL && i < oracle->profile->recovered.equal_count; i++)
        free(oracle->equal[i].data);
    free(oracle->equal);
    oracle->equal = NULL;
}

static bool fail(struct verdict *verdict, const char *oracle, const char *which, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool fail(struct verdict *verdict, const char *oracle, const char *which, const char *format, ...)
{
    va_list arguments;
    verdict->oracle = oracle;
    int used = snprintf(verdict->detail, sizeof verdict->detail, "%s: ", which);
    va_start(arguments, format);
    vsnprintf(verdict->detail + used, sizeof verdict->detail - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

/* The first byte that differs, counted from the start; `size` when there is none. */
static size_t first_difference(const uint8_t *one, const uint8_t *other, size_t size)
{
    if (memcmp(one, other, size) == 0)
        return size;
    size_t i = 0;
    while (one[i] == other[i])
        i++;
    return i;
}

static bool judge_equal(const struct oracle *oracle, const struct arrays *arrays, const char *which,
                        struct verdict *verdict)
{
    for (unsigned i = 0; i < oracle->profile->recovered.equal_count; i++) {
        const struct profile_equal *equal = &oracle->profile->recovered.equal[i];
        const struct oracle_contents *contents = &oracle->equal[i];
        size_t at = first_difference(arrays->cells[contents->array] + contents->offset, contents->data, contents->size);
        if (at < contents->size)
            return fail(verdict, "equal", which, "%s differs from its file at 0x%08" PRIX32, equal->name,
                        equal->address + (uint32_t)at);
    }
    return true;
}

/* Pages without marks hold what was provisioned, so only marked ones are compared. */
static bool judge_unchanged(const struct oracle *oracle, const struct arrays *arrays, const char *which,
                            struct verdict *verdict)
{
    for (unsigned i = 0; i < oracle->profile->recovered.unchanged_count; i++) {
        const struct profile_area *area = &oracle->profile->recovered.unchanged[i];
        uint32_t end = area->offset + area->size, next;
        for (uint32_t start = area->offset; start < end; start = next) {
            next = (start / ARRAYS_PAGE + 1) * ARRAYS_PAGE;
            uint32_t size = (next < end ? next : end) - start;
            if (!arrays_marked(arrays, area->array, start / ARRAYS_PAGE))
                continue;
            size_t at = first_difference(arrays->cells[area->array] + start, oracle->device->cells[area->array] + start,
                                         size);
            if (at < size)
                return fail(verdict, "unchanged", which, "%s was changed at 0x%08" PRIX32, area->name,
                            area->address + (start - area->offset) + (uint32_t)at);
        }
    }
    return true;
}

bool oracle_judge(const struct oracle *oracle, const struct session_result *session, const struct arrays *arrays,
                  const char *which, struct verdict *verdict)
{
    char missing[120] = "nothing is missing";
    watch_missing(&session->watch, missing, sizeof missing);
    if (session->end == SESSION_TIME)
        return fail(verdict, "time", which, "not running within %u s of virtual time and %" PRIu32 " boots: %s",
                    oracle->profile->budget.seconds, session->watch.boots, missing);
    if (session->end == SESSION_BOOTS)
        return fail(verdict, "boots", which, "not running within %u boots and %.3f s of virtual time: %s",
                    oracle->profile->budget.boots, (double)session->time_ns * 1e-9, missing);
    if (session->watch.unwanted != NULL)
        return fail(verdict, "over", which, "still a line with \"%s\"", session->watch.unwanted);
    return judge_equal(oracle, arrays, which, verdict) && judge_unchanged(oracle, arrays, which, verdict);
}

bool oracle_recover(const struct oracle *oracle, struct machine *machine, const struct arrays *state,
                    const char *const srams[2], machine_event_fn *observe, void *observer, struct verdict *verdict,
                    struct problem *problem)
{
    static const char *const which[2] = {"first power-up", "second power-up"};
    struct session_request request = {.state = state,
                                      .wanted = &oracle->profile->wanted,
                                      .limit_ns = oracle->profile->budget.seconds * UINT64_C(1000000000),
                                      .limit_boots = oracle->profile->budget.boots,
                                      .observe = observe,
                                      .observer = observer};
    struct session_result session;
    memset(verdict, 0, sizeof *verdict);
    verdict->pass = true;
    for (int i = 0; i < 2 && verdict->pass; i++) {
        request.sram = srams[i];
        if (!session_run(machine, &request, &session, problem))
            return false;
        if (i == 0) {
            verdict->boots = session.watch.boots;
            verdict->recovery_ns = session.time_ns;
        }
        verdict->virtual_ns += session.time_ns;
        verdict->operations += session.operations;
        verdict->pass = oracle_judge(oracle, &session, &machine->arrays, which[i], verdict);
        request.state = NULL;
        request.wanted = &oracle->profile->wanted_again;
        request.observe = NULL;
    }
    return true;
}
