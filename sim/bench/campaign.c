/* SPDX-License-Identifier: MIT */
#include "campaign.h"

#include "files.h"
#include "machine.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 12 /* letters of a value */

/* The facts, as people call them, and how alike two sweeps must be to have them in common. */
static const struct {
    const char *key, *words;
    enum campaign_likeness needed;
} names[] = {
    {"profile", "profile", CAMPAIGN_COMPARABLE},
    {"profile_sha256", "the profile's text", CAMPAIGN_COMPARABLE},
    {"machine", "machine", CAMPAIGN_COMPARABLE},
    {"firmware_sha256", "firmware", CAMPAIGN_PARTS},
    {"device_sha256", "device", CAMPAIGN_PARTS},
    {"expected_sha256", "files that the profile names", CAMPAIGN_PARTS},
    {"faults", "faults of the parts", CAMPAIGN_COMPARABLE},
    {"seed", "seed", CAMPAIGN_COMPARABLE},
    {"sram_seed", "seed of the SRAM", CAMPAIGN_COMPARABLE},
    {"noise_seed", "seed of the noise", CAMPAIGN_COMPARABLE},
    {"cuts", "cuts", CAMPAIGN_COMPARABLE},
    {"tears", "tears", CAMPAIGN_COMPARABLE},
    {"prune", "pruning", CAMPAIGN_PARTS},
    {"live", "cuts for real", CAMPAIGN_PARTS},
    {"check", "credited states to check", CAMPAIGN_PARTS},
    {"parts", "parts of the plan", CAMPAIGN_PARTS},
    {"shards", "number of shards", CAMPAIGN_PARTS},
    {"shard", "shard", CAMPAIGN_SAME},
    {"engine_sha256", "bench (the program)", CAMPAIGN_PARTS},
    {"emulator_sha256", "bench (QEMU)", CAMPAIGN_PARTS},
    {"recording_sha256", "the run without power loss", CAMPAIGN_PARTS},
};
#define NAMES (sizeof names / sizeof names[0])

void campaign_free(struct campaign *campaign)
{
    for (unsigned i = 0; i < campaign->count; i++) {
        free(campaign->facts[i].key);
        free(campaign->facts[i].value);
    }
    *campaign = (struct campaign){.count = 0};
}

bool campaign_add(struct campaign *campaign, const char *key, const char *value, struct problem *problem)
{
    if (campaign->count == CAMPAIGN_FACTS)
        return problem_set(problem, PROBLEM_BENCH, "there are more than %d facts of a sweep", CAMPAIGN_FACTS);
    struct campaign_fact *fact = &campaign->facts[campaign->count++];
    *fact = (struct campaign_fact){strdup(key), strdup(value)};
    return (fact->key != NULL && fact->value != NULL) || problem_set(problem, PROBLEM_BENCH, "no memory");
}

const char *campaign_fact(const struct campaign *campaign, const char *key)
{
    for (unsigned i = 0; i < campaign->count; i++)
        if (strcmp(campaign->facts[i].key, key) == 0)
            return campaign->facts[i].value;
    return NULL;
}

/* --- hashes --- */

static bool add_sum(struct campaign *campaign, const char *key, GChecksum *sum, struct problem *problem)
{
    bool good = campaign_add(campaign, key, g_checksum_get_string(sum), problem);
    g_checksum_free(sum);
    return good;
}

static bool add_bytes(struct campaign *campaign, const char *key, const void *data, size_t size,
                      struct problem *problem)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(sum, data, (gssize)size);
    return add_sum(campaign, key, sum, problem);
}

static bool add_file(struct campaign *campaign, const char *key, const char *path, struct problem *problem)
{
    GError *error = NULL;
    GMappedFile *file = path == NULL ? NULL : g_mapped_file_new(path, FALSE, &error);
    if (file == NULL) {
        problem_set(problem, PROBLEM_BENCH, "cannot read %s: %s", path == NULL ? "a program" : path,
                    error == NULL ? "no memory" : error->message);
        g_clear_error(&error);
        return false;
    }
    bool good = add_bytes(campaign, key, g_mapped_file_get_contents(file), g_mapped_file_get_length(file), problem);
    g_mapped_file_unref(file);
    return good;
}

static bool add_emulator(struct campaign *campaign, struct problem *problem)
{
    char *program = machine_program();
    bool good = add_file(campaign, "emulator_sha256", program, problem);
    free(program);
    return good;
}

static bool add_device(struct campaign *campaign, const struct arrays *device, struct problem *problem)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (enum array array = 0; array < ARRAYS; array++)
        g_checksum_update(sum, device->cells[array], arrays_size(array));
    return add_sum(campaign, "device_sha256", sum, problem);
}

static void sum_goal(GChecksum *sum, const struct oracle_goal *goal)
{
    for (unsigned i = 0; i < goal->recovered->equal_count; i++)
        g_checksum_update(sum, goal->equal[i].data, (gssize)goal->equal[i].size);
}

/* What the device must hold in the end, and files that are arguments of the command for the next update. */
static bool add_expected(struct campaign *campaign, const struct target *target, struct problem *problem)
{
    const struct profile_next *next = target->profile->next;
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    sum_goal(sum, &target->oracle.update);
    if (next != NULL)
        sum_goal(sum, &target->oracle.next);
    for (unsigned i = 0; next != NULL && i < next->command_count; i++) {
        char *path = files_join(target->root, next->command[i]);
        GMappedFile *file = path == NULL ? NULL : g_mapped_file_new(path, FALSE, NULL);
        if (file != NULL) {
            g_checksum_update(sum, (const guchar *)g_mapped_file_get_contents(file),
                              (gssize)g_mapped_file_get_length(file));
            g_mapped_file_unref(file);
        }
        free(path);
    }
    return add_sum(campaign, "expected_sha256", sum, problem);
}

/* --- all of them --- */

static bool add_number(struct campaign *campaign, const char *key, uint64_t number, struct problem *problem)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return campaign_add(campaign, key, text, problem);
}

static bool add_options(struct campaign *campaign, const struct sweep_options *options, struct problem *problem)
{
    char tears[NOR_TEARS * 12] = "";
    for (unsigned i = 0; i < options->tear_count; i++)
        snprintf(tears + strlen(tears), sizeof tears - strlen(tears), "%s%s", i > 0 ? "," : "",
                 nor_tear_name(options->tears[i]));
    return add_number(campaign, "seed", options->seeds.cuts, problem) &&
           add_number(campaign, "sram_seed", options->seeds.sram, problem) &&
           add_number(campaign, "noise_seed", options->seeds.noise, problem) &&
           (options->all ? campaign_add(campaign, "cuts", "all", problem)
                         : add_number(campaign, "cuts", options->cuts, problem)) &&
           campaign_add(campaign, "tears", tears, problem) &&
           campaign_add(campaign, "prune", options->prune ? "yes" : "no", problem) &&
           add_number(campaign, "live", options->live, problem) &&
           add_number(campaign, "check", options->check, problem) &&
           add_number(campaign, "parts", shard_parts(&options->shard), problem) &&
           add_number(campaign, "shards", options->shard.count, problem) &&
           add_number(campaign, "shard", options->shard.number, problem);
}

/* As ids have them. */
static bool add_faults(struct campaign *campaign, const struct fault_set *faults, struct problem *problem)
{
    char text[ID_FAULTS];
    return (id_format_faults(faults, text) ||
            problem_set(problem, PROBLEM_USE, "these are too many faults for an id")) &&
           campaign_add(campaign, "faults", text, problem);
}

bool campaign_of(struct campaign *campaign, const struct target *target, const struct sweep_options *options,
                 const struct sweep_result *result, struct problem *problem)
{
    const struct profile *profile = target->profile;
    *campaign = (struct campaign){.count = 0};
    return campaign_add(campaign, "profile", profile->name, problem) &&
           add_bytes(campaign, "profile_sha256", profile->text, profile->text_size, problem) &&
           campaign_add(campaign, "machine", profile->machine, problem) &&
           campaign_add(campaign, "firmware_sha256", target->firmware, problem) &&
           add_device(campaign, &target->device, problem) && add_expected(campaign, target, problem) &&
           add_faults(campaign, &target->faults, problem) && add_options(campaign, options, problem) &&
           add_file(campaign, "engine_sha256", "/proc/self/exe", problem) && add_emulator(campaign, problem) &&
           add_bytes(campaign, "recording_sha256", result->recording.events, result->recording.size, problem);
}

/* --- and back --- */

static uint64_t number_of(const struct campaign *campaign, const char *key)
{
    const char *value = campaign_fact(campaign, key);
    return value == NULL ? 0 : strtoull(value, NULL, 10);
}

static bool read_tears(const char *text, struct sweep_options *options)
{
    gchar **list = g_strsplit(text, ",", -1);
    bool good = true;
    options->tear_count = 0;
    for (unsigned i = 0; good && list[i] != NULL; i++) {
        enum nor_tear tear = nor_tear_named(list[i]);
        good = tear != NOR_TEARS && options->tear_count < NOR_TEARS;
        if (good)
            options->tears[options->tear_count++] = tear;
    }
    g_strfreev(list);
    return good;
}

static bool read_faults(const char *text, struct fault_set *faults)
{
    char why[FAULT_WHY];
    bool good = true;
    gchar **list = g_strsplit(text, "!", -1);
    for (unsigned i = 0; good && list[i] != NULL; i++)
        good = list[i][0] == '\0' || fault_parse(faults, list[i], why);
    g_strfreev(list);
    return good;
}

bool campaign_options(const struct campaign *campaign, struct sweep_options *options)
{
    const char *faults = campaign_fact(campaign, "faults");
    const char *cuts = campaign_fact(campaign, "cuts"), *tears = campaign_fact(campaign, "tears"),
               *prune = campaign_fact(campaign, "prune");
    if (cuts == NULL || tears == NULL || prune == NULL || faults == NULL)
        return false;
    *options = (struct sweep_options){
        .seeds = {number_of(campaign, "seed"), number_of(campaign, "sram_seed"), number_of(campaign, "noise_seed")},
        .all = strcmp(cuts, "all") == 0,
        .cuts = strtoul(cuts, NULL, 10),
        .prune = strcmp(prune, "yes") == 0,
        .live = number_of(campaign, "live"),
        .check = number_of(campaign, "check"),
        .shard = {(unsigned)number_of(campaign, "shard"), (unsigned)number_of(campaign, "shards")}};
    return read_tears(tears, options) && read_faults(faults, &options->faults) && options->shard.number >= 1 &&
           options->shard.number <= options->shard.count && options->shard.count <= SHARD_MOST;
}

/* --- two of them --- */

bool campaign_alike(const struct campaign *campaign, const char *one, const struct campaign *others, const char *other,
                    enum campaign_likeness likeness, struct problem *problem)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < NAMES; i++) {
        const char *its = campaign_fact(campaign, names[i].key), *theirs = campaign_fact(others, names[i].key);
        if (names[i].needed < likeness || g_strcmp0(its, theirs) == 0)
            continue;
        g_string_append_printf(text, "%s%s %.*s, not %.*s", text->len > 0 ? "; " : "", names[i].words, SHOWN,
                               its != NULL ? its : "unknown", SHOWN, theirs != NULL ? theirs : "unknown");
    }
    bool alike = text->len == 0;
    if (!alike)
        problem_set(problem, PROBLEM_USE, "%s is of another sweep than %s: %.700s", one, other, text->str);
    g_string_free(text, TRUE);
    return alike;
}
