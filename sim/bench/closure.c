/* SPDX-License-Identifier: MIT */
#include "closure_shared.h"

#include "interrupt.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPANSIONS 64 /* recoveries whose crash states are found before those that are new are told from others */
#define CHUNK 1024    /* states at most; the first one of each is run */
#define CHUNKS 8      /* that are settled before others are credited with what was run in them */

static bool no_memory(struct problem *problem)
{
    return problem_set(problem, PROBLEM_BENCH, "no memory for the states of a closure");
}

/* --- progress and ends --- */

static struct closure_depth *this_depth(const struct closure_search *search)
{
    return &search->result->depths[search->depth - 1];
}

static void tell_progress(struct closure_search *search)
{
    struct closure_progress now = {.depth = search->depth,
                                   .looked = atomic_load(&search->looked),
                                   .to_look = search->frontier_count,
                                   .judged = atomic_load(&search->judged),
                                   .states = this_depth(search)->states,
                                   .run = atomic_load(&search->run),
                                   .all = search->met,
                                   .findings = atomic_load(&search->failing),
                                   .seconds = sweep_seconds(CLOCK_MONOTONIC) - search->start_s};
    search->progress(search->context, &now);
}

static void tick(void *context)
{
    struct closure_search *search = context;
    const struct sweep_options *options = search->sweep.options;
    if (options->seconds > 0 && sweep_seconds(CLOCK_MONOTONIC) - search->start_s > options->seconds) {
        atomic_store(&search->out_of_time, true);
        atomic_store(&search->stop, true);
    }
    if (interrupt_seen())
        atomic_store(&search->stop, true);
    tell_progress(search);
}

/* Whether to go on after a crew's work. */
static bool go_on(struct closure_search *search, struct problem *problem)
{
    if (search->problem.kind != PROBLEM_NONE)
        return problem_set(problem, search->problem.kind, "%s", search->problem.text);
    if (interrupt_seen())
        return problem_set(problem, PROBLEM_INTERRUPTED, "interrupted");
    return !atomic_load(&search->stop);
}

/* --- new states --- */

static bool add_again(struct closure_search *search, const struct closure_candidate *candidate, uint32_t state)
{
    const struct closure_state *first = &search->states[state], *again = &candidate->state;
    bool itself = first->parent == again->parent && first->operation == again->operation && first->tear == again->tear;
    search->result->seen += again->states;
    if (!closure_lists_again(search) || itself)
        return true;
    if (!closure_grow(&search->again, &search->again_capacity, search->again_count, sizeof *search->again))
        return false;
    search->again[search->again_count++] = (struct closure_again){again->parent, again->operation, (uint8_t)again->tear, state};
    return true;
}

static bool add_state(struct closure_search *search, const struct closure_candidate *candidate)
{
    if (!closure_grow(&search->states, &search->state_capacity, search->state_count, sizeof *search->states))
        return false;
    search->states[search->state_count] = candidate->state;
    search->met += candidate->state.states;
    this_depth(search)->states += candidate->state.states;
    return known_add(&search->known, candidate->print, (uint32_t)search->state_count++);
}

static bool add_candidates(struct closure_search *search, const struct closure_candidates *candidates, struct problem *problem)
{
    for (size_t i = 0; i < candidates->count; i++) {
        const struct closure_candidate *candidate = &candidates->list[i];
        uint32_t known = known_find(&search->known, candidate->print);
        if (search->state_count >= CLOSURE_OPEN - 1)
            return problem_set(problem, PROBLEM_BENCH, "there are too many states for a closure");
        if (!(known != KNOWN_NONE ? add_again(search, candidate, known) : add_state(search, candidate)))
            return no_memory(problem);
    }
    return true;
}

/* In the order of recoveries, whoever was done first: so states and their ways are the same with any number of workers. */
static bool take_expansion(struct closure_search *search, uint32_t parent, const struct closure_expansion *expansion,
                           struct problem *problem)
{
    if (!add_candidates(search, &expansion->candidates, problem))
        return false;
    for (size_t i = 0; i < expansion->passed_count; i++)
        if (!known_add(&search->passed, expansion->passed[i], parent))
            return no_memory(problem);
    search->result->seen += closure_lists_again(search) ? 0 : expansion->seen;
    return true;
}

static bool take_expansions(struct closure_search *search, size_t count, struct problem *problem)
{
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        uint32_t node = search->frontier[search->expansion_first + i];
        search->result->unlooked -= search->expansions[i].done;
        good = good && take_expansion(search, node, &search->expansions[i], problem);
        free(search->expansions[i].candidates.list);
        free(search->expansions[i].passed);
    }
    return good;
}

/* Finds the states to which one more power loss leads. */
static bool find_states(struct closure_search *search, struct problem *problem)
{
    struct closure_expansion expansions[EXPANSIONS];
    search->result->unlooked = search->frontier_count;
    search->expansions = expansions;
    atomic_store(&search->looked, 0);
    atomic_store(&search->judged, 0);
    for (size_t first = 0; first < search->frontier_count; first += EXPANSIONS) {
        size_t rest = search->frontier_count - first, count = rest < EXPANSIONS ? rest : EXPANSIONS;
        memset(expansions, 0, sizeof expansions);
        search->expansion_first = first;
        crew_do(search->crew, count, closure_expand, tick, search);
        if (!take_expansions(search, count, problem) || !go_on(search, problem))
            return false;
    }
    return true;
}

/* --- judging them --- */

static bool make_chunks(struct closure_search *search, size_t first, struct problem *problem)
{
    size_t capacity = 0;
    search->chunk_count = 0;
    for (size_t from = first, to; from < search->state_count; from = to) {
        for (to = from + 1; to < search->state_count && to - from < CHUNK && search->states[to].parent == search->states[from].parent;)
            to++;
        if (!closure_grow(&search->chunks, &capacity, search->chunk_count, sizeof *search->chunks))
            return no_memory(problem);
        search->chunks[search->chunk_count++] = (struct closure_chunk){.first = from, .count = to - from};
    }
    return true;
}

/* Of the next update, now that everybody is done with it. */
static bool take_next(struct closure_node *node)
{
    struct verdict verdict = {.pass = true};
    if (node->failure != NULL || node->next == NULL || node->next->pass)
        return true;
    next_take(&verdict, node->next);
    node->failure = malloc(sizeof *node->failure);
    if (node->failure != NULL)
        *node->failure = verdict;
    return node->failure != NULL;
}

/* The members of a class of a chunk, which follow each other. */
static bool add_members(struct closure_search *search, uint32_t number, const struct closure_node *run)
{
    struct closure_node *node = &search->nodes[number];
    struct closure_range *ranges = realloc(node->ranges, (node->range_count + 1) * sizeof *ranges);
    if (ranges == NULL)
        return false;
    node->ranges = ranges;
    ranges[node->range_count++] = (struct closure_range){run->state, (uint32_t)run->entries};
    node->entries += run->entries;
    node->members += run->members;
    for (size_t i = 0; i < run->entries; i++)
        search->states[run->state + i].node = number;
    this_depth(search)->credited += run->members;
    this_depth(search)->failing += node->failure != NULL ? run->members : 0;
    return true;
}

/* Its crash states are looked at when the next depth begins. */
static bool queue(struct closure_search *search, uint32_t number)
{
    struct closure_node *node = &search->nodes[number];
    if (node->failure != NULL || node->queued)
        return true;
    if (!closure_grow(&search->queue, &search->queue_capacity, search->queue_count, sizeof *search->queue))
        return false;
    node->queued = true;
    search->queue[search->queue_count++] = number;
    return true;
}

static bool add_node(struct closure_search *search, struct closure_node *run)
{
    struct closure_depth *depth = this_depth(search);
    uint32_t number = (uint32_t)search->node_count;
    if (!take_next(run) || !closure_grow(&search->nodes, &search->node_capacity, search->node_count, sizeof *search->nodes))
        return false;
    struct closure_node *node = &search->nodes[search->node_count++];
    *node = *run;
    node->entries = node->members = 0;
    *run = (struct closure_node){.state = run->state, .entries = run->entries, .members = run->members};
    if (node->pooled != NULL)
        pool_index_add(search->nodes_index, node->pooled, number);
    depth->run++;
    depth->credited--;
    return add_members(search, number, run) && queue(search, number) &&
           (!search->sweep.options->prune || known_add(&search->known, node->print, node->state));
}

/* What is credited with an earlier one widens its class. Where it does, the crash states of that recovery are looked at once more. */
static bool widen_node(struct closure_search *search, const struct closure_node *run)
{
    struct closure_node *node = &search->nodes[run->like];
    bool more;
    return wild_keep_more(&node->wild, run->wild, &more) && add_members(search, run->like, run) &&
           (!more || queue(search, run->like));
}

static bool add_worn(struct closure_search *search, const struct closure_worn *worn)
{
    if (!closure_grow(&search->worn, &search->worn_capacity, search->worn_count, sizeof *search->worn))
        return false;
    const struct closure_node *node = &search->nodes[search->states[worn->state].node];
    this_depth(search)->failing += node->failure == NULL ? search->states[worn->state].states : 0;
    search->worn[search->worn_count++] = *worn;
    return true;
}

static void free_node(struct closure_node *node)
{
    free(node->failure);
    free(node->tape);
    free(node->wild);
    free(node->ranges);
    pooled_free(node->pooled);
}

/* A class whose run nobody has judged to the end, because the search was given up, stays open. */
static bool is_decided(const struct closure_node *run)
{
    return run->next == NULL || next_decided(run->next);
}

static bool take_chunk(struct closure_search *search, struct closure_chunk *chunk)
{
    bool good = true;
    for (size_t i = 0; i < chunk->run_count; i++) {
        struct closure_node *run = &chunk->runs[i];
        if (good && is_decided(run))
            good = run->like == CLOSURE_OPEN ? add_node(search, run) : widen_node(search, run);
        free_node(&chunk->runs[i]);
    }
    for (size_t i = 0; good && i < chunk->worn_count; i++)
        if (search->states[chunk->worn[i].state].node != CLOSURE_OPEN)
            good = add_worn(search, &chunk->worn[i]);
    free(chunk->runs);
    free(chunk->worn);
    return good;
}

/* What is left of stretches are states of the same depth, of which some may have been met before. */
static bool take_split(struct closure_search *search, struct closure_chunk *chunk, struct problem *problem)
{
    search->met -= chunk->split.count;
    this_depth(search)->states -= chunk->split.count;
    bool good = add_candidates(search, &chunk->split, problem);
    free(chunk->split.list);
    return good;
}

/* What was judged is kept, also where the search is given up. */
static bool take_chunks(struct closure_search *search, size_t count, struct problem *problem)
{
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        struct closure_chunk *chunk = &search->chunks[search->chunk_first + i];
        good = take_chunk(search, chunk) && good;
        good = take_split(search, chunk, problem) && good;
    }
    return good || no_memory(problem);
}

/* Those from `first` on that are there now. */
static bool judge_some(struct closure_search *search, size_t first, struct problem *problem)
{
    bool good = make_chunks(search, first, problem);
    for (search->chunk_first = 0; good && search->chunk_first < search->chunk_count && !search->apart_more;) {
        size_t rest = search->chunk_count - search->chunk_first, count = rest < CHUNKS ? rest : CHUNKS;
        crew_do(search->crew, count, closure_settle, tick, search);
        good = take_chunks(search, count, problem) && go_on(search, problem);
        search->chunk_first += count;
    }
    free(search->chunks);
    search->chunks = NULL;
    search->chunk_count = 0;
    return good;
}

/* What is left of stretches comes last. */
static bool judge_states(struct closure_search *search, size_t first, struct problem *problem)
{
    bool good = true;
    for (size_t next; good && first < search->state_count && !search->apart_more; first = next) {
        next = search->state_count;
        good = judge_some(search, first, problem);
    }
    return good;
}

/* --- the search --- */

/* A run stays what it is. */
static bool keep_former(struct closure_search *search, struct closure_node *node)
{
    if (node->pooled == NULL || node->repeated)
        return true;
    if (!closure_grow(&search->former, &search->former_capacity, search->former_count, sizeof *search->former))
        return false;
    struct closure_node *former = &search->former[search->former_count++];
    *former = *node;
    former->wild = NULL;
    former->ranges = NULL;
    former->range_count = former->entries = former->members = 0;
    pool_index_add(search->former_index, former->pooled, search->former_count - 1);
    node->pooled = NULL;
    node->tape = NULL;
    node->failure = NULL;
    return true;
}

/* Everything but what is told apart, and the runs. */
static bool forget(struct closure_search *search)
{
    struct closure_result *result = search->result;
    bool good;
    pool_index_close(search->nodes_index);
    search->nodes_index = pool_index_open(search->pool);
    good = search->nodes_index != NULL;
    for (size_t i = 0; i < search->node_count; i++) {
        good = good && keep_former(search, &search->nodes[i]);
        free_node(&search->nodes[i]);
    }
    for (unsigned i = 0; search->workers != NULL && i < search->sweep.options->jobs; i++)
        search->workers[i].stands = SIZE_MAX;
    search->node_count = search->state_count = search->met = search->worn_count = search->again_count = search->queue_count = 0;
    known_free(&search->known);
    known_free(&search->passed);
    memset(result->depths, 0, sizeof result->depths);
    result->depth = result->depth_count = 0;
    result->seen = 0;
    atomic_store(&search->run, 0);
    atomic_store(&search->failing, 0);
    return good;
}

static bool plant_root(struct closure_search *search, struct problem *problem)
{
    struct closure_node root = {.tape = tapes_keep(search->tapes, &search->sweep.result->recording), .recovered = true};
    search->frontier_count = 1;
    free(search->frontier);
    search->frontier = calloc(1, sizeof *search->frontier);
    if (root.tape == NULL || search->frontier == NULL ||
        !closure_grow(&search->nodes, &search->node_capacity, 0, sizeof *search->nodes)) {
        free_node(&root);
        return no_memory(problem);
    }
    search->nodes[search->node_count++] = root;
    return true;
}

/* Of what was judged: the recoveries whose crash states have not been looked at, or not of so wide a class. */
static void make_frontier(struct closure_search *search)
{
    free(search->frontier);
    search->frontier = search->queue;
    search->frontier_count = search->queue_count;
    search->queue = NULL;
    search->queue_count = search->queue_capacity = 0;
    for (size_t i = 0; i < search->frontier_count; i++)
        search->nodes[search->frontier[i]].queued = false;
}

/* One more power loss. *end: there is nothing more to do. */
static bool go_deeper(struct closure_search *search, bool *end, struct problem *problem)
{
    struct closure_result *result = search->result;
    unsigned most = search->sweep.options->depth != 0 ? search->sweep.options->depth : CLOSURE_DEPTHS;
    size_t first_state = search->state_count;
    search->depth = ++result->depth_count;
    this_depth(search)->first = first_state;
    bool found = find_states(search, problem);
    *end = found && (search->state_count == first_state || result->depth == most);
    if (*end && search->state_count > first_state)
        result->end = CLOSURE_DEPTH;
    if (!found || *end) {
        result->depth_count -= *end;
        return found;
    }
    if (!judge_states(search, first_state, problem))
        return false;
    if (search->apart_more)
        return true;
    result->depth = search->depth;
    make_frontier(search);
    return true;
}

static bool explore(struct closure_search *search, struct problem *problem)
{
    bool end = false;
    if (!plant_root(search, problem))
        return false;
    while (!end) {
        if (!go_deeper(search, &end, problem))
            return false;
        if (!search->apart_more)
            continue;
        wild_add_bytes(&search->apart, &search->apart_next);
        search->apart_more = false;
        search->result->anew++;
        if (!forget(search))
            return no_memory(problem);
        if (!plant_root(search, problem))
            return false;
    }
    return true;
}

/* --- samples --- */

/* States of one depth whose last loss was in one kind of operation on one area: most are words of the image, and alike. */
struct kind {
    unsigned depth;
    const struct profile_area *area;
    unsigned chip, kind;
};

static struct kind kind_of(const struct closure_search *search, size_t number)
{
    const struct closure_state *state = &search->states[number];
    const struct rail_event *event = tapes_event(search->tapes, search->nodes[state->parent].tape, state->operation);
    return (struct kind){search->nodes[state->node].depth, profile_area_at(search->sweep.profile, event->chip, event->address),
                         event->chip, event->kind};
}

static bool same_kind(const struct kind *one, const struct kind *other)
{
    return one->depth == other->depth && one->area == other->area && one->chip == other->chip && one->kind == other->kind;
}

/* The number of each state's kind, and how many there are; SIZE_MAX: no state to choose. NULL: no memory. */
static size_t *number_kinds(const struct closure_search *search, bool others, size_t *count)
{
    size_t *numbers = calloc(search->state_count + 1, sizeof *numbers), capacity = 0;
    struct kind *kinds = NULL;
    *count = 0;
    for (size_t i = 0; numbers != NULL && i < search->state_count; i++) {
        numbers[i] = SIZE_MAX;
        if (search->states[i].node == CLOSURE_OPEN || (others && !closure_has_others(search, i)))
            continue;
        struct kind kind = kind_of(search, i);
        for (numbers[i] = 0; numbers[i] < *count && !same_kind(&kinds[numbers[i]], &kind);)
            numbers[i]++;
        if (numbers[i] < *count)
            continue;
        if (!closure_grow(&kinds, &capacity, *count, sizeof *kinds)) {
            free(numbers);
            numbers = NULL;
            break;
        }
        kinds[(*count)++] = kind;
    }
    free(kinds);
    return numbers;
}

/* So many of these entries, spread evenly, and where there are fewer, several states of each stretch; how many it became. */
static size_t choose_of_kind(const struct closure_search *search, size_t wanted, const size_t *entries, size_t count, uint64_t random,
                             struct closure_sample *samples, size_t *chosen)
{
    size_t taken = sweep_spread(wanted, count, random, chosen);
    for (size_t i = 0; i < taken; i++)
        samples[i] = (struct closure_sample){.entry = entries[chosen[i]]};
    for (size_t state = 1, before = 0; taken < wanted && taken > before; state++) {
        before = taken;
        for (size_t i = 0; i < count && taken < wanted; i++)
            if (search->states[entries[i]].states > state)
                samples[taken++] = (struct closure_sample){entries[i], state};
    }
    return taken;
}

/* Some of each kind. */
static size_t choose_samples(struct closure_search *search, size_t wanted, bool others, struct problem *problem)
{
    size_t kinds, taken = 0;
    size_t *numbers = number_kinds(search, others, &kinds), *pool = calloc(search->state_count + 1, sizeof *pool);
    size_t *chosen = calloc(search->state_count + 1, sizeof *chosen);
    search->samples = calloc(wanted + 1, sizeof *search->samples);
    if (pool == NULL || chosen == NULL || numbers == NULL || search->samples == NULL)
        no_memory(problem);
    for (size_t kind = 0; problem->kind == PROBLEM_NONE && kind < kinds; kind++) {
        size_t count = 0, share = (wanted - taken + kinds - kind - 1) / (kinds - kind);
        for (size_t i = 0; i < search->state_count; i++)
            if (numbers[i] == kind)
                pool[count++] = i;
        taken += choose_of_kind(search, share, pool, count, ~search->sweep.result->seeds.cuts + kind, search->samples + taken, chosen);
    }
    free(numbers);
    free(pool);
    free(chosen);
    return taken;
}

static bool take_samples(struct closure_search *search, size_t wanted, bool others, crew_job_fn *job, size_t *done,
                         struct problem *problem)
{
    size_t count = wanted == 0 ? 0 : choose_samples(search, wanted, others, problem);
    if (count > 0)
        crew_do(search->crew, count, job, tick, search);
    *done = atomic_exchange(&search->sampled, 0);
    free(search->samples);
    search->samples = NULL;
    return problem->kind == PROBLEM_NONE && (go_on(search, problem) || problem->kind == PROBLEM_NONE);
}

/* --- findings --- */

static struct closure_finding *finding_of(struct closure_result *result, const struct verdict *verdict)
{
    for (size_t i = 0; i < result->finding_count; i++)
        if (strcmp(result->findings[i].verdict.oracle, verdict->oracle) == 0 &&
            strcmp(result->findings[i].verdict.detail, verdict->detail) == 0)
            return &result->findings[i];
    struct closure_finding *grown = realloc(result->findings, (result->finding_count + 1) * sizeof *grown);
    size_t *states = calloc(CLOSURE_EXAMPLES, sizeof *states);
    if (grown != NULL)
        result->findings = grown;
    if (grown == NULL || states == NULL) {
        free(states);
        return NULL;
    }
    grown[result->finding_count] = (struct closure_finding){.verdict = *verdict, .states = states};
    return &grown[result->finding_count++];
}

static bool add_finding(struct closure_result *result, const struct verdict *verdict, size_t state, size_t members)
{
    struct closure_finding *finding = finding_of(result, verdict);
    if (finding == NULL)
        return false;
    finding->members += members;
    if (finding->count < CLOSURE_EXAMPLES)
        finding->states[finding->count++] = state;
    return true;
}

/* Runs and wear, both in the order of states; the former first. */
static bool collect_findings(struct closure_search *search, struct problem *problem)
{
    bool good = true;
    for (size_t i = 0; good && i < search->node_count; i++)
        if (search->nodes[i].failure != NULL)
            good = add_finding(search->result, search->nodes[i].failure, search->nodes[i].state, search->nodes[i].members);
    for (size_t i = 0; good && i < search->worn_count; i++)
        good = add_finding(search->result, &search->worn[i].verdict, search->worn[i].state,
                           search->states[search->worn[i].state].states);
    return good || no_memory(problem);
}

/* --- the whole --- */

/* What faults remember (erases, the n-th read) is no part of a state, nor what a property of the machine that is the same
 * as such a fault does. */
static bool has_no_faults(const struct closure_search *search, struct problem *problem)
{
    const struct fault_set alike = model_faults(search->sweep.profile->machine);
    if (fault_any(&search->sweep.target.faults))
        return problem_set(problem, PROBLEM_USE, "several power losses in a row are searched without faults only: leave "
                           "them out, or sweep one loss at a time");
    return !fault_beyond_cells(&alike) ||
           problem_set(problem, PROBLEM_USE, "several power losses in a row are searched without faults only, and the "
                       "machine \"%.200s\" has properties that are the same as some: leave them out, or sweep one loss "
                       "at a time", search->sweep.profile->machine);
}

static bool open_search(struct closure_search *search, struct problem *problem)
{
    struct closure_result *result = search->result;
    if (!sweep_open(&search->sweep, problem) || !has_no_faults(search, problem) || !sweep_record(&search->sweep, problem) ||
        !closure_has_no_status(&search->sweep.result->recording, problem) ||
        !wild_open(&search->apart, problem) || !bytes_allocate(&search->apart_next, problem))
        return false;
    search->tapes = tapes_open();
    search->pool = pool_open(&search->sweep.target.device);
    search->idles = search->pool != NULL ? idles_open(search->pool) : NULL;
    search->nodes_index = search->pool != NULL ? pool_index_open(search->pool) : NULL;
    search->former_index = search->pool != NULL ? pool_index_open(search->pool) : NULL;
    if (search->idles == NULL || search->nodes_index == NULL || search->former_index == NULL)
        return no_memory(problem);
    search->workers = calloc(search->sweep.options->jobs, sizeof *search->workers);
    search->crew = search->workers != NULL ? crew_open(search->sweep.options->jobs) : NULL;
    if (search->crew == NULL)
        return problem_set(problem, PROBLEM_BENCH, "cannot start a thread");
    result->search = search;
    return true;
}

static void close_search(struct closure_search *search)
{
    if (search->crew != NULL)
        crew_each(search->crew, closure_leave, search);
    crew_close(search->crew);
    search->crew = NULL;
    free(search->workers);
    search->workers = NULL;
    free(search->frontier);
    search->frontier = NULL;
    free(search->queue);
    search->queue = NULL;
    known_free(&search->known);
    known_free(&search->passed);
}

static void sum_up(struct closure_search *search, bool good)
{
    struct closure_result *result = search->result;
    size_t failing = 0;
    result->run = result->credited = 0;
    for (unsigned i = 0; i < result->depth_count; i++) {
        result->run += result->depths[i].run;
        result->credited += result->depths[i].credited;
        failing += result->depths[i].failing;
    }
    result->open = search->met - result->run - result->credited;
    result->recoveries = atomic_load(&search->recoveries);
    result->apart = bytes_count(&search->apart.bytes);
    if (!good)
        result->end = atomic_load(&search->out_of_time) ? CLOSURE_TIME : CLOSURE_BROKEN;
    result->closed = result->end == CLOSURE_ALL && failing == 0 && search->sweep.options->all;
}

/* Time that is over is no problem, but nothing is sampled then. */
static bool search_and_sample(struct closure_search *search, struct problem *problem)
{
    const struct sweep_options *options = search->sweep.options;
    struct closure_result *result = search->result;
    bool good = explore(search, problem);
    sum_up(search, good);
    if (!good)
        return collect_findings(search, problem) && problem->kind == PROBLEM_NONE;
    return collect_findings(search, problem) &&
           take_samples(search, options->live, false, closure_prove, &result->live, problem) &&
           take_samples(search, options->prune ? options->check : 0, true, closure_check, &result->checked, problem);
}

bool closure_run(struct closure_result *result, const struct profile *profile, const struct sweep_options *options,
                 closure_progress_fn *progress, void *context, struct problem *problem)
{
    double wall = sweep_seconds(CLOCK_MONOTONIC), cpu = sweep_cpu_seconds();
    *result = (struct closure_result){.profile = profile, .options = options};
    struct closure_search *search = calloc(1, sizeof *search);
    if (search == NULL)
        return no_memory(problem);
    search->sweep = (struct sweep){.profile = profile, .options = options, .result = &result->sweep,
                                   .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_mutex_init(&search->lock, NULL);
    result->sweep.seeds = options->seeds;
    result->sweep.jobs = options->jobs;
    search->result = result;
    search->progress = progress;
    search->context = context;
    search->start_s = sweep_seconds(CLOCK_MONOTONIC);
    bool good = open_search(search, problem);
    if (good && result->sweep.clean.pass)
        good = search_and_sample(search, problem);
    close_search(search);
    result->sweep.lost = atomic_load(&search->sweep.lost);
    result->wall_s = sweep_seconds(CLOCK_MONOTONIC) - wall;
    result->cpu_s = sweep_cpu_seconds() - cpu;
    if (result->search == NULL) {
        result->search = search;
        closure_free(result);
    }
    return good;
}

void closure_free(struct closure_result *result)
{
    struct closure_search *search = result->search;
    for (size_t i = 0; i < result->finding_count; i++)
        free(result->findings[i].states);
    free(result->findings);
    if (search != NULL) {
        for (size_t i = 0; i < search->node_count; i++)
            free_node(&search->nodes[i]);
        for (size_t i = 0; i < search->former_count; i++)
            free_node(&search->former[i]);
        free(search->former);
        tapes_close(search->tapes);
        pool_index_close(search->nodes_index);
        pool_index_close(search->former_index);
        idles_close(search->idles);
        pool_close(search->pool);
        wild_close(&search->apart);
        bytes_free(&search->apart_next);
        free(search->nodes);
        free(search->states);
        free(search->worn);
        free(search->again);
        sweep_close(&search->sweep);
        pthread_mutex_destroy(&search->lock);
        free(search);
    }
    sweep_free(&result->sweep);
    memset(result, 0, sizeof *result);
}

/* --- names --- */

static void add_cut(const struct closure_search *search, struct id *id, uint32_t parent, uint32_t number, uint8_t tear)
{
    struct operation operation;
    if (!tapes_operation(search->tapes, search->nodes[parent].tape, number, &operation))
        return;
    const struct rail_event *event = operation.item.event;
    id->cuts[id->count++] = (struct id_cut){(enum rail_chip)event->chip, event->address, (enum rail_kind)event->kind,
                                            operation.occurrence, (enum nor_tear)tear};
}

/* To where the recovery of the node begins. */
static void add_way(const struct closure_search *search, struct id *id, uint32_t node)
{
    if (node == CLOSURE_ROOT)
        return;
    const struct closure_state *state = &search->states[search->nodes[node].state];
    add_way(search, id, state->parent);
    add_cut(search, id, state->parent, state->operation, state->tear);
}

static void name_loss(const struct closure_result *result, uint32_t parent, uint32_t operation, uint8_t tear, char text[ID_TEXT])
{
    const struct seeds *seeds = &result->sweep.seeds;
    struct id id = {.seed = seeds->sram, .noise = seeds->noise};
    snprintf(id.profile, sizeof id.profile, "%.60s", result->profile->name);
    add_way(result->search, &id, parent);
    add_cut(result->search, &id, parent, operation, tear);
    id_format(&id, text);
}

void closure_id(const struct closure_result *result, size_t number, char text[ID_TEXT])
{
    const struct closure_state *state = &result->search->states[number];
    name_loss(result, state->parent, state->operation, state->tear, text);
}

static const char *verdict_of(const struct closure_search *search, size_t number)
{
    uint32_t node = search->states[number].node;
    if (node == CLOSURE_OPEN)
        return NULL;
    if (search->nodes[node].failure != NULL)
        return search->nodes[node].failure->oracle;
    for (size_t i = 0; i < search->worn_count; i++)
        if (search->worn[i].state == number)
            return search->worn[i].verdict.oracle;
    return "recovered";
}

static void list_one(const struct closure_result *result, const struct closure_again *one, bool again, closure_list_fn *each,
                     void *context)
{
    const struct closure_search *search = result->search;
    uint32_t node = search->states[one->state].node, other = again || node == CLOSURE_OPEN ? one->state : search->nodes[node].state;
    char id[ID_TEXT], other_id[ID_TEXT] = "";
    name_loss(result, one->parent, one->operation, one->tear, id);
    if (again || other != one->state || search->states[other].operation != one->operation || search->states[other].tear != one->tear)
        closure_id(result, other, other_id);
    each(context, id, search->nodes[one->parent].depth + 1, verdict_of(search, one->state), other_id);
}

/* A crash state of a recovery that was looked at once more, in which it is itself what was run before. */
static bool is_the_same(const struct closure_search *search, size_t number)
{
    const struct closure_state *state = &search->states[number];
    if (state->node == CLOSURE_OPEN || search->nodes[state->node].state == number)
        return false;
    const struct closure_state *own = &search->states[search->nodes[state->node].state];
    return own->parent == state->parent && own->operation == state->operation && own->tear == state->tear;
}

/* All states of a stretch. */
static void list_stretch(const struct closure_result *result, uint32_t number, closure_list_fn *each, void *context)
{
    const struct closure_state *state = &result->search->states[number];
    const struct sweep_options *options = result->options;
    for (uint32_t operation = state->operation; operation < state->operation + state->operations; operation++)
        for (unsigned i = 0; i < options->tear_count; i++) {
            struct closure_again one = {state->parent, operation, (uint8_t)options->tears[i], number};
            if (nor_tear_applies(NOR_PROGRAM, options->tears[i]))
                list_one(result, &one, false, each, context);
        }
}

void closure_list(const struct closure_result *result, closure_list_fn *each, void *context)
{
    const struct closure_search *search = result->search;
    for (size_t i = 0; i < search->state_count; i++) {
        const struct closure_state *state = &search->states[i];
        struct closure_again one = {state->parent, state->operation, (uint8_t)state->tear, (uint32_t)i};
        if (state->states > 1)
            list_stretch(result, (uint32_t)i, each, context);
        else if (!is_the_same(search, i))
            list_one(result, &one, false, each, context);
    }
    for (size_t i = 0; i < search->again_count; i++)
        list_one(result, &search->again[i], true, each, context);
}

bool closure_passed(const struct closure_result *result)
{
    return result->sweep.clean.pass && result->finding_count == 0;
}
