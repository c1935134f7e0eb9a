/* SPDX-License-Identifier: MIT */
#include "baseline.h"

#include "files.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST (64u << 20) /* bytes of a baseline */

enum state { UNTRIED, FAILS, RECOVERS };

struct entry {
    char *id;
    enum state state;
};

struct baseline {
    GPtrArray *entries;  /* in the order of the file */
    GHashTable *by_id;
    size_t counts[RECOVERS + 1];
};

/* --- the file --- */

static void free_entry(gpointer data)
{
    struct entry *entry = data;
    g_free(entry->id);
    g_free(entry);
}

static bool add_line(struct baseline *baseline, char *line, unsigned number, const char *path, struct problem *problem)
{
    struct id id;
    struct problem its = {0};
    *strchrnul(line, '#') = '\0';
    g_strstrip(line);
    if (line[0] == '\0')
        return true;
    if (!id_parse(line, &id, &its))
        return problem_set(problem, PROBLEM_USE, "%s, line %u: %.600s", path, number, its.text);
    *strchrnul(line, '@') = '\0';
    if (g_hash_table_contains(baseline->by_id, line))
        return true;
    struct entry *entry = g_new0(struct entry, 1);
    entry->id = g_strdup(line);
    g_ptr_array_add(baseline->entries, entry);
    g_hash_table_insert(baseline->by_id, entry->id, entry);
    return true;
}

bool baseline_read(struct baseline **baseline, const char *path, struct problem *problem)
{
    uint8_t *data;
    size_t size;
    *baseline = NULL;
    if (!files_read(path, LARGEST, &data, &size, problem))
        return false;
    gchar *text = g_strndup((const char *)data, size);
    gchar **lines = g_strsplit(text, "\n", -1);
    *baseline = g_new0(struct baseline, 1);
    (*baseline)->entries = g_ptr_array_new_with_free_func(free_entry);
    (*baseline)->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    bool good = true;
    for (unsigned i = 0; good && lines[i] != NULL; i++)
        good = add_line(*baseline, lines[i], i + 1, path, problem);
    g_strfreev(lines);
    g_free(text);
    free(data);
    if (good)
        return true;
    baseline_free(*baseline);
    *baseline = NULL;
    return false;
}

void baseline_free(struct baseline *baseline)
{
    if (baseline == NULL)
        return;
    g_hash_table_destroy(baseline->by_id);
    g_ptr_array_free(baseline->entries, TRUE);
    g_free(baseline);
}

/* --- a result --- */

static void count(struct baseline *baseline)
{
    memset(baseline->counts, 0, sizeof baseline->counts);
    for (guint i = 0; i < baseline->entries->len; i++) {
        const struct entry *entry = g_ptr_array_index(baseline->entries, i);
        baseline->counts[entry->state]++;
    }
}

void baseline_mark(struct baseline *baseline, struct sweep_result *result, const struct profile *profile)
{
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        struct sweep_case *one = &result->cases[i];
        char id[SWEEP_ID];
        if (one->outcome == NULL)
            continue;
        sweep_id(result, profile, one, id);
        struct entry *entry = g_hash_table_lookup(baseline->by_id, id);
        if (entry == NULL)
            continue;
        entry->state = one->outcome->verdict.pass ? RECOVERS : FAILS;
        one->known = !one->outcome->verdict.pass;
    }
    count(baseline);
    result->baseline = baseline;
}

size_t baseline_known(const struct baseline *baseline)
{
    return baseline->counts[FAILS];
}

size_t baseline_gone(const struct baseline *baseline)
{
    return baseline->counts[RECOVERS];
}

size_t baseline_untried(const struct baseline *baseline)
{
    return baseline->counts[UNTRIED];
}

void baseline_each_gone(const struct baseline *baseline, baseline_id_fn *each, void *context)
{
    for (guint i = 0; i < baseline->entries->len; i++) {
        const struct entry *entry = g_ptr_array_index(baseline->entries, i);
        if (entry->state == RECOVERS)
            each(context, entry->id);
    }
}

bool baseline_write(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                    const struct id_target *target)
{
    (void)target;
    fprintf(stream, "# Power losses of %s from which firmware %.12s does not recover.\n", profile->name,
            result->firmware);
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        const struct sweep_case *one = &result->cases[i];
        char id[SWEEP_ID];
        if (one->outcome == NULL || one->outcome->verdict.pass)
            continue;
        sweep_id(result, profile, one, id);
        fprintf(stream, "%s  # %s: %s\n", id, one->outcome->verdict.oracle, one->outcome->verdict.detail);
    }
    return true;
}
