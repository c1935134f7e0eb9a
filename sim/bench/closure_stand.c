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

size_t closure_earlier(const struct closure_search *search, const struct closure_node *class, size_t entry)
{
    const struct closure_result *result = search->result;
    size_t first = 0, count = 0;
    for (unsigned i = 0; i < result->depth_count && result->depths[i].first <= entry; i++)
        first = result->depths[i].first;
    for (size_t i = 0; i < class->range_count && class->ranges[i].first < first; i++) {
        size_t before = first - class->ranges[i].first;
        count += before < class->ranges[i].count ? before : class->ranges[i].count;
    }
    return count;
}

/* To where the recovery of a node begins: through the states that were run. */
static struct way way_to(const struct closure_search *search, uint32_t node)
{
    struct way way = {.count = 0};
    while (node != CLOSURE_ROOT) {
        const struct closure_state *state = &search->states[search->nodes[node].state];
        way.losses[way.count++] = (struct way_loss){state->parent, state->operation, (enum nor_tear)state->tear};
        node = state->parent;
    }
    return way;
}

/* To where the recovery begins in which the entry was found, through any members of the classes on the way that were
 * found in an earlier depth than what comes behind them.
 *
 * Why those: an entry stands for what the members of a class leave, outside of the wild bytes that the class had when
 * its crash states were looked at. That was before any state of the entry's depth was settled, so members of earlier
 * depths differ from the state that was run in those bytes alone, and what they leave goes the way of the entry. A
 * class may have widened since, by members of the entry's own depth or of later ones, in bytes that nobody has
 * compared with what mattered to the entry's run. Its crash states are then looked at once more, which brings entries
 * of a later depth, or makes the search begin anew; but in a search that ends at a depth, not for what joined at the
 * last one. The same holds for each member on the way and the class before it.
 *
 * Entries are numbered in the order of their depths, and a class has its members in that order, so those are the first
 * so many. The state that was run is always one of them. Each is of an earlier depth than the one before, so the way
 * ends. */
static struct way other_way_to(const struct closure_search *search, size_t entry, uint64_t *random)
{
    struct way way = {.count = 0};
    for (uint32_t node; (node = search->states[entry].parent) != CLOSURE_ROOT;) {
        const struct closure_node *class = &search->nodes[node];
        entry = member_of(class, plan_random(random) % closure_earlier(search, class, entry));
        const struct closure_state *state = &search->states[entry];
        struct way_loss *loss = &way.losses[way.count++];
        loss->parent = state->parent;
        closure_choose(search, state, random, &loss->operation, &loss->tear);
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
    struct way way = way_to(search, node);
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

bool closure_stand_at_other(struct closure_worker *worker, size_t entry, uint64_t *random)
{
    struct way way = other_way_to(worker->search, entry, random);
    worker->stands = SIZE_MAX;
    if (!go(worker, &way))
        return false;
    begin(worker, worker->search->states[entry].parent);
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
