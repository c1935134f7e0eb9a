/* SPDX-License-Identifier: MIT */
#include "closure_shared.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool closure_grow(void *list, size_t *capacity, size_t count, size_t size)
{
    void **memory = list;
    if (count < *capacity)
        return true;
    size_t wanted = *capacity == 0 ? 64 : 2 * *capacity;
    void *grown = realloc(*memory, wanted * size);
    if (grown == NULL)
        return false;
    *memory = grown;
    *capacity = wanted;
    return true;
}

bool closure_lists_again(const struct closure_search *search)
{
    return search->sweep.options->list && !search->sweep.options->all;
}

static bool no_memory(struct closure_worker *worker)
{
    return problem_set(&worker->problem, PROBLEM_BENCH, "no memory for the states of a closure");
}

static const struct sweep_options *options_of(const struct closure_worker *worker)
{
    return worker->search->sweep.options;
}

/* --- opening --- */

static bool start_machine(struct closure_worker *worker)
{
    struct sweep *sweep = &worker->search->sweep;
    struct machine_options options = {.model = sweep->profile->machine};
    return machine_start(&worker->machine, &options, &sweep->target.device, &worker->problem);
}

static bool open_worker(struct closure_worker *worker)
{
    struct sweep *sweep = &worker->search->sweep;
    const struct arrays *device = &sweep->target.device;
    if (worker->open)
        return true;
    worker->stands = SIZE_MAX;
    worker->open = true;
    worker->at = &worker->wild;
    if (!arrays_allocate(&worker->base, &worker->problem) || !wild_open(&worker->wild, &worker->problem) ||
        !wild_open(&worker->torn, &worker->problem) ||
        !wild_open(&worker->gathered, &worker->problem) ||
        !representative_open(&worker->representative, device, &worker->problem) ||
        !crash_state_begin(&worker->state, &sweep->result->recording, device, &worker->problem))
        return false;
    for (enum array array = 0; array < ARRAYS; array++)
        memcpy(worker->base.cells[array], device->cells[array], arrays_size(array));
    return true;
}

static void count_machine(struct closure_worker *worker)
{
    struct closure_search *search = worker->search;
    struct problem ignored = {0};
    uint64_t instructions = 0;
    machine_instructions(&worker->machine, &instructions, &ignored);
    pthread_mutex_lock(&search->lock);
    search->sweep.result->instructions += instructions;
    search->sweep.result->virtual_ns += worker->virtual_ns;
    pthread_mutex_unlock(&search->lock);
}

void closure_leave(void *context, unsigned number, size_t item)
{
    struct closure_search *search = context;
    struct closure_worker *worker = &search->workers[number];
    (void)item;
    if (worker->machine.process > 0)
        count_machine(worker);
    machine_close(&worker->machine);
    recording_free(&worker->recording);
    crash_state_free(&worker->state);
    representative_close(&worker->representative);
    wild_close(&worker->wild);
    wild_close(&worker->torn);
    wild_close(&worker->gathered);
    arrays_free(&worker->base);
    next_place_close(&worker->place);
}

/* --- standing at a recovery --- */

/* Where power was lost, from the last time to the first. */
struct way {
    struct way_loss {
        uint32_t parent, operation;
        uint8_t tear;
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

/* To where the recovery of a node begins. With `random`, through any member of its class, and of the classes on the way there any of those that were
 * there when it was made: so each is older than the one before, and the way ends. */
static struct way way_to(const struct closure_search *search, uint32_t node, uint64_t *random)
{
    struct way way = {.count = 0};
    while (node != CLOSURE_ROOT) {
        const struct closure_node *class = &search->nodes[node];
        size_t members = way.count == 0 ? class->members : class->ranges[0].count;
        uint32_t number = random != NULL ? member_of(class, plan_random(random) % members) : class->state;
        const struct closure_state *state = &search->states[number];
        way.losses[way.count++] = (struct way_loss){state->parent, state->operation, state->tear};
        node = state->parent;
    }
    return way;
}

/* Plays the recovery of a node from `base` on. */
static bool play(struct closure_worker *worker, uint32_t node)
{
    struct closure_search *search = worker->search;
    recording_free(&worker->recording);
    if (!tapes_play(search->tapes, search->nodes[node].tape, &worker->recording, &worker->problem))
        return false;
    crash_state_restart(&worker->state, &worker->recording, &worker->base);
    return true;
}

static bool go(struct closure_worker *worker, uint32_t node, const struct way *way)
{
    arrays_load(&worker->base, &worker->search->sweep.target.device, NULL, NULL);
    for (unsigned i = way->count; i-- > 0;) {
        const struct way_loss *loss = &way->losses[i];
        if (!play(worker, loss->parent) ||
            !crash_state_tear(&worker->state, loss->operation, (enum nor_tear)loss->tear, &worker->problem))
            return false;
        arrays_load(&worker->base, &worker->state.arrays, NULL, NULL);
    }
    return play(worker, node);
}

/* The recovery of the node is the recording, and the crash state and the wild bytes are at its beginning. */
static bool stand(struct closure_worker *worker, uint32_t node)
{
    struct way way = way_to(worker->search, node, NULL);
    if (worker->stands == node)
        crash_state_restart(&worker->state, &worker->recording, &worker->base);
    else if (!go(worker, node, &way))
        return false;
    worker->stands = node;
    worker->erased = 0;
    wild_load(&worker->wild, worker->search->nodes[node].wild);
    worker->at = &worker->wild;
    return true;
}

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
        pages_add(&worker->state.moved, array, offset, size);
    }
}

/* A torn erase may leave the same wherever it stood; then that is wild no more. Without marks of incomplete erases, which outlast it. */
static void forget_torn(struct closure_worker *worker, size_t operation, enum nor_tear tear)
{
    const struct rail_event *event = worker->recording.operations[operation].item.event;
    enum array array;
    uint32_t offset, size, from;
    pages_add_all(&worker->state.moved, &worker->beside);
    memset(&worker->beside, 0, sizeof worker->beside);
    worker->at = &worker->wild;
    if (event->kind != RAIL_ERASE || !arrays_range(event, &array, &offset, &size) || !nor_tear_forgets(tear, size, &from) ||
        nor_marks_notake(&worker->state.arrays.marks[array]))
        return;
    wild_clear(&worker->torn);
    wild_add_all(&worker->torn, &worker->wild);
    wild_remove(&worker->torn, array, offset + from, size - from);
    pages_add(&worker->beside, array, offset + from, size - from);
    pages_add_all(&worker->state.moved, &worker->beside);
    worker->at = &worker->torn;
}

/* Builds a crash state of the recovery at which it stands; operations in order. */
static bool lose_power(struct closure_worker *worker, size_t operation, enum nor_tear tear)
{
    forget_erased(worker, operation);
    if (!crash_state_tear(&worker->state, operation, tear, &worker->problem))
        return false;
    forget_torn(worker, operation, tear);
    return true;
}

/* --- finding the crash states of a recovery --- */

static bool choose_cuts(struct closure_worker *worker, struct plan *plan)
{
    const struct sweep *sweep = &worker->search->sweep;
    const struct sweep_options *options = sweep->options;
    static const struct profile no_minima;
    struct plan_request request = {.seed = sweep->result->seeds.cuts, .count = options->cuts, .all = options->all,
                                   .tear_count = options->tear_count};
    memcpy(request.tears, options->tears, sizeof request.tears);
    return plan_make(plan, &worker->recording, &no_minima, &request, &worker->problem);
}

/* Power is lost after the last operation too: the device then starts with all of it done. */
static bool add_last(struct closure_worker *worker, struct plan *plan)
{
    size_t count = worker->recording.count;
    struct cut last = {.operation = count - 1, .tear = NOR_TEAR_AFTER};
    struct cut *cuts = realloc(plan->cuts, (plan->count + 1) * sizeof *cuts);
    if (cuts == NULL)
        return no_memory(worker);
    plan->cuts = cuts;
    if (count > 0)
        cuts[plan->count++] = last;
    return true;
}

static bool add_candidate(struct closure_worker *worker, struct closure_expansion *expansion, const struct cut *cut)
{
    const struct closure_search *search = worker->search;
    uint64_t print = worker->print.whole;
    if (known_find(&search->known, print) != KNOWN_NONE) {
        expansion->seen++;
        if (!closure_lists_again(search))
            return true;
    }
    if (!closure_grow(&expansion->list, &expansion->capacity, expansion->count, sizeof *expansion->list))
        return no_memory(worker);
    expansion->list[expansion->count++] =
        (struct closure_candidate){print, (uint32_t)cut->operation, (uint8_t)cut->tear};
    return true;
}

/* Recoveries join: most resume the same install, in the same state from some operation on. What crash states follow from there was found when
 * the first of them was looked at. */
struct joining {
    struct tape_place *places; /* NULL: all crash states are asked for */
    size_t count, next;
};

static bool open_joining(struct closure_worker *worker, uint32_t node, struct joining *joining)
{
    const struct closure_search *search = worker->search;
    if (!options_of(worker)->all)
        return true;
    joining->places = tapes_places(search->tapes, search->nodes[node].tape, &joining->count);
    return joining->places != NULL || no_memory(worker);
}

/* Whether it joins another one where power is lost just before this operation. Else it is noted for others, where it is one of the places. */
static bool joins(struct closure_worker *worker, struct joining *joining, const struct cut *cut, struct closure_expansion *expansion)
{
    const struct operation *operation = &worker->recording.operations[cut->operation];
    while (joining->next < joining->count && joining->places[joining->next].operation < cut->operation)
        joining->next++;
    if (joining->next == joining->count || joining->places[joining->next].operation != cut->operation ||
        cut->tear != NOR_TEAR_BEFORE || operation->under_way != cut->operation)
        return false;
    uint64_t place = worker->print.whole ^ joining->places[joining->next].rest;
    if (known_find(&worker->search->passed, place) != KNOWN_NONE)
        return true;
    expansion->passed[expansion->passed_count++] = place;
    return false;
}

static bool expand(struct closure_worker *worker, uint32_t node, struct closure_expansion *expansion)
{
    const struct closure_search *search = worker->search;
    struct joining joining = {0};
    struct plan plan = {0};
    bool good = stand(worker, node) && choose_cuts(worker, &plan) && add_last(worker, &plan) &&
                open_joining(worker, node, &joining);
    expansion->passed = calloc(joining.count + 1, sizeof *expansion->passed);
    good = good && (expansion->passed != NULL || no_memory(worker));
    if (good)
        fingerprint_begin(&worker->print, &search->device, &worker->state.arrays, &worker->wild);
    memset(&worker->state.moved, 0, sizeof worker->state.moved);
    for (size_t i = 0; good && i < plan.count && !atomic_load(&search->stop); i++) {
        good = lose_power(worker, plan.cuts[i].operation, plan.cuts[i].tear);
        fingerprint_move(&worker->print, &worker->state.arrays, worker->at, &worker->state.moved);
        memset(&worker->state.moved, 0, sizeof worker->state.moved);
        if (good && joins(worker, &joining, &plan.cuts[i], expansion)) {
            expansion->seen += plan.count - i;
            break;
        }
        good = good && add_candidate(worker, expansion, &plan.cuts[i]);
    }
    free(joining.places);
    plan_free(&plan);
    expansion->done = good && !atomic_load(&search->stop);
    return good;
}

/* --- running a state --- */

static void request_of(const struct closure_worker *worker, struct recovery_request *request)
{
    *request = (struct recovery_request){.state = &worker->state.arrays, .touched = options_of(worker)->prune};
    for (unsigned i = 0; i < RECOVERY_POWER_UPS; i++)
        request->conditions[i] = plan_conditions(&worker->search->sweep.result->seeds, 0, i);
}

static bool judge_next(struct closure_worker *worker, const struct recovery *recovery, const struct verdict **next)
{
    struct sweep *sweep = &worker->search->sweep;
    struct conditions conditions = plan_conditions(&sweep->result->seeds, 0, RECOVERY_POWER_UPS);
    return !recovery->verdict.pass || sweep->next == NULL ||
           next_judge(sweep->next, &worker->place, &worker->machine, recovery, worker->state.arrays.marks, &conditions,
                      next, &worker->problem);
}

/* What the run touched of what it has inherited as wild is told apart from now on. */
static void tell_apart(struct closure_worker *worker)
{
    struct closure_search *search = worker->search;
    if (!wild_meets(worker->at, &worker->representative.matters, NULL))
        return;
    pthread_mutex_lock(&search->lock);
    wild_meets(worker->at, &worker->representative.matters, &search->apart_next);
    search->apart_more = true;
    pthread_mutex_unlock(&search->lock);
}

static void make_representative(struct closure_worker *worker, const struct recovery *recovery)
{
    const struct closure_search *search = worker->search;
    enum credit_look look = recovery->verdict.pass && search->sweep.next != NULL ? CREDIT_ALL
                            : recovery->verdict.compared                         ? CREDIT_COMPARED
                                                                                 : CREDIT_NOTHING;
    representative_set(&worker->representative, &worker->state.arrays, worker->machine.touched, &recovery->footprint,
                       &search->sweep.rules, look);
    bytes_add_all(&worker->representative.matters, &search->apart);
    worker->represented = true;
    tell_apart(worker);
}

bool closure_has_no_status(const struct recording *recording, struct problem *problem)
{
    for (size_t i = 0; i < recording->count; i++)
        if (arrays_is_status(recording->operations[i].item.event))
            return problem_set(problem, PROBLEM_USE, "a run writes the SPI NOR's status registers, which are no part of the states "
                               "that several power losses in a row are searched for: sweep one loss at a time");
    return true;
}

/* The recovery's operations, where somebody will go on from it; else *tape stays NULL. */
static bool keep_tape(struct closure_worker *worker, struct recording *recording, const struct recovery *recovery,
                      struct tape **tape)
{
    static const struct profile no_phases;
    if (!recovery->verdict.pass)
        return true;
    if (!recording_index(recording, &no_phases, &worker->problem) || !closure_has_no_status(recording, &worker->problem))
        return false;
    *tape = tapes_keep(worker->search->tapes, recording);
    return *tape != NULL || no_memory(worker);
}

static bool add_class(struct closure_worker *worker, struct closure_chunk *chunk, size_t number, struct closure_node node)
{
    struct closure_node *runs = realloc(chunk->runs, (chunk->run_count + 1) * sizeof *runs);
    if (runs == NULL)
        return no_memory(worker);
    chunk->runs = runs;
    node.state = (uint32_t)number;
    node.members = 1;
    node.depth = worker->search->depth;
    runs[chunk->run_count++] = node;
    return true;
}

static bool add_run(struct closure_worker *worker, struct closure_chunk *chunk, size_t number,
                    const struct recovery *recovery, const struct verdict *next, struct tape *tape)
{
    struct closure_node node = {.like = CLOSURE_OPEN,
                                .recovered = recovery->verdict.pass,
                                .next = next,
                                .tape = tape,
                                .trace = recovery->footprint.trace};
    memcpy(node.erases, recovery->footprint.erases, sizeof node.erases);
    if (!recovery->verdict.pass) {
        node.failure = malloc(sizeof *node.failure);
        if (node.failure == NULL)
            return no_memory(worker);
        *node.failure = recovery->verdict;
        atomic_fetch_add(&worker->search->failing, 1);
    }
    if (worker->represented) {
        node.pooled = pool_keep(worker->search->pool, &worker->representative);
        if (node.pooled == NULL)
            return no_memory(worker);
    }
    return add_class(worker, chunk, number, node);
}

/* Recovers from the state that stands built; nothing is kept where it fails. */
static bool run(struct closure_worker *worker, struct closure_chunk *chunk, size_t number)
{
    struct closure_search *search = worker->search;
    struct recording recording = {0};
    struct recovery_request request;
    struct recovery recovery;
    const struct verdict *next = NULL;
    struct tape *tape = NULL;
    request_of(worker, &request);
    request.observe = recording_take;
    request.observer = &recording;
    bool good = recovery_run(&recovery, &search->sweep.target.oracle, &worker->machine, &request, &worker->problem);
    if (good && options_of(worker)->prune)
        make_representative(worker, &recovery);
    good = good && judge_next(worker, &recovery, &next) && keep_tape(worker, &recording, &recovery, &tape) &&
           add_run(worker, chunk, number, &recovery, next, tape);
    recording_free(&recording);
    if (!good) {
        free(tape);
        return false;
    }
    wild_clear(&worker->gathered);
    wild_add_all(&worker->gathered, worker->at);
    worker->virtual_ns += recovery.verdict.virtual_ns;
    atomic_fetch_add(&search->recoveries, 1);
    atomic_fetch_add(&search->run, 1);
    return true;
}

static bool replace_machine(struct closure_worker *worker)
{
    machine_close(&worker->machine);
    worker->problem = (struct problem){0};
    atomic_fetch_add(&worker->search->sweep.lost, 1);
    return start_machine(worker);
}

/* Says which state it was that failed. Returns false. */
static bool name_state(struct closure_worker *worker, size_t number)
{
    char id[ID_TEXT];
    if (worker->problem.kind == PROBLEM_INTERRUPTED)
        return false;
    closure_id(worker->search->result, number, id);
    return problem_place(&worker->problem, id);
}

/* Once more with another machine where one was lost; who loses two is to blame. */
static bool run_or_rerun(struct closure_worker *worker, struct closure_chunk *chunk, size_t number)
{
    if (run(worker, chunk, number))
        return true;
    if (worker->problem.kind == PROBLEM_LOST) {
        if (replace_machine(worker) && run(worker, chunk, number))
            return true;
        if (worker->problem.kind == PROBLEM_LOST)
            problem_place(&worker->problem, "a second machine was lost with it");
    }
    return name_state(worker, number);
}

/* --- settling the states of a chunk --- */

static bool is_credited(struct closure_worker *worker)
{
    struct representative *representative = &worker->representative;
    struct pages moved = worker->state.moved;
    if (!worker->represented || wild_meets(worker->at, &representative->matters, NULL) ||
        !representative_credits(representative, &worker->state.arrays, &worker->state.moved))
        return false;
    wild_add_difference(&worker->gathered, &worker->state.arrays, &representative->state, &moved);
    wild_add_all(&worker->gathered, worker->at);
    return true;
}

/* Credits the state with one that was run earlier, whatever recovery that stems from. It is the representative then. */
static bool join_class(struct closure_worker *worker, struct closure_chunk *chunk, size_t number, uint32_t like)
{
    const struct closure_node *node = &worker->search->nodes[like];
    struct closure_node class = {.like = like, .recovered = node->recovered};
    memcpy(class.erases, node->erases, sizeof class.erases);
    pooled_load(node->pooled, &worker->representative);
    worker->represented = true;
    wild_clear(&worker->gathered);
    worker->state.moved = worker->state.arrays.pages;
    pages_add_all(&worker->state.moved, &worker->representative.state.pages);
    if (!is_credited(worker))
        return problem_set(&worker->problem, PROBLEM_BENCH, "two ways to ask whether a state is credited disagree");
    return add_class(worker, chunk, number, class);
}

/* The state goes the way of one that was run before the search began anew: what came of that is this one's run. */
static bool run_as_before(struct closure_worker *worker, struct closure_chunk *chunk, size_t number, const struct closure_node *former)
{
    struct closure_node node = *former;
    node.pooled = NULL;
    node.queued = false;
    node.repeated = true;
    pooled_load(former->pooled, &worker->representative);
    arrays_load(&worker->representative.state, &worker->state.arrays, NULL, NULL);
    bytes_add_all(&worker->representative.matters, &worker->search->apart);
    worker->represented = true;
    node.tape = former->tape != NULL ? tapes_copy(former->tape) : NULL;
    node.failure = former->failure != NULL ? malloc(sizeof *node.failure) : NULL;
    if ((former->tape != NULL && node.tape == NULL) || (former->failure != NULL && node.failure == NULL))
        return no_memory(worker);
    if (node.failure != NULL)
        *node.failure = *former->failure;
    node.pooled = pool_keep(worker->search->pool, &worker->representative);
    wild_clear(&worker->gathered);
    wild_add_all(&worker->gathered, worker->at);
    atomic_fetch_add(&worker->search->run, 1);
    return (node.pooled != NULL || no_memory(worker)) && add_class(worker, chunk, number, node);
}

/* A state that its chunk's representative says nothing of. Only runs that were known when the crew's work began count, so that it is the same
 * with any number of workers. */
static bool found_class(struct closure_worker *worker, struct closure_chunk *chunk, size_t number)
{
    const struct closure_search *search = worker->search;
    const struct arrays *state = &worker->state.arrays;
    size_t like = SIZE_MAX, former = SIZE_MAX;
    if (options_of(worker)->prune) {
        like = pool_index_find(search->nodes_index, state, worker->at);
        former = like == SIZE_MAX ? pool_index_find(search->former_index, state, worker->at) : SIZE_MAX;
    }
    if (like != SIZE_MAX)
        return join_class(worker, chunk, number, (uint32_t)like);
    return former != SIZE_MAX ? run_as_before(worker, chunk, number, &search->former[former])
                              : run_or_rerun(worker, chunk, number);
}

/* The class that was in the making is complete. */
static bool close_class(struct closure_worker *worker, struct closure_chunk *chunk)
{
    struct closure_node *node = chunk->run_count > 0 ? &chunk->runs[chunk->run_count - 1] : NULL;
    if (node == NULL || !worker->represented)
        return true;
    worker->represented = false;
    if (!wild_keep(&worker->gathered, &node->wild))
        return no_memory(worker);
    if (node->like != CLOSURE_OPEN)
        return true;
    fingerprint_begin(&worker->print, &worker->search->device, &worker->representative.state, &worker->gathered);
    node->print = worker->print.whole;
    return true;
}

/* The erases on the way to a state; the last recovery of it is that at which the worker stands. */
static void add_spent(const struct closure_worker *worker, const struct wear *wear, const struct closure_state *state,
                      uint32_t spent[FOOTPRINT_SECTORS])
{
    const struct closure_node *parent = &worker->search->nodes[state->parent];
    wear_add(wear, &(struct cut){.operation = state->operation, .tear = (enum nor_tear)state->tear}, spent);
    for (unsigned sector = 0; sector < FOOTPRINT_SECTORS; sector++)
        spent[sector] += parent->spent[sector];
}

static bool judge_wear(struct closure_worker *worker, struct closure_chunk *chunk, const struct wear *wear, size_t number)
{
    const struct closure_search *search = worker->search;
    struct closure_node *node = &chunk->runs[chunk->run_count - 1];
    struct closure_worn worn = {.state = (uint32_t)number, .verdict = {.pass = true}};
    uint32_t spent[FOOTPRINT_SECTORS] = {0};
    add_spent(worker, wear, &search->states[number], spent);
    if (node->state == number)
        memcpy(node->spent, spent, sizeof spent);
    for (unsigned sector = 0; sector < FOOTPRINT_SECTORS; sector++)
        spent[sector] += node->erases[sector];
    if (!node->recovered || wear_judge_all(search->sweep.profile, search->depth, spent, &worn.verdict))
        return true;
    struct closure_worn *list = realloc(chunk->worn, (chunk->worn_count + 1) * sizeof *list);
    if (list == NULL)
        return no_memory(worker);
    chunk->worn = list;
    list[chunk->worn_count++] = worn;
    atomic_fetch_add(&worker->search->failing, 1);
    return true;
}

static bool settle_state(struct closure_worker *worker, struct closure_chunk *chunk, const struct wear *wear, size_t number)
{
    const struct closure_state *state = &worker->search->states[number];
    if (!lose_power(worker, state->operation, (enum nor_tear)state->tear))
        return name_state(worker, number);
    if (is_credited(worker))
        chunk->runs[chunk->run_count - 1].members++;
    else if (!close_class(worker, chunk) || !found_class(worker, chunk, number))
        return false;
    return judge_wear(worker, chunk, wear, number);
}

static bool settle(struct closure_worker *worker, struct closure_chunk *chunk)
{
    struct closure_search *search = worker->search;
    struct wear wear = {0};
    worker->represented = false;
    bool good = stand(worker, search->states[chunk->first].parent) &&
                wear_open(&wear, &worker->recording, &worker->problem);
    for (; good && chunk->judged < chunk->count && !atomic_load(&search->stop); chunk->judged++) {
        good = settle_state(worker, chunk, &wear, chunk->first + chunk->judged);
        atomic_fetch_add(&search->judged, good);
        if (!good)
            break;
    }
    wear_close(&wear);
    return close_class(worker, chunk) && good && sweep_check_pages(&search->sweep, &worker->machine, &worker->problem);
}

/* --- samples --- */

bool closure_has_others(const struct closure_search *search, size_t number)
{
    const struct closure_state *state = &search->states[number];
    if (search->nodes[state->node].state != number)
        return true;
    for (uint32_t node = state->parent; node != CLOSURE_ROOT; node = search->states[search->nodes[node].state].parent)
        if (search->nodes[node].members > 1)
            return true;
    return false;
}

static bool check(struct closure_worker *worker, size_t number)
{
    struct closure_search *search = worker->search;
    const struct closure_state *state = &search->states[number];
    const struct closure_node *node = &search->nodes[state->node];
    const struct verdict *next = NULL;
    struct recovery_request request;
    struct recovery recovery;
    uint64_t random = number;
    struct way way = way_to(search, state->parent, &random);
    worker->stands = SIZE_MAX;
    request_of(worker, &request);
    if (!go(worker, state->parent, &way) ||
        !crash_state_tear(&worker->state, state->operation, (enum nor_tear)state->tear, &worker->problem) ||
        !recovery_run(&recovery, &search->sweep.target.oracle, &worker->machine, &request, &worker->problem) ||
        !judge_next(worker, &recovery, &next))
        return false;
    worker->virtual_ns += recovery.verdict.virtual_ns;
    if (recovery.verdict.pass == node->recovered && recovery.footprint.trace == node->trace && next == node->next)
        return true;
    char other[ID_TEXT];
    closure_id(search->result, node->state, other);
    return problem_set(&worker->problem, PROBLEM_BENCH,
                       "a member of its class was credited with the verdict of %.300s, but goes another way when it is run (%s)", other,
                       recovery.verdict.pass ? "it recovers" : recovery.verdict.oracle);
}

static bool prove(struct closure_worker *worker, size_t number)
{
    const struct sweep *sweep = &worker->search->sweep;
    const struct closure_state *state = &worker->search->states[number];
    struct session_request request = {.state = &worker->base,
                                      .conditions = state->parent == CLOSURE_ROOT
                                                        ? target_clean_conditions[0]
                                                        : plan_conditions(&sweep->result->seeds, 0, 0),
                                      .wanted = &sweep->profile->wanted,
                                      .limit_ns = sweep->profile->budget.seconds * UINT64_C(1000000000),
                                      .cut = true,
                                      .operation = state->operation,
                                      .tear = (enum nor_tear)state->tear};
    struct session_result session;
    enum array array;
    uint32_t offset = 0;
    if (!stand(worker, state->parent) || !lose_power(worker, state->operation, request.tear) ||
        !session_run(&worker->machine, &request, &session, &worker->problem))
        return false;
    if (session.end != SESSION_CUT || session.operations != (uint64_t)state->operation + 1)
        return problem_set(&worker->problem, PROBLEM_BENCH, "a real cut did not fire: the machine did %" PRIu64
                           " operations, wanted was number %" PRIu32, session.operations, state->operation);
    if (!arrays_differ(&worker->state.arrays, &worker->machine.arrays, true, &array, &offset) &&
        machine_has_beside(&worker->machine, &worker->state.arrays, &array, &worker->problem))
        return true;
    return problem_set(&worker->problem, PROBLEM_BENCH,
                       "a real cut leaves another state than was built, in %s.bin at 0x%" PRIX32 " or in its weak bits",
                       arrays_name(array), offset);
}

/* --- jobs --- */

static void finish(struct closure_worker *worker, bool good)
{
    struct closure_search *search = worker->search;
    if (good)
        return;
    atomic_store(&search->stop, true);
    worker->stands = SIZE_MAX;
    pthread_mutex_lock(&search->lock);
    problem_set(&search->problem, worker->problem.kind, "%s", worker->problem.text);
    pthread_mutex_unlock(&search->lock);
}

/* NULL: there is nothing to be done any more. */
static struct closure_worker *begin(struct closure_search *search, unsigned number, bool machine)
{
    struct closure_worker *worker = &search->workers[number];
    worker->search = search;
    if (atomic_load(&search->stop))
        return NULL;
    if (open_worker(worker) && (!machine || worker->machine.process > 0 || start_machine(worker)))
        return worker;
    finish(worker, false);
    return NULL;
}

void closure_expand(void *context, unsigned number, size_t item)
{
    struct closure_search *search = context;
    struct closure_worker *worker = begin(search, number, false);
    if (worker == NULL)
        return;
    finish(worker, expand(worker, search->frontier[search->expansion_first + item], &search->expansions[item]));
    atomic_fetch_add(&search->looked, 1);
}

void closure_settle(void *context, unsigned number, size_t item)
{
    struct closure_search *search = context;
    struct closure_worker *worker = begin(search, number, true);
    if (worker != NULL)
        finish(worker, settle(worker, &search->chunks[search->chunk_first + item]));
}

static void sample(struct closure_search *search, unsigned number, size_t item,
                   bool job(struct closure_worker *worker, size_t state))
{
    struct closure_worker *worker = begin(search, number, true);
    if (worker == NULL)
        return;
    bool good = job(worker, search->samples[item]) || name_state(worker, search->samples[item]);
    finish(worker, good);
    atomic_fetch_add(&search->sampled, 1);
}

void closure_prove(void *context, unsigned number, size_t item)
{
    sample(context, number, item, prove);
}

void closure_check(void *context, unsigned number, size_t item)
{
    sample(context, number, item, check);
}
