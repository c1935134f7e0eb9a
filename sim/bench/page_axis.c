/* SPDX-License-Identifier: MIT
 *
 * The axis of virtual time: its parts, phases, resets and ticks, and what a track on it is drawn with.
 */
#include "markup.h"
#include "page_parts.h"

#include <inttypes.h>
#include <math.h>

double page_place(const struct page *page, uint64_t time_ns)
{
    uint64_t end_ns = page->coverage.summary.end_ns;
    return (double)PAGE_BINS * (double)(time_ns < end_ns ? time_ns : end_ns) / (double)end_ns;
}

unsigned page_bin(const struct page *page, uint64_t time_ns)
{
    double place = page_place(page, time_ns);
    return place < PAGE_BINS ? (unsigned)place : PAGE_BINS - 1;
}

/* --- phases and resets --- */

static uint64_t phase_end(const struct summary *summary, size_t phase)
{
    return phase + 1 < summary->phase_count ? summary->phases[phase + 1].begin_ns : summary->end_ns;
}

static void define_phases(const struct page *page)
{
    const struct summary *summary = &page->coverage.summary;
    fputs("<g id=\"phases\">", page->stream);
    for (size_t i = 1; i < summary->phase_count; i += 2) {
        double from = page_place(page, summary->phases[i].begin_ns), to = page_place(page, phase_end(summary, i));
        fprintf(page->stream, "<rect class=\"stage\" x=\"%.2f\" width=\"%.2f\" height=\"%d\"/>", from, to - from,
                PAGE_HEIGHT);
    }
    fputs("</g>", page->stream);
}

static void define_resets(const struct page *page)
{
    const struct recording *recording = &page->result->recording;
    struct trace_item item;
    size_t position = 0;
    bool drawn[PAGE_BINS] = {false};
    fputs("<g id=\"resets\">", page->stream);
    while (trace_next(recording->events, recording->size, &position, &item)) {
        unsigned bin = page_bin(page, item.event->time_ns);
        if (item.event->kind != RAIL_RESET || drawn[bin])
            continue;
        drawn[bin] = true;
        fprintf(page->stream, "<path class=\"boot\" d=\"M%u.5 0V%d\"/>", bin, PAGE_HEIGHT);
    }
    fputs("</g>", page->stream);
}

void page_bands(const struct page *page)
{
    fputs("<svg class=\"defs\" aria-hidden=\"true\"><defs>", page->stream);
    define_phases(page);
    define_resets(page);
    fputs("</defs></svg>\n", page->stream);
}

void page_phases(const struct page *page)
{
    const struct summary *summary = &page->coverage.summary;
    FILE *stream = page->stream;
    char number[PAGE_NUMBER];
    fputs("<span class=\"name\"></span><span class=\"held\"></span><div class=\"phases\">", stream);
    for (size_t i = 0; i < summary->phase_count; i++) {
        const struct summary_phase *phase = &summary->phases[i];
        double left = page_place(page, phase->begin_ns), width = page_place(page, phase_end(summary, i)) - left;
        fprintf(stream, "<span style=\"left:%.2f%%;width:%.2f%%\" data-name=\"", 100 * left / PAGE_BINS,
                100 * width / PAGE_BINS);
        markup_text(stream, phase->name);
        fprintf(stream, "\" data-from=\"%.2f\" title=\"", left);
        markup_print(stream, "%s: from %.3f s, %.3f s long, %s operations", phase->name, (double)phase->begin_ns * 1e-9,
                     (double)(phase_end(summary, i) - phase->begin_ns) * 1e-9, page_number(phase->operations, number));
        fputs("\">", stream);
        if (width >= 0.04 * PAGE_BINS)
            markup_text(stream, phase->name);
        fputs("</span>", stream);
    }
    fputs("</div>\n", stream);
}

/* --- ticks --- */

/* 1, 2 or 5 times a power of ten: at most eight ticks. */
static double tick_s(double end_s)
{
    double tick = pow(10, floor(log10(end_s)) - 1);
    while (end_s / tick > 8)
        tick *= end_s / (tick * 2) <= 8 ? 2 : end_s / (tick * 5) <= 8 ? 5 : 10;
    return tick;
}

void page_axis(const struct page *page)
{
    FILE *stream = page->stream;
    double end_s = (double)page->coverage.summary.end_ns * 1e-9, tick = tick_s(end_s);
    fputs("<span class=\"name\"></span><span class=\"held\"></span><div class=\"axis\">", stream);
    for (unsigned i = 0; i * tick <= end_s; i++)
        fprintf(stream, "<span%s style=\"left:%.2f%%\">%g s</span>", i * tick > end_s * 0.97 ? " class=\"last\"" : "",
                100 * i * tick / end_s, i * tick);
    fputs("</div>\n", stream);
}

/* --- tracks --- */

void page_begin_track(FILE *stream, const char *class)
{
    fprintf(stream,
            "<div class=\"track %s\"><svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
            "<use href=\"#phases\"/>",
            class, PAGE_BINS, PAGE_HEIGHT);
}

void page_end_track(FILE *stream)
{
    fputs("<use href=\"#resets\"/></svg></div>\n", stream);
}

void page_stretches(FILE *stream, const char *class, const uint32_t *values, unsigned width, unsigned top,
                    unsigned bottom)
{
    bool any = false;
    unsigned count = PAGE_BINS / width;
    for (unsigned i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && (values[next] != 0) == (values[i] != 0); next++)
            ;
        if (values[i] == 0)
            continue;
        fprintf(stream, "%sM%u %uh%uv%uH%uz", any ? "" : "<path d=\"", i * width, top, (next - i) * width, bottom - top,
                i * width);
        any = true;
    }
    if (any)
        fprintf(stream, "\" class=\"%s\"/>", class);
}

void page_bars(FILE *stream, const char *class, const uint32_t *values, unsigned width, uint32_t largest,
               unsigned bottom, unsigned most)
{
    bool any = false;
    for (unsigned i = 0; i < PAGE_BINS / width; i++) {
        if (values[i] == 0)
            continue;
        unsigned height = (unsigned)(most * (0.12 + 0.88 * sqrt((double)values[i] / largest)));
        fprintf(stream, "%sM%u %uv-%uh%uv%u", any ? "" : "<path d=\"", i * width, bottom, height, width, height);
        any = true;
    }
    if (any)
        fprintf(stream, "\" class=\"%s\"/>", class);
}
