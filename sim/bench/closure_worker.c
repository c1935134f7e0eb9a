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

bool closure_has_tear(const struct closure_search *search, enum nor_tear tear)
{
    const struct sweep_options *options = search->sweep.options;
    for (unsigned i = 0; i < options->tear_count; i++)
        if (options->tears[i] == tear)
            return true;
    return false;
}

bool closure_no_memory(struct closure_worker *worker)
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
        !fingerprint_open(&worker->print, device, &worker->problem) ||
        !crash_state_begin(&worker->state, &sweep->result->recording, device, &worker->problem))
        return false;
    for (enum array array = 0; array < ARRAYS; array++)
        memcpy(worker->base.cells[array], device->cells[array], arrays_size(array));
    worker->state.changes = &worker->changes;
    worker->idle.idles = worker->search->idles;
    worker->idle.touched = malloc(RAIL_TOUCHED_SIZE);
    return (worker->idle.touched != NULL || closure_no_memory(worker)) &&
           representative_open(&worker->idle.begin, device, &worker->problem);
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
    representative_close(&worker->idle.begin);
    free(worker->idle.touched);
    fingerprint_close(&worker->print);
    wild_close(&worker->wild);
    wild_close(&worker->torn);
    wild_close(&worker->gathered);
    arrays_free(&worker->base);
    next_place_close(&worker->place);
}

/* --- running a state --- */

static void request_of(const struct closure_worker *worker, struct recovery_request *request)
{
    *request = (struct recovery_request){.state = &worker->state.arrays, .touched = options_of(worker)->prune};
    for (unsigned i = 0; i < RECOVERY_MOST; i++)
        request->conditions[i] = plan_conditions(&worker->search->sweep.result->seeds, 0, i);
}

static bool judge_next(struct closure_worker *worker, const struct recovery *recovery, const struct verdict **next)
{
    struct sweep *sweep = &worker->search->sweep;
    struct conditions conditions = plan_conditions(&sweep->result->seeds, 0, RECOVERY_POWER_UPS);
    return !recovery->verdict.pass || sweep->next == NULL ||
           next_judge(sweep->next, &worker->place, &worker->machine, &conditions, next, &worker->problem);
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
    representative_set(&worker->representative, &worker->state.arrays, recovery->touched, &recovery->footprint,
                       &search->sweep.rules, look);
    if (recovery->idle != NULL)
        pooled_add_matters(recovery->idle->pooled, &recovery->footprint.erased, &worker->representative.matters);
    wild_add_to(&search->apart, &worker->representative.matters);
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
    if (!recovery->verdict.pass)
        return true;
    if (!recording_index_operations(recording, &worker->problem) || !closure_has_no_status(recording, &worker->problem))
        return false;
    *tape = tapes_keep(worker->search->tapes, recording);
    return *tape != NULL || closure_no_memory(worker);
}

static bool add_class(struct closure_worker *worker, struct closure_chunk *chunk, size_t number, struct closure_node node)
{
    struct closure_node *runs = realloc(chunk->runs, (chunk->run_count + 1) * sizeof *runs);
    if (runs == NULL)
        return closure_no_memory(worker);
    chunk->runs = runs;
    node.state = (uint32_t)number;
    node.entries = node.members = 1;
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
            return closure_no_memory(worker);
        *node.failure = recovery->verdict;
        atomic_fetch_add(&worker->search->failing, 1);
    }
    if (worker->represented) {
        node.pooled = pool_keep(worker->search->pool, &worker->representative);
        if (node.pooled == NULL)
            return closure_no_memory(worker);
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
    request.idle = options_of(worker)->prune ? &worker->idle : NULL;
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
    wild_add_to(&worker->search->apart, &worker->representative.matters);
    worker->represented = true;
    node.tape = former->tape != NULL ? tapes_copy(former->tape) : NULL;
    node.failure = former->failure != NULL ? malloc(sizeof *node.failure) : NULL;
    if ((former->tape != NULL && node.tape == NULL) || (former->failure != NULL && node.failure == NULL))
        return closure_no_memory(worker);
    if (node.failure != NULL)
        *node.failure = *former->failure;
    node.pooled = pool_keep(worker->search->pool, &worker->representative);
    wild_clear(&worker->gathered);
    wild_add_all(&worker->gathered, worker->at);
    atomic_fetch_add(&worker->search->run, 1);
    return (node.pooled != NULL || closure_no_memory(worker)) && add_class(worker, chunk, number, node);
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
        return closure_no_memory(worker);
    if (node->like != CLOSURE_OPEN)
        return true;
    fingerprint_begin(&worker->print, &worker->representative.state, &worker->gathered);
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
        return closure_no_memory(worker);
    chunk->worn = list;
    list[chunk->worn_count++] = worn;
    atomic_fetch_add(&worker->search->failing, search->states[number].states);
    return true;
}

static bool credit(struct closure_node *class)
{
    class->entries++;
    class->members++;
    return true;
}

/* The first state of a stretch is the representative's, or credited with it. All others differ from that in the bytes that the stretch programs, in
 * cells or marks. So they are credited too where none of those matters. Else they become states of their own. */
static bool settle_stretch(struct closure_worker *worker, struct closure_chunk *chunk, struct closure_state *stretch)
{
    const struct operation *first = &worker->recording.operations[stretch->operation], *last = first + stretch->operations - 1;
    enum array array;
    uint32_t offset, size, last_offset;
    if (!arrays_range(last->item.event, &array, &last_offset, &size) || !arrays_range(first->item.event, &array, &offset, &size))
        return problem_set(&worker->problem, PROBLEM_BENCH, "a stretch has something else than programs");
    size = last_offset - offset + last->item.event->value;
    if (!bytes_have_any(&worker->representative.matters, array, offset, size)) {
        wild_add(&worker->gathered, array, offset, size);
        chunk->runs[chunk->run_count - 1].members += stretch->states - 1;
        return true;
    }
    bool good = closure_split(worker, stretch, &chunk->split);
    stretch->states = stretch->operations = 1;
    return good;
}

static bool settle_state(struct closure_worker *worker, struct closure_chunk *chunk, const struct wear *wear, size_t number)
{
    struct closure_state *state = &worker->search->states[number]; /* nobody else's at this time */
    if (!closure_lose_power(worker, state->operation, (enum nor_tear)state->tear))
        return name_state(worker, number);
    bool good = is_credited(worker) ? credit(&chunk->runs[chunk->run_count - 1])
                                    : close_class(worker, chunk) && found_class(worker, chunk, number);
    return good && (state->states == 1 || settle_stretch(worker, chunk, state)) && judge_wear(worker, chunk, wear, number);
}

static bool settle(struct closure_worker *worker, struct closure_chunk *chunk)
{
    struct closure_search *search = worker->search;
    const struct closure_state *states = search->states + chunk->first, *last = &states[chunk->count - 1];
    struct wear wear = {0};
    worker->represented = false;
    bool good = closure_stand(worker, states->parent) && closure_play(worker, (size_t)last->operation + last->operations) &&
                wear_open(&wear, &worker->recording, &worker->problem);
    for (; good && chunk->judged < chunk->count && !atomic_load(&search->stop); chunk->judged++) {
        good = settle_state(worker, chunk, &wear, chunk->first + chunk->judged);
        atomic_fetch_add(&search->judged, good ? states[chunk->judged].states : 0);
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
    if (state->states > 1 || search->nodes[state->node].state != number)
        return true;
    for (size_t entry = number; search->states[entry].parent != CLOSURE_ROOT;) {
        const struct closure_node *class = &search->nodes[search->states[entry].parent];
        if (closure_earlier(search, class, entry) > 1 || search->states[class->state].states > 1)
            return true;
        entry = class->state;
    }
    return false;
}

static bool check(struct closure_worker *worker, size_t number, uint64_t random)
{
    struct closure_search *search = worker->search;
    const struct closure_state *state = &search->states[number];
    const struct closure_node *node = &search->nodes[state->node];
    const struct verdict *next = NULL;
    struct recovery_request request;
    struct recovery recovery;
    size_t operation;
    enum nor_tear tear;
    request_of(worker, &request);
    if (!closure_stand_at_other(worker, number, &random))
        return false;
    closure_choose(search, state, &random, &operation, &tear);
    if (!closure_play(worker, operation + 1) || !crash_state_tear(&worker->state, operation, tear, &worker->problem) ||
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

static bool prove(struct closure_worker *worker, size_t number, uint64_t random)
{
    const struct sweep *sweep = &worker->search->sweep;
    const struct closure_state *state = &worker->search->states[number];
    size_t operation;
    enum nor_tear tear;
    closure_choose(worker->search, state, &random, &operation, &tear);
    struct session_request request = {.state = &worker->base,
                                      .conditions = state->parent == CLOSURE_ROOT
                                                        ? target_clean_conditions[0]
                                                        : plan_conditions(&sweep->result->seeds, 0, 0),
                                      .wanted = &sweep->profile->wanted,
                                      .limit_ns = sweep->profile->budget.seconds * UINT64_C(1000000000),
                                      .cut = true,
                                      .operation = operation,
                                      .tear = tear};
    struct session_result session;
    enum array array;
    uint32_t offset = 0;
    if (!closure_stand(worker, state->parent) || !closure_lose_power(worker, operation, tear) ||
        !session_run(&worker->machine, &request, &session, &worker->problem))
        return false;
    if (session.end != SESSION_CUT || session.operations != (uint64_t)operation + 1)
        return problem_set(&worker->problem, PROBLEM_BENCH, "a real cut did not fire: the machine did %" PRIu64
                           " operations, wanted was number %zu", session.operations, operation);
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
    finish(worker, closure_find(worker, search->frontier[search->expansion_first + item], &search->expansions[item]));
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
                   bool job(struct closure_worker *worker, size_t entry, uint64_t random))
{
    const struct closure_sample *chosen = &search->samples[item];
    struct closure_worker *worker = begin(search, number, true);
    if (worker == NULL)
        return;
    bool good = job(worker, chosen->entry, chosen->entry + ((uint64_t)chosen->state << 32)) || name_state(worker, chosen->entry);
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
