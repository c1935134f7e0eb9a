/* SPDX-License-Identifier: MIT */
#include "closure_shared.h"

#include "mix.h"

#include <stdlib.h>
#include <string.h>

#define SHORTEST_STRETCH 8u /* operations */
#define STRETCH_UNIT 4096u  /* bytes that a stretch stays in: an extent of the SPI NOR, which is erased as a whole */

static const struct sweep_options *options_of(const struct closure_worker *worker)
{
    return worker->search->sweep.options;
}

static enum nor_kind kind_of(const struct operation *operation)
{
    return operation->item.event->kind == RAIL_ERASE ? NOR_ERASE : NOR_PROGRAM;
}

size_t closure_tears(const struct closure_search *search, enum nor_kind kind)
{
    const struct sweep_options *options = search->sweep.options;
    size_t count = 0;
    for (unsigned i = 0; i < options->tear_count; i++)
        count += nor_tear_applies(kind, options->tears[i]);
    return count;
}

/* Builds a crash state and its fingerprint. */
static bool build(struct closure_worker *worker, size_t operation, enum nor_tear tear)
{
    if (!closure_lose_power(worker, operation, tear))
        return false;
    fingerprint_move(&worker->print, &worker->state.arrays, worker->at, &worker->changes);
    changes_clear(&worker->changes);
    return true;
}

static void begin_print(struct closure_worker *worker)
{
    fingerprint_begin(&worker->print, &worker->state.arrays, worker->at);
    changes_clear(&worker->changes);
}

static bool add_candidate(struct closure_worker *worker, struct closure_candidates *candidates, uint64_t print,
                          const struct closure_state *state)
{
    if (!closure_grow(&candidates->list, &candidates->capacity, candidates->count, sizeof *candidates->list))
        return closure_no_memory(worker);
    candidates->list[candidates->count++] = (struct closure_candidate){print, *state};
    return true;
}

/* --- one operation --- */

static bool look_at_tear(struct closure_worker *worker, size_t operation, enum nor_tear tear, struct closure_expansion *expansion)
{
    const struct closure_search *search = worker->search;
    struct closure_state state = {.parent = worker->played, .operation = (uint32_t)operation, .node = CLOSURE_OPEN, .states = 1,
                                  .operations = 1, .tear = tear};
    if (!build(worker, operation, tear))
        return false;
    if (known_find(&search->known, worker->print.whole) != KNOWN_NONE) {
        expansion->seen++;
        if (!closure_lists_again(search))
            return true;
    }
    return add_candidate(worker, &expansion->candidates, worker->print.whole, &state);
}

static bool look_at_operation(struct closure_worker *worker, size_t operation, struct closure_expansion *expansion)
{
    const struct sweep_options *options = options_of(worker);
    enum nor_kind kind = kind_of(&worker->recording.operations[operation]);
    bool good = true;
    for (unsigned i = 0; good && i < options->tear_count; i++)
        if (nor_tear_applies(kind, options->tears[i]))
            good = look_at_tear(worker, operation, options->tears[i], expansion);
    return good;
}

/* --- a stretch --- */

/* Whether a program goes on where the one before it ends, in the same unit, and nothing else is under way. */
static bool goes_on(const struct recording *recording, size_t operation)
{
    const struct operation *one = &recording->operations[operation - 1], *next = one + 1;
    const struct rail_event *before = one->item.event, *event = next->item.event;
    return event->kind == RAIL_PROGRAM && event->chip == before->chip && next->under_way == operation &&
           event->address == before->address + before->value && event->address / STRETCH_UNIT == before->address / STRETCH_UNIT;
}

/* How many operations from this one on, up to `end`, are a stretch; 1: none. Programs of words that are side by side are: a recovery that erases what was
 * written, unread, knows none of their states from another. */
static size_t stretch_at(const struct closure_worker *worker, size_t operation, size_t end)
{
    const struct recording *recording = &worker->recording;
    const struct operation *first = &recording->operations[operation];
    size_t count = 1;
    if (!options_of(worker)->prune || !closure_has_tear(worker->search, NOR_TEAR_BEFORE) || first->item.event->kind != RAIL_PROGRAM ||
        first->under_way != operation)
        return 1;
    end = end < operation + CLOSURE_STRETCH ? end : operation + CLOSURE_STRETCH;
    while (operation + count < end && goes_on(recording, operation + count))
        count++;
    return count >= SHORTEST_STRETCH ? count : 1;
}

/* Of the state before the first operation, and all operations with their data: what states there are follows from both. */
static uint64_t stretch_print(const struct closure_worker *worker, size_t operation, size_t count)
{
    uint64_t hash = worker->print.whole;
    for (size_t i = operation; i < operation + count; i++)
        hash = mix_word(hash, (uintptr_t)worker->recording.operations[i].item.event);
    return hash;
}

/* Which states of a stretch were there before. Two of different operations are the same only where nothing that lies between them changes anything: then
 * one of the operation just before is the same too. */
struct walk {
    size_t operation;              /* of the last state */
    uint64_t prints[2][NOR_TEARS]; /* of all states of that, and of the operation before */
    unsigned counts[2];
};

static bool is_new(struct walk *walk, size_t operation, uint64_t print)
{
    if (operation != walk->operation) {
        memcpy(walk->prints[1], walk->prints[0], sizeof walk->prints[1]);
        walk->counts[1] = walk->counts[0];
        walk->counts[0] = 0;
        walk->operation = operation;
    }
    bool found = false;
    for (unsigned which = 0; which < 2; which++)
        for (unsigned i = 0; i < walk->counts[which]; i++)
            found = found || walk->prints[which][i] == print;
    walk->prints[0][walk->counts[0]++] = print;
    return !found;
}

typedef bool walk_fn(struct closure_worker *worker, const struct closure_state *state, void *context);

/* Calls `each` for every state of a stretch, once. */
static bool walk_stretch(struct closure_worker *worker, const struct closure_state *stretch, walk_fn *each, void *context)
{
    const struct sweep_options *options = options_of(worker);
    struct walk walk = {.operation = SIZE_MAX};
    struct closure_state state = *stretch;
    bool good = true;
    state.states = state.operations = 1;
    for (; good && state.operation < stretch->operation + stretch->operations; state.operation++)
        for (unsigned i = 0; good && i < options->tear_count; i++) {
            if (!nor_tear_applies(NOR_PROGRAM, options->tears[i]))
                continue;
            state.tear = options->tears[i];
            good = build(worker, state.operation, options->tears[i]);
            if (good && is_new(&walk, state.operation, worker->print.whole))
                good = each(worker, &state, context);
        }
    return good;
}

static bool count_state(struct closure_worker *worker, const struct closure_state *state, void *context)
{
    size_t *count = context;
    (void)worker;
    (void)state;
    ++*count;
    return true;
}

/* The fingerprint is that of the state before it. */
static bool look_at_stretch(struct closure_worker *worker, size_t operation, size_t count, struct closure_expansion *expansion)
{
    const struct closure_search *search = worker->search;
    struct closure_state stretch = {.parent = worker->played, .operation = (uint32_t)operation, .node = CLOSURE_OPEN,
                                    .operations = (uint32_t)count, .tear = NOR_TEAR_BEFORE};
    uint64_t print = stretch_print(worker, operation, count);
    size_t all = count * closure_tears(search, NOR_PROGRAM), states = 0;
    if (known_find(&search->known, print) != KNOWN_NONE) {
        expansion->seen += all;
        return true;
    }
    if (!walk_stretch(worker, &stretch, count_state, &states))
        return false;
    stretch.states = states;
    expansion->seen += all - states;
    return add_candidate(worker, &expansion->candidates, print, &stretch);
}

struct splitting {
    const struct closure_state *stretch;
    struct closure_candidates *candidates;
};

static bool add_split(struct closure_worker *worker, const struct closure_state *state, void *context)
{
    const struct splitting *splitting = context;
    bool first = state->operation == splitting->stretch->operation && state->tear == splitting->stretch->tear;
    return first || add_candidate(worker, splitting->candidates, worker->print.whole, state);
}

bool closure_split(struct closure_worker *worker, const struct closure_state *stretch, struct closure_candidates *candidates)
{
    struct splitting splitting = {stretch, candidates};
    begin_print(worker);
    return walk_stretch(worker, stretch, add_split, &splitting);
}

/* --- joining --- */

/* Recoveries join: most resume the same install, in the same state from some operation on. What crash states follow from there was found when
 * the first of them was looked at. */
struct joining {
    struct tape_place *places;
    size_t count, next;
};

/* The next place at or behind the operation; the end where there is none. */
static size_t next_place(struct joining *joining, size_t operation, size_t end)
{
    while (joining->next < joining->count && joining->places[joining->next].operation < operation)
        joining->next++;
    return joining->next < joining->count ? joining->places[joining->next].operation : end;
}

/* Whether the recovery joins another one where power is lost just before this operation, which is a place. Else that is noted for others. */
static bool joins(struct closure_worker *worker, const struct joining *joining, struct closure_expansion *expansion)
{
    uint64_t place = worker->print.whole ^ joining->places[joining->next].rest;
    if (known_find(&worker->search->passed, place) != KNOWN_NONE)
        return true;
    expansion->passed[expansion->passed_count++] = place;
    return false;
}

/* How many crash states there are from a place on. */
static size_t count_rest(const struct closure_worker *worker, const struct tape_place *place, size_t end)
{
    return (end - place->operation - place->erases) * closure_tears(worker->search, NOR_PROGRAM) +
           place->erases * closure_tears(worker->search, NOR_ERASE) + 1;
}

/* --- a recovery --- */

/* Power is lost after the last operation too: the device then starts with all of it done. */
static bool look_at_end(struct closure_worker *worker, size_t end, struct closure_expansion *expansion)
{
    return end == 0 || look_at_tear(worker, end - 1, NOR_TEAR_AFTER, expansion);
}

/* The operations of a recovery, up to where it joins another one. */
static bool look_at_all(struct closure_worker *worker, struct joining *joining, size_t end, struct closure_expansion *expansion)
{
    bool good = true, can_join = closure_has_tear(worker->search, NOR_TEAR_BEFORE);
    for (size_t operation = 0, looked; good && operation < end && !atomic_load(&worker->search->stop); operation += looked) {
        good = closure_play(worker, operation + 2 * CLOSURE_STRETCH);
        bool place = good && next_place(joining, operation, end) == operation;
        if (place && can_join && worker->recording.operations[operation].under_way == operation) {
            good = build(worker, operation, NOR_TEAR_BEFORE);
            if (good && joins(worker, joining, expansion)) {
                expansion->seen += count_rest(worker, &joining->places[joining->next], end);
                return true;
            }
        }
        looked = good ? stretch_at(worker, operation, next_place(joining, operation + 1, end)) : 1;
        good = good && (looked == 1 ? look_at_operation(worker, operation, expansion)
                                    : build(worker, operation, NOR_TEAR_BEFORE) && look_at_stretch(worker, operation, looked, expansion));
    }
    return good && look_at_end(worker, end, expansion);
}

static bool find_all(struct closure_worker *worker, const struct tape *tape, struct closure_expansion *expansion)
{
    struct joining joining = {.places = tapes_places(worker->search->tapes, tape, &joining.count)};
    expansion->passed = calloc(joining.count + 1, sizeof *expansion->passed);
    bool good = joining.places != NULL && expansion->passed != NULL;
    good = good ? look_at_all(worker, &joining, tapes_count(tape), expansion) : closure_no_memory(worker);
    free(joining.places);
    return good;
}

/* Of a sample of cuts all crash states are asked for. */
static bool find_some(struct closure_worker *worker, const struct tape *tape, struct closure_expansion *expansion)
{
    static const struct profile no_minima;
    const struct sweep_options *options = options_of(worker);
    struct plan_request request = {.seed = worker->search->sweep.result->seeds.cuts, .count = options->cuts,
                                   .tear_count = options->tear_count};
    struct plan plan = {0};
    memcpy(request.tears, options->tears, sizeof request.tears);
    bool good = closure_play(worker, tapes_count(tape)) &&
                plan_make(&plan, &worker->recording, &no_minima, &request, &worker->problem);
    for (size_t i = 0; good && i < plan.count && !atomic_load(&worker->search->stop); i++)
        good = look_at_tear(worker, plan.cuts[i].operation, plan.cuts[i].tear, expansion);
    plan_free(&plan);
    return good && look_at_end(worker, tapes_count(tape), expansion);
}

bool closure_find(struct closure_worker *worker, uint32_t node, struct closure_expansion *expansion)
{
    const struct tape *tape = worker->search->nodes[node].tape;
    if (!closure_stand(worker, node))
        return false;
    begin_print(worker);
    bool good = options_of(worker)->all ? find_all(worker, tape, expansion) : find_some(worker, tape, expansion);
    expansion->done = good && !atomic_load(&worker->search->stop);
    return good;
}
