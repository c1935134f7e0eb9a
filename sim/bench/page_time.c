/* SPDX-License-Identifier: MIT
 *
 * The recorded run over time: phases, what both chips did, where power was lost, LEDs.
 */
#include "markup.h"
#include "page_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define BINS 500
#define HEIGHT 100 /* of a track, in its own units */

/* What happened in one of BINS equal parts of the run. */
struct bin {
    uint32_t programs[RAIL_CHIP_NOR + 1], cuts, findings;
    bool boot;
};

struct view {
    const struct page *page;
    uint64_t end_ns;
    struct bin bins[BINS];
};

static unsigned bin_of(const struct view *view, uint64_t time_ns)
{
    uint64_t bin = time_ns >= view->end_ns ? BINS - 1 : time_ns * BINS / view->end_ns;
    return (unsigned)(bin < BINS ? bin : BINS - 1);
}

static double percent(const struct view *view, uint64_t time_ns)
{
    return 100.0 * (double)(time_ns < view->end_ns ? time_ns : view->end_ns) / (double)view->end_ns;
}

static void sort_into_bins(struct view *view)
{
    const struct sweep_result *result = view->page->result;
    struct trace_item item;
    size_t position = 0, operation = 0;
    while (trace_next(result->recording.events, result->recording.size, &position, &item)) {
        const struct rail_event *event = item.event;
        struct bin *bin = &view->bins[bin_of(view, event->time_ns)];
        bin->boot = bin->boot || event->kind == RAIL_RESET;
        if (!trace_is_operation(event))
            continue;
        if (event->kind != RAIL_ERASE && event->chip <= RAIL_CHIP_NOR)
            bin->programs[event->chip]++;
        uint8_t marks = operation < result->recording.count ? view->page->coverage.marks[operation] : 0;
        bin->cuts += marks != 0;
        bin->findings += (marks & COVERAGE_FINDING) != 0;
        operation++;
    }
}

/* --- tracks --- */

static void begin_track(FILE *stream, const char *name, const char *class)
{
    fputs("<span class=\"name\">", stream);
    markup_text(stream, name);
    fprintf(stream, "</span><div class=\"track %s\"><svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\">", class, BINS,
            HEIGHT);
}

static void end_track(const struct view *view)
{
    FILE *stream = view->page->stream;
    for (unsigned i = 0; i < BINS; i++)
        if (view->bins[i].boot)
            fprintf(stream, "<path class=\"boot\" d=\"M%u.5 0V%d\"/>", i, HEIGHT);
    fputs("</svg></div>\n", stream);
}

/* Bars from the bottom; `value` of the largest fills the track, and what is there at all can be seen. */
static void draw_bars(FILE *stream, const char *class, const uint32_t values[BINS], uint32_t largest)
{
    bool any = false;
    for (unsigned i = 0; i < BINS; i++) {
        if (values[i] == 0)
            continue;
        unsigned height = (unsigned)(HEIGHT * (0.12 + 0.88 * sqrt((double)values[i] / largest)));
        fprintf(stream, "%sM%u %dv-%uh1v%u", any ? "" : "<path d=\"", i, HEIGHT, height, height);
        any = true;
    }
    if (any)
        fprintf(stream, "\" class=\"%s\"/>", class);
}

static void draw_erases(const struct view *view, unsigned chip)
{
    const struct recording *recording = &view->page->result->recording;
    for (size_t i = 0; i < recording->count; i++) {
        const struct rail_event *event = recording->operations[i].item.event;
        if (event->kind != RAIL_ERASE || event->chip != chip)
            continue;
        double from = percent(view, event->time_ns) * BINS / 100;
        double to = percent(view, event->time_ns + event->duration_ns) * BINS / 100;
        fprintf(view->page->stream, "<rect class=\"erase\" x=\"%.2f\" width=\"%.2f\" height=\"%d\"/>", from,
                to - from < 0.6 ? 0.6 : to - from, HEIGHT);
    }
}

static void draw_chip(const struct view *view, unsigned chip, const char *name)
{
    uint32_t values[BINS], largest = 1;
    for (unsigned i = 0; i < BINS; i++) {
        values[i] = view->bins[i].programs[chip];
        largest = values[i] > largest ? values[i] : largest;
    }
    begin_track(view->page->stream, name, "");
    draw_erases(view, chip);
    draw_bars(view->page->stream, "program", values, largest);
    end_track(view);
}

static void draw_cuts(const struct view *view)
{
    uint32_t all[BINS], bad[BINS], largest = 1;
    for (unsigned i = 0; i < BINS; i++) {
        all[i] = view->bins[i].cuts;
        bad[i] = view->bins[i].findings;
        largest = all[i] > largest ? all[i] : largest;
    }
    begin_track(view->page->stream, "power losses", "");
    draw_bars(view->page->stream, "good", all, largest);
    draw_bars(view->page->stream, "bad-fill", bad, largest);
    end_track(view);
}

/* The colour of a light by its name, when it is one. */
static const char *light(const char *name)
{
    static const char *const colours[][2] = {{"red", "#d9483b"},    {"green", "#2fa36f"},  {"blue", "#3f7fd0"},
                                             {"yellow", "#d9b03a"}, {"orange", "#dd8a35"}, {"amber", "#dd9f35"},
                                             {"white", "#b8c0ca"}};
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++)
        if (strstr(name, colours[i][0]) != NULL)
            return colours[i][1];
    return "currentColor";
}

/* A lit stretch: bins `from` to `to`. */
static void draw_light(FILE *stream, unsigned from, unsigned to)
{
    fprintf(stream, "M%u 0h%uv%dH%uz", from, to - from + 1, HEIGHT, from);
}

static void draw_pin(const struct view *view, const struct profile_pin *pin)
{
    const struct sweep_result *result = view->page->result;
    FILE *stream = view->page->stream;
    struct trace_item item;
    size_t position = 0;
    unsigned from = BINS, to = 0; /* the stretch that is not drawn yet; none while from is BINS */
    bool lit = false;
    uint64_t since = 0;
    begin_track(stream, pin->name, "thin");
    fprintf(stream, "<path fill=\"%s\" d=\"", light(pin->name));
    for (bool more = true; more;) {
        more = trace_next(result->recording.events, result->recording.size, &position, &item);
        bool edge = more && item.event->kind == RAIL_PIN && item.event->address == pin->number;
        if (more && !edge)
            continue;
        if (lit) {
            unsigned first = bin_of(view, since), last = bin_of(view, more ? item.event->time_ns : view->end_ns);
            if (from < BINS && first > to + 1) {
                draw_light(stream, from, to);
                from = BINS;
            }
            from = from < BINS ? from : first;
            to = last;
        }
        lit = more && item.event->value != 0;
        since = more ? item.event->time_ns : 0;
    }
    if (from < BINS)
        draw_light(stream, from, to);
    fputs("\"/>", stream);
    end_track(view);
}

/* --- phases and the axis --- */

static void draw_phases(const struct view *view)
{
    const struct summary *summary = &view->page->coverage.summary;
    FILE *stream = view->page->stream;
    char number[PAGE_NUMBER];
    fputs("<span class=\"name\"></span><div class=\"phases\">", stream);
    for (size_t i = 0; i < summary->phase_count; i++) {
        const struct summary_phase *phase = &summary->phases[i];
        uint64_t end_ns = i + 1 < summary->phase_count ? phase[1].begin_ns : view->end_ns;
        double left = percent(view, phase->begin_ns), width = percent(view, end_ns) - left;
        fprintf(stream, "<span style=\"left:%.2f%%;width:%.2f%%\" title=\"", left, width);
        markup_print(stream, "%s: from %.3f s, %.3f s long, %s operations", phase->name, (double)phase->begin_ns * 1e-9,
                     (double)(end_ns - phase->begin_ns) * 1e-9, page_number(phase->operations, number));
        fputs("\">", stream);
        if (width >= 4)
            markup_text(stream, phase->name);
        fputs("</span>", stream);
    }
    fputs("</div>\n", stream);
}

/* 1, 2 or 5 times a power of ten: at most eight ticks. */
static double tick_s(double end_s)
{
    double tick = pow(10, floor(log10(end_s)) - 1);
    while (end_s / tick > 8)
        tick *= end_s / (tick * 2) <= 8 ? 2 : end_s / (tick * 5) <= 8 ? 5 : 10;
    return tick;
}

static void draw_axis(const struct view *view)
{
    FILE *stream = view->page->stream;
    double end_s = (double)view->end_ns * 1e-9, tick = tick_s(end_s);
    fputs("<span class=\"name\"></span><div class=\"axis\">", stream);
    for (unsigned i = 0; i * tick <= end_s; i++)
        fprintf(stream, "<span%s style=\"left:%.2f%%\">%g s</span>", i * tick > end_s * 0.97 ? " class=\"last\"" : "",
                100 * i * tick / end_s, i * tick);
    fputs("</div>\n", stream);
}

void page_timeline(const struct page *page)
{
    struct view view = {.page = page, .end_ns = page->coverage.summary.end_ns};
    FILE *stream = page->stream;
    if (view.end_ns == 0)
        return;
    sort_into_bins(&view);
    fprintf(stream, "<h2>The update without power loss</h2>\n<p class=\"note\">%.3f s of virtual time. A vertical line is a "
                    "reset.</p>\n<div class=\"timeline\">\n",
            (double)view.end_ns * 1e-9);
    draw_phases(&view);
    draw_chip(&view, RAIL_CHIP_INTERNAL, "internal flash");
    draw_chip(&view, RAIL_CHIP_NOR, "SPI NOR");
    if (page->result->cases != NULL)
        draw_cuts(&view);
    for (unsigned i = 0; i < page->profile->pins_count; i++)
        draw_pin(&view, &page->profile->pins[i]);
    draw_axis(&view);
    fputs("</div>\n<ul class=\"legend\"><li><i class=\"program\"></i>programs</li><li><i class=\"erase\"></i>erases</li>"
          "<li><i class=\"good\"></i>power lost here, recovered</li><li><i class=\"bad-fill\"></i>not recovered</li></ul>\n",
          stream);
}
