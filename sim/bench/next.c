/* SPDX-License-Identifier: MIT */
#include "next.h"

#include "files.h"
#include "interrupt.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* An end state. Its verdict is all zeros until it was found out. */
struct end {
    struct verdict verdict;
    bool taken; /* somebody found it out, or is at it */
};

struct next {
    const struct oracle *oracle;
    char *root;
    char *program; /* the running one */
    pthread_mutex_t lock; /* guards what follows */
    GHashTable *ends;     /* hash of an end state to its struct end */
    double cpu_s;
};

struct next *next_open(const struct oracle *oracle, const char *root, struct problem *problem)
{
    struct next *next = calloc(1, sizeof *next);
    if (next == NULL) {
        problem_set(problem, PROBLEM_BENCH, "no memory");
        return NULL;
    }
    *next = (struct next){.oracle = oracle,
                          .root = strdup(root),
                          .program = realpath("/proc/self/exe", NULL),
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .ends = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free)};
    return next;
}

void next_close(struct next *next)
{
    if (next == NULL)
        return;
    g_hash_table_destroy(next->ends);
    free(next->root);
    free(next->program);
    free(next);
}

size_t next_count(const struct next *next)
{
    return g_hash_table_size(next->ends);
}

double next_cpu_seconds(const struct next *next)
{
    return next->cpu_s;
}

/* --- the place --- */

void next_place_close(struct next_place *place)
{
    scratch_close(&place->scratch);
    arrays_free(&place->arrays);
}

static bool open_place(struct next_place *place, struct problem *problem)
{
    if (place->scratch.folder != NULL)
        return true;
    return (place->arrays.cells[0] != NULL || arrays_allocate(&place->arrays, problem)) &&
           scratch_open(&place->scratch, problem);
}

/* --- the command --- */

static void append_replaced(GPtrArray *arguments, const char *text, const char *device, const char *program)
{
    GString *argument = g_string_new(text);
    g_string_replace(argument, "{device}", device, 0);
    g_string_replace(argument, "{matterhorn}", program, 0);
    g_ptr_array_add(arguments, g_string_free(argument, FALSE));
}

/* The last line that was written, of at most so many letters and without its end; "" when nothing was. */
static const char *last_line(int output, char *text, size_t size)
{
    off_t length = lseek(output, 0, SEEK_END);
    ssize_t got = pread(output, text, size - 1, length > (off_t)size - 1 ? length - (off_t)size + 1 : 0);
    text[got > 0 ? got : 0] = '\0';
    g_strchomp(text);
    const char *feed = strrchr(text, '\n');
    return feed != NULL ? feed + 1 : text;
}

/* Exit 1 says that the device does not take the update; anything else that is not 0 is no verdict. */
static bool judge_command(int status, int output, struct verdict *verdict, struct problem *problem)
{
    GError *error = NULL;
    char text[300];
    if (g_spawn_check_wait_status(status, &error))
        return true;
    const char *said = last_line(output, text, sizeof text);
    bool refused = error->domain == G_SPAWN_EXIT_ERROR && error->code == 1;
    if (said[0] == '\0')
        said = "it says nothing";
    if (interrupt_seen())
        refused = problem_set(problem, PROBLEM_INTERRUPTED, "interrupted"); /* Ctrl-C at a terminal is for the command too */
    else if (refused)
        oracle_fail(verdict, "next", "next update", "the command refuses: %.150s", said);
    else
        problem_set(problem, PROBLEM_BENCH, "the profile's next.command failed (%s): %s", error->message, said);
    g_error_free(error);
    return refused;
}

/* In the child: the command shall not outlive us. */
static void end_with_parent(void *unused)
{
    (void)unused;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Until it ends; an interrupt ends it. */
static bool wait_for(GPid command, int *status, struct problem *problem)
{
    int ended = pidfd_open(command, 0);
    struct pollfd entries[2] = {{.fd = ended, .events = POLLIN}, {.fd = interrupt_descriptor(), .events = POLLIN}};
    while (ended >= 0 && poll(entries, 2, -1) < 0 && errno == EINTR)
        continue;
    bool interrupted = entries[0].revents == 0 && entries[1].revents != 0;
    if (interrupted)
        kill(command, SIGKILL);
    while (waitpid(command, status, 0) < 0 && errno == EINTR)
        continue;
    if (ended >= 0)
        close(ended);
    return !interrupted || problem_set(problem, PROBLEM_INTERRUPTED, "interrupted");
}

static bool run_command(const struct next *next, const struct next_place *place, struct verdict *verdict,
                        struct problem *problem)
{
    const struct profile_next *wanted = next->oracle->profile->next;
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    GPid command;
    int status = 0, output = memfd_create("next-command", MFD_CLOEXEC);
    if (output < 0)
        return problem_set(problem, PROBLEM_BENCH, "no place for what the profile's next.command says: %s", strerror(errno));
    for (unsigned i = 0; i < wanted->command_count; i++)
        append_replaced(arguments, wanted->command[i], place->scratch.folder, next->program);
    g_ptr_array_add(arguments, NULL);
    bool good = g_spawn_async_with_fds(next->root, (char **)arguments->pdata, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                                       end_with_parent, NULL, &command, -1, output, output, &error);
    if (good)
        good = wait_for(command, &status, problem) && judge_command(status, output, verdict, problem);
    else
        problem_set(problem, PROBLEM_USE, "the profile's next.command cannot run: %s", error->message);
    close(output);
    return good;
}

/* --- one end state --- */

/* Marks stay as they are in the machine: the command does not know of them either. */
static bool load_cells(struct machine *machine, struct next_place *place, const struct arrays *device,
                       struct problem *problem)
{
    if (!arrays_read(&place->arrays, place->scratch.folder, problem))
        return problem_place(problem, "what the profile's next.command leaves");
    arrays_find_pages(&place->arrays, device);
    return machine_load_cells(machine, &place->arrays, problem);
}

static bool try_next(const struct next *next, struct next_place *place, struct machine *machine,
                     const struct conditions *conditions, struct verdict *verdict, struct problem *problem)
{
    const struct oracle *oracle = next->oracle;
    struct session_request request = {.wanted = &oracle->profile->wanted_next,
                                      .limit_ns = oracle->profile->budget.seconds * UINT64_C(1000000000),
                                      .limit_boots = oracle->profile->budget.boots,
                                      .conditions = *conditions};
    struct session_result session;
    oracle_count(&oracle->next, &machine->arrays, false, verdict);
    if (!open_place(place, problem) || !arrays_write_scratch(&machine->arrays, place->scratch.folder, problem) ||
        !run_command(next, place, verdict, problem))
        return false;
    if (!verdict->pass)
        return true;
    if (!load_cells(machine, place, oracle->device, problem) || !session_run(machine, &request, &session, problem))
        return false;
    verdict->virtual_ns = session.time_ns;
    struct verdict judged = *verdict;
    if (!oracle_judge(oracle, &oracle->next, &session, &machine->arrays, "next update", &judged)) {
        verdict->pass = false;
        verdict->oracle = "next";
        snprintf(verdict->detail, sizeof verdict->detail, "%.50s: %.140s", judged.oracle, judged.detail);
    }
    return true;
}

/* Cells, the marks that nothing erased, and what the device will find. */
static uint64_t end_of(const struct next *next, const struct machine *machine, const struct recovery *recovery,
                       const struct nor_marks marks[ARRAYS], const struct conditions *conditions)
{
    uint64_t hash = arrays_hash(&machine->arrays, next->oracle->device);
    hash = (hash ^ conditions->noise) * UINT64_C(0x9E3779B97F4A7C15);
    for (const char *letter = conditions->sram; *letter != '\0'; letter++)
        hash = (hash ^ (uint8_t)*letter) * UINT64_C(0x9E3779B97F4A7C15);
    for (enum array array = 0; array < ARRAYS; array++) {
        for (uint32_t i = 0; i < marks[array].count; i++) {
            const struct nor_mark *mark = &marks[array].list[i];
            if (pages_have(&recovery->footprint.erased, array, mark->offset / ARRAYS_PAGE))
                continue;
            const uint32_t words[] = {array, mark->kind, mark->offset, mark->length, mark->bit};
            for (unsigned word = 0; word < sizeof words / sizeof words[0]; word++)
                hash = (hash ^ words[word]) * UINT64_C(0x9E3779B97F4A7C15);
        }
    }
    return hash;
}

static double cpu_seconds_of(const struct machine *machine)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return machine_cpu_seconds(machine) + (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The end state of this hash. *mine: nobody else is at it. */
static struct end *take_end(struct next *next, uint64_t hash, bool *mine)
{
    pthread_mutex_lock(&next->lock);
    struct end *end = g_hash_table_lookup(next->ends, &hash);
    if (end == NULL) {
        end = g_new0(struct end, 1);
        g_hash_table_insert(next->ends, g_memdup2(&hash, sizeof hash), end);
    }
    *mine = !end->taken;
    end->taken = true;
    pthread_mutex_unlock(&next->lock);
    return end;
}

/* Where that fails, the end state is left for a second attempt: others may wait for its verdict already. */
static bool find_out(struct next *next, struct next_place *place, struct machine *machine,
                     const struct conditions *conditions, struct end *end, struct problem *problem)
{
    struct verdict verdict = {.pass = true};
    double before = cpu_seconds_of(machine);
    bool good = try_next(next, place, machine, conditions, &verdict, problem);
    double used = cpu_seconds_of(machine) - before;
    pthread_mutex_lock(&next->lock);
    next->cpu_s += used > 0 ? used : 0; /* of a machine that is gone nobody knows it */
    end->taken = good;
    if (good)
        end->verdict = verdict;
    pthread_mutex_unlock(&next->lock);
    return good;
}

bool next_judge(struct next *next, struct next_place *place, struct machine *machine, const struct recovery *recovery,
                const struct nor_marks marks[ARRAYS], const struct conditions *conditions,
                const struct verdict **verdict, struct problem *problem)
{
    bool mine;
    struct end *end = take_end(next, end_of(next, machine, recovery, marks, conditions), &mine);
    *verdict = &end->verdict;
    return !mine || find_out(next, place, machine, conditions, end, problem);
}

bool next_decided(const struct verdict *next)
{
    return next->pass || next->oracle != NULL;
}

void next_take(struct verdict *verdict, const struct verdict *next)
{
    if (!verdict->pass || next == NULL || next->pass)
        return;
    verdict->pass = false;
    verdict->oracle = next->oracle;
    memcpy(verdict->detail, next->detail, sizeof verdict->detail);
}
