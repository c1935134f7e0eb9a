/* SPDX-License-Identifier: MIT */
#include "store_merge.h"

#include "store_parts.h"
#include "store_report.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* What the stores have in common, and which of them is which shard. */
struct merging {
    const char *const *paths;
    unsigned count;
    struct campaign campaign; /* of the first */
    unsigned shards;
    unsigned *owners; /* per shard: the number of its store, from 1; 0: none yet */
    struct problem *problem;
};

/* --- what is put together --- */

static bool check_finished(struct store *store, unsigned number, struct merging *merging)
{
    bool finished;
    return store_finished(store, &finished, merging->problem) &&
           (finished || problem_set(merging->problem, PROBLEM_USE,
                                    "%s, shard %u of %u, is not complete: start its sweep again with it",
                                    store_path(store), number, merging->shards));
}

static bool take_owner(struct merging *merging, unsigned index, const struct campaign *campaign, unsigned *number)
{
    struct sweep_options options;
    if (!campaign_options(campaign, &options))
        return problem_set(merging->problem, PROBLEM_BENCH, "%s is damaged (facts are missing)", merging->paths[index]);
    *number = options.shard.number;
    if (merging->owners == NULL) {
        merging->shards = options.shard.count;
        merging->owners = calloc(merging->shards + 1, sizeof *merging->owners);
        if (merging->owners == NULL)
            return problem_set(merging->problem, PROBLEM_BENCH, "no memory");
    }
    unsigned *owner = &merging->owners[*number];
    if (*owner != 0)
        return problem_set(merging->problem, PROBLEM_USE, "%s and %s are both shard %u of %u",
                           merging->paths[*owner - 1], merging->paths[index], *number, merging->shards);
    *owner = index + 1;
    return true;
}

/* Else what is missing in a damaged store would be missing in one that says it is complete. */
static bool check_whole(const char *path, struct problem *problem)
{
    struct store_report report;
    bool good = store_report_open(&report, path, problem);
    store_report_close(&report);
    return good;
}

static bool check_store(struct merging *merging, unsigned index)
{
    struct store *store;
    struct campaign campaign = {.count = 0};
    unsigned number = 0;
    bool good = store_open(&store, merging->paths[index], STORE_READ, merging->problem) &&
                store_campaign(store, index == 0 ? &merging->campaign : &campaign, merging->problem);
    if (good && index > 0)
        good = campaign_alike(&campaign, merging->paths[index], &merging->campaign, merging->paths[0], CAMPAIGN_PARTS,
                              merging->problem);
    good = good && take_owner(merging, index, index == 0 ? &merging->campaign : &campaign, &number) &&
           check_finished(store, number, merging);
    campaign_free(&campaign);
    store_close(store);
    return good && check_whole(merging->paths[index], merging->problem);
}

static bool check_missing(const struct merging *merging)
{
    GString *missing = g_string_new(NULL);
    unsigned count = 0;
    for (unsigned number = 1; number <= merging->shards; number++) {
        if (merging->owners[number] != 0)
            continue;
        g_string_append_printf(missing, "%s%u", count > 0 ? ", " : "", number);
        count++;
    }
    if (count > 0)
        problem_set(merging->problem, PROBLEM_USE, "of %u shards %u %s missing: %.800s", merging->shards, count,
                    count == 1 ? "is" : "are", missing->str);
    g_string_free(missing, TRUE);
    return count == 0;
}

/* --- putting it together --- */

static bool bind_row(struct database *out, sqlite3_stmt *insert, sqlite3_stmt *row, struct problem *problem)
{
    sqlite3_reset(insert);
    for (int i = 0; i < sqlite3_column_count(row); i++)
        if (sqlite3_bind_value(insert, i + 1, sqlite3_column_value(row, i)) != SQLITE_OK)
            return database_failed(out, problem);
    return true;
}

/* What all shards have, such as the run without power loss, is taken once. */
static bool copy_table(struct database *out, struct database *in, const char *question, const char *answer,
                       struct problem *problem)
{
    sqlite3_stmt *row = database_ask(in, problem, question, ""), *insert = database_ask(out, problem, answer, "");
    while (row != NULL && insert != NULL && database_row(in, row, problem)) {
        if (!bind_row(out, insert, row, problem))
            return false;
        if (database_row(out, insert, problem) || problem->kind != PROBLEM_NONE)
            return false;
    }
    return problem->kind == PROBLEM_NONE;
}

static bool add_figures(struct store *out, struct store *in, struct problem *problem)
{
    return database_do(&out->database, problem, "CREATE TEMP TABLE IF NOT EXISTS figure (key TEXT, value TEXT)", "") &&
           copy_table(&out->database, &in->database,
                      "SELECT key, value FROM note WHERE key IN ('jobs', 'wall_s', 'cpu_s', 'recovery_wall_s', 'recovery_cpu_s',"
                      " 'next_cpu_s', 'timed', 'lost')",
                      "INSERT INTO figure VALUES (?, ?)", problem);
}

static bool copy_store(struct store *out, const char *path, struct problem *problem)
{
    struct store *in;
    if (!store_open(&in, path, STORE_READ, problem))
        return false;
    struct database *from = &in->database, *to = &out->database;
    bool good = copy_table(to, from, "SELECT * FROM source", "INSERT OR IGNORE INTO source VALUES (?, ?)", problem) &&
                copy_table(to, from, "SELECT * FROM ending", "INSERT OR IGNORE INTO ending VALUES (?, ?)", problem) &&
                copy_table(to, from, "SELECT * FROM outcome",
                           "INSERT OR IGNORE INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", problem) &&
                copy_table(to, from, "SELECT * FROM cut", "INSERT INTO cut VALUES (?, ?, ?, ?, ?, ?, ?)", problem) &&
                copy_table(to, from, "SELECT * FROM note WHERE key LIKE 'said_%' OR key LIKE 'size %'",
                           "INSERT OR IGNORE INTO note VALUES (?, ?)", problem) &&
                add_figures(out, in, problem);
    store_close(in);
    return good;
}

static bool put_whole(struct store *out, const struct merging *merging)
{
    return store_put_facts(out, &merging->campaign, merging->problem) &&
           database_do(&out->database, merging->problem, "UPDATE fact SET value = '1' WHERE key IN ('shard', 'shards')",
                       "") &&
           database_do(&out->database, merging->problem,
                       "INSERT OR REPLACE INTO note SELECT key, printf('%.6f', sum(value)) FROM figure GROUP BY key",
                       "") &&
           store_finish(out, merging->problem);
}

static bool merge(const char *path, struct merging *merging)
{
    struct store *out;
    bool good = store_open(&out, path, STORE_NEW, merging->problem);
    for (unsigned i = 0; good && i < merging->count; i++)
        good = copy_store(out, merging->paths[i], merging->problem);
    good = good && put_whole(out, merging);
    store_close(out);
    return good;
}

bool store_merge(const char *out, const char *const paths[], unsigned count, struct problem *problem)
{
    struct merging merging = {.paths = paths, .count = count, .problem = problem};
    bool good = true;
    for (unsigned i = 0; good && i < count; i++)
        good = check_store(&merging, i);
    good = good && check_missing(&merging) && merge(out, &merging);
    campaign_free(&merging.campaign);
    free(merging.owners);
    return good;
}
