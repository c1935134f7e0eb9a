/* SPDX-License-Identifier: MIT */
#include "closure_shared.h"

#include <string.h>

/* --- ways --- */

/* Where power was lost, from the last time to the first. */
struct way {
    struct way_loss {
        uint32_t parent;
        size_t operation;
        enum nor_tear tear;
    } losses[ID_CUTS];
    unsigned count;
};

static uint32_t member_of(const struct closure_node *class, size_t index)
{
    const struct closure_range *range = class->ranges;
    for (; index >= range->count; range++)
        index -= range->count;
    return range->first + (uint32_t)index;
}

void closure_choose(const struct closure_search *search, const struct closure_state *state, uint64_t *random, size_t *operation,
                    enum nor_tear *tear)
{
    const struct sweep_options *options = search->sweep.options;
    *operation = state->operation;
    *tear = (enum nor_tear)state->tear;
    if (state->states == 1)
        return;
    *operation += plan_random(random) % state->operations;
    do
        *tear = options->tears[plan_random(random) % options->tear_count];
    while (!nor_tear_applies(NOR_PROGRAM, *tear));
}

/* To where the recovery of a node begins. With `random`, through any member of its class, and of the classes on the way there any of those that were
 * there when it was made: so each is older than the one before, and the way ends. */
static struct way way_to(const struct closure_search *search, uint32_t node, uint64_t *random)
{
    struct way way = {.count = 0};
    while (node != CLOSURE_ROOT) {
        const struct closure_node *class = &search->nodes[node];
        size_t entries = way.count == 0 ? class->entries : class->ranges[0].count;
        uint32_t number = random != NULL ? member_of(class, plan_random(random) % entries) : class->state;
        const struct closure_state *state = &search->states[number];
        struct way_loss *loss = &way.losses[way.count++];
        *loss = (struct way_loss){state->parent, state->operation, (enum nor_tear)state->tear};
        if (random != NULL)
            closure_choose(search, state, random, &loss->operation, &loss->tear);
        node = state->parent;
    }
    return way;
}

/* --- standing --- */

/* Begins the recovery of a node, from `base` on. */
static void begin(struct closure_worker *worker, uint32_t node)
{
    recording_free(&worker->recording);
    worker->played = node;
    crash_state_restart(&worker->state, &worker->recording, &worker->base);
    worker->at = &worker->wild;
    worker->beside.size = 0;
}

bool closure_play(struct closure_worker *worker, size_t count)
{
    const struct closure_search *search = worker->search;
    return tapes_play(search->tapes, search->nodes[worker->played].tape, count, &worker->recording, &worker->problem);
}

static bool go(struct closure_worker *worker, const struct way *way)
{
    arrays_load(&worker->base, &worker->search->sweep.target.device, NULL, NULL);
    for (unsigned i = way->count; i-- > 0;) {
        const struct way_loss *loss = &way->losses[i];
        begin(worker, loss->parent);
        if (!closure_play(worker, loss->operation + 1) ||
            !crash_state_tear(&worker->state, loss->operation, loss->tear, &worker->problem))
            return false;
        arrays_load(&worker->base, &worker->state.arrays, NULL, NULL);
    }
    return true;
}

/* Without classes nothing is kept of a state but the way to it. */
static bool find_base(struct closure_worker *worker, uint32_t node)
{
    const struct closure_search *search = worker->search;
    if (search->nodes[node].pooled != NULL) {
        pooled_load_state(search->nodes[node].pooled, &worker->base);
        return true;
    }
    struct way way = way_to(search, node, NULL);
    return go(worker, &way);
}

bool closure_stand(struct closure_worker *worker, uint32_t node)
{
    bool there = worker->stands == node;
    worker->stands = SIZE_MAX;
    if (there)
        crash_state_restart(&worker->state, &worker->recording, &worker->base);
    else if (find_base(worker, node))
        begin(worker, node);
    else
        return false;
    worker->stands = node;
    worker->erased = 0;
    wild_load(&worker->wild, worker->search->nodes[node].wild);
    worker->at = &worker->wild;
    worker->beside.size = 0;
    return true;
}

bool closure_stand_at_other(struct closure_worker *worker, uint32_t node, uint64_t *random)
{
    struct way way = way_to(worker->search, node, random);
    worker->stands = SIZE_MAX;
    if (!go(worker, &way))
        return false;
    begin(worker, node);
    return true;
}

/* --- losing power --- */

/* Takes from the wild bytes those that were completely erased before power is lost at the operation. */
static void forget_erased(struct closure_worker *worker, size_t operation)
{
    const struct operation *operations = worker->recording.operations;
    for (; worker->erased < operation && worker->erased != operations[operation].under_way; worker->erased++) {
        const struct rail_event *event = operations[worker->erased].item.event;
        enum array array;
        uint32_t offset, size;
        if (event->kind != RAIL_ERASE || !arrays_range(event, &array, &offset, &size))
            continue;
        wild_remove(&worker->wild, array, offset, size);
        changes_add(&worker->changes, array, offset, size);
    }
}

/* Whether any state of the search may have a range to which programs do not take, by a tear of the menu or because the
 * device came with it. The state that was run does not tell: members may have such a range in wild bytes, where that
 * state has erased it since or has never been torn so. */
static bool may_not_take(const struct closure_search *search, enum array array)
{
    return closure_has_tear(search, NOR_TEAR_NOTAKE) || nor_marks_notake(&search->sweep.target.device.marks[array]);
}

/* A torn erase may leave the same wherever it stood; then that is wild no more. But a range to which programs do not
 * take outlasts all erases that are not complete: where there may be one, members that have it still differ from those
 * that have it not. */
static void forget_torn(struct closure_worker *worker, size_t operation, enum nor_tear tear)
{
    const struct rail_event *event = worker->recording.operations[operation].item.event;
    enum array array;
    uint32_t offset, size, from;
    changes_add(&worker->changes, worker->beside.array, worker->beside.offset, worker->beside.size);
    worker->beside.size = 0;
    worker->at = &worker->wild;
    if (event->kind != RAIL_ERASE || !arrays_range(event, &array, &offset, &size) || !nor_tear_forgets(tear, size, &from) ||
        may_not_take(worker->search, array))
        return;
    wild_clear(&worker->torn);
    wild_add_all(&worker->torn, &worker->wild);
    wild_remove(&worker->torn, array, offset + from, size - from);
    worker->beside = (struct change){array, offset + from, size - from};
    changes_add(&worker->changes, array, offset + from, size - from);
    worker->at = &worker->torn;
}

bool closure_lose_power(struct closure_worker *worker, size_t operation, enum nor_tear tear)
{
    if (!closure_play(worker, operation + 1))
        return false;
    forget_erased(worker, operation);
    if (!crash_state_tear(&worker->state, operation, tear, &worker->problem))
        return false;
    forget_torn(worker, operation, tear);
    return true;
}
