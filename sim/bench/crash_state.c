/* SPDX-License-Identifier: MIT */
#include "crash_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool crash_state_begin(struct crash_state *state, const struct recording *recording, const struct arrays *device,
                       struct problem *problem)
{
    *state = (struct crash_state){.recording = recording, .device = device};
    if (!arrays_allocate(&state->arrays, problem) || !arrays_allocate_marks(&state->under, problem)) {
        crash_state_free(state);
        return false;
    }
    for (enum array array = 0; array < ARRAYS; array++)
        memcpy(state->arrays.cells[array], device->cells[array], arrays_size(array));
    arrays_load(&state->arrays, device, NULL, NULL); /* pages and marks; the cells are equal already */
    return true;
}

void crash_state_restart(struct crash_state *state, const struct recording *recording, const struct arrays *device)
{
    state->saved_count = state->saved_used = 0; /* a tear that stands goes with the rest, and so do the marks under it */
    state->torn = false;
    pages_add_all(&state->moved, &state->arrays.pages);
    pages_add_all(&state->moved, &device->pages);
    if (state->changes != NULL) {
        changes_add_pages(state->changes, &state->arrays.pages);
        changes_add_pages(state->changes, &device->pages);
    }
    state->recording = recording;
    state->device = device;
    state->position = 0;
    arrays_load(&state->arrays, device, NULL, NULL);
}

void crash_state_free(struct crash_state *state)
{
    arrays_free(&state->arrays);
    arrays_free(&state->under);
    free(state->saved);
    free(state->saved_bytes);
    memset(state, 0, sizeof *state);
}

static bool cannot_build(const struct operation *operation, struct problem *problem)
{
    char name[RECORDING_NAME];
    recording_name(operation, name);
    return problem_set(problem, PROBLEM_BENCH,
                       "cannot build the state after %s (%s, %" PRIu32 " bytes): the part does not do this", name,
                       trace_kind_name(operation->item.event->kind), operation->item.event->value);
}

static void note(struct crash_state *state, enum array array, uint32_t offset, uint32_t size)
{
    pages_add(&state->moved, array, offset, size);
    if (state->changes != NULL)
        changes_add(state->changes, array, offset, size);
}

/* --- what lies under a tear --- */

/* Puts back what the last tear changed. The recorded run itself leaves no marks, but may have started with some. */
static void undo_tear(struct crash_state *state)
{
    if (state->torn)
        arrays_load_beside(&state->arrays, &state->under);
    state->torn = false;
    while (state->saved_count > 0) {
        const struct crash_state_saved *saved = &state->saved[--state->saved_count];
        memcpy(state->arrays.cells[saved->array] + saved->offset, state->saved_bytes + saved->at, saved->size);
        note(state, saved->array, saved->offset, saved->size);
    }
    state->saved_used = 0;
}

static bool grow(void **memory, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return true;
    size_t wanted = needed > 2 * *capacity ? needed : 2 * *capacity;
    void *grown = realloc(*memory, wanted * size);
    if (grown == NULL)
        return false;
    *memory = grown;
    *capacity = wanted;
    return true;
}

/* Keeps what is in the operation's range. */
static bool save(struct crash_state *state, const struct operation *operation, struct problem *problem)
{
    struct crash_state_saved saved = {.at = state->saved_used};
    if (!state->torn)
        arrays_load_beside(&state->under, &state->arrays);
    state->torn = true;
    if (arrays_is_status(operation->item.event))
        return true;
    if (!arrays_range(operation->item.event, &saved.array, &saved.offset, &saved.size))
        return cannot_build(operation, problem);
    if (!grow((void **)&state->saved, &state->saved_capacity, state->saved_count + 1, sizeof *state->saved) ||
        !grow((void **)&state->saved_bytes, &state->saved_size, state->saved_used + saved.size, 1))
        return problem_set(problem, PROBLEM_BENCH, "no memory for a crash state");
    memcpy(state->saved_bytes + saved.at, state->arrays.cells[saved.array] + saved.offset, saved.size);
    state->saved[state->saved_count++] = saved;
    state->saved_used += saved.size;
    note(state, saved.array, saved.offset, saved.size);
    return true;
}

/* --- moving --- */

bool crash_state_seek(struct crash_state *state, size_t position, struct problem *problem)
{
    undo_tear(state);
    if (position < state->position) {
        pages_add_all(&state->moved, &state->arrays.pages);
        if (state->changes != NULL)
            changes_add_pages(state->changes, &state->arrays.pages);
        arrays_load(&state->arrays, state->device, NULL, NULL);
        state->position = 0;
    }
    for (; state->position < position; state->position++) {
        const struct operation *operation = &state->recording->operations[state->position];
        enum array array;
        uint32_t offset, size;
        bool cells = arrays_range(operation->item.event, &array, &offset, &size);
        if (!arrays_apply(&state->arrays, &operation->item))
            return cannot_build(operation, problem);
        if (cells)
            note(state, array, offset, size);
    }
    return true;
}

static bool tear_one(struct crash_state *state, const struct operation *operation, enum nor_tear tear,
                     struct problem *problem)
{
    return save(state, operation, problem) &&
           (arrays_tear(&state->arrays, &operation->item, tear) || cannot_build(operation, problem));
}

bool crash_state_tear(struct crash_state *state, size_t operation, enum nor_tear tear, struct problem *problem)
{
    const struct operation *operations = state->recording->operations;
    size_t first = operations[operation].under_way;
    if (!crash_state_seek(state, first, problem))
        return false;
    if (first < operation && !tear_one(state, &operations[first], tear, problem))
        return false;
    for (size_t i = first + 1; i < operation; i++)
        if (!save(state, &operations[i], problem) ||
            (!arrays_apply(&state->arrays, &operations[i].item) && !cannot_build(&operations[i], problem)))
            return false;
    return tear_one(state, &operations[operation], tear, problem);
}
