/* SPDX-License-Identifier: MIT */
#include "junit.h"

#include "groups.h"
#include "markup.h"

#include <inttypes.h>
#include <stdlib.h>

static void write_attribute(FILE *stream, const char *name, const char *value)
{
    fprintf(stream, " %s=\"", name);
    markup_text(stream, value);
    fputc('"', stream);
}

static void begin_case(FILE *stream, const struct profile *profile, const char *class, const char *name)
{
    char whole[200];
    snprintf(whole, sizeof whole, "%s.%s", profile->name, class);
    fputs("  <testcase", stream);
    write_attribute(stream, "classname", whole);
    write_attribute(stream, "name", name);
    fputs(">\n", stream);
}

static void write_failure(FILE *stream, const char *type, const char *message)
{
    fputs("    <failure", stream);
    write_attribute(stream, "type", type);
    write_attribute(stream, "message", message);
    fputs("/>\n", stream);
}

static void write_group(FILE *stream, const struct group *group, const struct profile *profile)
{
    char name[200];
    snprintf(name, sizeof name, "%s %s", group->area, trace_kind_name(group->kind));
    begin_case(stream, profile, recording_phase_name(profile, group->phase), name);
    if (group->cuts == 0) {
        fputs("    <skipped message=\"no power loss was planned here\"/>\n", stream);
    } else if (group->recovered + group->known == group->cuts && group->known > 0) {
        fprintf(stream, "    <skipped message=\"%zu of %zu power losses not recovered, all of them known\"/>\n",
                group->known, group->cuts);
    } else if (group->recovered < group->cuts) {
        snprintf(name, sizeof name, "%zu of %zu power losses not recovered", group->cuts - group->recovered,
                 group->cuts);
        write_failure(stream, "group", name);
    }
    fprintf(stream, "    <system-out>%zu operations, %zu power losses, %zu of them run, %zu recovered, worst recovery %.3f s and %" PRIu32
                    " boots</system-out>\n  </testcase>\n",
            group->operations, group->cuts, group->run, group->recovered, (double)group->worst_ns * 1e-9, group->worst_boots);
}

static void write_finding(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                          const struct sweep_finding *finding, const struct id_target *target)
{
    const struct sweep_case *one = &result->cases[finding->first];
    char id[SWEEP_ID], last[SWEEP_ID], command[ID_COMMAND];
    sweep_id(result, profile, one, id);
    sweep_id(result, profile, &result->cases[finding->last], last);
    id_command(id, result->firmware, target, command);
    begin_case(stream, profile, "findings", id);
    if (finding->known == finding->members)
        fputs("    <skipped message=\"known: it is in the baseline\"/>\n", stream);
    else
        write_failure(stream, groups_verdict(one)->oracle, groups_verdict(one)->detail);
    fputs("    <system-out>", stream);
    markup_text(stream, command);
    fputs("</system-out>\n", stream);
    if (finding->members > 1) {
        fputs("    <system-err>", stream);
        markup_print(stream, "%zu power losses go this way, up to %s", finding->members, last);
        fputs("</system-err>\n", stream);
    }
    fputs("  </testcase>\n", stream);
}

/* The update failed without any power loss: then there is nothing else to say. */
static void write_clean_failure(FILE *stream, const struct sweep_result *result, const struct profile *profile)
{
    begin_case(stream, profile, "findings", "the update without power loss");
    write_failure(stream, result->clean.oracle, result->clean.detail);
    fputs("  </testcase>\n", stream);
}

bool junit_write(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                 const struct id_target *target)
{
    struct groups groups;
    size_t count;
    if (!groups_make(&groups, result))
        return false;
    struct sweep_finding *list = sweep_findings(result, &count);
    if (list == NULL) {
        groups_free(&groups);
        return false;
    }
    size_t findings = count + (result->clean.pass ? 0 : 1);
    size_t tests = findings + groups.count, failures = findings, skipped = 0;
    for (size_t i = 0; i < groups.count; i++) {
        const struct group *group = &groups.entries[i];
        failures += group->recovered + group->known < group->cuts;
        skipped += group->cuts == 0 || (group->known > 0 && group->recovered + group->known == group->cuts);
    }
    for (size_t i = 0; i < count; i++) {
        failures -= list[i].known == list[i].members;
        skipped += list[i].known == list[i].members;
    }
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite", stream);
    write_attribute(stream, "name", profile->name);
    fprintf(stream, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\">\n  <properties>\n",
            tests, failures, skipped, result->wall_s);
    char faults[ID_FAULTS];
    id_format_faults(&result->faults, faults);
    fprintf(stream,
            "    <property name=\"firmware_sha256\" value=\"%s\"/>\n    <property name=\"seed\" value=\"%" PRIu64
            "\"/>\n    <property name=\"faults\" value=\"%s\"/>\n  </properties>\n",
            result->firmware, result->seeds.cuts, faults);
    for (size_t i = 0; i < groups.count; i++)
        write_group(stream, &groups.entries[i], profile);
    for (size_t i = 0; i < count; i++)
        write_finding(stream, result, profile, &list[i], target);
    if (!result->clean.pass)
        write_clean_failure(stream, result, profile);
    fputs("</testsuite>\n</testsuites>\n", stream);
    free(list);
    groups_free(&groups);
    return true;
}
