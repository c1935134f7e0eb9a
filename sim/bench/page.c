/* SPDX-License-Identifier: MIT */
#include "page.h"

#include "markup.h"
#include "page_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The files of the folder page/, inside the program: a page must not need anything else. */
#define INCLUDE_TEXT(name, file)                                                                                        \
    __asm__(".pushsection .rodata\n" #name ":\n.incbin \"" MATTERHORN_PAGE "/" file "\"\n.byte 0\n.popsection\n");      \
    extern const char name[] __asm__(#name)

INCLUDE_TEXT(page_style, "page.css");
INCLUDE_TEXT(page_script, "page.js");

const char *page_number(uint64_t number, char text[PAGE_NUMBER])
{
    char digits[PAGE_NUMBER];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, number), used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

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
    fprintf(stream, ", firmware <code title=\"%s\">%.12s</code>, seed %" PRIu64 "</p>\n", result->firmware, result->firmware,
            result->seeds.cuts);
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

static void print_figure(FILE *stream, const char *name, const char *value, const char *note, bool bad)
{
    fprintf(stream, "<div><dt>%s</dt><dd%s>%s<small>%s</small></dd></div>\n", name, bad ? " class=\"bad\"" : "", value, note);
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
    print_figure(page->stream, "Operations", page_number(result->recording.count, value), note, false);
    snprintf(note, sizeof note, "%s fired", page_number(fired, number));
    print_figure(page->stream, "Power losses", page_number(result->plan.count, value), note, false);
    snprintf(note, sizeof note, "%s credited with their verdicts", page_number(result->credited, number));
    print_figure(page->stream, "States run", page_number(result->run, value), note, false);
    snprintf(note, sizeof note, "%s recovered", page_number(result->plan.count - findings, number));
    print_figure(page->stream, "Not recovered", page_number(findings, value), note, findings > 0);
    snprintf(value, sizeof value, "%.2f s", (double)worst_ns * 1e-9);
    snprintf(note, sizeof note, "virtual, %" PRIu32 " boot%s", worst_boots, worst_boots == 1 ? "" : "s");
    print_figure(page->stream, "Longest recovery", value, note, false);
    snprintf(note, sizeof note, "each left the state that was built");
    print_figure(page->stream, "Cuts done for real", page_number(live, value), note, false);
    snprintf(value, sizeof value, "%.1f s", result->wall_s);
    snprintf(note, sizeof note, "%u jobs, %.1f recoveries per CPU second", result->jobs,
             result->recovery_cpu_s > 0 ? (double)result->run / result->recovery_cpu_s : 0);
    print_figure(page->stream, "Took", value, note, false);
    fputs("</dl>\n", page->stream);
}

/* --- groups --- */

static void print_phase(const struct page *page, unsigned phase)
{
    const struct summary *summary = &page->coverage.summary;
    const char *name = recording_phase_name(page->profile, phase);
    fputs("<tr class=\"phase\"><td colspan=\"8\">", page->stream);
    markup_text(page->stream, name);
    for (size_t i = 0; i < summary->phase_count; i++) {
        uint64_t end_ns = i + 1 < summary->phase_count ? summary->phases[i + 1].begin_ns : summary->end_ns;
        if (strcmp(summary->phases[i].name, name) == 0)
            fprintf(page->stream, "<span>from %.3f s, %.3f s long</span>", (double)summary->phases[i].begin_ns * 1e-9,
                    (double)(end_ns - summary->phases[i].begin_ns) * 1e-9);
    }
    fputs("</td></tr>\n", page->stream);
}

static void print_group(const struct page *page, const struct group *group)
{
    FILE *stream = page->stream;
    char number[PAGE_NUMBER];
    fputs("<tr><td>", stream);
    markup_text(stream, group->area);
    fprintf(stream, "</td><td>%s</td><td class=\"n\">%s</td>", trace_kind_name(group->kind),
            page_number(group->operations, number));
    fprintf(stream, "<td class=\"n\">%s</td>", page_number(group->cuts, number));
    fprintf(stream, "<td class=\"n\">%s</td>", page_number(group->run, number));
    fprintf(stream, "<td class=\"n%s\">%s</td>", group->recovered < group->cuts ? " miss" : "",
            page_number(group->recovered, number));
    if (group->cuts == 0) {
        fputs("<td class=\"n\"></td><td class=\"bar\"></td></tr>\n", stream);
        return;
    }
    double good = 100.0 * (double)group->recovered / (double)group->cuts;
    fprintf(stream, "<td class=\"n\">%.3f s</td><td class=\"bar\"><div class=\"share\"><i class=\"good\" "
                    "style=\"width:%.2f%%\"></i><i class=\"bad-fill\" style=\"width:%.2f%%\"></i></div></td></tr>\n",
            (double)group->worst_ns * 1e-9, good, 100 - good);
}

static void print_groups(const struct page *page)
{
    FILE *stream = page->stream;
    if (page->groups.count == 0)
        return;
    fputs("<h2>Where power was lost</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>area</th><th>kind</th>"
          "<th class=\"n\">operations</th><th class=\"n\">power losses</th><th class=\"n\">run</th><th class=\"n\">recovered</th>"
          "<th class=\"n\">longest recovery</th><th></th></tr></thead>\n<tbody>\n",
          stream);
    for (size_t i = 0; i < page->groups.count; i++) {
        const struct group *group = &page->groups.entries[i];
        if (i == 0 || group->phase != page->groups.entries[i - 1].phase)
            print_phase(page, group->phase);
        print_group(page, group);
    }
    fputs("</tbody></table></div>\n", stream);
}

/* --- the whole --- */

static bool print_page(const struct page *page)
{
    FILE *stream = page->stream;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          stream);
    markup_print(stream, "%s: %s", page->profile->name, sweep_passed(page->result) ? "pass" : "fail");
    fprintf(stream, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<header>\n<p class=\"mark\">"
                    "<svg viewBox=\"0 0 24 20\" aria-hidden=\"true\"><path d=\"M1 19 8 10l2.2 1.6L13 1l3.4 8.2 2.1.9L23 19z\"/></svg>"
                    "Matterhorn</p>\n",
            page_style);
    print_verdict(page);
    print_faults(page);
    if (page->result->cases != NULL)
        print_figures(page);
    fputs("</header>\n<main>\n", stream);
    bool good = page_findings(page);
    page_timeline(page);
    if (page->result->recording.count > 0)
        page_flashes(page);
    print_groups(page);
    fprintf(stream, "</main>\n<footer>Firmware SHA-256 %s. The real binary ran at %d million instructions per second of virtual "
                    "time; %.3g instructions in all.</footer>\n<script>\n%s</script>\n</body>\n</html>\n",
            page->result->firmware, RAIL_MIPS, (double)page->result->instructions, page_script);
    return good;
}

bool page_write(FILE *stream, const struct sweep_result *result, const struct profile *profile,
                const struct id_target *target)
{
    struct page page = {.result = result, .profile = profile, .target = target};
    char *memory = NULL;
    size_t size = 0;
    page.stream = open_memstream(&memory, &size);
    bool good = page.stream != NULL && groups_make(&page.groups, result) &&
                coverage_make(&page.coverage, result, profile) && print_page(&page);
    good = page.stream != NULL && fclose(page.stream) == 0 && good;
    if (good)
        fwrite(memory, 1, size, stream); /* a short write is an error of the stream */
    free(memory);
    groups_free(&page.groups);
    coverage_free(&page.coverage);
    return good;
}
