/* SPDX-License-Identifier: MIT */
#include "recording.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- recording --- */

void recording_take(void *context, const struct trace_item *item)
{
    struct recording *recording = context;
    size_t need = sizeof *item->event + ((item->event->payload + (size_t)7) & ~(size_t)7);
    if (recording->capacity - recording->size < need) {
        size_t capacity = recording->capacity == 0 ? 1u << 20 : recording->capacity * 2;
        uint8_t *events = recording->incomplete ? NULL : realloc(recording->events, capacity);
        if (events == NULL) {
            recording->incomplete = true;
            return;
        }
        recording->events = events;
        recording->capacity = capacity;
    }
    memcpy(recording->events + recording->size, item->event, need);
    recording->size += need;
}

void recording_free(struct recording *recording)
{
    free(recording->events);
    free(recording->operations);
    memset(recording, 0, sizeof *recording);
}

/* --- operations, phases, occurrences --- */

static int compare_place(const struct operation *one, const struct operation *other)
{
    const struct rail_event *a = one->item.event, *b = other->item.event;
    if (a->chip != b->chip)
        return a->chip < b->chip ? -1 : 1;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* Events lie in memory in the order of time. */
static int compare_place_and_time(const void *left, const void *right)
{
    const struct operation *one = *(const struct operation *const *)left;
    const struct operation *other = *(const struct operation *const *)right;
    int place = compare_place(one, other);
    return place != 0 ? place : (one > other) - (one < other);
}

static bool count_occurrences(struct recording *recording)
{
    struct operation **sorted = malloc((recording->count + 1) * sizeof *sorted);
    if (sorted == NULL)
        return false;
    for (size_t i = 0; i < recording->count; i++)
        sorted[i] = &recording->operations[i];
    qsort(sorted, recording->count, sizeof *sorted, compare_place_and_time);
    for (size_t i = 0; i < recording->count; i++) {
        bool again = i > 0 && compare_place(sorted[i - 1], sorted[i]) == 0;
        sorted[i]->occurrence = again ? sorted[i - 1]->occurrence + 1 : 1;
    }
    free(sorted);
    return true;
}

static size_t count_operations(const struct recording *recording)
{
    struct trace_item item;
    size_t position = 0, count = 0;
    while (trace_next(recording->events, recording->size, &position, &item))
        count += trace_is_operation(item.event);
    return count;
}

/* The operation of another chip than operation `index`'s that is under way when that one starts; `index` when there is
 * none. A chip does one at a time. */
static size_t under_way(const struct recording *recording, size_t index, const size_t last[RAIL_CHIP_NOR + 1])
{
    const struct rail_event *event = recording->operations[index].item.event;
    for (unsigned chip = RAIL_CHIP_INTERNAL; chip <= RAIL_CHIP_NOR; chip++) {
        if (chip == event->chip || last[chip] == SIZE_MAX)
            continue;
        const struct rail_event *other = recording->operations[last[chip]].item.event;
        if (other->time_ns + other->duration_ns > event->time_ns)
            return last[chip];
    }
    return index;
}

/* False when a reset, or a supply that goes, tears what that chip does: the trace does not say what is left then. What
 * ends in the very instant in which a supply goes counts as torn. */
static bool leaves_whole(const struct recording *recording, const struct rail_event *event,
                         const size_t last[RAIL_CHIP_NOR + 1], struct problem *problem)
{
    char name[RECORDING_NAME];
    bool supply = event->kind == RAIL_SUPPLY;
    if (event->kind != RAIL_RESET && !supply)
        return true;
    size_t index = last[supply ? trace_supplied_chip(event) : RAIL_CHIP_INTERNAL];
    if (index == SIZE_MAX)
        return true;
    const struct rail_event *torn = recording->operations[index].item.event;
    recording_name(&recording->operations[index], name);
    return torn->time_ns + torn->duration_ns + supply <= event->time_ns ||
           problem_set(problem, PROBLEM_BENCH,
                       "a %s tears %s in the recorded run; crash states after that cannot be built "
                       "(matterhorn boot shows the run itself)",
                       supply ? "dip of the supply" : "reset", name);
}

/* Finds the operations that overlap, on the chips and with resets. */
static bool find_overlaps(struct recording *recording, struct problem *problem)
{
    size_t last[RAIL_CHIP_NOR + 1] = {SIZE_MAX, SIZE_MAX, SIZE_MAX}, position = 0, index = 0;
    struct trace_item item;
    while (trace_next(recording->events, recording->size, &position, &item)) {
        if (!leaves_whole(recording, item.event, last, problem))
            return false;
        if (!trace_is_operation(item.event) || item.event->chip > RAIL_CHIP_NOR)
            continue;
        recording->operations[index].under_way = under_way(recording, index, last);
        last[item.event->chip] = index++;
    }
    return true;
}

bool recording_index_operations(struct recording *recording, struct problem *problem)
{
    struct trace_item item;
    size_t position = 0;
    recording->operations = calloc(count_operations(recording) + 1, sizeof *recording->operations);
    if (recording->incomplete || recording->operations == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory for the recorded run");
    while (trace_next(recording->events, recording->size, &position, &item))
        if (trace_is_operation(item.event))
            recording->operations[recording->count++].item = item;
    return find_overlaps(recording, problem);
}

bool recording_index(struct recording *recording, const struct profile *profile, struct problem *problem)
{
    struct trace_lines lines = {0};
    struct trace_item item;
    size_t position = 0;
    unsigned phase = 0;
    recording->operations = calloc(count_operations(recording) + 1, sizeof *recording->operations);
    if (recording->incomplete || recording->operations == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory for the recorded run");
    while (trace_next(recording->events, recording->size, &position, &item)) {
        const char *line = item.event->kind == RAIL_UART ? trace_line(&lines, item.event) : NULL;
        if (line != NULL && phase < profile->phases_count && strstr(line, profile->phases[phase].begins) != NULL)
            phase++;
        if (trace_is_operation(item.event))
            recording->operations[recording->count++] =
                (struct operation){.item = item,
                                   .phase = phase,
                                   .area = profile_area_at(profile, item.event->chip, item.event->address)};
    }
    if (phase < profile->phases_count)
        return problem_set(problem, PROBLEM_USE, "profile %s: phase \"%s\" did not begin: no line with \"%s\"",
                           profile->name, profile->phases[phase].name, profile->phases[phase].begins);
    if (!count_occurrences(recording))
        return problem_set(problem, PROBLEM_BENCH, "no memory for the recorded run");
    return find_overlaps(recording, problem);
}

void recording_name(const struct operation *operation, char name[RECORDING_NAME])
{
    const struct rail_event *event = operation->item.event;
    char kind = event->kind == RAIL_PROGRAM ? 'p' : event->kind == RAIL_ERASE ? 'e' : 's';
    if (event->chip == RAIL_CHIP_NOR)
        snprintf(name, RECORDING_NAME, "nor.%06" PRIX32 ".%c%" PRIu32, event->address, kind, operation->occurrence);
    else
        snprintf(name, RECORDING_NAME, "int.%08" PRIX32 ".%c%" PRIu32, event->address, kind, operation->occurrence);
}

const char *recording_phase_name(const struct profile *profile, unsigned phase)
{
    return phase == 0 ? "start" : profile->phases[phase - 1].name;
}

const char *recording_area_name(const struct operation *operation)
{
    return operation->area != NULL ? operation->area->name : trace_chip_name(operation->item.event);
}
