/* SPDX-License-Identifier: MIT */
#include "sweep_shared.h"

#include "artifacts.h"
#include "crash_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROGRESS_PERIOD_MS 200
#define SMALLEST_SPLIT 32 /* cases */
/* where states are credited: a range begins without a representative, which mostly costs a run */
#define RUNS_PER_SPLIT 8
#define MOST_ARTIFACTS 20 /* findings that leave artifacts: each takes 19 MB, and the first ones tell most */

/* One thread with its machine. */
struct worker {
    struct sweep *sweep;
    struct machine machine;
    struct crash_state state;
    struct representative representative;
    struct next_place place;
    size_t represented; /* index of the case of `representative`; SIZE_MAX: none */
    const struct sweep_outcome *outcome; /* what came of that */
    bool stale;         /* `representative` is not that yet: what came of it is known from the store */
    struct problem *problem;
};

/* --- its machine --- */

static bool start_machine(struct worker *worker)
{
    return target_start(&worker->sweep->target, &worker->machine, 0, worker->problem);
}

static bool replace_machine(struct worker *worker)
{
    machine_close(&worker->machine);
    *worker->problem = (struct problem){0};
    atomic_fetch_add(&worker->sweep->lost, 1);
    return start_machine(worker);
}

static size_t index_of(const struct worker *worker, const struct sweep_case *one)
{
    return (size_t)(one - worker->sweep->result->cases);
}

/* Says which case it was that failed. Returns false. */
static bool name_case(struct worker *worker, const struct sweep_case *one)
{
    char id[SWEEP_ID];
    if (worker->problem->kind == PROBLEM_INTERRUPTED)
        return false;
    sweep_id(worker->sweep->result, worker->sweep->profile, one, id);
    return problem_place(worker->problem, id);
}

typedef bool case_job(struct worker *worker, struct sweep_case *one);

/* Does what a case needs the machine for. One that is lost on the way is replaced, and the job is done once more:
 * somebody may have killed it, and a long sweep is worth more than that. Who loses two is to blame. */
static bool do_case(struct worker *worker, struct sweep_case *one, case_job *job)
{
    if (job(worker, one))
        return true;
    if (worker->problem->kind == PROBLEM_LOST) {
        if (replace_machine(worker) && job(worker, one))
            return true;
        if (worker->problem->kind == PROBLEM_LOST)
            problem_place(worker->problem, "a second machine was lost with it");
    }
    return name_case(worker, one);
}

/* --- one case --- */

static void request_of(const struct worker *worker, const struct sweep_case *one, struct recovery_request *request)
{
    *request = (struct recovery_request){.state = &worker->state.arrays, .touched = worker->sweep->options->prune};
    for (unsigned i = 0; i < RECOVERY_MOST; i++)
        request->conditions[i] = plan_conditions(&worker->sweep->result->seeds, one->cut.repeat, i);
}

static struct sweep_outcome *new_outcome(struct sweep *sweep)
{
    struct sweep_outcome *outcome = calloc(1, sizeof *outcome);
    if (outcome == NULL)
        return NULL;
    pthread_mutex_lock(&sweep->lock);
    outcome->other = sweep->result->outcomes;
    sweep->result->outcomes = outcome;
    pthread_mutex_unlock(&sweep->lock);
    return outcome;
}

/* What cannot be written is said at the end: findings are worth more than their files. */
static bool write_artifacts(struct worker *worker, const struct sweep_case *one, const struct recovery_request *request)
{
    struct sweep *sweep = worker->sweep;
    char id[SWEEP_ID];
    struct problem problem = {0};
    if (sweep->options->artifacts == NULL || atomic_fetch_add(&sweep->artifacts, 1) >= MOST_ARTIFACTS)
        return true;
    sweep_id(sweep->result, sweep->profile, one, id);
    if (artifacts_write(sweep->options->artifacts, id, &sweep->target.oracle, &worker->machine, request, NULL,
                        &problem))
        return true;
    if (problem.kind == PROBLEM_INTERRUPTED || problem.kind == PROBLEM_LOST) {
        atomic_fetch_sub(&sweep->artifacts, 1);
        return problem_set(worker->problem, problem.kind, "%s", problem.text);
    }
    atomic_store(&sweep->artifacts, MOST_ARTIFACTS);
    pthread_mutex_lock(&sweep->lock);
    problem_set(&sweep->result->warning, problem.kind, "%s",
                problem.text[0] != '\0' ? problem.text : "no memory for artifacts");
    pthread_mutex_unlock(&sweep->lock);
    return true;
}

static bool judge_next(struct worker *worker, const struct sweep_case *one, const struct verdict **verdict)
{
    struct sweep *sweep = worker->sweep;
    struct conditions conditions = plan_conditions(&sweep->result->seeds, one->cut.repeat, RECOVERY_POWER_UPS);
    return next_judge(sweep->next, &worker->place, &worker->machine, &conditions, verdict, worker->problem);
}

static void make_representative(struct worker *worker, const struct recovery *recovery)
{
    const struct sweep *sweep = worker->sweep;
    enum credit_look look = recovery->verdict.pass && sweep->next != NULL ? CREDIT_ALL
                            : recovery->verdict.compared                  ? CREDIT_COMPARED
                                                                          : CREDIT_NOTHING;
    representative_set(&worker->representative, &worker->state.arrays, worker->machine.touched, &recovery->footprint,
                       &sweep->rules, look);
}

/* The case has its outcome. Nothing of it was kept before: what is done twice is as if it had been done once. */
static bool keep_outcome(struct worker *worker, struct sweep_case *one, const struct recovery *recovery,
                         uint64_t instructions, const struct verdict *next)
{
    struct sweep *sweep = worker->sweep;
    struct sweep_outcome *outcome = new_outcome(sweep);
    if (outcome == NULL)
        return problem_set(worker->problem, PROBLEM_BENCH, "no memory");
    outcome->verdict = recovery->verdict;
    outcome->recovered = recovery->verdict.pass;
    outcome->next = next;
    outcome->trace = recovery->footprint.trace;
    outcome->instructions = instructions;
    outcome->run = outcome;
    memcpy(outcome->erases, recovery->footprint.erases, sizeof outcome->erases);
    one->outcome = outcome;
    one->representative = index_of(worker, one);
    if (sweep->options->prune) {
        worker->represented = one->representative;
        worker->outcome = outcome;
        worker->stale = false;
    }
    atomic_fetch_add(&sweep->run, 1);
    atomic_fetch_add(&sweep->ran, 1);
    return true;
}

/* Recovers from the state that stands built, judges, and makes it the representative of what follows. */
static bool run_case(struct worker *worker, struct sweep_case *one)
{
    struct sweep *sweep = worker->sweep;
    struct recovery_request request;
    struct recovery recovery;
    const struct verdict *next = NULL;
    uint64_t before, after;
    request_of(worker, one, &request);
    if (!machine_instructions(&worker->machine, &before, worker->problem) ||
        !recovery_run(&recovery, &sweep->target.oracle, &worker->machine, &request, worker->problem) ||
        !machine_instructions(&worker->machine, &after, worker->problem))
        return false;
    if (sweep->options->prune)
        make_representative(worker, &recovery);
    if (!recovery.verdict.pass && !write_artifacts(worker, one, &request))
        return false;
    if (recovery.verdict.pass && sweep->next != NULL && !judge_next(worker, one, &next))
        return false;
    return keep_outcome(worker, one, &recovery, after - before, next);
}

/* The wear before the cut is each case's own. */
static bool judge_wear(struct worker *worker, struct sweep_case *one)
{
    struct sweep *sweep = worker->sweep;
    struct verdict verdict = one->outcome->verdict;
    if (!verdict.pass || wear_judge(&sweep->wear, sweep->profile, &one->cut, one->outcome->erases, &verdict))
        return true;
    struct sweep_outcome *own = new_outcome(sweep);
    if (own == NULL)
        return problem_set(worker->problem, PROBLEM_BENCH, "no memory");
    struct sweep_outcome *other = own->other;
    *own = *one->outcome;
    own->other = other;
    own->verdict = verdict;
    one->outcome = own;
    return true;
}

/* Runs once more what the store knows of, to credit others with it; it must go the same way. */
static bool recall(struct worker *worker, struct sweep_case *one)
{
    struct sweep *sweep = worker->sweep;
    struct recovery_request request;
    struct recovery recovery;
    request_of(worker, one, &request);
    if (!crash_state_tear(&worker->state, one->cut.operation, one->cut.tear, worker->problem) ||
        !recovery_run(&recovery, &sweep->target.oracle, &worker->machine, &request, worker->problem))
        return false;
    if (recovery.footprint.trace != worker->outcome->trace)
        return problem_set(worker->problem, PROBLEM_BENCH,
                           "its recovery goes another way than %s says: is that of another build?",
                           store_path(sweep->options->store));
    make_representative(worker, &recovery);
    worker->stale = false;
    return true;
}

static bool is_credited(struct worker *worker, const struct sweep_case *one)
{
    const struct sweep_case *cases = worker->sweep->result->cases;
    return worker->represented != SIZE_MAX && cases[worker->represented].cut.repeat == one->cut.repeat &&
           representative_credits(&worker->representative, &worker->state.arrays, &worker->state.moved);
}

static bool settle_case(struct worker *worker, struct sweep_case *one)
{
    struct sweep *sweep = worker->sweep;
    if (worker->stale && !do_case(worker, &sweep->result->cases[worker->represented], recall))
        return false;
    if (!crash_state_tear(&worker->state, one->cut.operation, one->cut.tear, worker->problem))
        return name_case(worker, one);
    one->fired = true;
    if (is_credited(worker, one)) {
        one->representative = worker->represented;
        one->outcome = worker->outcome;
    } else if (!do_case(worker, one, run_case)) {
        return false;
    }
    if (!judge_wear(worker, one))
        return false;
    if (!one->outcome->verdict.pass &&
        (one->representative == index_of(worker, one) || strcmp(one->outcome->verdict.oracle, "wear") == 0))
        atomic_fetch_add(&sweep->findings, 1);
    store_keep(sweep->options->store, sweep->result, index_of(worker, one));
    atomic_fetch_add(&sweep->done, 1);
    return true;
}

/* Does the cut for real, and compares what the machine left with the state that was built. */
static bool prove(struct worker *worker, struct sweep_case *one)
{
    struct sweep *sweep = worker->sweep;
    struct machine *machine = &worker->machine;
    struct session_request request = {.state = &sweep->target.device,
                                      .conditions = target_clean_conditions[0],
                                      .wanted = &sweep->profile->wanted,
                                      .limit_ns = sweep->profile->budget.seconds * UINT64_C(1000000000),
                                      .cut = true,
                                      .operation = one->cut.operation,
                                      .tear = one->cut.tear};
    struct session_result session;
    enum array array;
    uint32_t offset;
    if (!crash_state_tear(&worker->state, one->cut.operation, one->cut.tear, worker->problem) ||
        !session_run(machine, &request, &session, worker->problem))
        return false;
    if (session.end != SESSION_CUT || session.operations != one->cut.operation + 1)
        return problem_set(worker->problem, PROBLEM_BENCH,
                           "a real cut did not fire: the machine did %" PRIu64 " operations, wanted was number %zu",
                           session.operations, one->cut.operation);
    if (arrays_differ(&worker->state.arrays, &machine->arrays, true, &array, &offset))
        return problem_set(worker->problem, PROBLEM_BENCH,
                           "a real cut leaves another state than was built: %s.bin at 0x%" PRIX32
                           " holds %02X, built was %02X",
                           arrays_name(array), offset, machine->arrays.cells[array][offset],
                           worker->state.arrays.cells[array][offset]);
    if (!machine_has_beside(machine, &worker->state.arrays, &array, worker->problem))
        return problem_set(worker->problem, PROBLEM_BENCH,
                           "a real cut leaves other weak bits, incompletely erased ranges or registers of %s.bin than were built: %.200s",
                           arrays_name(array), machine->reply);
    one->live = true;
    return true;
}

/* Runs a credited state, which must go the way of its representative to the last event. */
static bool check_credited(struct worker *worker, struct sweep_case *one)
{
    struct sweep *sweep = worker->sweep;
    const struct sweep_case *run = &sweep->result->cases[one->representative];
    const struct verdict *next = NULL;
    struct recovery_request request;
    struct recovery recovery;
    request_of(worker, one, &request);
    if (!crash_state_tear(&worker->state, one->cut.operation, one->cut.tear, worker->problem) ||
        !recovery_run(&recovery, &sweep->target.oracle, &worker->machine, &request, worker->problem))
        return false;
    bool same = recovery.verdict.pass == run->outcome->recovered && recovery.footprint.trace == run->outcome->trace;
    if (same && run->outcome->next != NULL) {
        if (!judge_next(worker, one, &next))
            return false;
        same = next == run->outcome->next; /* it ended in the same state */
    }
    one->checked = same;
    if (same)
        return true;
    char other[SWEEP_ID];
    sweep_id(sweep->result, sweep->profile, run, other);
    return problem_set(worker->problem, PROBLEM_BENCH,
                       "it was credited with the verdict of %s, but goes another way when it is run (%s)", other,
                       recovery.verdict.pass ? "it recovers" : recovery.verdict.oracle);
}

/* --- the thread --- */

/* Whether one more may be begun. */
static bool may_begin(struct worker *worker)
{
    const struct sweep *sweep = worker->sweep;
    if (atomic_load(&sweep->stop))
        return false;
    return sweep->options->seconds <= 0 || sweep_seconds(CLOCK_MONOTONIC) - sweep->begin_s < sweep->options->seconds ||
           problem_set(worker->problem, PROBLEM_TIME, "the time is up");
}

/* What the store knows of is not done again. */
static void follow_known(struct worker *worker, size_t index)
{
    const struct sweep_case *one = &worker->sweep->result->cases[index];
    if (one->representative != index || !worker->sweep->options->prune)
        return;
    worker->represented = index;
    worker->outcome = one->outcome->run;
    worker->stale = true;
}

/* Takes the cases of a range in order. What follows states that had to be run is often run too, so the later half of
 * the rest is left to whoever is free. Where that happens depends on the states alone, not on the number of workers. */
static bool recover_range(struct worker *worker, struct range range)
{
    struct sweep *sweep = worker->sweep;
    const unsigned most = sweep->options->prune ? RUNS_PER_SPLIT : 1;
    unsigned runs = 0;
    worker->represented = SIZE_MAX;
    worker->stale = false;
    for (size_t i = range.from; i < range.to; i++) {
        if (sweep->result->cases[i].outcome != NULL)
            follow_known(worker, i);
        else if (!may_begin(worker) || !settle_case(worker, &sweep->result->cases[i]))
            return false;
        runs += sweep->result->cases[i].representative == i;
        if (runs >= most && range.to - i > SMALLEST_SPLIT) {
            size_t middle = i + (range.to - i) / 2;
            runs = 0;
            if (!ranges_put(sweep->ranges, (struct range){middle, range.to}))
                return problem_set(worker->problem, PROBLEM_BENCH, "no memory");
            range.to = middle;
        }
    }
    return true;
}

static bool recover_all(struct worker *worker)
{
    struct sweep *sweep = worker->sweep;
    struct sweep_result *result = sweep->result;
    struct range range;
    bool good = true;
    while (good && ranges_take(sweep->ranges, &range)) {
        good = recover_range(worker, range);
        ranges_done(sweep->ranges, good);
    }
    double wall = sweep_seconds(CLOCK_MONOTONIC) - sweep->start_s;
    double cpu = machine_cpu_seconds(&worker->machine) + sweep_seconds(CLOCK_THREAD_CPUTIME_ID);
    pthread_mutex_lock(&sweep->lock);
    result->recovery_cpu_s += cpu;
    result->recovery_wall_s = wall > result->recovery_wall_s ? wall : result->recovery_wall_s;
    pthread_mutex_unlock(&sweep->lock);
    return good;
}

static bool prove_all(struct worker *worker)
{
    struct sweep *sweep = worker->sweep;
    for (size_t i; (i = atomic_fetch_add(&sweep->next_live, 1)) < sweep->result->live;) {
        struct sweep_case *one = &sweep->result->cases[sweep->live[i]];
        if (!one->live && (!may_begin(worker) || !do_case(worker, one, prove)))
            return false;
        store_keep_marks(sweep->options->store, one);
        atomic_fetch_add(&sweep->live_done, 1);
    }
    return true;
}

static bool check_all(struct worker *worker)
{
    struct sweep *sweep = worker->sweep;
    for (size_t i; (i = atomic_fetch_add(&sweep->next_check, 1)) < sweep->result->checked;) {
        struct sweep_case *one = &sweep->result->cases[sweep->check[i]];
        if (!one->checked && (!may_begin(worker) || !do_case(worker, one, check_credited)))
            return false;
        store_keep_marks(sweep->options->store, one);
        atomic_fetch_add(&sweep->check_done, 1);
    }
    return true;
}

static bool open_worker(struct worker *worker)
{
    struct sweep *sweep = worker->sweep;
    return start_machine(worker) &&
           crash_state_begin(&worker->state, &sweep->result->recording, &sweep->target.device, worker->problem) &&
           representative_open(&worker->representative, &sweep->target.device, worker->problem);
}

static void close_worker(struct worker *worker)
{
    machine_close(&worker->machine);
    crash_state_free(&worker->state);
    representative_close(&worker->representative);
    next_place_close(&worker->place);
}

/* The work. */
static void *work(struct sweep *sweep, bool job(struct worker *worker))
{
    struct problem problem = {0};
    struct worker worker = {.sweep = sweep, .represented = SIZE_MAX, .problem = &problem};
    bool good = open_worker(&worker) && job(&worker) && sweep_check_pages(sweep, &worker.machine, &problem);
    close_worker(&worker);
    pthread_mutex_lock(&sweep->lock);
    if (!good) {
        atomic_store(&sweep->stop, true);
        problem_set(&sweep->problem, problem.kind, "%s", problem.text);
    }
    sweep->running--;
    pthread_cond_signal(&sweep->changed);
    pthread_mutex_unlock(&sweep->lock);
    return NULL;
}

static bool recover_and_prove(struct worker *worker)
{
    return recover_all(worker) && prove_all(worker);
}

static void *recover_thread(void *sweep)
{
    return work(sweep, recover_and_prove);
}

static void *check_thread(void *sweep)
{
    return work(sweep, check_all);
}

/* --- all of them --- */

static void tell_progress(struct sweep *sweep, sweep_progress_fn *progress, void *context)
{
    struct sweep_progress now = {.done = atomic_load(&sweep->done),
                                 .known = sweep->result->known,
                                 .run = atomic_load(&sweep->run),
                                 .total = sweep->result->plan.count,
                                 .findings = atomic_load(&sweep->findings),
                                 .live_done = atomic_load(&sweep->live_done),
                                 .live_total = sweep->result->live,
                                 .check_done = atomic_load(&sweep->check_done),
                                 .check_total = sweep->result->checked,
                                 .seconds = sweep_seconds(CLOCK_MONOTONIC) - sweep->start_s};
    progress(context, &now);
}

/* What cannot be kept need not be found out. */
static void flush_store(struct sweep *sweep)
{
    struct problem problem = {0};
    if (store_flush(sweep->options->store, &problem))
        return;
    pthread_mutex_lock(&sweep->lock);
    atomic_store(&sweep->stop, true);
    problem_set(&sweep->problem, problem.kind, "%s", problem.text);
    pthread_mutex_unlock(&sweep->lock);
}

static void wait_and_report(struct sweep *sweep, sweep_progress_fn *progress, void *context)
{
    pthread_mutex_lock(&sweep->lock);
    while (sweep->running > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += PROGRESS_PERIOD_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&sweep->changed, &sweep->lock, &until);
        pthread_mutex_unlock(&sweep->lock);
        tell_progress(sweep, progress, context);
        flush_store(sweep);
        pthread_mutex_lock(&sweep->lock);
    }
    pthread_mutex_unlock(&sweep->lock);
}

bool sweep_work(struct sweep *sweep, enum sweep_job job, sweep_progress_fn *progress, void *context,
                struct problem *problem)
{
    size_t most = job == SWEEP_CHECK ? sweep->result->checked : sweep->result->plan.count;
    unsigned jobs = sweep->result->jobs < most ? sweep->result->jobs : (unsigned)most, started = 0;
    pthread_t *threads = calloc(jobs, sizeof *threads);
    if (threads == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    pthread_mutex_lock(&sweep->lock);
    while (started < jobs &&
           pthread_create(&threads[started], NULL, job == SWEEP_CHECK ? check_thread : recover_thread, sweep) == 0)
        started++;
    sweep->running = started;
    pthread_mutex_unlock(&sweep->lock);
    wait_and_report(sweep, progress, context);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    if (started == 0)
        return problem_set(problem, PROBLEM_BENCH, "cannot start a thread");
    return sweep->problem.kind == PROBLEM_NONE || problem_set(problem, sweep->problem.kind, "%s", sweep->problem.text);
}
