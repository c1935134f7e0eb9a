/* SPDX-License-Identifier: MIT */
#include "page.h"

#include "markup.h"
#include "page_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- head --- */

static void print_verdict(const struct page *page)
{
    const struct sweep_result *result = page->result;
    FILE *stream = page->stream;
    char bad[PAGE_NUMBER], all[PAGE_NUMBER];
    size_t findings = groups_failed(result);
    page_number(findings, bad);
    page_number(result->plan.count, all);
    fprintf(stream, "<h1 class=\"%s\">", sweep_passed(result) ? "pass" : "fail");
    if (!result->clean.pass)
        fputs("The update fails without any power loss", stream);
    else if (findings == 0)
        fprintf(stream, "Recovered from all %s power losses", all);
    else
        fprintf(stream, "%s of %s power losses were not recovered", bad, all);
    fputs("</h1>\n<p class=\"where\"><b>", stream);
    markup_text(stream, page->profile->name);
    fputs("</b> on ", stream);
    markup_text(stream, page->profile->machine);
    fprintf(stream, ", firmware <code title=\"%s\">%.12s</code>, seed %" PRIu64 "</p>\n", result->firmware,
            result->firmware, result->seeds.cuts);
    if (!result->clean.pass) {
        fputs("<div class=\"cause\"><p><b>", stream);
        markup_text(stream, result->clean.oracle);
        fputs("</b> ", stream);
        markup_text(stream, result->clean.detail);
        fputs("</p></div>\n", stream);
    }
}

static void print_faults(const struct page *page)
{
    char faults[ID_FAULTS];
    id_format_faults(&page->result->faults, faults);
    if (faults[0] == '\0')
        return;
    fputs("<p class=\"where\">faults of the parts: ", page->stream);
    markup_text(page->stream, faults + 1);
    fputs("</p>\n", page->stream);
}

static void print_figures(const struct page *page)
{
    const struct sweep_result *result = page->result;
    size_t fired = 0, live = 0, findings = groups_failed(result);
    uint64_t worst_ns = 0;
    uint32_t worst_boots = 0;
    char value[80], note[120], number[PAGE_NUMBER];
    for (size_t i = 0; i < result->plan.count; i++) {
        fired += result->cases[i].fired;
        live += result->cases[i].live;
        if (groups_verdict(&result->cases[i])->recovery_ns > worst_ns)
            worst_ns = groups_verdict(&result->cases[i])->recovery_ns;
        if (groups_verdict(&result->cases[i])->boots > worst_boots)
            worst_boots = groups_verdict(&result->cases[i])->boots;
    }
    fputs("<dl class=\"figures\">\n", page->stream);
    snprintf(note, sizeof note, "%s cut points", page_number(result->plan.points, number));
    page_figure(page->stream, "Operations", page_number(result->recording.count, value), note, false);
    snprintf(note, sizeof note, "%s fired", page_number(fired, number));
    page_figure(page->stream, "Power losses", page_number(result->plan.count, value), note, false);
    snprintf(note, sizeof note, "%s credited with their verdicts", page_number(result->credited, number));
    page_figure(page->stream, "States run", page_number(result->run, value), note, false);
    snprintf(note, sizeof note, "%s recovered", page_number(result->plan.count - findings, number));
    page_figure(page->stream, "Not recovered", page_number(findings, value), note, findings > 0);
    snprintf(value, sizeof value, "%.2f s", (double)worst_ns * 1e-9);
    snprintf(note, sizeof note, "virtual, %" PRIu32 " boot%s", worst_boots, worst_boots == 1 ? "" : "s");
    page_figure(page->stream, "Longest recovery", value, note, false);
    snprintf(note, sizeof note, "each left the state that was built");
    page_figure(page->stream, "Cuts done for real", page_number(live, value), note, false);
    snprintf(value, sizeof value, "%.1f s", result->wall_s);
    snprintf(note, sizeof note, "%u jobs, %.1f recoveries per CPU second", result->jobs,
             result->recovery_cpu_s > 0 ? (double)result->timed / result->recovery_cpu_s : 0);
    page_figure(page->stream, "Took", value, note, false);
    fputs("</dl>\n", page->stream);
}

/* --- the whole --- */

/* What may be behind a finding that still had room. */
#define SLACK 20000

static bool print_head(const struct page *page)
{
    FILE *stream = page->stream;
    page_begin(stream, page->profile->name, sweep_passed(page->result) ? "pass" : "fail");
    print_verdict(page);
    print_faults(page);
    if (page->result->cases != NULL)
        print_figures(page);
    fputs("</header>\n<main>\n", stream);
    return page_findings(page);
}

static bool print_rest(const struct page *page)
{
    FILE *stream = page->stream;
    bool good = page_timeline(page);
    page_coverage(page);
    if (page->result->recording.count > 0)
        page_flashes(page);
    page_groups(page);
    fprintf(stream, "</main>\n<footer>Firmware SHA-256 %s. The real binary ran at %d million instructions per second of virtual "
                    "time; %.3g instructions in all.</footer>\n",
            page->result->firmware, RAIL_MIPS, (double)page->result->instructions);
    page_end(stream);
    return good;
}

/* A part of the page in memory, malloc'ed; NULL: no memory. */
typedef bool part_fn(const struct page *page);
static char *in_memory(struct page *page, part_fn *print, size_t *size)
{
    char *memory = NULL;
    page->stream = open_memstream(&memory, size);
    bool good = page->stream != NULL && print(page);
    good = page->stream != NULL && fclose(page->stream) == 0 && good;
    if (good)
        return memory;
    free(memory);
    return NULL;
}

/* The findings come first and get the room that everything else leaves. */
static bool print_page(struct page *page, FILE *stream)
{
    size_t head_size, rest_size;
    char *head = NULL, *rest = in_memory(page, print_rest, &rest_size);
    if (rest != NULL) {
        page->room = rest_size + SLACK < PAGE_LIMIT ? PAGE_LIMIT - rest_size - SLACK : 0;
        head = in_memory(page, print_head, &head_size);
    }
    bool good = head != NULL;
    if (good) {
        fwrite(head, 1, head_size, stream); /* a short write is an error of the stream */
        fwrite(rest, 1, rest_size, stream);
    }
    free(head);
    free(rest);
    return good;
}

bool page_write(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                const struct id_target *target)
{
    struct page page = {.result = result, .profile = profile, .target = target};
    bool good = groups_make(&page.groups, result) && coverage_make(&page.coverage, result, profile) &&
                print_page(&page, stream);
    groups_free(&page.groups);
    coverage_free(&page.coverage);
    return good;
}
