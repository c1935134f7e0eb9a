/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include "groups.h"
#include "summary.h"

#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* --- comparing --- */

static bool add(struct compared *compared, const struct sweep_case *one, struct problem *problem)
{
    const struct sweep_case **cases = realloc(compared->cases, (compared->count + 1) * sizeof *cases);
    if (cases == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    cases[compared->count++] = one;
    compared->cases = cases;
    return true;
}

/* The cases by their ids, without the firmware's hash. */
static GHashTable *cases_of(const struct store_report *report)
{
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const struct sweep_result *result = &report->result;
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        char id[SWEEP_ID];
        sweep_id(result, report->profile, &result->cases[i], id);
        g_hash_table_insert(table, g_strdup(id), (gpointer)(uintptr_t)&result->cases[i]);
    }
    return table;
}

static const struct sweep_case *find(GHashTable *table, const struct store_report *report, const struct sweep_case *one)
{
    char id[SWEEP_ID];
    sweep_id(&report->result, report->profile, one, id);
    return g_hash_table_lookup(table, id);
}

static bool compare_after(struct comparison *comparison, GHashTable *before, struct problem *problem)
{
    const struct sweep_result *result = &comparison->after->result;
    bool good = true;
    for (size_t i = 0; good && result->cases != NULL && i < result->plan.count; i++) {
        const struct sweep_case *now = &result->cases[i], *then = find(before, comparison->after, now);
        bool failed = then != NULL && !groups_verdict(then)->pass, fails = !groups_verdict(now)->pass;
        if (failed || fails)
            good = add(&comparison->kinds[fails ? (failed ? COMPARED_STILL : COMPARED_NEW) : COMPARED_FIXED], now,
                       problem);
    }
    return good;
}

static bool compare_before(struct comparison *comparison, GHashTable *after, struct problem *problem)
{
    const struct sweep_result *result = &comparison->before->result;
    bool good = true;
    for (size_t i = 0; good && result->cases != NULL && i < result->plan.count; i++) {
        const struct sweep_case *then = &result->cases[i];
        if (!groups_verdict(then)->pass && find(after, comparison->before, then) == NULL)
            good = add(&comparison->kinds[COMPARED_GONE], then, problem);
    }
    return good;
}

bool compare(struct comparison *comparison, const struct store_report *before, const struct store_report *after,
             struct problem *problem)
{
    *comparison = (struct comparison){.before = before, .after = after};
    GHashTable *cases_before = cases_of(before), *cases_after = cases_of(after);
    bool good = compare_after(comparison, cases_before, problem) && compare_before(comparison, cases_after, problem);
    g_hash_table_destroy(cases_before);
    g_hash_table_destroy(cases_after);
    return good;
}

void compare_free(struct comparison *comparison)
{
    for (unsigned kind = 0; kind < COMPARED_KINDS; kind++)
        free(comparison->kinds[kind].cases);
    *comparison = (struct comparison){.before = NULL};
}

bool compare_worse(const struct comparison *comparison)
{
    return comparison->kinds[COMPARED_NEW].count > 0 ||
           (comparison->before->result.clean.pass && !comparison->after->result.clean.pass);
}

/* --- what the update costs --- */

/* The update without power loss, of one build. */
struct cost {
    uint64_t virtual_ns;
    size_t operations;
    struct summary summary;
};

static bool cost_of(struct cost *cost, const struct store_report *report)
{
    const struct sweep_result *result = &report->result;
    struct trace_item item;
    size_t position = 0;
    *cost = (struct cost){.virtual_ns = result->clean.recovery_ns, .operations = result->recording.count};
    summary_begin(&cost->summary, report->profile);
    while (trace_next(result->recording.events, result->recording.size, &position, &item))
        summary_take(&cost->summary, &item);
    summary_end(&cost->summary, result->clean.recovery_ns);
    return !cost->summary.incomplete;
}

/* How often a sector is erased. */
static uint32_t erases(const struct summary *summary, const struct summary_sector *which)
{
    for (size_t i = 0; i < summary->sector_count; i++)
        if (summary->sectors[i].chip == which->chip && summary->sectors[i].start == which->start)
            return summary->sectors[i].erases;
    return 0;
}

typedef void sector_fn(void *context, const struct summary_sector *sector, uint32_t before, uint32_t after);

/* Calls `each` for the sectors that are not erased as often. */
static void each_sector(const struct summary *before, const struct summary *after, sector_fn *each, void *context)
{
    for (size_t i = 0; i < before->sector_count; i++) {
        const struct summary_sector *sector = &before->sectors[i];
        if (erases(after, sector) != sector->erases)
            each(context, sector, sector->erases, erases(after, sector));
    }
    for (size_t i = 0; i < after->sector_count; i++) {
        const struct summary_sector *sector = &after->sectors[i];
        bool known = false;
        for (size_t other = 0; other < before->sector_count; other++)
            known = known ||
                    (before->sectors[other].chip == sector->chip && before->sectors[other].start == sector->start);
        if (!known && sector->erases > 0)
            each(context, sector, 0, sector->erases);
    }
}

typedef void image_fn(void *context, const char *name, long long before, long long after);

/* Calls `each` for every file that the profile compares memory with; -1: its size is not known. */
static bool each_image(const struct comparison *comparison, image_fn *each, void *context)
{
    const struct profile_recovered *recovered = &comparison->after->profile->recovered;
    const struct store_report *reports[] = {comparison->before, comparison->after};
    for (unsigned i = 0; i < recovered->equal_count; i++) {
        long long sizes[2] = {-1, -1};
        char key[80];
        snprintf(key, sizeof key, "size %.60s", recovered->equal[i].name);
        for (unsigned side = 0; side < 2; side++) {
            struct problem problem = {0};
            char *text;
            if (!store_noted(reports[side]->store, key, &text, &problem))
                return false;
            sizes[side] = text != NULL ? strtoll(text, NULL, 10) : -1;
            free(text);
        }
        each(context, recovered->equal[i].name, sizes[0], sizes[1]);
    }
    return true;
}

/* --- for people --- */

#define MOST_PRINTED 20 /* of each kind; the JSON object has all */

static const struct store_report *side_of(const struct comparison *comparison, enum comparison_kind kind)
{
    return kind == COMPARED_GONE ? comparison->before : comparison->after;
}

static void print_kind(FILE *stream, const struct comparison *comparison, enum comparison_kind kind, const char *words)
{
    const struct compared *compared = &comparison->kinds[kind];
    const struct store_report *report = side_of(comparison, kind);
    for (size_t i = 0; i < compared->count && i < MOST_PRINTED; i++) {
        const struct verdict *verdict = groups_verdict(compared->cases[i]);
        char id[SWEEP_ID];
        sweep_id(&report->result, report->profile, compared->cases[i], id);
        fprintf(stream, "%s: %s", words, id);
        if (!verdict->pass)
            fprintf(stream, "  %s: %s", verdict->oracle, verdict->detail);
        fputc('\n', stream);
    }
    if (compared->count > MOST_PRINTED)
        fprintf(stream, "%s: and %zu more (--json tells all)\n", words, compared->count - MOST_PRINTED);
}

static void print_sector(void *stream, const struct summary_sector *sector, uint32_t before, uint32_t after)
{
    fprintf(stream, "  erases of %s 0x%08" PRIX32 ": %" PRIu32 ", now %" PRIu32 "\n", sector->chip_name, sector->start,
            before, after);
}

static void print_image(void *stream, const char *name, long long before, long long after)
{
    if (before >= 0 && after >= 0)
        fprintf(stream, "  %s: %lld bytes, now %lld\n", name, before, after);
}

static void print_clean(FILE *stream, const struct comparison *comparison)
{
    const struct verdict *before = &comparison->before->result.clean, *after = &comparison->after->result.clean;
    if (!before->pass)
        fprintf(stream, "before, the update failed without any power loss: %s: %s\n", before->oracle, before->detail);
    if (!after->pass)
        fprintf(stream, "now the update fails without any power loss: %s: %s\n", after->oracle, after->detail);
}

bool compare_text(FILE *stream, const struct comparison *comparison)
{
    const struct compared *kinds = comparison->kinds;
    struct cost before, after;
    bool good = cost_of(&before, comparison->before);
    good = cost_of(&after, comparison->after) && good;
    fprintf(stream, "%s: firmware %.12s, now %.12s\n", comparison->after->profile->name,
            comparison->before->result.firmware, comparison->after->result.firmware);
    fprintf(stream, "the update without power loss: %.3f s of virtual time, now %.3f s; %zu operations, now %zu\n",
            (double)before.virtual_ns * 1e-9, (double)after.virtual_ns * 1e-9, before.operations, after.operations);
    each_sector(&before.summary, &after.summary, print_sector, stream);
    good = each_image(comparison, print_image, stream) && good;
    print_clean(stream, comparison);
    print_kind(stream, comparison, COMPARED_NEW, "new");
    print_kind(stream, comparison, COMPARED_STILL, "still");
    print_kind(stream, comparison, COMPARED_FIXED, "fixed");
    print_kind(stream, comparison, COMPARED_GONE, "gone");
    fprintf(stream, "power losses not recovered: %zu new, %zu still, %zu fixed, %zu gone with their operations: %s\n",
            kinds[COMPARED_NEW].count, kinds[COMPARED_STILL].count, kinds[COMPARED_FIXED].count,
            kinds[COMPARED_GONE].count, compare_worse(comparison) ? "WORSE" : "not worse");
    summary_free(&before.summary);
    summary_free(&after.summary);
    return good;
}

/* --- for machines --- */

static json_t *kind_json(const struct comparison *comparison, enum comparison_kind kind)
{
    const struct compared *compared = &comparison->kinds[kind];
    const struct store_report *report = side_of(comparison, kind);
    json_t *array = json_array();
    for (size_t i = 0; i < compared->count; i++) {
        const struct verdict *verdict = groups_verdict(compared->cases[i]);
        char id[SWEEP_ID];
        sweep_id(&report->result, report->profile, compared->cases[i], id);
        json_t *object = json_pack("{s:s}", "id", id);
        if (!verdict->pass)
            json_object_update_new(object,
                                   json_pack("{s:s, s:s}", "oracle", verdict->oracle, "detail", verdict->detail));
        json_array_append_new(array, object);
    }
    return array;
}

static void append_sector(void *array, const struct summary_sector *sector, uint32_t before, uint32_t after)
{
    json_array_append_new(array, json_pack("{s:s, s:I, s:I, s:I}", "chip", sector->chip_name, "address",
                                           (json_int_t)sector->start, "before", (json_int_t)before, "after",
                                           (json_int_t)after));
}

static void append_image(void *array, const char *name, long long before, long long after)
{
    json_array_append_new(array, json_pack("{s:s, s:I, s:I}", "name", name, "before", (json_int_t)before, "after",
                                           (json_int_t)after));
}

static json_t *cost_json(const struct cost *cost, const struct store_report *report)
{
    return json_pack("{s:s, s:b, s:f, s:I}", "firmware_sha256", report->result.firmware, "updates",
                     report->result.clean.pass, "virtual_s", (double)cost->virtual_ns * 1e-9, "ops",
                     (json_int_t)cost->operations);
}

bool compare_json(FILE *stream, const struct comparison *comparison)
{
    struct cost before, after;
    json_t *sectors = json_array(), *images = json_array();
    bool good = cost_of(&before, comparison->before);
    good = cost_of(&after, comparison->after) && each_image(comparison, append_image, images) && good;
    each_sector(&before.summary, &after.summary, append_sector, sectors);
    json_t *object = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "profile",
                               comparison->after->profile->name, "before", cost_json(&before, comparison->before),
                               "after", cost_json(&after, comparison->after), "new",
                               kind_json(comparison, COMPARED_NEW), "still", kind_json(comparison, COMPARED_STILL),
                               "fixed", kind_json(comparison, COMPARED_FIXED), "gone",
                               kind_json(comparison, COMPARED_GONE), "erases", sectors, "images", images, "verdict",
                               compare_worse(comparison) ? "worse" : "not worse");
    summary_free(&before.summary);
    summary_free(&after.summary);
    if (object == NULL)
        return false;
    json_dumpf(object, stream, JSON_COMPACT);
    fputc('\n', stream);
    json_decref(object);
    return good;
}
