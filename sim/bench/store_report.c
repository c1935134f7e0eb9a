/* SPDX-License-Identifier: MIT */
#include "store_report.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* --- what the sweep began with --- */

static bool read_profile(struct store_report *report, struct problem *problem)
{
    uint8_t *text;
    size_t size;
    if (!store_source(report->store, "profile", &text, &size, problem))
        return false;
    bool good = profile_parse(store_path(report->store), text, size, &report->profile, problem);
    free(text);
    return good;
}

/* Events are taken one by one: what cannot be an event is damage. */
static bool read_recording(struct store_report *report, struct problem *problem)
{
    struct recording *recording = &report->result.recording;
    struct trace_item item;
    uint8_t *events;
    size_t size, position = 0;
    if (!store_source(report->store, "recording", &events, &size, problem))
        return false;
    while (trace_next(events, size, &position, &item))
        recording_take(recording, &item);
    bool good = position == size ||
                problem_set(problem, PROBLEM_BENCH, "%s is damaged (the recorded run has a broken event)",
                            store_path(report->store));
    free(events);
    return good;
}

static bool read_target(struct store_report *report, struct problem *problem)
{
    static const char *const keys[] = {"said_profile", "said_root", "said_device"};
    bool good = true;
    for (unsigned i = 0; good && i < sizeof keys / sizeof keys[0]; i++)
        good = store_noted(report->store, keys[i], &report->said[i], problem);
    report->target = (struct id_target){report->said[0], report->said[1], report->said[2]};
    return good;
}

/* --- what it came to --- */

static bool read_figure(struct store *store, const char *key, double *figure, struct problem *problem)
{
    char *text;
    if (!store_noted(store, key, &text, problem))
        return false;
    *figure = text != NULL ? g_ascii_strtod(text, NULL) : 0;
    free(text);
    return true;
}

static bool read_figures(struct store_report *report, struct problem *problem)
{
    struct sweep_result *result = &report->result;
    struct store *store = report->store;
    double jobs, timed, lost;
    bool good = read_figure(store, "jobs", &jobs, problem) && read_figure(store, "timed", &timed, problem) &&
                read_figure(store, "lost", &lost, problem) && read_figure(store, "wall_s", &result->wall_s, problem) &&
                read_figure(store, "cpu_s", &result->cpu_s, problem) &&
                read_figure(store, "recovery_wall_s", &result->recovery_wall_s, problem) &&
                read_figure(store, "recovery_cpu_s", &result->recovery_cpu_s, problem) &&
                read_figure(store, "next_cpu_s", &result->next_cpu_s, problem);
    if (good) {
        result->jobs = (unsigned)jobs;
        result->timed = (size_t)timed;
        result->lost = (size_t)lost;
    }
    return good;
}

static bool read_options(struct store_report *report, struct sweep_options *options, struct problem *problem)
{
    struct sweep_result *result = &report->result;
    const char *firmware = campaign_fact(&report->campaign, "firmware_sha256");
    if (firmware == NULL || !campaign_options(&report->campaign, options))
        return problem_set(problem, PROBLEM_BENCH, "%s is damaged (facts are missing)", store_path(report->store));
    result->seeds = options->seeds;
    result->faults = options->faults;
    snprintf(result->firmware, sizeof result->firmware, "%s", firmware);
    return true;
}

static bool read_cases(struct store_report *report, struct problem *problem)
{
    struct sweep_result *result = &report->result;
    struct sweep_options options;
    if (!read_options(report, &options, problem) || !store_clean(report->store, result, problem))
        return false;
    if (result->clean.pass && (!recording_index(&result->recording, report->profile, problem) ||
                               !sweep_plan(result, report->profile, &options, NULL, NULL, problem) ||
                               !store_load(report->store, result, NULL, &result->known, problem)))
        return false;
    sweep_count(result);
    result->live = 0;
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++)
        result->live += result->cases[i].live;
    return true;
}

/* Whoever reads a finished store takes it that each power loss has a verdict. */
static bool read_end(struct store_report *report, struct problem *problem)
{
    const struct sweep_result *result = &report->result;
    return store_finished(report->store, &report->finished, problem) &&
           (!report->finished || result->known == result->plan.count ||
            problem_set(problem, PROBLEM_BENCH,
                        "%s is damaged (it is said to be complete, but of %zu power losses %zu have no verdict): "
                        "restore a copy, or start its sweep again with it",
                        store_path(report->store), result->plan.count, result->plan.count - result->known));
}

bool store_report_open(struct store_report *report, const char *path, struct problem *problem)
{
    *report = (struct store_report){.store = NULL};
    return store_open(&report->store, path, STORE_READ, problem) &&
           store_campaign(report->store, &report->campaign, problem) && read_profile(report, problem) &&
           read_recording(report, problem) && read_target(report, problem) && read_cases(report, problem) &&
           read_figures(report, problem) && read_end(report, problem);
}

void store_report_close(struct store_report *report)
{
    store_close(report->store);
    campaign_free(&report->campaign);
    profile_free(report->profile);
    sweep_free(&report->result);
    for (unsigned i = 0; i < sizeof report->said / sizeof report->said[0]; i++)
        free(report->said[i]);
    *report = (struct store_report){.store = NULL};
}
