/* SPDX-License-Identifier: MIT */
#include "sweep.h"

#include "artifacts.h"
#include "files.h"
#include "interrupt.h"
#include "machine.h"

#include <glib.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* SRAM at the power-ups of the run without power loss; any will do. */
static const char *const clean_srams[2] = {"random:1", "random:2"};

#define PROGRESS_PERIOD_MS 200
#define MOST_ARTIFACTS 20 /* findings that leave artifacts: each takes 19 MB, and the first ones tell most */

/* What workers share. */
struct sweep {
    const struct profile *profile;
    const struct sweep_options *options;
    struct sweep_result *result;
    struct arrays device;
    struct oracle oracle;
    size_t *live; /* indices of cases to do for real */
    atomic_size_t next, next_live, done, live_done, findings, artifacts;
    atomic_bool stop;
    pthread_mutex_t lock; /* guards what follows, and the totals in `result` */
    pthread_cond_t changed;
    unsigned running;
    double recovery_start;
    struct problem problem;
};

static double seconds_now(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* CPU time of this process and of its machines that have ended. */
static double cpu_seconds(void)
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

/* --- one cut --- */

/* Recovers from the state that is built for the case, and judges. */
static bool recover(struct sweep *sweep, struct machine *machine, struct crash_state *state, struct sweep_case *one,
                    struct problem *problem)
{
    const struct recording *recording = &sweep->result->recording;
    char first[PLAN_SRAM], second[PLAN_SRAM];
    const char *const srams[2] = {first, second};
    plan_sram(recording, &one->cut, 0, first);
    plan_sram(recording, &one->cut, 1, second);
    if (!crash_state_tear(state, one->cut.operation, one->cut.tear, problem))
        return false;
    one->fired = true;
    if (!oracle_recover(&sweep->oracle, machine, &state->arrays, srams, NULL, NULL, &one->verdict, problem))
        return false;
    if (one->verdict.pass || sweep->options->artifacts == NULL ||
        atomic_fetch_add(&sweep->artifacts, 1) >= MOST_ARTIFACTS)
        return true;
    char id[SWEEP_ID];
    sweep_id(sweep->result, sweep->profile, one, id);
    return artifacts_write(sweep->options->artifacts, id, &sweep->oracle, machine, &state->arrays, srams, problem);
}

/* Does the cut for real, and compares what the machine left with the state that was built. */
static bool prove(struct sweep *sweep, struct machine *machine, struct crash_state *state, struct sweep_case *one,
                  struct problem *problem)
{
    struct session_request request = {.state = &sweep->device,
                                      .sram = clean_srams[0],
                                      .wanted = &sweep->profile->wanted,
                                      .limit_ns = sweep->profile->budget.seconds * UINT64_C(1000000000),
                                      .cut = true,
                                      .operation = one->cut.operation,
                                      .tear = one->cut.tear};
    struct session_result session;
    char id[SWEEP_ID];
    enum array array;
    uint32_t offset;
    sweep_id(sweep->result, sweep->profile, one, id);
    if (!crash_state_tear(state, one->cut.operation, one->cut.tear, problem) ||
        !session_run(machine, &request, &session, problem))
        return false;
    if (session.end != SESSION_CUT || session.operations != one->cut.operation + 1)
        return problem_set(problem, PROBLEM_BENCH,
                           "%s: a real cut did not fire: the machine did %" PRIu64 " operations, wanted was number %zu",
                           id, session.operations, one->cut.operation);
    if (arrays_differ(&machine->arrays, &state->arrays, true, &array, &offset))
        return problem_set(problem, PROBLEM_BENCH,
                           "%s: a real cut leaves another state than was built: %s.bin at 0x%" PRIX32
                           " holds %02X, built was %02X",
                           id, arrays_name(array), offset, machine->arrays.cells[array][offset],
                           state->arrays.cells[array][offset]);
    one->live = true;
    return true;
}

/* --- workers --- */

static bool recover_all(struct sweep *sweep, struct machine *machine, struct crash_state *state, uint64_t *virtual_ns,
                        struct problem *problem)
{
    struct sweep_result *result = sweep->result;
    for (size_t i; !atomic_load(&sweep->stop) && (i = atomic_fetch_add(&sweep->next, 1)) < result->plan.count;) {
        struct sweep_case *one = &result->cases[i];
        if (!recover(sweep, machine, state, one, problem))
            return false;
        *virtual_ns += one->verdict.virtual_ns;
        if (!one->verdict.pass)
            atomic_fetch_add(&sweep->findings, 1);
        atomic_fetch_add(&sweep->done, 1);
    }
    double wall = seconds_now(CLOCK_MONOTONIC) - sweep->recovery_start;
    double cpu = machine_cpu_seconds(machine) + seconds_now(CLOCK_THREAD_CPUTIME_ID);
    pthread_mutex_lock(&sweep->lock);
    result->recovery_cpu_s += cpu;
    result->recovery_wall_s = wall > result->recovery_wall_s ? wall : result->recovery_wall_s;
    pthread_mutex_unlock(&sweep->lock);
    return true;
}

static bool prove_all(struct sweep *sweep, struct machine *machine, struct crash_state *state, struct problem *problem)
{
    struct sweep_result *result = sweep->result;
    for (size_t i; !atomic_load(&sweep->stop) && (i = atomic_fetch_add(&sweep->next_live, 1)) < result->live;) {
        if (!prove(sweep, machine, state, &result->cases[sweep->live[i]], problem))
            return false;
        atomic_fetch_add(&sweep->live_done, 1);
    }
    return true;
}

/* Pages without marks must hold what was provisioned: else something changed them that is not in the trace. */
static bool check_unmarked(const struct sweep *sweep, const struct machine *machine, struct problem *problem)
{
    for (enum array array = 0; array < ARRAYS; array++) {
        for (uint32_t offset = 0; offset < arrays_size(array); offset++) {
            uint32_t page = offset / ARRAYS_PAGE, rest = arrays_size(array) - offset;
            uint32_t size = rest < ARRAYS_PAGE ? rest : ARRAYS_PAGE;
            if (!arrays_marked(&machine->arrays, array, page) &&
                memcmp(machine->arrays.cells[array] + offset, sweep->device.cells[array] + offset, size) != 0)
                return problem_set(problem, PROBLEM_BENCH,
                                   "%s.bin changed in the %u bytes at 0x%" PRIX32 " without an operation in the trace",
                                   arrays_name(array), size, offset);
            offset += size - 1;
        }
    }
    return true;
}

static void *worker(void *context)
{
    struct sweep *sweep = context;
    struct problem problem = {0};
    struct machine_options options = {.model = sweep->profile->machine};
    struct machine machine = {0};
    struct crash_state state = {0};
    uint64_t virtual_ns = 0, instructions = 0;
    bool good = machine_start(&machine, &options, &sweep->device, &problem) &&
                crash_state_begin(&state, &sweep->result->recording, &sweep->device, &problem) &&
                recover_all(sweep, &machine, &state, &virtual_ns, &problem) &&
                prove_all(sweep, &machine, &state, &problem) && check_unmarked(sweep, &machine, &problem) &&
                machine_instructions(&machine, &instructions, &problem);
    machine_close(&machine);
    crash_state_free(&state);
    pthread_mutex_lock(&sweep->lock);
    if (!good) {
        atomic_store(&sweep->stop, true);
        problem_set(&sweep->problem, problem.kind, "%s", problem.text);
    }
    sweep->result->virtual_ns += virtual_ns;
    sweep->result->instructions += instructions;
    sweep->running--;
    pthread_cond_signal(&sweep->changed);
    pthread_mutex_unlock(&sweep->lock);
    return NULL;
}

static void tell_progress(struct sweep *sweep, sweep_progress_fn *progress, void *context)
{
    struct sweep_progress now = {atomic_load(&sweep->done),     sweep->result->plan.count,
                                 atomic_load(&sweep->findings), atomic_load(&sweep->live_done),
                                 sweep->result->live,           seconds_now(CLOCK_MONOTONIC) - sweep->recovery_start};
    progress(context, &now);
}

/* Waits for the workers. */
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
        pthread_mutex_lock(&sweep->lock);
    }
    pthread_mutex_unlock(&sweep->lock);
}

static bool run_workers(struct sweep *sweep, sweep_progress_fn *progress, void *context, struct problem *problem)
{
    unsigned jobs = sweep->result->jobs;
    sweep->recovery_start = seconds_now(CLOCK_MONOTONIC);
    pthread_t *threads = calloc(jobs, sizeof *threads);
    if (threads == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    unsigned started = 0;
    pthread_mutex_lock(&sweep->lock);
    while (started < jobs && pthread_create(&threads[started], NULL, worker, sweep) == 0)
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

/* --- the whole --- */

/* The update without power loss, recorded; it must satisfy the oracles itself. */
static bool run_clean(struct sweep *sweep, struct problem *problem)
{
    struct sweep_result *result = sweep->result;
    struct machine_options options = {.model = sweep->profile->machine};
    struct machine machine = {0};
    uint64_t instructions = 0;
    bool good = machine_start(&machine, &options, &sweep->device, problem) &&
                oracle_recover(&sweep->oracle, &machine, NULL, clean_srams, recording_take, &result->recording,
                               &result->clean, problem) &&
                check_unmarked(sweep, &machine, problem) && machine_instructions(&machine, &instructions, problem);
    machine_close(&machine);
    result->virtual_ns += result->clean.virtual_ns;
    result->instructions += instructions;
    if (good && !result->clean.pass)
        return true;
    return good && recording_index(&result->recording, sweep->profile, problem);
}

/* Which cases are also done for real: spread evenly, one at random in each stretch. */
static bool choose_live(struct sweep *sweep, struct problem *problem)
{
    struct sweep_result *result = sweep->result;
    size_t wanted = sweep->options->live;
    uint64_t random = ~result->seed;
    result->live = wanted < result->plan.count ? wanted : result->plan.count;
    sweep->live = calloc(result->live + 1, sizeof *sweep->live);
    result->cases = calloc(result->plan.count + 1, sizeof *result->cases);
    if (sweep->live == NULL || result->cases == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    for (size_t i = 0; i < result->plan.count; i++)
        result->cases[i].cut = result->plan.cuts[i];
    for (size_t i = 0; i < result->live; i++) {
        size_t from = i * result->plan.count / result->live, to = (i + 1) * result->plan.count / result->live;
        sweep->live[i] = from + plan_random(&random) % (to - from);
    }
    return true;
}

static bool open_target(struct sweep *sweep, struct problem *problem)
{
    const char *device = sweep->options->device != NULL ? sweep->options->device : sweep->profile->device;
    char *root = sweep->options->root != NULL ? strdup(sweep->options->root) : profile_default_root();
    char *folder = root == NULL ? NULL : sweep->options->device != NULL ? strdup(device) : files_join(root, device);
    bool good = folder != NULL && arrays_allocate(&sweep->device, problem) &&
                arrays_read(&sweep->device, folder, problem) &&
                oracle_open(&sweep->oracle, sweep->profile, &sweep->device, root, problem);
    free(folder);
    free(root);
    if (!good)
        return false;
    gchar *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, sweep->device.cells[ARRAY_INTERNAL],
                                             arrays_size(ARRAY_INTERNAL));
    snprintf(sweep->result->firmware, sizeof sweep->result->firmware, "%s", sum);
    g_free(sum);
    return true;
}

bool sweep_run(struct sweep_result *result, const struct profile *profile, const struct sweep_options *options,
               sweep_progress_fn *progress, void *context, struct problem *problem)
{
    struct sweep sweep = {.profile = profile,
                          .options = options,
                          .result = result,
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER};
    double wall = seconds_now(CLOCK_MONOTONIC), cpu = cpu_seconds();
    memset(result, 0, sizeof *result);
    result->seed = options->seed != 0 ? options->seed : profile->cuts.seed;
    result->jobs = options->jobs;
    struct plan_request request = {result->seed, options->cuts != 0 ? options->cuts : profile->cuts.count,
                                   options->all};
    bool good = open_target(&sweep, problem) && run_clean(&sweep, problem);
    if (good && result->clean.pass)
        good = plan_make(&result->plan, &result->recording, profile, &request, problem) &&
               choose_live(&sweep, problem) && run_workers(&sweep, progress, context, problem);
    oracle_close(&sweep.oracle);
    arrays_free(&sweep.device);
    free(sweep.live);
    result->wall_s = seconds_now(CLOCK_MONOTONIC) - wall;
    result->cpu_s = cpu_seconds() - cpu;
    if (!good)
        sweep_free(result);
    return good;
}

void sweep_free(struct sweep_result *result)
{
    recording_free(&result->recording);
    plan_free(&result->plan);
    free(result->cases);
    memset(result, 0, sizeof *result);
}

void sweep_id(const struct sweep_result *result, const struct profile *profile, const struct sweep_case *one,
              char id[SWEEP_ID])
{
    char name[PLAN_NAME];
    plan_name(&result->recording, &one->cut, name);
    snprintf(id, SWEEP_ID, "%.60s~s%" PRIu64 "/%s", profile->name, one->cut.seed, name);
}

size_t sweep_findings(const struct sweep_result *result)
{
    size_t count = 0;
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++)
        count += !result->cases[i].verdict.pass;
    return count;
}
