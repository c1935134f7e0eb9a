/* SPDX-License-Identifier: MIT
 *
 * The page of a search of several power losses.
 */
#include "closure_report.h"
#include "markup.h"
#include "page_parts.h"

#include <inttypes.h>
#include <stdlib.h>

/* of the page, for what comes behind the findings: a table of at most CLOSURE_DEPTHS lines, style and script */
#define TAIL 60000

/* --- head --- */

static size_t failing(const struct closure_result *result)
{
    size_t count = 0;
    for (unsigned i = 0; i < result->depth_count; i++)
        count += result->depths[i].failing;
    return count;
}

static void print_title(FILE *stream, const struct closure_result *result)
{
    char number[PAGE_NUMBER];
    size_t bad = failing(result);
    if (!result->sweep.clean.pass)
        fputs("<h1 class=\"fail\">The update fails without any power loss</h1>\n", stream);
    else if (bad > 0)
        fprintf(stream, "<h1 class=\"fail\">%s state%s not recovered from</h1>\n", page_number(bad, number),
                bad > 1 ? "s were" : " was");
    else if (result->closed)
        fputs("<h1 class=\"pass\">Closed: recovered from any number of power losses</h1>\n", stream);
    else
        fprintf(stream, "<h1>Nothing found: depth %u complete, not closed</h1>\n", result->depth);
}

static bool print_words(FILE *stream, const struct closure_result *result)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (memory != NULL)
        closure_report_end(memory, result);
    bool good = memory != NULL && fclose(memory) == 0;
    if (good) {
        fputs("<p class=\"note\">", stream);
        markup_text(stream, text);
        fputs("</p>\n", stream);
    }
    free(text);
    return good;
}

static void print_clean(FILE *stream, const struct verdict *clean)
{
    fputs("<div class=\"cause\"><p><b>", stream);
    markup_text(stream, clean->oracle);
    fputs("</b> ", stream);
    markup_text(stream, clean->detail);
    fputs("</p></div>\n", stream);
}

static void print_figures(FILE *stream, const struct closure_result *result)
{
    char value[PAGE_NUMBER], number[PAGE_NUMBER], note[120];
    size_t bad = failing(result);
    fputs("<dl class=\"figures\">\n", stream);
    snprintf(value, sizeof value, "%u", result->depth);
    page_figure(stream, "Complete depth", value, "power losses in a row", false);
    snprintf(note, sizeof note, "%s met again", page_number(result->seen, number));
    page_figure(stream, "States judged", page_number(result->run + result->credited, value), note, false);
    snprintf(note, sizeof note, "%s credited with their verdicts", page_number(result->credited, number));
    page_figure(stream, "States run", page_number(result->run, value), note, false);
    snprintf(note, sizeof note, "%s finding%s", page_number(result->finding_count, number),
             result->finding_count != 1 ? "s" : "");
    page_figure(stream, "Not recovered", page_number(bad, value), note, bad > 0);
    snprintf(note, sizeof note, "%s recoveries not looked at", page_number(result->unlooked, number));
    page_figure(stream, "Open", page_number(result->open, value), note, false);
    snprintf(note, sizeof note, "%u jobs, %.1f s of CPU time", result->sweep.jobs, result->cpu_s);
    snprintf(value, sizeof value, "%.1f s", result->wall_s);
    page_figure(stream, "Took", value, note, false);
    fputs("</dl>\n", stream);
}

static bool print_head(FILE *stream, const struct closure_result *result)
{
    char faults[ID_FAULTS];
    page_begin(stream, result->profile->name, closure_passed(result) ? "pass" : "fail");
    print_title(stream, result);
    fputs("<p class=\"where\"><b>", stream);
    markup_text(stream, result->profile->name);
    fputs("</b> on ", stream);
    markup_text(stream, result->profile->machine);
    fprintf(stream, ", firmware <code title=\"%s\">%.12s</code>, %zu operations without power loss</p>\n",
            result->sweep.firmware, result->sweep.firmware, result->sweep.recording.count);
    id_format_faults(&result->sweep.faults, faults);
    if (faults[0] != '\0') {
        fputs("<p class=\"where\">faults of the parts: ", stream);
        markup_text(stream, faults + 1);
        fputs("</p>\n", stream);
    }
    if (!result->sweep.clean.pass) {
        print_clean(stream, &result->sweep.clean);
        fputs("</header>\n<main>\n", stream);
        return true;
    }
    bool good = print_words(stream, result);
    print_figures(stream, result);
    fputs("</header>\n<main>\n", stream);
    return good;
}

/* --- findings --- */

static void print_finding(FILE *stream, const struct closure_result *result, const struct closure_finding *finding,
                          const struct id_target *target)
{
    char id[ID_TEXT], command[ID_COMMAND], number[PAGE_NUMBER];
    fputs("<div class=\"cause\"><p><b>", stream);
    markup_text(stream, finding->verdict.oracle);
    fputs("</b> ", stream);
    markup_text(stream, finding->verdict.detail);
    fprintf(stream, "</p><p class=\"note\">%s state%s", page_number(finding->members, number),
            finding->members > 1 ? "s" : "");
    fprintf(stream, finding->members > finding->count ? ", the first %zu of them:</p>\n" : ":</p>\n", finding->count);
    for (size_t i = 0; i < finding->count; i++) {
        closure_id(result, finding->states[i], id);
        id_command(id, result->sweep.firmware, target, command);
        page_command(stream, command);
    }
    fputs("</div>\n", stream);
}

static void print_findings(FILE *stream, const struct closure_result *result, const struct id_target *target)
{
    size_t printed = 0;
    if (result->finding_count == 0)
        return;
    fputs("<h2>Findings</h2>\n<p class=\"note\">States that failed in the same words are together. Each id names all losses that lead there, "
          "and nobody went on from it.</p>\n",
          stream);
    while (printed < result->finding_count && ftell(stream) < PAGE_LIMIT - TAIL)
        print_finding(stream, result, &result->findings[printed++], target);
    if (printed < result->finding_count)
        fprintf(stream, "<p class=\"note\">And %zu more, for which there is no room here: sweep --list and --json have them all.</p>\n",
                result->finding_count - printed);
}

/* --- depths --- */

static void print_number(FILE *stream, size_t value, const char *class)
{
    char number[PAGE_NUMBER];
    fprintf(stream, "<td class=\"n%s\">%s</td>", class, page_number(value, number));
}

static void print_share(FILE *stream, const char *class, size_t part, size_t all)
{
    if (part > 0)
        fprintf(stream, "<i class=\"%s\" style=\"width:%.2f%%\"></i>", class, 100.0 * (double)part / (double)all);
}

static void print_depth(FILE *stream, unsigned number, const struct closure_depth *depth)
{
    size_t open = depth->states - depth->run - depth->credited;
    fprintf(stream, "<tr><th scope=\"row\">%u</th>", number);
    print_number(stream, depth->states, "");
    print_number(stream, depth->run, "");
    print_number(stream, depth->credited, "");
    print_number(stream, depth->failing, depth->failing > 0 ? " miss" : "");
    print_number(stream, open, open > 0 ? " hole" : "");
    fputs("<td class=\"bar\"><div class=\"share\">", stream);
    print_share(stream, "good", depth->run + depth->credited - depth->failing, depth->states);
    print_share(stream, "bad-fill", depth->failing, depth->states);
    print_share(stream, "hole", open, depth->states);
    fputs("</div></td></tr>\n", stream);
}

static void print_depths(FILE *stream, const struct closure_result *result)
{
    size_t open = result->open; /* beyond the last depth: what one more loss leads to */
    fputs("<h2>States by depth</h2>\n<p class=\"note\">The depth is the number of power losses in a row, in the update and in the recoveries; its "
          "states are those that were not met before. Open ones were met and not judged.</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
          "aria-label=\"States by depth\"><table class=\"depths\">\n<thead><tr><th scope=\"col\">depth</th><th scope=\"col\" class=\"n\">states</th>"
          "<th scope=\"col\" class=\"n\">run</th><th scope=\"col\" class=\"n\">credited</th><th scope=\"col\" class=\"n\">not recovered</th>"
          "<th scope=\"col\" class=\"n\">open</th><th></th></tr></thead>\n<tbody>\n",
          stream);
    for (unsigned i = 0; i < result->depth_count; i++) {
        print_depth(stream, i + 1, &result->depths[i]);
        open -= result->depths[i].states - result->depths[i].run - result->depths[i].credited;
    }
    if (open > 0)
        print_depth(stream, result->depth_count + 1, &(struct closure_depth){.states = open});
    fputs("</tbody></table></div>\n<ul class=\"legend\"><li><i class=\"good\"></i>recovered</li><li><i class=\"bad-fill\"></i>not recovered</li>"
          "<li><i class=\"hole\"></i>open</li></ul>\n",
          stream);
}

/* --- the whole --- */

bool page_write_closure(FILE *stream, const struct closure_result *result, const struct id_target *target)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    bool good = memory != NULL && print_head(memory, result);
    if (memory != NULL) {
        print_findings(memory, result, target);
        if (result->depth_count > 0)
            print_depths(memory, result);
        fprintf(memory, "</main>\n<footer>Firmware SHA-256 %s. The real binary ran at %d million instructions per second of virtual time; %.3g "
                        "instructions in all.</footer>\n",
                result->sweep.firmware, RAIL_MIPS, (double)result->sweep.instructions);
        page_end(memory);
    }
    good = memory != NULL && fclose(memory) == 0 && good;
    if (good)
        fwrite(text, 1, size, stream); /* a short write is an error of the stream */
    free(text);
    return good;
}
