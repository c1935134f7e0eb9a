/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "baseline.h"
#include "groups.h"
#include "model.h"

#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* --- progress --- */

#define QUIET_PERIOD_S 10 /* between lines when nobody sits at a terminal */

/* Of a terminal that can rewrite a line; 0 where there is none. */
static unsigned columns(void)
{
    const char *kind = getenv("TERM");
    struct winsize window;
    if (!isatty(STDERR_FILENO) || kind == NULL || strcmp(kind, "dumb") == 0)
        return 0;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col : 80;
}

static GString *progress_line(const struct sweep_progress *progress)
{
    GString *line = g_string_new(NULL);
    double rate = progress->seconds > 0 ? (double)(progress->done - progress->known) / progress->seconds : 0;
    g_string_printf(line, "  %zu of %zu done, %zu run", progress->done, progress->total, progress->run);
    if (progress->done < progress->total && rate > 0)
        g_string_append_printf(line, ", %.1f/s, %.0f s left", rate, (double)(progress->total - progress->done) / rate);
    if (progress->done == progress->total && progress->live_total > 0)
        g_string_append_printf(line, ", cuts for real %zu of %zu", progress->live_done, progress->live_total);
    if (progress->check_total > 0)
        g_string_append_printf(line, ", credited checked %zu of %zu", progress->check_done, progress->check_total);
    g_string_append_printf(line, ", findings %zu", progress->findings);
    return line;
}

void report_progress_line(struct report_progress *state, double seconds, const char *line)
{
    unsigned width = columns();
    if (width == 0 && seconds - state->printed < QUIET_PERIOD_S)
        return;
    state->printed = seconds;
    state->any = true;
    if (width > 0) /* a line that wraps could not be rewritten */
        fprintf(stderr, "\r%.*s\033[K", (int)width - 1, line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
}

void report_progress(void *context, const struct sweep_progress *progress)
{
    g_autoptr(GString) line = progress_line(progress);
    report_progress_line(context, progress->seconds, line->str);
}

void report_progress_end(struct report_progress *state)
{
    if (state->any && columns() > 0)
        fprintf(stderr, "\r\033[K");
}

/* --- totals --- */

static size_t fired_count(const struct sweep_result *result)
{
    size_t count = 0;
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++)
        count += result->cases[i].fired;
    return count;
}

static size_t live_count(const struct sweep_result *result)
{
    size_t count = 0;
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++)
        count += result->cases[i].live;
    return count;
}

/* --- for people --- */

static void add_group(struct group *total, const struct group *group)
{
    total->operations += group->operations;
    total->cuts += group->cuts;
    total->fired += group->fired;
    total->run += group->run;
    total->recovered += group->recovered;
    total->worst_ns = group->worst_ns > total->worst_ns ? group->worst_ns : total->worst_ns;
    total->worst_boots = group->worst_boots > total->worst_boots ? group->worst_boots : total->worst_boots;
}

static void print_group(FILE *stream, const struct group *group, const char *phase, const char *kind)
{
    fprintf(stream, "%-14s %-14s %-8s %10zu %8zu %8zu %7zu %10zu", phase, group->area, kind, group->operations,
            group->cuts, group->fired, group->run, group->recovered);
    if (group->cuts > 0)
        fprintf(stream, " %13.3f s %6" PRIu32, (double)group->worst_ns * 1e-9, group->worst_boots);
    fprintf(stream, "%s\n", group->recovered < group->cuts ? "  <-" : "");
}

static void print_table(FILE *stream, const struct groups *groups, const struct profile *profile)
{
    struct group total = {.area = ""};
    fprintf(stream, "%-14s %-14s %-8s %10s %8s %8s %7s %10s %15s %6s\n", "phase", "area", "kind", "operations", "cuts",
            "fired", "run", "recovered", "worst recovery", "boots");
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->entries[i];
        print_group(stream, group, recording_phase_name(profile, group->phase), trace_kind_name(group->kind));
        add_group(&total, group);
    }
    print_group(stream, &total, "all", "");
}

#define MOST_FINDINGS 20 /* printed for people; the list and the JSON object have all */

static bool print_findings(FILE *stream, const struct sweep_result *result, const struct profile *profile)
{
    size_t count;
    struct sweep_finding *findings = sweep_findings(result, &count);
    if (findings == NULL)
        return false;
    size_t fresh = 0, printed = 0;
    for (size_t i = 0; i < count; i++)
        fresh += findings[i].known < findings[i].members;
    for (size_t i = 0; i < count && printed < MOST_FINDINGS; i++) {
        const struct sweep_case *one = &result->cases[findings[i].first];
        char id[SWEEP_ID];
        if (findings[i].known == findings[i].members)
            continue;
        printed++;
        sweep_id(result, profile, one, id);
        fprintf(stream, "finding: %s  %s: %s\n", id, one->outcome->verdict.oracle, one->outcome->verdict.detail);
        if (findings[i].members > 1) {
            sweep_id(result, profile, &result->cases[findings[i].last], id);
            fprintf(stream, "         and %zu more that go the same way, up to %s\n", findings[i].members - 1, id);
        }
    }
    if (fresh > printed)
        fprintf(stream, "and %zu more findings (--list FILE and --json tell all)\n", fresh - printed);
    free(findings);
    return true;
}

static void print_gone(void *stream, const char *id)
{
    fprintf(stream, "gone: %s recovers now\n", id);
}

static void print_baseline(FILE *stream, const struct sweep_result *result)
{
    const struct baseline *baseline = result->baseline;
    if (baseline == NULL)
        return;
    baseline_each_gone(baseline, print_gone, stream);
    fprintf(stream, "baseline: of %zu power losses not recovered %zu are known; of the baseline %zu recover now, %zu were not tried\n",
            groups_failed(result), baseline_known(baseline), baseline_gone(baseline), baseline_untried(baseline));
}

static void print_rates(FILE *stream, const struct sweep_result *result)
{
    double timed = (double)result->timed;
    fprintf(stream, "%zu states run, %zu credited; %.1f s, %u jobs, %.1f recoveries per second, %.1f per CPU second (machine and engine)\n",
            result->run, result->credited, result->wall_s, result->jobs,
            result->recovery_wall_s > 0 ? timed / result->recovery_wall_s : 0,
            result->recovery_cpu_s > 0 ? timed / result->recovery_cpu_s : 0);
    if (result->timed < result->run)
        fprintf(stream, "times and rates are of %zu of these runs: processes that were killed do not tell theirs\n",
                result->timed);
    if (result->ends > 0)
        fprintf(stream, "the next update was tried on %zu different end states (%.1f CPU seconds more)\n", result->ends,
                result->next_cpu_s);
    if (result->checked > 0)
        fprintf(stream, "%zu credited states run all the same: each went the way of its representative\n",
                result->checked);
    if (result->lost > 0)
        fprintf(stream,
                "machines lost: %zu; what they were at was done again with others, times and rates are without them\n",
                result->lost);
    if (result->live > 0)
        fprintf(stream, "%zu of %zu cuts done for real: each left exactly the state that was built\n",
                live_count(result), result->live);
}

static void print_faults(FILE *stream, const char *head, const struct fault_set *faults)
{
    char text[ID_FAULTS];
    id_format_faults(faults, text);
    for (char *mark = text; (mark = strchr(mark, '!')) != NULL;)
        *mark = ' ';
    if (text[0] != '\0')
        fprintf(stream, "%s:%s%s\n", head, text,
                fault_beyond_cells(faults) ? " (so every state is run, none credited)" : "");
}

bool report_text(FILE *stream, const struct sweep_result *result, const struct profile *profile)
{
    const struct fault_set alike = model_faults(profile->machine);
    struct groups groups;
    if (!result->clean.pass) {
        fprintf(stream, "%s: the update fails without any power loss: %s: %s\n", profile->name, result->clean.oracle,
                result->clean.detail);
        return true;
    }
    if (!groups_make(&groups, result))
        return false;
    fprintf(stream, "%s on %s: %zu operations, %zu cut points; firmware %.12s, seed %" PRIu64 ", %d MIPS\n",
            profile->name, profile->machine, result->recording.count, result->plan.points, result->firmware,
            result->seeds.cuts, RAIL_MIPS);
    print_faults(stream, "faults", &result->faults);
    print_faults(stream, "properties of the machine that are as faults", &alike);
    fprintf(stream, "without power loss: running after %.3f s of virtual time and %" PRIu32 " boots\n\n",
            (double)result->clean.recovery_ns * 1e-9, result->clean.boots);
    print_table(stream, &groups, profile);
    fprintf(stream, "\n");
    groups_free(&groups);
    if (result->plan.count < result->plan.whole)
        fprintf(stream, "this is a shard: %zu of the plan's %zu power losses\n", result->plan.count,
                result->plan.whole);
    if (result->plan.repeated > 0)
        fprintf(stream, "%zu of the cuts repeat another one with other contents of the SRAM and other noise: there are "
                        "not enough operations of their kind\n", result->plan.repeated);
    print_rates(stream, result);
    if (!print_findings(stream, result, profile))
        return false;
    print_baseline(stream, result);
    size_t recovered = 0;
    for (size_t i = 0; i < result->plan.count; i++)
        recovered += groups_verdict(&result->cases[i])->pass;
    fprintf(stream, "%zu of %zu recovered: %s\n", recovered, result->plan.count,
            sweep_passed(result) ? "pass" : "FAIL");
    return true;
}

void report_list(FILE *stream, const struct sweep_result *result, const struct profile *profile)
{
    fprintf(stream, "# id phase area fired live boots virtual_ms verdict run\n");
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        const struct sweep_case *one = &result->cases[i];
        const struct verdict *verdict = groups_verdict(one);
        const struct operation *operation = &result->recording.operations[one->cut.operation];
        char id[SWEEP_ID], run[SWEEP_ID] = "itself";
        sweep_id(result, profile, one, id);
        if (one->representative != i)
            sweep_id(result, profile, &result->cases[one->representative], run);
        fprintf(stream, "%s %s %s %s %s %" PRIu32 " %.3f %s %s\n", id, recording_phase_name(profile, operation->phase),
                recording_area_name(operation), one->fired ? "yes" : "no", one->live ? "yes" : "-", verdict->boots,
                (double)verdict->recovery_ns * 1e-6, verdict->pass ? "recovered" : verdict->oracle, run);
    }
}

/* --- for machines --- */

static json_t *finding_json(const struct sweep_result *result, const struct profile *profile,
                            const struct sweep_finding *finding)
{
    const struct sweep_case *one = &result->cases[finding->first];
    char first[SWEEP_ID], last[SWEEP_ID];
    sweep_id(result, profile, one, first);
    sweep_id(result, profile, &result->cases[finding->last], last);
    return json_pack("{s:s, s:s, s:s, s:{s:I, s:s, s:s}}", "id", first, "oracle", one->outcome->verdict.oracle,
                     "detail", one->outcome->verdict.detail, "members", "count", (json_int_t)finding->members, "first",
                     first, "last", last);
}

static json_t *findings_json(const struct sweep_result *result, const struct profile *profile)
{
    json_t *array = json_array();
    size_t count = 0;
    if (!result->clean.pass)
        json_array_append_new(array, json_pack("{s:s, s:s, s:s}", "id", profile->name, "oracle", result->clean.oracle,
                                               "detail", result->clean.detail));
    struct sweep_finding *findings = sweep_findings(result, &count);
    for (size_t i = 0; findings != NULL && i < count; i++)
        json_array_append_new(array, finding_json(result, profile, &findings[i]));
    free(findings);
    return array;
}

static json_t *groups_json(const struct groups *groups, const struct profile *profile)
{
    json_t *array = json_array();
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->entries[i];
        json_array_append_new(array,
                              json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I}", "phase",
                                        recording_phase_name(profile, group->phase), "area", group->area, "kind",
                                        trace_kind_name(group->kind), "operations", (json_int_t)group->operations,
                                        "cut_points", (json_int_t)group->points, "tried", (json_int_t)group->tried,
                                        "cuts", (json_int_t)group->cuts, "fired", (json_int_t)group->fired, "run",
                                        (json_int_t)group->run, "recovered", (json_int_t)group->recovered, "worst_s",
                                        (double)group->worst_ns * 1e-9, "boots", (json_int_t)group->worst_boots));
    }
    return array;
}

/* Beyond what every sweep says. */
static json_t *more_json(const struct sweep_result *result)
{
    char sram[20];
    snprintf(sram, sizeof sram, "%016" PRIx64, result->sram);
    return json_pack("{s:I, s:I, s:I, s:s, s:i, s:I, s:I, s:I, s:i, s:f, s:f, s:f, s:f, s:I, s:I, s:I}", "seed",
                     (json_int_t)result->seeds.cuts, "sram_seed", (json_int_t)result->seeds.sram, "noise_seed",
                     (json_int_t)result->seeds.noise, "sram_hash", sram, "jobs", (int)result->jobs, "live",
                     (json_int_t)live_count(result), "repeated", (json_int_t)result->plan.repeated, "checked",
                     (json_int_t)result->checked, "mips", RAIL_MIPS, "recovery_wall_s", result->recovery_wall_s,
                     "recovery_cpu_s", result->recovery_cpu_s, "recoveries_per_cpu_s",
                     (double)result->timed / (result->recovery_cpu_s > 0 ? result->recovery_cpu_s : 1), "next_cpu_s",
                     result->next_cpu_s, "next_ends", (json_int_t)result->ends, "cuts", (json_int_t)result->plan.count,
                     "machines_lost", (json_int_t)result->lost);
}

static void append_id(void *array, const char *id)
{
    json_array_append_new(array, json_string(id));
}

/* What is new and what is gone, as ids of power losses. */
static json_t *baseline_json(const struct sweep_result *result, const struct profile *profile)
{
    const struct baseline *baseline = result->baseline;
    json_t *fresh = json_array(), *gone = json_array();
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        char id[SWEEP_ID];
        if (groups_verdict(&result->cases[i])->pass || result->cases[i].known)
            continue;
        sweep_id(result, profile, &result->cases[i], id);
        append_id(fresh, id);
    }
    baseline_each_gone(baseline, append_id, gone);
    return json_pack("{s:I, s:o, s:o, s:I}", "known", (json_int_t)baseline_known(baseline), "new", fresh, "gone", gone,
                     "not_tried", (json_int_t)baseline_untried(baseline));
}

/* One object on one line; takes it. */
bool report_line(FILE *stream, json_t *object)
{
    if (object == NULL)
        return false;
    json_dumpf(object, stream, JSON_COMPACT);
    fputc('\n', stream);
    json_decref(object);
    return true;
}

static json_t *faults_json(const struct fault_set *faults)
{
    json_t *array = json_array();
    char text[FAULT_TEXT];
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        if (!faults->of[fault].on)
            continue;
        fault_format(faults, fault, text);
        json_array_append_new(array, json_string(text));
    }
    return array;
}

bool report_json(FILE *stream, const struct sweep_result *result, const struct profile *profile)
{
    struct groups groups;
    if (!groups_make(&groups, result))
        return false;
    json_t *object =
        json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:n, s:i, s:n, s:o, s:s, s:f, s:f, s:f, s:I, s:o}",
                  "profile", profile->name, "firmware_sha256", result->firmware, "faults", faults_json(&result->faults),
                  "ops", (json_int_t)result->recording.count, "cut_points", (json_int_t)result->plan.points,
                  "cuts_fired", (json_int_t)fired_count(result), "states_run", (json_int_t)result->run, "states_pruned",
                  (json_int_t)result->credited, "closed", "depth", 1, "open", "findings",
                  findings_json(result, profile), "verdict", sweep_passed(result) ? "pass" : "fail", "wall_s",
                  result->wall_s, "cpu_s", result->cpu_s, "virtual_s", (double)result->virtual_ns * 1e-9,
                  "instructions", (json_int_t)result->instructions, "groups", groups_json(&groups, profile));
    groups_free(&groups);
    if (object == NULL || json_object_update_new(object, more_json(result)) != 0)
        return false;
    if (result->baseline != NULL)
        json_object_set_new(object, "baseline", baseline_json(result, profile));
    return report_line(stream, object);
}

/* --- of a sweep that was given up --- */

static bool incomplete_json(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                            size_t judged)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:I, s:I, s:o}", "profile", profile->name, "firmware_sha256",
                               result->firmware, "verdict", "incomplete", "cuts", (json_int_t)result->plan.count,
                               "cuts_judged", (json_int_t)judged, "findings", findings_json(result, profile));
    return report_line(stream, object);
}

bool report_incomplete(FILE *stream, const struct sweep_result *result, const struct profile *profile, bool json)
{
    size_t judged = 0;
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++)
        judged += result->cases[i].outcome != NULL;
    if (judged == 0)
        return true;
    if (json)
        return incomplete_json(stream, result, profile, judged);
    if (!print_findings(stream, result, profile))
        return false;
    fprintf(stream,
            "not complete: %zu of %zu power losses were judged, so there is no verdict and no file is written\n",
            judged, result->plan.count);
    return true;
}
