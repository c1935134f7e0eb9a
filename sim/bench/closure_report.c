/* SPDX-License-Identifier: MIT */
#include "closure_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

/* --- progress --- */

void closure_report_progress(void *context, const struct closure_progress *progress)
{
    double rate = progress->seconds > 0 ? (double)progress->run / progress->seconds : 0;
    char line[200];
    int used = snprintf(line, sizeof line, "  depth %u: ", progress->depth);
    if (progress->looked < progress->to_look)
        used += snprintf(line + used, sizeof line - (size_t)used, "%zu of %zu recoveries looked at, ", progress->looked,
                         progress->to_look);
    snprintf(line + used, sizeof line - (size_t)used,
             "%zu of %zu states judged, %zu open; in all %zu states, %zu run, %.1f/s, findings %zu", progress->judged,
             progress->states, progress->states - progress->judged, progress->all, progress->run, rate, progress->findings);
    report_progress_line(context, progress->seconds, line);
}

/* --- words --- */

/* The menu, such as "before,half; seed 1". */
static void print_menu(const struct closure_result *result, char *text, size_t size)
{
    const struct sweep_options *options = result->options;
    int used = 0;
    for (unsigned i = 0; i < options->tear_count; i++)
        used += snprintf(text + used, size - (size_t)used, "%s%s", i > 0 ? "," : "", nor_tear_name(options->tears[i]));
    used += snprintf(text + used, size - (size_t)used, "; SRAM seed %" PRIu64 ", noise seed %" PRIu64, options->seeds.sram,
                     options->seeds.noise);
    if (!options->all)
        snprintf(text + used, size - (size_t)used, "; a sample of %zu cuts of each run", options->cuts);
}

void closure_report_end(FILE *stream, const struct closure_result *result)
{
    char menu[300];
    print_menu(result, menu, sizeof menu);
    if (result->closed)
        fprintf(stream, "closed under the menu (%s): from any number of power losses in the update and its recoveries, the device recovers\n",
                menu);
    else if (result->end == CLOSURE_ALL)
        fprintf(stream, "nothing is open under the menu (%s), %s: not closed\n", menu,
                result->finding_count > 0 ? "but nobody went on from the findings" : "which is not all that can happen");
    else
        fprintf(stream, "depth %u complete, %zu open under the menu (%s)%s: not closed\n", result->depth, result->open, menu,
                result->end == CLOSURE_TIME     ? "; the time was over"
                : result->end == CLOSURE_BROKEN ? "; it was given up"
                                                : "");
    if (result->unlooked > 0)
        fprintf(stream, "%zu recoveries were not looked at for further ones\n", result->unlooked);
}

/* --- for people --- */

static void print_depths(FILE *stream, const struct closure_result *result)
{
    fprintf(stream, "%-6s %10s %10s %10s %10s %10s\n", "depth", "states", "run", "credited", "failing", "open");
    for (unsigned i = 0; i < result->depth_count; i++) {
        const struct closure_depth *depth = &result->depths[i];
        fprintf(stream, "%-6u %10zu %10zu %10zu %10zu %10zu\n", i + 1, depth->states, depth->run, depth->credited, depth->failing,
                depth->states - depth->run - depth->credited);
    }
    fprintf(stream, "\n");
}

static void print_figures(FILE *stream, const struct closure_result *result)
{
    fprintf(stream, "%zu states run, %zu credited, %zu met again; %.1f s, %u jobs, %.1f CPU seconds\n", result->run,
            result->credited, result->seen, result->wall_s, result->sweep.jobs, result->cpu_s);
    if (result->anew > 0)
        fprintf(stream, "begun anew: %zu, telling %zu bytes apart that recoveries turned out to touch; %zu recoveries in all\n",
                result->anew, result->apart, result->recoveries);
    if (result->checked > 0)
        fprintf(stream, "%zu other members of classes run all the same: each went the way of its representative\n", result->checked);
    if (result->sweep.lost > 0)
        fprintf(stream, "machines lost: %zu; what they were at was done again with others\n", result->sweep.lost);
    if (result->live > 0)
        fprintf(stream, "%zu last losses done for real: each left exactly the state that was built\n", result->live);
}

static void print_findings(FILE *stream, const struct closure_result *result)
{
    char id[ID_TEXT];
    for (size_t i = 0; i < result->finding_count; i++) {
        const struct closure_finding *finding = &result->findings[i];
        for (size_t one = 0; one < finding->count; one++) {
            closure_id(result, finding->states[one], id);
            fprintf(stream, "%s %s  %s: %s\n", one == 0 ? "finding:" : "    and:", id, finding->verdict.oracle, finding->verdict.detail);
        }
        if (finding->members > finding->count)
            fprintf(stream, "         %zu states in all\n", finding->members);
    }
}

void closure_report_text(FILE *stream, const struct closure_result *result, const struct id_target *target)
{
    const struct sweep_result *sweep = &result->sweep;
    char id[ID_TEXT], command[ID_COMMAND];
    if (!sweep->clean.pass) {
        fprintf(stream, "%s: the update fails without any power loss: %s: %s\n", result->profile->name, sweep->clean.oracle,
                sweep->clean.detail);
        return;
    }
    fprintf(stream, "%s on %s: %zu operations without power loss; firmware %.12s\n\n", result->profile->name,
            result->profile->machine, sweep->recording.count, sweep->firmware);
    print_depths(stream, result);
    print_figures(stream, result);
    print_findings(stream, result);
    closure_report_end(stream, result);
    if (result->finding_count == 0)
        return;
    closure_id(result, result->findings[0].states[0], id);
    id_command(id, sweep->firmware, target, command);
    fprintf(stream, "see the first one: %s\n", command);
}

static void list_line(void *context, const char *id, unsigned depth, const char *verdict, const char *other)
{
    fprintf(context, "%s %u %s %s\n", id, depth, verdict != NULL ? verdict : "open", other[0] != '\0' ? other : "itself");
}

void closure_report_list(FILE *stream, const struct closure_result *result)
{
    fprintf(stream, "# id depth verdict run\n");
    if (result->search != NULL)
        closure_list(result, list_line, stream);
}

/* --- for machines --- */

static json_t *finding_json(const struct closure_result *result, const struct closure_finding *finding)
{
    json_t *ids = json_array();
    char id[ID_TEXT];
    for (size_t i = 0; i < finding->count; i++) {
        closure_id(result, finding->states[i], id);
        json_array_append_new(ids, json_string(id));
    }
    return json_pack("{s:O, s:s, s:s, s:{s:I}, s:o}", "id", json_array_get(ids, 0), "oracle", finding->verdict.oracle, "detail",
                     finding->verdict.detail, "members", "count", (json_int_t)finding->members, "ids", ids);
}

static json_t *findings_json(const struct closure_result *result)
{
    json_t *array = json_array();
    if (!result->sweep.clean.pass)
        json_array_append_new(array, json_pack("{s:s, s:s, s:s}", "id", result->profile->name, "oracle",
                                               result->sweep.clean.oracle, "detail", result->sweep.clean.detail));
    for (size_t i = 0; i < result->finding_count; i++)
        json_array_append_new(array, finding_json(result, &result->findings[i]));
    return array;
}

static json_t *depths_json(const struct closure_result *result)
{
    json_t *array = json_array();
    for (unsigned i = 0; i < result->depth_count; i++) {
        const struct closure_depth *depth = &result->depths[i];
        json_array_append_new(array, json_pack("{s:i, s:I, s:I, s:I, s:I}", "depth", (int)i + 1, "states",
                                               (json_int_t)depth->states, "run", (json_int_t)depth->run, "credited",
                                               (json_int_t)depth->credited, "failing", (json_int_t)depth->failing));
    }
    return array;
}

static json_t *tears_json(const struct closure_result *result)
{
    json_t *array = json_array();
    for (unsigned i = 0; i < result->options->tear_count; i++)
        json_array_append_new(array, json_string(nor_tear_name(result->options->tears[i])));
    return array;
}

static json_t *costs_json(const struct closure_result *result)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:i, s:I, s:f, s:f, s:f, s:I}", "recoveries", (json_int_t)result->recoveries,
                     "begun_anew", (json_int_t)result->anew, "bytes_told_apart", (json_int_t)result->apart, "live",
                     (json_int_t)result->live, "checked", (json_int_t)result->checked, "jobs", (int)result->sweep.jobs, "machines_lost", (json_int_t)result->sweep.lost, "wall_s", result->wall_s, "cpu_s",
                     result->cpu_s, "virtual_s", (double)result->sweep.virtual_ns * 1e-9, "instructions",
                     (json_int_t)result->sweep.instructions);
}

bool closure_report_json(FILE *stream, const struct closure_result *result)
{
    static const char *const ends[] = {[CLOSURE_ALL] = "all", [CLOSURE_DEPTH] = "depth", [CLOSURE_TIME] = "time",
                                       [CLOSURE_BROKEN] = "broken"};
    const struct sweep_options *options = result->options;
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:o, s:I, s:I, s:b, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:s}", "profile", result->profile->name,
        "firmware_sha256", result->sweep.firmware, "ops", (json_int_t)result->sweep.recording.count, "tears", tears_json(result),
        "sram_seed", (json_int_t)options->seeds.sram, "noise_seed", (json_int_t)options->seeds.noise, "all_cuts", options->all,
        "closed", result->closed, "end", ends[result->end], "depth", (json_int_t)result->depth, "open", (json_int_t)result->open,
        "unlooked", (json_int_t)result->unlooked, "states_run", (json_int_t)result->run, "states_pruned",
        (json_int_t)result->credited, "states_seen", (json_int_t)result->seen, "depths", depths_json(result), "findings",
        findings_json(result), "verdict", closure_passed(result) ? "pass" : "fail");
    return object != NULL && json_object_update_new(object, costs_json(result)) == 0 && report_line(stream, object);
}
