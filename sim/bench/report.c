/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "groups.h"

#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

/* --- progress --- */

#define QUIET_PERIOD_S 10 /* between lines when nobody sits at a terminal */

void report_progress(void *context, const struct sweep_progress *progress)
{
    struct report_progress *state = context;
    bool terminal = isatty(STDERR_FILENO);
    if (!terminal && progress->seconds - state->printed < QUIET_PERIOD_S)
        return;
    state->printed = progress->seconds;
    state->any = true;
    double rate = progress->seconds > 0 ? (double)progress->done / progress->seconds : 0;
    fprintf(stderr, "%s  %zu of %zu done", terminal ? "\r" : "", progress->done, progress->total);
    if (progress->done < progress->total && rate > 0)
        fprintf(stderr, ", %.1f/s, %.0f s left", rate, (double)(progress->total - progress->done) / rate);
    if (progress->done == progress->total && progress->live_total > 0)
        fprintf(stderr, ", cuts for real %zu of %zu", progress->live_done, progress->live_total);
    fprintf(stderr, ", findings %zu%s", progress->findings, terminal ? "\033[K" : "\n");
    fflush(stderr);
}

void report_progress_end(struct report_progress *state)
{
    if (state->any && isatty(STDERR_FILENO))
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

static bool passed(const struct sweep_result *result)
{
    return result->clean.pass && sweep_findings(result) == 0;
}

/* --- for people --- */

static void print_table(FILE *stream, const struct groups *groups, const struct profile *profile)
{
    struct group total = {0};
    fprintf(stream, "%-14s %-14s %-8s %10s %7s %7s %10s %15s %6s\n", "phase", "area", "kind", "operations", "cuts",
            "fired", "recovered", "worst recovery", "boots");
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->entries[i];
        fprintf(stream, "%-14s %-14s %-8s %10zu %7zu %7zu %10zu", recording_phase_name(profile, group->phase),
                group->area, trace_kind_name(group->kind), group->operations, group->cuts, group->fired,
                group->recovered);
        if (group->cuts > 0)
            fprintf(stream, " %13.3f s %6" PRIu32, (double)group->worst_ns * 1e-9, group->worst_boots);
        fprintf(stream, "%s\n", group->recovered < group->cuts ? "  <-" : "");
        total.operations += group->operations;
        total.cuts += group->cuts;
        total.fired += group->fired;
        total.recovered += group->recovered;
        total.worst_ns = group->worst_ns > total.worst_ns ? group->worst_ns : total.worst_ns;
        total.worst_boots = group->worst_boots > total.worst_boots ? group->worst_boots : total.worst_boots;
    }
    fprintf(stream, "%-14s %-14s %-8s %10zu %7zu %7zu %10zu %13.3f s %6" PRIu32 "\n", "all", "", "", total.operations,
            total.cuts, total.fired, total.recovered, (double)total.worst_ns * 1e-9, total.worst_boots);
}

#define MOST_FINDINGS 20 /* printed for people; the list and the JSON object have all */

static void print_findings(FILE *stream, const struct sweep_result *result, const struct profile *profile)
{
    size_t findings = sweep_findings(result), printed = 0;
    for (size_t i = 0; i < result->plan.count && printed < MOST_FINDINGS; i++) {
        const struct sweep_case *one = &result->cases[i];
        char id[SWEEP_ID];
        if (one->verdict.pass)
            continue;
        printed++;
        sweep_id(result, profile, one, id);
        fprintf(stream, "finding: %s  %s: %s\n", id, one->verdict.oracle, one->verdict.detail);
    }
    if (findings > printed)
        fprintf(stream, "and %zu more findings (--list FILE and --json tell all)\n", findings - printed);
}

bool report_text(FILE *stream, const struct sweep_result *result, const struct profile *profile)
{
    struct groups groups;
    if (!result->clean.pass) {
        fprintf(stream, "%s: the update fails without any power loss: %s: %s\n", profile->name, result->clean.oracle,
                result->clean.detail);
        return true;
    }
    if (!groups_make(&groups, result))
        return false;
    size_t findings = sweep_findings(result);
    fprintf(stream, "%s on %s: %zu operations, %zu cut points; firmware %.12s, seed %" PRIu64 ", %d MIPS\n",
            profile->name, profile->machine, result->recording.count, result->plan.points, result->firmware,
            result->seed, RAIL_MIPS);
    fprintf(stream, "without power loss: running after %.3f s of virtual time and %" PRIu32 " boots\n\n",
            (double)result->clean.recovery_ns * 1e-9, result->clean.boots);
    print_table(stream, &groups, profile);
    fprintf(stream, "\n");
    if (result->plan.repeated > 0)
        fprintf(stream, "%zu of the cuts repeat another one with other contents of the SRAM: there are not enough "
                        "operations of their kind\n", result->plan.repeated);
    if (result->live > 0)
        fprintf(stream, "%zu of %zu cuts done for real: each left exactly the state that was built\n",
                live_count(result), result->live);
    print_findings(stream, result, profile);
    fprintf(stream, "%zu of %zu recovered: %s  (%.1f s, %u jobs, %.1f recoveries per second, %.1f per CPU second)\n",
            result->plan.count - findings, result->plan.count, findings == 0 ? "pass" : "FAIL", result->wall_s,
            result->jobs, (double)result->plan.count / result->recovery_wall_s,
            (double)result->plan.count / result->recovery_cpu_s);
    groups_free(&groups);
    return true;
}

void report_list(FILE *stream, const struct sweep_result *result, const struct profile *profile)
{
    fprintf(stream, "# id phase area fired live boots virtual_ms verdict\n");
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        const struct sweep_case *one = &result->cases[i];
        const struct operation *operation = &result->recording.operations[one->cut.operation];
        char id[SWEEP_ID];
        sweep_id(result, profile, one, id);
        fprintf(stream, "%s %s %s %s %s %" PRIu32 " %.3f %s\n", id, recording_phase_name(profile, operation->phase),
                recording_area_name(operation), one->fired ? "yes" : "no", one->live ? "yes" : "-",
                one->verdict.boots, (double)one->verdict.recovery_ns * 1e-6,
                one->verdict.pass ? "recovered" : one->verdict.oracle);
    }
}

/* --- for machines --- */

static json_t *findings_json(const struct sweep_result *result, const struct profile *profile)
{
    json_t *findings = json_array();
    if (!result->clean.pass)
        json_array_append_new(findings, json_pack("{s:s, s:s, s:s}", "id", profile->name, "oracle",
                                                  result->clean.oracle, "detail", result->clean.detail));
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        const struct sweep_case *one = &result->cases[i];
        char id[SWEEP_ID];
        if (one->verdict.pass)
            continue;
        sweep_id(result, profile, one, id);
        json_array_append_new(findings, json_pack("{s:s, s:s, s:s}", "id", id, "oracle", one->verdict.oracle,
                                                  "detail", one->verdict.detail));
    }
    return findings;
}

static json_t *groups_json(const struct groups *groups, const struct profile *profile)
{
    json_t *array = json_array();
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->entries[i];
        json_array_append_new(
            array, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:I}", "phase",
                             recording_phase_name(profile, group->phase), "area", group->area, "kind",
                             trace_kind_name(group->kind), "operations", (json_int_t)group->operations, "cuts",
                             (json_int_t)group->cuts, "fired", (json_int_t)group->fired, "recovered",
                             (json_int_t)group->recovered, "worst_s", (double)group->worst_ns * 1e-9, "boots",
                             (json_int_t)group->worst_boots));
    }
    return array;
}

bool report_json(FILE *stream, const struct sweep_result *result, const struct profile *profile)
{
    struct groups groups;
    if (!groups_make(&groups, result))
        return false;
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:n, s:i, s:n, s:o, s:s, s:f, s:f, s:f, s:I, s:I, s:i, s:I, s:I, s:i, s:f, s:f, s:o}",
        "profile", profile->name, "firmware_sha256", result->firmware, "ops", (json_int_t)result->recording.count,
        "cut_points", (json_int_t)result->plan.points, "cuts_fired", (json_int_t)fired_count(result), "states_run",
        (json_int_t)result->plan.count, "states_pruned", (json_int_t)0, "closed", "depth", 1, "open", "findings",
        findings_json(result, profile), "verdict", passed(result) ? "pass" : "fail", "wall_s", result->wall_s,
        "cpu_s", result->cpu_s, "virtual_s", (double)result->virtual_ns * 1e-9, "instructions",
        (json_int_t)result->instructions, "seed", (json_int_t)result->seed, "jobs", (int)result->jobs, "live",
        (json_int_t)live_count(result), "repeated", (json_int_t)result->plan.repeated, "mips", RAIL_MIPS,
        "recovery_wall_s", result->recovery_wall_s, "recovery_cpu_s", result->recovery_cpu_s, "groups",
        groups_json(&groups, profile));
    groups_free(&groups);
    if (object == NULL)
        return false;
    json_dumpf(object, stream, JSON_COMPACT);
    fputc('\n', stream);
    json_decref(object);
    return true;
}
