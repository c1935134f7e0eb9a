/* SPDX-License-Identifier: MIT */
#include "markdown.h"

#include "baseline.h"
#include "groups.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FINDINGS 20 /* a summary page has a limit; the list and the JSON object have all */

/* Text that stands for itself, in a paragraph and in a table. */
static void print_text(FILE *stream, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("\\`*_[]<>|#&~", *text) != NULL)
            fputc('\\', stream);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, stream);
    }
}

/* Code that stands for itself: between more backquotes than it has in a row. */
static void print_code(FILE *stream, const char *code)
{
    size_t most = 0, row = 0;
    for (const char *at = code; *at != '\0'; at++) {
        row = *at == '`' ? row + 1 : 0;
        most = row > most ? row : most;
    }
    for (size_t i = 0; i <= most; i++)
        fputc('`', stream);
    fprintf(stream, most > 0 ? " %s " : "%s", code);
    for (size_t i = 0; i <= most; i++)
        fputc('`', stream);
}

static void print_head(FILE *stream, const struct sweep_result *result, const struct profile *profile)
{
    size_t failed = groups_failed(result);
    fprintf(stream, "## ");
    print_text(stream, profile->name);
    if (!result->clean.pass)
        fprintf(stream, ": the update fails without any power loss\n\n");
    else if (failed == 0)
        fprintf(stream, ": recovered from all %zu power losses\n\n", result->plan.count);
    else
        fprintf(stream, ": %zu of %zu power losses were not recovered%s\n\n", failed, result->plan.count,
                sweep_passed(result) ? ", all of them known" : "");
    fprintf(stream, "Machine ");
    print_text(stream, profile->machine);
    fprintf(stream, ", firmware `%.12s`, seed %" PRIu64 ", %zu operations, %zu states run and %zu credited.\n\n",
            result->firmware, result->seeds.cuts, result->recording.count, result->run, result->credited);
    if (result->baseline != NULL)
        fprintf(stream, "Baseline: %zu known, %zu new, %zu gone, %zu not tried.\n\n", baseline_known(result->baseline),
                failed - baseline_known(result->baseline), baseline_gone(result->baseline),
                baseline_untried(result->baseline));
}

static void print_groups(FILE *stream, const struct groups *groups, const struct profile *profile)
{
    fprintf(stream, "| phase | area | kind | operations | power losses | run | recovered | longest |\n|---|---|---|--:|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->entries[i];
        fprintf(stream, "| ");
        print_text(stream, recording_phase_name(profile, group->phase));
        fprintf(stream, " | ");
        print_text(stream, group->area);
        fprintf(stream, " | %s | %zu | %zu | %zu | %s%zu%s | %.3f s |\n", trace_kind_name(group->kind),
                group->operations, group->cuts, group->run, group->recovered < group->cuts ? "**" : "",
                group->recovered, group->recovered < group->cuts ? "**" : "", (double)group->worst_ns * 1e-9);
    }
    fprintf(stream, "\n");
}

static void print_finding(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                          const struct sweep_finding *finding, const struct id_target *target)
{
    const struct sweep_case *one = &result->cases[finding->first];
    char id[SWEEP_ID], command[ID_COMMAND];
    sweep_id(result, profile, one, id);
    id_command(id, result->firmware, target, command);
    fprintf(stream, "- **%s** ", one->outcome->verdict.oracle);
    print_text(stream, one->outcome->verdict.detail);
    fprintf(stream, " (%zu power loss%s%s)  \n  ", finding->members, finding->members > 1 ? "es" : "",
            finding->known == finding->members ? ", known" : finding->known > 0 ? ", some known" : "");
    print_code(stream, command);
    fprintf(stream, "\n");
}

static void print_findings(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                           const struct sweep_finding *findings, size_t count, const struct id_target *target)
{
    if (count > 0)
        fprintf(stream, "### Findings\n\n");
    for (size_t i = 0; i < count && i < MOST_FINDINGS; i++)
        print_finding(stream, result, profile, &findings[i], target);
    if (count > MOST_FINDINGS)
        fprintf(stream, "\nAnd %zu more.\n", count - MOST_FINDINGS);
}

bool markdown_write(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                    const struct id_target *target)
{
    struct groups groups;
    size_t count;
    if (!groups_make(&groups, result))
        return false;
    struct sweep_finding *findings = sweep_findings(result, &count);
    if (findings != NULL) {
        print_head(stream, result, profile);
        if (result->clean.pass)
            print_groups(stream, &groups, profile);
        else
            print_text(stream, result->clean.detail);
        print_findings(stream, result, profile, findings, count, target);
    }
    groups_free(&groups);
    free(findings);
    return findings != NULL;
}
