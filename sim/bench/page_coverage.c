/* SPDX-License-Identifier: MIT
 *
 * What was tried: areas and kinds of operations by phase, and the same group by group.
 */
#include "markup.h"
#include "page_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- sums of groups --- */

/* Of the same area and kind. */
static bool same_line(const struct group *one, const struct group *other)
{
    return one->kind == other->kind && strcmp(one->area, other->area) == 0;
}

static void add(struct group *total, const struct group *group)
{
    total->operations += group->operations;
    total->points += group->points;
    total->tried += group->tried;
    total->cuts += group->cuts;
    total->fired += group->fired;
    total->run += group->run;
    total->recovered += group->recovered;
    total->worst_ns = group->worst_ns > total->worst_ns ? group->worst_ns : total->worst_ns;
}

/* Of those like `line`, in phase `phase`; NULL and ANY take all. */
#define ANY UINT32_MAX
static struct group sum(const struct groups *groups, const struct group *line, unsigned phase)
{
    struct group total = {.area = line != NULL ? line->area : "everything",
                          .kind = line != NULL ? line->kind : 0,
                          .phase = phase};
    for (size_t i = 0; i < groups->count; i++)
        if ((line == NULL || same_line(&groups->entries[i], line)) &&
            (phase == ANY || groups->entries[i].phase == phase))
            add(&total, &groups->entries[i]);
    return total;
}

/* --- areas and kinds by phase --- */

static const char *phase_name(const struct page *page, unsigned phase)
{
    return phase == ANY ? "all phases" : recording_phase_name(page->profile, phase);
}

/* All figures in words, for whoever points at it. */
static void print_words(const struct page *page, const struct group *cell)
{
    FILE *stream = page->stream;
    char number[PAGE_NUMBER];
    markup_print(stream, "%s%s%s, %s: ", cell->area, cell->kind != 0 ? " " : "",
                 cell->kind != 0 ? trace_kind_name(cell->kind) : "", phase_name(page, cell->phase));
    fprintf(stream, "%s operations, ", page_number(cell->operations, number));
    fprintf(stream, "%s cut points, ", page_number(cell->points, number));
    fprintf(stream, "%s of them tried; ", page_number(cell->tried, number));
    fprintf(stream, "%s power losses, ", page_number(cell->cuts, number));
    fprintf(stream, "%s fired, ", page_number(cell->fired, number));
    fprintf(stream, "%s run, ", page_number(cell->run, number));
    fprintf(stream, "%s credited; ", page_number(cell->cuts - cell->run, number));
    fprintf(stream, "%s not recovered", page_number(cell->cuts - cell->recovered, number));
}

static const char *class_of(const struct group *cell)
{
    return cell->operations == 0          ? "none"
           : cell->cuts > cell->recovered ? "cell f"
           : cell->tried == 0             ? "cell hole"
                                          : "cell g";
}

/* How strong its colour is: what share of the cut points was tried. */
static double strength(const struct group *cell)
{
    return cell->tried == 0 ? 0 : 0.12 + 0.3 * (double)cell->tried / (double)cell->points;
}

static void print_cell(const struct page *page, const struct group *cell)
{
    FILE *stream = page->stream;
    char number[PAGE_NUMBER];
    if (cell->operations == 0) {
        fputs("<td class=\"none\"></td>", stream);
        return;
    }
    fprintf(stream, "<td class=\"%s\" style=\"--o:%.2f\" tabindex=\"-1\" data-points=\"%zu\" data-tried=\"%zu\" data-cuts=\"%zu\" "
                    "data-failing=\"%zu\" title=\"",
            class_of(cell), strength(cell), cell->points, cell->tried, cell->cuts, cell->cuts - cell->recovered);
    print_words(page, cell);
    fprintf(stream, "\"><b>%s</b>", cell->tried == cell->points ? "all" : page_number(cell->tried, number));
    fprintf(stream, "%s%s", cell->tried == cell->points ? " " : " of ", page_number(cell->points, number));
    if (cell->cuts > cell->recovered)
        fprintf(stream, "<small>%s not recovered</small>", page_number(cell->cuts - cell->recovered, number));
    fputs("</td>", stream);
}

/* One line: the cell of each phase, and of all of them; `line` NULL: of everything. */
static void print_line(const struct page *page, const struct group *line, const bool *used)
{
    FILE *stream = page->stream;
    fputs(line == NULL ? "<tr class=\"sum\"><th scope=\"row\">" : "<tr><th scope=\"row\">", stream);
    if (line != NULL)
        markup_print(stream, "%s %s", line->area, trace_kind_name(line->kind));
    else
        fputs("everything", stream);
    fputs("</th>", stream);
    for (unsigned phase = 0; phase <= page->profile->phases_count; phase++) {
        struct group cell = sum(&page->groups, line, phase);
        if (used[phase])
            print_cell(page, &cell);
    }
    struct group total = sum(&page->groups, line, ANY);
    print_cell(page, &total);
    fputs("</tr>\n", stream);
}

/* A line for each area and kind, at the place of the first group that has them. */
static bool is_first(const struct groups *groups, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (same_line(&groups->entries[i], &groups->entries[index]))
            return false;
    return true;
}

static size_t holes(const struct groups *groups)
{
    size_t count = 0;
    for (size_t i = 0; i < groups->count; i++)
        count += groups->entries[i].tried == 0 && groups->entries[i].points > 0;
    return count;
}

static void print_note(const struct page *page)
{
    struct group total = sum(&page->groups, NULL, ANY);
    size_t empty = holes(&page->groups);
    char number[PAGE_NUMBER];
    fprintf(page->stream,
            "<h2>Cut coverage</h2>\n<p class=\"note\">A cut point is an operation with one way to tear it. %s of ",
            page_number(total.tried, number));
    fprintf(page->stream, "%s were tried", page_number(total.points, number));
    if (empty > 0)
        fprintf(page->stream, "; <b class=\"holes\">%zu hole%s</b>, where the update writes and power was never lost",
                empty, empty > 1 ? "s" : "");
    fputs(".</p>\n", page->stream);
}

static void print_matrix(const struct page *page, const bool *used)
{
    FILE *stream = page->stream;
    print_note(page);
    fputs("<section class=\"cells\"><div class=\"scroll\"><table class=\"matrix\">\n<thead><tr><th scope=\"col\">area and kind</th>", stream);
    for (unsigned phase = 0; phase <= page->profile->phases_count; phase++) {
        if (!used[phase])
            continue;
        fputs("<th scope=\"col\">", stream);
        markup_text(stream, recording_phase_name(page->profile, phase));
        fputs("</th>", stream);
    }
    fputs("<th scope=\"col\">all phases</th></tr></thead>\n<tbody>\n", stream);
    for (size_t i = 0; i < page->groups.count; i++)
        if (is_first(&page->groups, i))
            print_line(page, &page->groups.entries[i], used);
    print_line(page, NULL, used);
    fputs("</tbody></table></div>\n<p class=\"detail\" aria-live=\"polite\">Point at a cell for its figures.</p>\n"
          "<ul class=\"legend\"><li><i class=\"tried\"></i>tried, all recovered</li><li><i class=\"failing\"></i>not all recovered</li>"
          "<li><i class=\"hole\"></i>hole: nothing tried</li><li><i class=\"none\"></i>the update does nothing there</li></ul></section>\n",
          stream);
}

void page_coverage(const struct page *page)
{
    bool *used = calloc(page->profile->phases_count + 1, sizeof *used);
    for (size_t i = 0; used != NULL && i < page->groups.count; i++)
        used[page->groups.entries[i].phase] = true;
    if (used != NULL && page->groups.count > 0 && page->result->cases != NULL)
        print_matrix(page, used);
    free(used);
}

/* --- group by group --- */

static void print_phase(const struct page *page, unsigned phase)
{
    const struct summary *summary = &page->coverage.summary;
    const char *name = recording_phase_name(page->profile, phase);
    fputs("<tr class=\"phase\"><td colspan=\"10\">", page->stream);
    markup_text(page->stream, name);
    for (size_t i = 0; i < summary->phase_count; i++) {
        uint64_t end_ns = i + 1 < summary->phase_count ? summary->phases[i + 1].begin_ns : summary->end_ns;
        if (strcmp(summary->phases[i].name, name) == 0)
            fprintf(page->stream, "<span>from %.3f s, %.3f s long</span>", (double)summary->phases[i].begin_ns * 1e-9,
                    (double)(end_ns - summary->phases[i].begin_ns) * 1e-9);
    }
    fputs("</td></tr>\n", page->stream);
}

static void print_number(FILE *stream, size_t value, const char *class)
{
    char number[PAGE_NUMBER];
    fprintf(stream, "<td class=\"n%s\">%s</td>", class, page_number(value, number));
}

static void print_group(const struct page *page, const struct group *group)
{
    FILE *stream = page->stream;
    size_t failing = group->cuts - group->recovered;
    fputs("<tr><td>", stream);
    markup_text(stream, group->area);
    fprintf(stream, "</td><td>%s</td>", trace_kind_name(group->kind));
    print_number(stream, group->operations, "");
    print_number(stream, group->points, "");
    print_number(stream, group->cuts, group->cuts == 0 && group->points > 0 ? " hole" : "");
    print_number(stream, group->fired, "");
    print_number(stream, group->run, "");
    print_number(stream, group->cuts - group->run, "");
    print_number(stream, failing, failing > 0 ? " miss" : "");
    if (group->cuts > 0)
        fprintf(stream, "<td class=\"n\">%.3f s</td></tr>\n", (double)group->worst_ns * 1e-9);
    else
        fputs("<td class=\"n\"></td></tr>\n", stream);
}

void page_groups(const struct page *page)
{
    FILE *stream = page->stream;
    if (page->groups.count == 0)
        return;
    fputs("<h2>Where power was lost</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Where power was lost\">"
          "<table class=\"groups\">\n<thead><tr><th scope=\"col\">area</th><th scope=\"col\">kind</th>"
          "<th scope=\"col\" class=\"n\">operations</th><th scope=\"col\" class=\"n\">cut points</th><th scope=\"col\" class=\"n\">power losses</th>"
          "<th scope=\"col\" class=\"n\">fired</th><th scope=\"col\" class=\"n\">run</th><th scope=\"col\" class=\"n\">credited</th>"
          "<th scope=\"col\" class=\"n\">not recovered</th><th scope=\"col\" class=\"n\">longest recovery</th></tr></thead>\n<tbody>\n",
          stream);
    for (size_t i = 0; i < page->groups.count; i++) {
        const struct group *group = &page->groups.entries[i];
        if (i == 0 || group->phase != page->groups.entries[i - 1].phase)
            print_phase(page, group->phase);
        print_group(page, group);
    }
    fputs("</tbody></table></div>\n", stream);
}
