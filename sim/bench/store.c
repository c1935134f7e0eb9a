/* SPDX-License-Identifier: MIT */
#include "store.h"

#include "store_parts.h"

#include <glib.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

const struct database_kind store_kind = {
    .what = "result store",
    .application = 0x4D684E31, /* "MhN1" */
    .version = 1,
    .schema =
        "CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE source (name TEXT PRIMARY KEY, data BLOB NOT NULL);"
        "CREATE TABLE ending (key INTEGER PRIMARY KEY, failure TEXT);"
        "CREATE TABLE outcome (number INTEGER PRIMARY KEY, oracle TEXT, detail TEXT NOT NULL, boots INTEGER NOT NULL,"
        " recovery_ns INTEGER NOT NULL, virtual_ns INTEGER NOT NULL, operations INTEGER NOT NULL, instructions INTEGER NOT NULL,"
        " sram INTEGER NOT NULL, trace INTEGER NOT NULL, erases TEXT NOT NULL, ending INTEGER);"
        "CREATE TABLE cut (number INTEGER PRIMARY KEY, name TEXT NOT NULL, repeat INTEGER NOT NULL, outcome INTEGER NOT NULL,"
        " wear TEXT, live INTEGER NOT NULL, checked INTEGER NOT NULL);"
        "CREATE VIEW verdict AS SELECT cut.number, cut.name, cut.repeat,"
        " CASE WHEN outcome.oracle IS NOT NULL THEN outcome.oracle WHEN wear IS NOT NULL THEN 'wear' WHEN failure IS NOT NULL THEN 'next' END"
        " AS oracle, coalesce(nullif(outcome.detail, ''), wear, failure) AS detail, outcome.boots, outcome.recovery_ns,"
        " outcome.number AS run FROM cut JOIN outcome ON cut.outcome = outcome.number LEFT JOIN ending ON outcome.ending = ending.key"
        " WHERE outcome.ending IS NULL OR ending.key IS NOT NULL;",
};

bool store_open(struct store **store, const char *path, enum store_use use, struct problem *problem)
{
    *store = calloc(1, sizeof **store);
    if (*store == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    pthread_mutex_init(&(*store)->lock, NULL);
    static const enum database_use uses[] =
        {[STORE_READ] = DATABASE_READ, [STORE_WORK] = DATABASE_WORK, [STORE_NEW] = DATABASE_NEW};
    if (database_open(&(*store)->database, path, uses[use], &store_kind, problem))
        return true;
    store_close(*store);
    *store = NULL;
    return false;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    database_close(&store->database);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

const char *store_path(const struct store *store)
{
    return store->database.path;
}

bool store_damaged(const struct store *store, const char *what, struct problem *problem)
{
    return problem_set(problem, PROBLEM_BENCH, "%s is damaged (%s): restore a copy, or start anew with another file",
                       store->database.path, what);
}

/* --- what it is of --- */

bool store_put_facts(struct store *store, const struct campaign *campaign, struct problem *problem)
{
    bool good = true;
    for (unsigned i = 0; good && i < campaign->count; i++)
        good = database_do(&store->database, problem, "INSERT OR REPLACE INTO fact VALUES (?, ?)", "tt",
                           campaign->facts[i].key, campaign->facts[i].value);
    return good;
}

static bool put_source(struct store *store, const char *name, const void *data, size_t size, struct problem *problem)
{
    return database_do(&store->database, problem, "INSERT INTO source VALUES (?, ?)", "tb", name, data, size);
}

static bool read_facts(struct store *store, struct campaign *campaign, struct problem *problem)
{
    struct database *database = &store->database;
    *campaign = (struct campaign){.count = 0};
    sqlite3_stmt *statement = database_ask(database, problem, "SELECT key, value FROM fact", "");
    while (problem->kind == PROBLEM_NONE && database_row(database, statement, problem)) {
        const char *key = (const char *)sqlite3_column_text(statement, 0);
        const char *value = (const char *)sqlite3_column_text(statement, 1);
        if (key == NULL || value == NULL)
            store_damaged(store, "a fact is empty", problem);
        else
            campaign_add(campaign, key, value, problem);
    }
    return problem->kind == PROBLEM_NONE;
}

bool store_campaign(struct store *store, struct campaign *campaign, struct problem *problem)
{
    return read_facts(store, campaign, problem) &&
           (campaign->count > 0 || problem_set(problem, PROBLEM_USE, "%s has no sweep in it", store->database.path));
}

static bool begin_new(struct store *store, const struct campaign *campaign, const struct profile *profile,
                      const struct sweep_result *result, struct problem *problem)
{
    const struct recording *recording = &result->recording;
    struct sweep_outcome clean = {.verdict = result->clean, .instructions = result->clean_instructions};
    return store_put_facts(store, campaign, problem) &&
           put_source(store, "profile", profile->text, profile->text_size, problem) &&
           put_source(store, "recording", recording->events, recording->size, problem) &&
           store_put_outcome(store, STORE_CLEAN, &clean, problem) && database_commit(&store->database, problem) &&
           database_begin(&store->database, problem);
}

bool store_begin(struct store *store, const struct campaign *campaign, const struct profile *profile,
                 const struct sweep_result *result, struct problem *problem)
{
    struct campaign its;
    bool good = read_facts(store, &its, problem);
    if (good)
        good = its.count == 0
                   ? begin_new(store, campaign, profile, result, problem)
                   : campaign_alike(&its, store->database.path, campaign, "this one", CAMPAIGN_SAME, problem);
    campaign_free(&its);
    return good;
}

bool store_note(struct store *store, const char *key, const char *value, struct problem *problem)
{
    if (value == NULL)
        return database_do(&store->database, problem, "DELETE FROM note WHERE key = ?", "t", key);
    return database_do(&store->database, problem, "INSERT OR REPLACE INTO note VALUES (?, ?)", "tt", key, value);
}

bool store_noted(struct store *store, const char *key, char **value, struct problem *problem)
{
    struct database *database = &store->database;
    sqlite3_stmt *statement = database_ask(database, problem, "SELECT value FROM note WHERE key = ?", "t", key);
    *value = NULL;
    if (!database_row(database, statement, problem))
        return problem->kind == PROBLEM_NONE;
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    *value = text != NULL ? strdup(text) : NULL;
    bool empty = text == NULL;
    sqlite3_reset(statement);
    if (empty)
        return store_damaged(store, "a note is empty", problem);
    return *value != NULL || problem_set(problem, PROBLEM_BENCH, "no memory");
}

bool store_source(struct store *store, const char *name, uint8_t **data, size_t *size, struct problem *problem)
{
    struct database *database = &store->database;
    sqlite3_stmt *statement = database_ask(database, problem, "SELECT data FROM source WHERE name = ?", "t", name);
    *data = NULL;
    if (!database_row(database, statement, problem))
        return store_damaged(store, "a source is missing", problem);
    const void *blob = sqlite3_column_blob(statement, 0);
    *size = (size_t)sqlite3_column_bytes(statement, 0);
    *data = malloc(*size + 1);
    if (*data != NULL && *size > 0)
        memcpy(*data, blob, *size);
    sqlite3_reset(statement);
    return *data != NULL || problem_set(problem, PROBLEM_BENCH, "no memory");
}

/* --- keeping --- */

bool store_put_outcome(struct store *store, int64_t number, const struct sweep_outcome *outcome,
                       struct problem *problem)
{
    const struct verdict *verdict = &outcome->verdict;
    char erases[FOOTPRINT_SECTORS * 11] = "";
    for (unsigned i = 0; i < FOOTPRINT_SECTORS; i++)
        sprintf(erases + strlen(erases), "%s%" PRIu32, i > 0 ? " " : "", outcome->erases[i]);
    int64_t ending = outcome->next != NULL ? (int64_t)next_key(outcome->next) : 0;
    return database_do(&store->database, problem,
                       "INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       outcome->next != NULL ? "ittiiiiiiiti" : "ittiiiiiiitn", number,
                       verdict->pass ? NULL : verdict->oracle, verdict->pass ? "" : verdict->detail,
                       (int64_t)verdict->boots, (int64_t)verdict->recovery_ns, (int64_t)verdict->virtual_ns,
                       (int64_t)verdict->operations, (int64_t)outcome->instructions, (int64_t)verdict->sram,
                       (int64_t)outcome->trace, erases, ending);
}

static bool put_cut(struct store *store, const struct sweep_result *result, const struct sweep_case *one)
{
    const struct verdict *verdict = &one->outcome->verdict;
    char name[PLAN_NAME];
    plan_name(&result->recording, &one->cut, name);
    return database_do(&store->database, &store->problem, "INSERT OR REPLACE INTO cut VALUES (?, ?, ?, ?, ?, ?, ?)",
                       "itiitii", (int64_t)one->cut.number, name, (int64_t)one->cut.repeat,
                       (int64_t)result->cases[one->representative].cut.number,
                       one->outcome == one->outcome->run ? NULL : verdict->detail, (int64_t)one->live,
                       (int64_t)one->checked);
}

void store_keep(struct store *store, const struct sweep_result *result, size_t index)
{
    const struct sweep_case *one = &result->cases[index];
    if (store == NULL)
        return;
    pthread_mutex_lock(&store->lock);
    if (store->problem.kind == PROBLEM_NONE && one->representative == index)
        store_put_outcome(store, (int64_t)one->cut.number, one->outcome->run, &store->problem);
    if (store->problem.kind == PROBLEM_NONE)
        put_cut(store, result, one);
    store->dirty = true;
    pthread_mutex_unlock(&store->lock);
}

void store_keep_marks(struct store *store, const struct sweep_case *one)
{
    if (store == NULL)
        return;
    pthread_mutex_lock(&store->lock);
    if (store->problem.kind == PROBLEM_NONE)
        database_do(&store->database, &store->problem, "UPDATE cut SET live = ?, checked = ? WHERE number = ?", "iii",
                    (int64_t)one->live, (int64_t)one->checked, (int64_t)one->cut.number);
    store->dirty = true;
    pthread_mutex_unlock(&store->lock);
}

void store_keep_ending(void *context, uint64_t key, const struct verdict *verdict)
{
    struct store *store = context;
    pthread_mutex_lock(&store->lock);
    if (store->problem.kind == PROBLEM_NONE)
        database_do(&store->database, &store->problem, "INSERT OR REPLACE INTO ending VALUES (?, ?)", "it",
                    (int64_t)key, verdict->pass ? NULL : verdict->detail);
    store->dirty = true;
    pthread_mutex_unlock(&store->lock);
}

bool store_flush(struct store *store, struct problem *problem)
{
    if (store == NULL)
        return true;
    pthread_mutex_lock(&store->lock);
    struct problem *own = &store->problem;
    bool good = own->kind == PROBLEM_NONE &&
                (!store->dirty || (database_commit(&store->database, own) && database_begin(&store->database, own)));
    store->dirty = false;
    pthread_mutex_unlock(&store->lock);
    return good || problem_set(problem, own->kind, "%s", own->text);
}

/* --- times, and the end --- */

static bool add_figure(struct store *store, const char *key, double *figure, struct problem *problem)
{
    char *before, text[40];
    if (!store_noted(store, key, &before, problem))
        return false;
    *figure += before != NULL ? g_ascii_strtod(before, NULL) : 0;
    free(before);
    return store_note(store, key, g_ascii_formatd(text, sizeof text, "%.6f", *figure), problem);
}

bool store_figures(struct store *store, struct sweep_result *result, struct problem *problem)
{
    char jobs[16];
    double timed = (double)result->timed, lost = (double)result->lost;
    snprintf(jobs, sizeof jobs, "%u", result->jobs);
    bool good = store_note(store, "jobs", jobs, problem) && add_figure(store, "wall_s", &result->wall_s, problem) &&
                add_figure(store, "cpu_s", &result->cpu_s, problem) &&
                add_figure(store, "recovery_wall_s", &result->recovery_wall_s, problem) &&
                add_figure(store, "recovery_cpu_s", &result->recovery_cpu_s, problem) &&
                add_figure(store, "next_cpu_s", &result->next_cpu_s, problem) &&
                add_figure(store, "timed", &timed, problem) && add_figure(store, "lost", &lost, problem);
    result->timed = (size_t)timed;
    result->lost = (size_t)lost;
    store->dirty = true;
    return good && store_flush(store, problem);
}

bool store_finish(struct store *store, struct problem *problem)
{
    store->dirty = true;
    return store_note(store, "finished", "yes", problem) && store_flush(store, problem);
}

bool store_finished(struct store *store, bool *finished, struct problem *problem)
{
    char *value;
    if (!store_noted(store, "finished", &value, problem))
        return false;
    *finished = value != NULL;
    free(value);
    return true;
}
