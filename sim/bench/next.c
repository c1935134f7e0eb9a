/* SPDX-License-Identifier: MIT */
#include "next.h"

#include "device_command.h"
#include "mix.h"

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* An end state. Its verdict is all zeros until it was found out. */
struct end {
    struct verdict verdict;
    uint64_t key; /* a hash of the state, and of what the device will find */
    bool taken; /* somebody found it out, or is at it */
};

struct next {
    const struct oracle *oracle;
    char *root;
    pthread_mutex_t lock; /* guards what follows */
    GHashTable *ends;     /* key of an end state to its struct end */
    next_told_fn *told;   /* NULL: nobody asks */
    void *context;
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
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .ends = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free)};
    return next;
}

void next_close(struct next *next)
{
    if (next == NULL)
        return;
    g_hash_table_destroy(next->ends);
    free(next->root);
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
    const struct profile_next *wanted = oracle->profile->next;
    const struct device_command command = {"next.command", wanted->command, wanted->command_count, next->root};
    struct session_request request = {.wanted = &oracle->profile->wanted_next,
                                      .limit_ns = oracle->profile->budget.seconds * UINT64_C(1000000000),
                                      .limit_boots = oracle->profile->budget.boots,
                                      .conditions = *conditions};
    struct session_result session;
    oracle_count(&oracle->next, &machine->arrays, false, verdict);
    if (!open_place(place, problem) || !arrays_write_scratch(&machine->arrays, place->scratch.folder, problem) ||
        !device_command(&command, place->scratch.folder, verdict, problem))
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

static uint64_t mix_numbers(uint64_t hash, const uint32_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash = mix_word(hash, numbers[i]);
    return hash;
}

/* All that the machine holds, read from it, and what the device will find. */
static uint64_t end_of(const struct next *next, const struct machine *machine, const struct conditions *conditions)
{
    const struct arrays *end = &machine->arrays;
    uint64_t hash = mix_word(arrays_hash(end, next->oracle->device), conditions->noise);
    for (const char *letter = conditions->sram; *letter != '\0'; letter++)
        hash = mix_word(hash, (uint8_t)*letter);
    for (enum array array = 0; array < ARRAYS; array++)
        for (uint32_t i = 0; i < end->marks[array].count; i++) {
            const struct nor_mark *mark = &end->marks[array].list[i];
            const uint32_t numbers[] = {array, mark->kind, mark->offset, mark->length, mark->bit};
            hash = mix_numbers(hash, numbers, sizeof numbers / sizeof numbers[0]);
        }
    for (unsigned i = 0; i < end->status.count; i++)
        hash = mix_word(hash, end->status.registers[i]);
    if (machine->counts_erases[ARRAY_INTERNAL])
        hash = mix_numbers(hash, end->erases, ARRAYS_SECTORS);
    return machine->counts_erases[ARRAY_NOR] ? mix_numbers(hash, end->nor_erases, ARRAYS_NOR_SECTORS) : hash;
}

static double cpu_seconds_of(const struct machine *machine)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return machine_cpu_seconds(machine) + (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The end state of this key, which is added if it is new; under the lock. */
static struct end *end_at(struct next *next, uint64_t key)
{
    struct end *end = g_hash_table_lookup(next->ends, &key);
    if (end == NULL) {
        end = g_new0(struct end, 1);
        end->key = key;
        g_hash_table_insert(next->ends, &end->key, end);
    }
    return end;
}

/* The same. *mine: nobody else is at it. */
static struct end *take_end(struct next *next, uint64_t key, bool *mine)
{
    pthread_mutex_lock(&next->lock);
    struct end *end = end_at(next, key);
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
    if (good && next->told != NULL)
        next->told(next->context, end->key, &end->verdict);
    pthread_mutex_unlock(&next->lock);
    return good;
}

bool next_judge(struct next *next, struct next_place *place, struct machine *machine,
                const struct conditions *conditions, const struct verdict **verdict, struct problem *problem)
{
    bool mine;
    if (!machine_read_beside(machine, problem))
        return false;
    struct end *end = take_end(next, end_of(next, machine, conditions), &mine);
    *verdict = &end->verdict;
    return !mine || find_out(next, place, machine, conditions, end, problem);
}

/* --- what is known already --- */

uint64_t next_key(const struct verdict *verdict)
{
    return ((const struct end *)(const void *)verdict)->key; /* its first member */
}

const struct verdict *next_known(struct next *next, uint64_t key, const struct verdict *verdict)
{
    pthread_mutex_lock(&next->lock);
    struct end *end = end_at(next, key);
    if (!end->taken)
        end->verdict = *verdict;
    end->taken = true;
    pthread_mutex_unlock(&next->lock);
    return &end->verdict;
}

void next_tell(struct next *next, next_told_fn *told, void *context)
{
    GHashTableIter iterator;
    gpointer value;
    pthread_mutex_lock(&next->lock);
    next->told = told;
    next->context = context;
    g_hash_table_iter_init(&iterator, next->ends);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        const struct end *end = value;
        if (next_decided(&end->verdict))
            told(context, end->key, &end->verdict);
    }
    pthread_mutex_unlock(&next->lock);
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
