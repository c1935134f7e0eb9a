/* SPDX-License-Identifier: MIT */
#include "sweep_shared.h"

#include "model.h"

#include <glib.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

double sweep_seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double sweep_cpu_seconds(void)
{
    double total = 0;
    for (int i = 0; i < 2; i++) {
        struct rusage usage;
        getrusage(i == 0 ? RUSAGE_SELF : RUSAGE_CHILDREN, &usage);
        total += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    }
    return total;
}

bool sweep_check_pages(const struct sweep *sweep, const struct machine *machine, struct problem *problem)
{
    for (enum array array = 0; array < ARRAYS; array++) {
        for (uint32_t page = 0; page * ARRAYS_PAGE < arrays_size(array); page++) {
            uint32_t offset = page * ARRAYS_PAGE, size = arrays_page_size(array, page);
            if (!pages_have(&machine->arrays.pages, array, page) &&
                memcmp(machine->arrays.cells[array] + offset, sweep->target.device.cells[array] + offset, size) != 0)
                return problem_set(problem, PROBLEM_BENCH,
                                   "%s.bin changed in the %u bytes at 0x%" PRIX32 " without an operation in the trace",
                                   arrays_name(array), size, offset);
        }
    }
    return true;
}

/* --- the target --- */

static void look(void *rules, enum array array, uint32_t offset, uint32_t size, bool always)
{
    credit_rules_compare(rules, array, offset, size);
    if (always)
        credit_rules_keep(rules, array, offset, size);
}

bool sweep_open(struct sweep *sweep, struct problem *problem)
{
    const struct sweep_options *options = sweep->options;
    struct target *target = &sweep->target;
    if (!target_open(target, sweep->profile, &options->faults, options->root, options->device, problem) ||
        !target_can_be_built(target, problem) || !credit_rules_open(&sweep->rules, problem))
        return false;
    sweep->result->faults = target->faults;
    char faults[ID_FAULTS];
    if (!id_format_faults(&target->faults, faults))
        return problem_set(problem, PROBLEM_USE, "these are too many faults for an id of %d characters", SWEEP_ID);
    snprintf(sweep->result->firmware, sizeof sweep->result->firmware, "%s", target->firmware);
    oracle_looks(&target->oracle.update, look, &sweep->rules);
    if (sweep->profile->next == NULL)
        return true;
    sweep->next = next_open(&target->oracle, target->root, problem);
    return sweep->next != NULL;
}

void sweep_close(struct sweep *sweep)
{
    next_close(sweep->next);
    credit_rules_close(&sweep->rules);
    wear_close(&sweep->wear);
    target_close(&sweep->target);
    ranges_close(sweep->ranges);
    free(sweep->live);
    free(sweep->check);
}

/* --- the run without power loss --- */

static bool judge_clean(struct sweep *sweep, struct machine *machine, const struct recovery *recovery,
                        struct problem *problem)
{
    struct next_place place = {.scratch = {NULL, -1}};
    const struct verdict *next = NULL;
    if (sweep->next == NULL || !recovery->verdict.pass)
        return true;
    struct conditions conditions = plan_conditions(&sweep->result->seeds, 0, RECOVERY_POWER_UPS);
    bool good = next_judge(sweep->next, &place, machine, &conditions, &next, problem);
    next_place_close(&place);
    if (good && !next->pass)
        sweep->result->clean = *next;
    return good;
}

/* Recorded; it must satisfy the oracles itself. */
static bool record_clean(struct sweep *sweep, struct problem *problem)
{
    struct sweep_result *result = sweep->result;
    struct recovery_request request = {.observe = recording_take, .observer = &result->recording};
    struct recovery recovery;
    struct machine machine = {0};
    uint64_t instructions = 0;
    memcpy(request.conditions, target_clean_conditions, sizeof request.conditions);
    bool good = target_start(&sweep->target, &machine, 0, problem);
    sweep->target.device.status = machine.arrays.status;
    good = good && recovery_run(&recovery, &sweep->target.oracle, &machine, &request, problem);
    if (good) {
        result->clean = recovery.verdict;
        good = judge_clean(sweep, &machine, &recovery, problem) && sweep_check_pages(sweep, &machine, problem) &&
               machine_instructions(&machine, &instructions, problem);
    }
    machine_close(&machine);
    result->clean_instructions = instructions;
    return good;
}

/* As with a case: a machine that is lost is replaced once. */
bool sweep_record(struct sweep *sweep, struct problem *problem)
{
    struct sweep_result *result = sweep->result;
    bool good = record_clean(sweep, problem);
    if (!good && problem->kind == PROBLEM_LOST) {
        recording_free(&result->recording);
        *problem = (struct problem){0};
        atomic_fetch_add(&sweep->lost, 1);
        good = record_clean(sweep, problem) || problem_place(problem, "the run without power loss");
    }
    if (!good || !result->clean.pass)
        return good;
    if (!recording_index(&result->recording, sweep->profile, problem))
        return false;
    if (result->recording.count == 0)
        return problem_set(problem, PROBLEM_USE,
                           "profile %s: its run does no flash operation, so there is nowhere to lose power: does the device hold an "
                           "update that is to be installed?", sweep->profile->name);
    return wear_open(&sweep->wear, &result->recording, problem);
}

/* --- the cases --- */

size_t sweep_spread(size_t wanted, size_t count, uint64_t random, size_t *chosen)
{
    size_t take = wanted < count ? wanted : count;
    for (size_t i = 0; i < take; i++) {
        size_t from = i * count / take, to = (i + 1) * count / take;
        chosen[i] = from + plan_random(&random) % (to - from);
    }
    return take;
}

static size_t index_of_number(const struct plan *plan, size_t number)
{
    size_t at = 0;
    while (at < plan->count && plan->cuts[at].number != number)
        at++;
    return at;
}

/* Of those chosen in the whole plan, the ones that this part has; their number. */
static size_t keep_indices(const struct plan *plan, size_t *chosen, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t index = index_of_number(plan, chosen[i]);
        if (index < plan->count)
            chosen[kept++] = index;
    }
    return kept;
}

bool sweep_plan(struct sweep_result *result, const struct profile *profile, const struct sweep_options *options,
                size_t **live, struct ranges *ranges, struct problem *problem)
{
    struct plan_request request = {.seed = result->seeds.cuts, .count = options->cuts, .all = options->all,
                                   .tear_count = options->tear_count};
    memcpy(request.tears, options->tears, sizeof request.tears);
    if (!plan_make(&result->plan, &result->recording, profile, &request, problem))
        return false;
    size_t *chosen = calloc(options->live + 1, sizeof *chosen);
    if (chosen != NULL)
        result->live = sweep_spread(options->live, result->plan.count, ~result->seeds.cuts, chosen);
    if (chosen == NULL || !shard_take(&options->shard, &result->plan, ranges)) {
        free(chosen);
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    }
    result->live = keep_indices(&result->plan, chosen, result->live);
    if (live != NULL)
        *live = chosen;
    else
        free(chosen);
    result->cases = calloc(result->plan.count + 1, sizeof *result->cases);
    if (result->cases == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    for (size_t i = 0; i < result->plan.count; i++)
        result->cases[i].cut = result->plan.cuts[i];
    return true;
}

/* What is known already of the cases, and from now on keeps what becomes known. */
static bool resume(struct sweep *sweep, struct problem *problem)
{
    struct sweep_result *result = sweep->result;
    struct store *store = sweep->options->store;
    if (store == NULL)
        return true;
    if (!store_load(store, result, sweep->next, &result->known, problem))
        return false;
    sweep->resumed = true;
    if (sweep->next != NULL)
        next_tell(sweep->next, store_keep_ending, store);
    for (size_t i = 0; i < result->plan.count; i++) {
        const struct sweep_case *one = &result->cases[i];
        if (one->outcome == NULL)
            continue;
        atomic_fetch_add(&sweep->run, one->representative == i);
        atomic_fetch_add(&sweep->findings, !one->outcome->verdict.pass &&
                                               (one->representative == i || one->outcome != one->outcome->run));
    }
    atomic_store(&sweep->done, result->known);
    return true;
}

static bool make_cases(struct sweep *sweep, struct problem *problem)
{
    struct sweep_result *result = sweep->result;
    sweep->ranges = ranges_open(0, 1);
    if (sweep->ranges == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    if (!sweep_plan(result, sweep->profile, sweep->options, &sweep->live, sweep->ranges, problem) ||
        !resume(sweep, problem))
        return false;
    if (result->jobs > result->plan.count)
        result->jobs = (unsigned)result->plan.count; /* the others would start a machine for nothing */
    return true;
}

/* What the next update says of each end state is known only now. Where the sweep was
 * given up, it is not known of all. */
static void take_next_verdicts(struct sweep *sweep)
{
    struct sweep_result *result = sweep->result;
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        struct sweep_case *one = &result->cases[i];
        if (one->outcome != NULL && one->outcome->next != NULL && !next_decided(one->outcome->next))
            one->outcome = NULL;
    }
    for (struct sweep_outcome *outcome = result->outcomes; outcome != NULL; outcome = outcome->other)
        next_take(&outcome->verdict, outcome->next);
}

static bool same_kind(const struct sweep_result *result, size_t one, size_t other)
{
    const struct operation *a = &result->recording.operations[result->cases[one].cut.operation];
    const struct operation *b = &result->recording.operations[result->cases[other].cut.operation];
    return a->phase == b->phase && a->area == b->area && a->item.event->kind == b->item.event->kind;
}

/* Some of the credited cases of each stretch of operations of a kind: most cases are words of the image, and alike. */
static size_t choose_credited(const struct sweep_result *result, size_t wanted, size_t *credited, size_t count,
                              size_t *chosen)
{
    size_t stretches = 0, taken = 0;
    uint64_t random = ~result->seeds.cuts + 1;
    for (size_t i = 0; i < count; i++)
        stretches += i == 0 || !same_kind(result, credited[i - 1], credited[i]);
    for (size_t from = 0, to; from < count && taken < wanted; from = to, stretches--) {
        for (to = from + 1; to < count && same_kind(result, credited[from], credited[to]);)
            to++;
        size_t share = (wanted - taken + stretches - 1) / stretches;
        size_t got = sweep_spread(share, to - from, plan_random(&random), chosen + taken);
        for (size_t i = taken; i < taken + got; i++)
            chosen[i] = credited[from + chosen[i]];
        taken += got;
    }
    return taken;
}

static bool check_credited(struct sweep *sweep, sweep_progress_fn *progress, void *context, struct problem *problem)
{
    struct sweep_result *result = sweep->result;
    const struct shard *shard = &sweep->options->shard;
    size_t count = 0;
    size_t *credited = calloc(result->plan.count + 1, sizeof *credited);
    sweep->check = calloc(sweep->options->check + 1, sizeof *sweep->check);
    bool good = (credited != NULL && sweep->check != NULL) || problem_set(problem, PROBLEM_BENCH, "no memory");
    for (size_t i = 0; good && i < result->plan.count; i++)
        if (result->cases[i].representative != i)
            credited[count++] = i;
    if (good)
        result->checked = choose_credited(result,
                                          sweep->options->check / shard->count +
                                              (shard->number <= sweep->options->check % shard->count),
                                          credited, count, sweep->check);
    free(credited);
    return good && (result->checked == 0 || sweep_work(sweep, SWEEP_CHECK, progress, context, problem));
}

static bool run_cases(struct sweep *sweep, sweep_progress_fn *progress, void *context, struct problem *problem)
{
    struct sweep_result *result = sweep->result;
    double next = sweep->next != NULL ? next_cpu_seconds(sweep->next) : 0;
    sweep->start_s = sweep_seconds(CLOCK_MONOTONIC);
    bool good = make_cases(sweep, problem) &&
                (result->plan.count == 0 || sweep_work(sweep, SWEEP_RECOVER, progress, context, problem));
    if (sweep->next != NULL) {
        result->next_cpu_s = next_cpu_seconds(sweep->next) - next;
        result->recovery_cpu_s -= result->next_cpu_s;
        result->ends = next_count(sweep->next);
    }
    return good && check_credited(sweep, progress, context, problem);
}

/* --- the store --- */

/* Sizes of images, for comparisons. */
static bool note_sizes(const struct sweep *sweep, struct problem *problem)
{
    const struct oracle_goal *goal = &sweep->target.oracle.update;
    bool good = true;
    for (unsigned i = 0; good && i < goal->recovered->equal_count; i++) {
        char key[80], size[24];
        snprintf(key, sizeof key, "size %.60s", goal->recovered->equal[i].name);
        snprintf(size, sizeof size, "%zu", goal->equal[i].size);
        good = store_note(sweep->options->store, key, size, problem);
    }
    return good;
}

/* Which sweep it is, to the store: a new one takes it, an old one must be of the same. */
static bool begin_store(struct sweep *sweep, struct problem *problem)
{
    struct campaign campaign;
    if (sweep->options->store == NULL)
        return true;
    bool good = campaign_of(&campaign, &sweep->target, sweep->options, sweep->result, problem) &&
                note_sizes(sweep, problem) &&
                store_begin(sweep->options->store, &campaign, sweep->profile, sweep->result, problem);
    campaign_free(&campaign);
    return good;
}

/* Its times, whatever the end was; and that nothing is left to do. */
static bool end_store(struct sweep *sweep, bool good, struct problem *problem)
{
    struct problem other = {0};
    struct store *store = sweep->options->store;
    if (store == NULL || (sweep->result->clean.pass && !sweep->resumed))
        return good;
    return store_figures(store, sweep->result, good ? problem : &other) && good && store_finish(store, problem);
}

/* --- the whole --- */

void sweep_options_of(const struct profile *profile, struct sweep_options *options)
{
    *options = (struct sweep_options){.jobs = 1, .prune = true, .shard = {1, 1}};
    options->seeds = (struct seeds){profile->cuts.seed, profile->cuts.seed, profile->cuts.seed};
    options->cuts = profile->cuts.count;
    options->all = profile->cuts.count == 0;
    options->tear_count = profile_tears(profile, options->tears);
}

bool sweep_run(struct sweep_result *result, const struct profile *profile, const struct sweep_options *options,
               sweep_progress_fn *progress, void *context, struct problem *problem)
{
    struct fault_set faults = profile->fault_set, alike = model_faults(profile->machine);
    struct sweep_options own = *options;
    fault_add(&faults, &options->faults);
    fault_add(&faults, &alike);
    own.prune = options->prune && !fault_beyond_cells(&faults);
    struct sweep sweep = {.profile = profile,
                          .options = &own,
                          .result = result,
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER};
    double wall = sweep_seconds(CLOCK_MONOTONIC), cpu = sweep_cpu_seconds();
    memset(result, 0, sizeof *result);
    result->seeds = options->seeds;
    result->jobs = options->jobs;
    sweep.begin_s = wall;
    bool begun = sweep_open(&sweep, problem) && sweep_record(&sweep, problem) && begin_store(&sweep, problem);
    bool good = begun && (!result->clean.pass || run_cases(&sweep, progress, context, problem));
    result->timed = atomic_load(&sweep.ran);
    take_next_verdicts(&sweep);
    sweep_count(result);
    sweep_close(&sweep);
    for (struct sweep_outcome *outcome = result->outcomes; outcome != NULL; outcome = outcome->other)
        outcome->next = NULL;
    result->wall_s = sweep_seconds(CLOCK_MONOTONIC) - wall;
    result->cpu_s = sweep_cpu_seconds() - cpu;
    result->lost = atomic_load(&sweep.lost);
    return begun ? end_store(&sweep, good, problem) : false;
}

void sweep_count(struct sweep_result *result)
{
    size_t judged = 0;
    result->virtual_ns = result->clean.virtual_ns;
    result->instructions = result->clean_instructions;
    result->run = result->checked = 0;
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        const struct sweep_case *one = &result->cases[i];
        if (one->outcome == NULL)
            continue;
        if (judged++ == 0)
            result->sram = one->outcome->verdict.sram;
        unsigned runs = (unsigned)(one->representative == i) + (unsigned)one->checked;
        result->run += one->representative == i;
        result->checked += one->checked;
        result->virtual_ns += runs * one->outcome->verdict.virtual_ns;
        result->instructions += runs * one->outcome->instructions;
    }
    result->credited = judged - result->run;
}

void sweep_free(struct sweep_result *result)
{
    recording_free(&result->recording);
    plan_free(&result->plan);
    free(result->cases);
    while (result->outcomes != NULL) {
        struct sweep_outcome *outcome = result->outcomes;
        result->outcomes = outcome->other;
        free(outcome);
    }
    memset(result, 0, sizeof *result);
}

/* --- what came of it --- */

void sweep_id(const struct sweep_result *result, const struct profile *profile, const struct sweep_case *one,
              char id[SWEEP_ID])
{
    const struct seeds *seeds = &result->seeds;
    unsigned repeat = one->cut.repeat;
    char name[PLAN_NAME], noise[24] = "", faults[ID_FAULTS];
    id_format_faults(&result->faults, faults);
    plan_name(&result->recording, &one->cut, name);
    if (seeds->noise != seeds->sram)
        snprintf(noise, sizeof noise, "n%" PRIu64, seeds->noise + repeat);
    snprintf(id, SWEEP_ID, "%.60s~s%" PRIu64 "%s%s/%s", profile->name, seeds->sram + repeat, noise, faults, name);
}

struct sweep_finding *sweep_findings(const struct sweep_result *result, size_t *count)
{
    GHashTable *seen = g_hash_table_new(NULL, NULL); /* outcome to index in `findings` plus 1 */
    struct sweep_finding *findings = malloc(sizeof *findings);
    *count = 0;
    for (size_t i = 0; findings != NULL && result->cases != NULL && i < result->plan.count; i++) {
        const struct sweep_case *one = &result->cases[i];
        if (one->outcome == NULL || one->outcome->verdict.pass)
            continue;
        size_t at = GPOINTER_TO_SIZE(g_hash_table_lookup(seen, one->outcome));
        if (at == 0) {
            bool full = (*count & (*count - 1)) == 0; /* grows at powers of two: there may be a finding for each cut */
            struct sweep_finding *more = full ? realloc(findings, (2 * *count + 1) * sizeof *findings) : findings;
            if (more == NULL)
                free(findings);
            if ((findings = more) == NULL)
                break;
            findings[(*count)++] = (struct sweep_finding){.first = i};
            at = *count;
            g_hash_table_insert(seen, (gpointer)(uintptr_t)one->outcome, GSIZE_TO_POINTER(at));
        }
        findings[at - 1].members++;
        findings[at - 1].known += one->known;
        findings[at - 1].last = i;
    }
    g_hash_table_destroy(seen);
    return findings;
}

bool sweep_passed(const struct sweep_result *result)
{
    if (!result->clean.pass)
        return false;
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++)
        if (!result->cases[i].outcome->verdict.pass && !result->cases[i].known)
            return false;
    return true;
}
