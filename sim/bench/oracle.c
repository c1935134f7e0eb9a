/* SPDX-License-Identifier: MIT */
#include "oracle.h"

#include "files.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool open_equal(struct oracle_goal *goal, const struct oracle *oracle, const char *key, const char *root,
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
        if (good && contents->size == 0)
            good = problem_set(problem, PROBLEM_USE, "profile %s: %s.equal \"%s\": %s is empty", oracle->profile->name,
                               key, equal->name, path);
        free(path);
        if (good && !arrays_locate(equal->chip, equal->address, (uint32_t)contents->size, &contents->array,
                                   &contents->offset))
            good = problem_set(problem, PROBLEM_USE, "profile %s: %s.equal \"%s\": the file is not on the chip",
                               oracle->profile->name, key, equal->name);
    }
    return good;
}

static bool open_goal(struct oracle_goal *goal, const struct oracle *oracle, const char *key, const char *root,
                      struct problem *problem)
{
    const struct profile_recovered *recovered = goal->recovered;
    bool good = open_equal(goal, oracle, key, root, problem);
    goal->any = calloc(recovered->any_count + 1u, sizeof *goal->any);
    if (goal->any == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    for (unsigned i = 0; good && i < recovered->any_count; i++) {
        char any[80];
        snprintf(any, sizeof any, "%s.any %s", key, recovered->any[i].name);
        goal->any[i].recovered = &recovered->any[i];
        good = open_equal(&goal->any[i], oracle, any, root, problem);
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

static void close_equal(struct oracle_goal *goal)
{
    for (unsigned i = 0; goal->equal != NULL && i < goal->recovered->equal_count; i++)
        free(goal->equal[i].data);
    free(goal->equal);
    goal->equal = NULL;
}

static void close_goal(struct oracle_goal *goal)
{
    for (unsigned i = 0; goal->any != NULL && i < goal->recovered->any_count; i++)
        close_equal(&goal->any[i]);
    free(goal->any);
    goal->any = NULL;
    close_equal(goal);
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

/* --- vector tables --- */

#define SRAM 0x20000000u
#define SRAM_SIZE 0x20000u
#define CCM 0x10000000u
#define CCM_SIZE 0x10000u

static uint32_t little_word(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The stack grows down from there, so it may be right behind the memory. */
static bool is_stack(uint32_t address)
{
    return address % 4 == 0 &&
           ((address > SRAM && address <= SRAM + SRAM_SIZE) || (address > CCM && address <= CCM + CCM_SIZE));
}

static bool judge_vectors(const struct oracle_goal *goal, const struct arrays *arrays, const char *which,
                          struct verdict *verdict)
{
    for (unsigned i = 0; i < goal->recovered->vectors_count; i++) {
        const struct profile_vectors *vectors = &goal->recovered->vectors[i];
        const uint8_t *table = arrays->cells[vectors->array] + vectors->offset;
        uint32_t stack = little_word(table), entry = little_word(table + 4);
        if (!is_stack(stack))
            return oracle_fail(verdict, "vectors", which, "%s: initial stack pointer 0x%08" PRIX32 " is not in RAM",
                               vectors->name, stack);
        if (entry % 2 == 0 || (entry & ~1u) - vectors->address >= vectors->size)
            return oracle_fail(verdict, "vectors", which,
                               "%s: reset vector 0x%08" PRIX32 " is no Thumb address in its range", vectors->name,
                               entry);
    }
    return true;
}

static bool judge_running(const struct oracle_goal *goal, const struct session_result *session, const char *which,
                          struct verdict *verdict)
{
    const struct profile_running *running = goal->recovered->running;
    if (running == NULL || session->vectors - running->address < running->size)
        return true;
    return oracle_fail(verdict, "running", which,
                       "the core's vector table is at 0x%08" PRIX32 ", outside 0x%08" PRIX32 " to 0x%08" PRIX32,
                       session->vectors, running->address, running->address + (running->size - 1));
}

/* --- counters --- */

/* Of a word that is written piece by piece, blank is 0: there is none. */
static uint64_t word_of(const uint8_t *bytes, const struct profile_counter *counter)
{
    uint64_t value = 0;
    bool blank = true;
    for (uint32_t i = 0; i < counter->size; i++) {
        uint8_t byte = bytes[counter->form == COUNTER_BIG ? i : counter->size - 1 - i];
        value = value << 8 | byte;
        blank = blank && byte == 0xFF;
    }
    return blank ? 0 : value;
}

/* With `marks`, bits that are weak do not count as cleared. */
static uint64_t cleared_bits(const uint8_t *bytes, const struct profile_counter *counter, const struct nor_marks *marks)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < counter->size; i++)
        value += (unsigned)__builtin_popcount((uint8_t)~bytes[i]);
    for (uint32_t i = 0; marks != NULL && i < marks->count; i++) {
        const struct nor_mark *mark = &marks->list[i];
        if (mark->kind == NOR_WEAK && mark->offset - counter->offset < counter->size)
            value -= !(bytes[mark->offset - counter->offset] >> mark->bit & 1);
    }
    return value;
}

static uint64_t counter_value(const struct profile_counter *counter, const struct arrays *arrays, bool torn)
{
    const uint8_t *bytes = arrays->cells[counter->array] + counter->offset;
    if (counter->form == COUNTER_UNARY)
        return cleared_bits(bytes, counter, torn ? &arrays->marks[counter->array] : NULL);
    return torn ? 0 : word_of(bytes, counter);
}

void oracle_count(const struct oracle_goal *goal, const struct arrays *arrays, bool torn, struct verdict *verdict)
{
    for (unsigned i = 0; i < goal->recovered->counters_count; i++) {
        uint64_t value = counter_value(&goal->recovered->counters[i], arrays, torn);
        if (value > verdict->counters[i])
            verdict->counters[i] = value;
    }
}

bool oracle_judge_loss(const struct oracle *oracle, const struct oracle_goal *goal, const struct arrays *state,
                       struct verdict *verdict)
{
    for (unsigned i = 0; i < goal->recovered->counters_count; i++) {
        const struct profile_counter *counter = &goal->recovered->counters[i];
        uint64_t before = counter_value(counter, oracle->device, false), now = counter_value(counter, state, true);
        if (counter->form == COUNTER_UNARY && now < before)
            return oracle_fail(verdict, "counter", "when power was lost", "%s fell from %" PRIu64 " to %" PRIu64,
                               counter->name, before, now);
    }
    return true;
}

static bool judge_counters(const struct oracle_goal *goal, const struct arrays *arrays, const char *which,
                           struct verdict *verdict)
{
    for (unsigned i = 0; i < goal->recovered->counters_count; i++) {
        const struct profile_counter *counter = &goal->recovered->counters[i];
        uint64_t value = counter_value(counter, arrays, false);
        if (value < verdict->counters[i])
            return oracle_fail(verdict, "counter", which, "%s fell from %" PRIu64 " to %" PRIu64, counter->name,
                               verdict->counters[i], value);
        verdict->counters[i] = value;
    }
    return true;
}

/* --- the whole --- */

static void look_at_goal(const struct oracle_goal *goal, oracle_look_fn *each, void *context)
{
    const struct profile_recovered *recovered = goal->recovered;
    for (unsigned i = 0; i < recovered->equal_count; i++)
        each(context, goal->equal[i].array, goal->equal[i].offset, (uint32_t)goal->equal[i].size, false);
    for (unsigned i = 0; i < recovered->unchanged_count; i++)
        each(context, recovered->unchanged[i].array, recovered->unchanged[i].offset, recovered->unchanged[i].size,
             false);
    for (unsigned i = 0; i < recovered->vectors_count; i++)
        each(context, recovered->vectors[i].array, recovered->vectors[i].offset, 8, false);
    for (unsigned i = 0; i < recovered->counters_count; i++)
        each(context, recovered->counters[i].array, recovered->counters[i].offset, recovered->counters[i].size, true);
}

void oracle_looks(const struct oracle_goal *goal, oracle_look_fn *each, void *context)
{
    look_at_goal(goal, each, context);
    for (unsigned i = 0; i < goal->recovered->any_count; i++)
        look_at_goal(&goal->any[i], each, context);
}

static bool judge_goal(const struct oracle *oracle, const struct oracle_goal *goal,
                       const struct session_result *session, const struct arrays *arrays, const char *which,
                       struct verdict *verdict)
{
    return judge_equal(goal, arrays, which, verdict) && judge_unchanged(oracle, goal, arrays, which, verdict) &&
           judge_vectors(goal, arrays, which, verdict) && judge_running(goal, session, which, verdict) &&
           judge_counters(goal, arrays, which, verdict);
}

/* Of several ways to end, that of which all was seen is the one that counts. */
static bool judge_any(const struct oracle *oracle, const struct oracle_goal *goal, const struct session_result *session,
                      const struct arrays *arrays, const char *which, struct verdict *verdict)
{
    char place[80];
    unsigned one = watch_alternative(&session->watch);
    if (one >= goal->recovered->any_count)
        return true;
    snprintf(place, sizeof place, "%s, %s", which, goal->any[one].recovered->name);
    return judge_goal(oracle, &goal->any[one], session, arrays, place, verdict);
}

bool oracle_judge(const struct oracle *oracle, const struct oracle_goal *goal, const struct session_result *session,
                  const struct arrays *arrays, const char *which, struct verdict *verdict)
{
    char missing[150] = "nothing is missing";
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
    return judge_goal(oracle, goal, session, arrays, which, verdict) &&
           judge_any(oracle, goal, session, arrays, which, verdict);
}

bool oracle_finds_work(const struct oracle *oracle, const struct session_result *session)
{
    const uint32_t *budget = oracle->profile->budget.idle_operations;
    return budget != NULL && session->operations > *budget;
}
