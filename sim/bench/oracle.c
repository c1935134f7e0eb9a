/* SPDX-License-Identifier: MIT */
#include "oracle.h"

#include "files.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool open_goal(struct oracle_goal *goal, const struct oracle *oracle, const char *key, const char *root,
                      struct problem *problem)
{
    const struct profile_recovered *recovered = goal->recovered;
    goal->equal = calloc(recovered->equal_count + 1u, sizeof *goal->equal);
    bool good = goal->equal != NULL || problem_set(problem, PROBLEM_BENCH, "no memory");
    for (unsigned i = 0; good && i < recovered->equal_count; i++) {
        const struct profile_equal *equal = &recovered->equal[i];
        struct oracle_contents *contents = &goal->equal[i];
        char *path = files_join(root, equal->file);
        good = path != NULL && files_read(path, RAIL_NOR_SIZE, &contents->data, &contents->size, problem);
        free(path);
        if (good && !arrays_locate(equal->chip, equal->address, (uint32_t)contents->size, &contents->array,
                                   &contents->offset))
            good = problem_set(problem, PROBLEM_USE, "profile %s: %s.equal \"%s\": the file is not on the chip",
                               oracle->profile->name, key, equal->name);
    }
    return good;
}

bool oracle_open(struct oracle *oracle, const struct profile *profile, const struct arrays *device, const char *root,
                 struct problem *problem)
{
    *oracle = (struct oracle){.profile = profile, .device = device, .update = {.recovered = &profile->recovered}};
    bool good = open_goal(&oracle->update, oracle, "recovered", root, problem);
    if (good && profile->next != NULL) {
        oracle->next.recovered = &profile->next->recovered;
        good = open_goal(&oracle->next, oracle, "next.recovered", root, problem);
    }
    if (!good)
        oracle_close(oracle);
    return good;
}

static void close_goal(struct oracle_goal *goal)
{
    for (unsigned i = 0; goal->equal != NULL && i < goal->recovered->equal_count; i++)
        free(goal->equal[i].data);
    free(goal->equal);
    goal->equal = NULL;
}

void oracle_close(struct oracle *oracle)
{
    close_goal(&oracle->update);
    close_goal(&oracle->next);
}

bool oracle_fail(struct verdict *verdict, const char *oracle, const char *which, const char *format, ...)
{
    va_list arguments;
    verdict->pass = false;
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

static bool judge_equal(const struct oracle_goal *goal, const struct arrays *arrays, const char *which,
                        struct verdict *verdict)
{
    for (unsigned i = 0; i < goal->recovered->equal_count; i++) {
        const struct profile_equal *equal = &goal->recovered->equal[i];
        const struct oracle_contents *contents = &goal->equal[i];
        size_t at = first_difference(arrays->cells[contents->array] + contents->offset, contents->data, contents->size);
        if (at < contents->size)
            return oracle_fail(verdict, "equal", which, "%s differs from its file at 0x%08" PRIX32, equal->name,
                        equal->address + (uint32_t)at);
    }
    return true;
}

/* Pages outside the set hold what was provisioned, so only those inside are compared. */
static bool judge_unchanged(const struct oracle *oracle, const struct oracle_goal *goal, const struct arrays *arrays,
                            const char *which, struct verdict *verdict)
{
    for (unsigned i = 0; i < goal->recovered->unchanged_count; i++) {
        const struct profile_area *area = &goal->recovered->unchanged[i];
        uint32_t end = area->offset + area->size, next;
        for (uint32_t start = area->offset; start < end; start = next) {
            next = (start / ARRAYS_PAGE + 1) * ARRAYS_PAGE;
            uint32_t size = (next < end ? next : end) - start;
            if (!pages_have(&arrays->pages, area->array, start / ARRAYS_PAGE))
                continue;
            size_t at = first_difference(arrays->cells[area->array] + start, oracle->device->cells[area->array] + start,
                                         size);
            if (at < size)
                return oracle_fail(verdict, "unchanged", which, "%s was changed at 0x%08" PRIX32, area->name,
                            area->address + (start - area->offset) + (uint32_t)at);
        }
    }
    return true;
}

bool oracle_judge(const struct oracle *oracle, const struct oracle_goal *goal, const struct session_result *session,
                  const struct arrays *arrays, const char *which, struct verdict *verdict)
{
    char missing[120] = "nothing is missing";
    watch_missing(&session->watch, missing, sizeof missing);
    if (session->end == SESSION_TIME)
        return oracle_fail(verdict, "time", which, "not running within %u s of virtual time and %" PRIu32 " boots: %s",
                    oracle->profile->budget.seconds, session->watch.boots, missing);
    if (session->end == SESSION_BOOTS)
        return oracle_fail(verdict, "boots", which, "not running within %u boots and %.3f s of virtual time: %s",
                    oracle->profile->budget.boots, (double)session->time_ns * 1e-9, missing);
    if (session->watch.unwanted != NULL)
        return oracle_fail(verdict, "over", which, "still a line with \"%s\"", session->watch.unwanted);
    verdict->compared = true;
    return judge_equal(goal, arrays, which, verdict) && judge_unchanged(oracle, goal, arrays, which, verdict);
}
