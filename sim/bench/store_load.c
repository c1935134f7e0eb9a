/* SPDX-License-Identifier: MIT
 *
 * What a result store knows, back into the result of a sweep.
 */
#include "store_parts.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

struct loading {
    struct store *store;
    struct sweep_result *result;
    struct next *next;              /* NULL: nobody goes on with it */
    GHashTable *endings;            /* key to its verdict */
    struct sweep_outcome **known;   /* per case: the outcome of its own run */
    struct problem *problem;
};

/* --- endings --- */

static const struct verdict *verdict_of(struct loading *loading, uint64_t key)
{
    return g_hash_table_lookup(loading->endings, &key);
}

static void take_ending(struct loading *loading, uint64_t key, const char *failure)
{
    struct {
        struct verdict verdict;
        uint64_t key;
    } *ending = g_malloc0(sizeof *ending);
    ending->key = key;
    ending->verdict.pass = failure == NULL;
    ending->verdict.oracle = failure == NULL ? NULL : "next";
    snprintf(ending->verdict.detail, sizeof ending->verdict.detail, "%s", failure == NULL ? "" : failure);
    g_hash_table_insert(loading->endings, &ending->key, ending);
}

static bool load_endings(struct loading *loading)
{
    struct database *database = &loading->store->database;
    sqlite3_stmt *statement = database_ask(database, loading->problem, "SELECT key, failure FROM ending", "");
    while (database_row(database, statement, loading->problem))
        take_ending(loading, (uint64_t)sqlite3_column_int64(statement, 0),
                    (const char *)sqlite3_column_text(statement, 1));
    return loading->problem->kind == PROBLEM_NONE;
}

/* --- outcomes --- */

static bool read_outcome(const struct store *store, sqlite3_stmt *row, struct sweep_outcome *outcome,
                         struct problem *problem)
{
    const char *oracle = (const char *)sqlite3_column_text(row, 1), *detail = (const char *)sqlite3_column_text(row, 2);
    struct verdict *verdict = &outcome->verdict;
    *verdict = (struct verdict){.pass = oracle == NULL,
                                .oracle = oracle == NULL ? NULL : g_intern_string(oracle),
                                .boots = (uint32_t)sqlite3_column_int64(row, 3),
                                .recovery_ns = (uint64_t)sqlite3_column_int64(row, 4),
                                .virtual_ns = (uint64_t)sqlite3_column_int64(row, 5),
                                .operations = (uint64_t)sqlite3_column_int64(row, 6),
                                .sram = (uint64_t)sqlite3_column_int64(row, 8)};
    snprintf(verdict->detail, sizeof verdict->detail, "%s", detail == NULL ? "" : detail);
    outcome->recovered = verdict->pass;
    outcome->instructions = (uint64_t)sqlite3_column_int64(row, 7);
    outcome->trace = (uint64_t)sqlite3_column_int64(row, 9);
    outcome->run = outcome;
    const char *text = (const char *)sqlite3_column_text(row, 10);
    for (unsigned i = 0; i < FOOTPRINT_SECTORS; i++) {
        char *end = NULL;
        outcome->erases[i] = text == NULL ? 0 : (uint32_t)strtoul(text, &end, 10);
        if (text == NULL || end == text)
            return store_damaged(store, "erases are missing", problem);
        text = end;
    }
    return true;
}

static struct sweep_outcome *new_outcome(struct loading *loading)
{
    struct sweep_outcome *outcome = calloc(1, sizeof *outcome);
    if (outcome == NULL) {
        problem_set(loading->problem, PROBLEM_BENCH, "no memory");
        return NULL;
    }
    outcome->other = loading->result->outcomes;
    outcome->run = outcome;
    loading->result->outcomes = outcome;
    return outcome;
}

/* The case of that number in the plan; SIZE_MAX: there is none. */
static size_t index_of(const struct sweep_result *result, int64_t number)
{
    size_t low = 0, high = result->plan.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((int64_t)result->cases[middle].cut.number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < result->plan.count && (int64_t)result->cases[low].cut.number == number ? low : SIZE_MAX;
}

static bool take_outcome(struct loading *loading, sqlite3_stmt *row)
{
    size_t index = index_of(loading->result, sqlite3_column_int64(row, 0));
    bool ends = sqlite3_column_type(row, 11) != SQLITE_NULL;
    uint64_t key = (uint64_t)sqlite3_column_int64(row, 11);
    const struct verdict *ending = ends ? verdict_of(loading, key) : NULL;
    if (index == SIZE_MAX)
        return store_damaged(loading->store, "an outcome is not in the plan", loading->problem);
    if (ends && ending == NULL)
        return true; /* whoever tried the next update did not finish */
    struct sweep_outcome *outcome = new_outcome(loading);
    if (outcome == NULL || !read_outcome(loading->store, row, outcome, loading->problem))
        return false;
    if (ends)
        outcome->next = loading->next != NULL ? next_known(loading->next, key, ending) : ending;
    loading->known[index] = outcome;
    return true;
}

static bool load_outcomes(struct loading *loading)
{
    struct database *database = &loading->store->database;
    sqlite3_stmt *statement = database_ask(database, loading->problem, "SELECT * FROM outcome WHERE number >= 0", "");
    while (database_row(database, statement, loading->problem))
        if (!take_outcome(loading, statement))
            break;
    return loading->problem->kind == PROBLEM_NONE;
}

bool store_clean(struct store *store, struct sweep_result *result, struct problem *problem)
{
    struct database *database = &store->database;
    struct sweep_outcome clean = {.recovered = false};
    sqlite3_stmt *statement = database_ask(database, problem, "SELECT * FROM outcome WHERE number = -1", "");
    if (!database_row(database, statement, problem))
        return store_damaged(store, "the run without power loss is missing", problem);
    bool good = read_outcome(store, statement, &clean, problem);
    sqlite3_reset(statement);
    result->clean = clean.verdict;
    result->clean_instructions = clean.instructions;
    return good;
}

/* --- cases --- */

static bool take_case(struct loading *loading, sqlite3_stmt *row)
{
    struct sweep_result *result = loading->result;
    size_t index = index_of(result, sqlite3_column_int64(row, 0)), run = index_of(result, sqlite3_column_int64(row, 1));
    const char *wear = (const char *)sqlite3_column_text(row, 2);
    if (index == SIZE_MAX || run == SIZE_MAX)
        return store_damaged(loading->store, "a cut is not in the plan", loading->problem);
    struct sweep_outcome *outcome = loading->known[run];
    struct sweep_case *one = &result->cases[index];
    if (outcome == NULL)
        return true;
    if (wear != NULL) {
        struct sweep_outcome *own = new_outcome(loading);
        if (own == NULL)
            return false;
        struct sweep_outcome *other = own->other;
        *own = *outcome;
        own->other = other;
        own->verdict.pass = false;
        own->verdict.oracle = "wear";
        snprintf(own->verdict.detail, sizeof own->verdict.detail, "%s", wear);
        outcome = own;
    }
    one->outcome = outcome;
    one->representative = run;
    one->fired = true;
    one->live = sqlite3_column_int64(row, 3) != 0;
    one->checked = sqlite3_column_int64(row, 4) != 0;
    return true;
}

static bool load_cases(struct loading *loading)
{
    struct database *database = &loading->store->database;
    sqlite3_stmt *statement = database_ask(database, loading->problem,
                                           "SELECT number, outcome, wear, live, checked FROM cut", "");
    while (database_row(database, statement, loading->problem))
        if (!take_case(loading, statement))
            break;
    return loading->problem->kind == PROBLEM_NONE;
}

/* --- all of it --- */

static void take_next_verdicts(struct loading *loading)
{
    for (struct sweep_outcome *outcome = loading->result->outcomes; outcome != NULL; outcome = outcome->other) {
        next_take(&outcome->verdict, outcome->next);
        outcome->next = NULL;
    }
    loading->result->ends = g_hash_table_size(loading->endings);
}

bool store_load(struct store *store, struct sweep_result *result, struct next *next, size_t *known,
                struct problem *problem)
{
    struct loading loading = {.store = store, .result = result, .next = next, .problem = problem};
    loading.known = calloc(result->plan.count + 1, sizeof(struct sweep_outcome *));
    loading.endings = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    bool good = (loading.known != NULL || problem_set(problem, PROBLEM_BENCH, "no memory")) && load_endings(&loading) &&
                load_outcomes(&loading) && load_cases(&loading);
    if (next == NULL)
        take_next_verdicts(&loading);
    *known = 0;
    for (size_t i = 0; i < result->plan.count; i++)
        *known += result->cases[i].outcome != NULL;
    free(loading.known);
    g_hash_table_destroy(loading.endings);
    return good;
}
