/* SPDX-License-Identifier: MIT
 *
 * The recorded run over time: what both chips did, where power was lost, LEDs, and each sector.
 */
#include "markup.h"
#include "page_parts.h"

#include <string.h>

/* What happened in one of PAGE_BINS equal parts of the run. */
struct view {
    const struct page *page;
    uint32_t programs[RAIL_CHIP_NOR + 1][PAGE_BINS], cuts[PAGE_BINS], findings[PAGE_BINS];
};

static void sort_into_bins(struct view *view)
{
    const struct recording *recording = &view->page->result->recording;
    for (size_t i = 0; i < recording->count; i++) {
        const struct rail_event *event = recording->operations[i].item.event;
        unsigned bin = page_bin(view->page, event->time_ns);
        if (event->kind != RAIL_ERASE && event->chip <= RAIL_CHIP_NOR)
            view->programs[event->chip][bin]++;
        view->cuts[bin] += view->page->coverage.marks[i] != 0;
        view->findings[bin] += (view->page->coverage.marks[i] & COVERAGE_FINDING) != 0;
    }
}

static uint32_t largest_of(const uint32_t values[PAGE_BINS])
{
    uint32_t largest = 1;
    for (unsigned i = 0; i < PAGE_BINS; i++)
        largest = values[i] > largest ? values[i] : largest;
    return largest;
}

/* --- tracks --- */

static void begin_track(FILE *stream, const char *name, const char *class)
{
    fputs("<span class=\"name\">", stream);
    markup_text(stream, name);
    fputs("</span><span class=\"held\"></span>", stream);
    page_begin_track(stream, class);
}

static void draw_erases(const struct view *view, unsigned chip)
{
    const struct recording *recording = &view->page->result->recording;
    uint32_t erasing[PAGE_BINS] = {0};
    for (size_t i = 0; i < recording->count; i++) {
        const struct rail_event *event = recording->operations[i].item.event;
        if (event->kind == RAIL_ERASE && event->chip == chip)
            for (unsigned bin = page_bin(view->page, event->time_ns);
                 bin <= page_bin(view->page, event->time_ns + event->duration_ns); bin++)
                erasing[bin]++;
    }
    page_stretches(view->page->stream, "erase", erasing, 1, 0, PAGE_HEIGHT);
}

/* Whether anything is written to it. */
static bool is_used(const struct view *view, unsigned chip)
{
    const struct recording *recording = &view->page->result->recording;
    for (size_t i = 0; i < recording->count; i++)
        if (recording->operations[i].item.event->chip == chip)
            return true;
    return false;
}

static void draw_chip(const struct view *view, unsigned chip, const char *name)
{
    FILE *stream = view->page->stream;
    if (!is_used(view, chip))
        return;
    begin_track(stream, name, "");
    draw_erases(view, chip);
    page_bars(stream, "program", view->programs[chip], 1, largest_of(view->programs[chip]), PAGE_HEIGHT, PAGE_HEIGHT);
    page_end_track(stream);
}

static void draw_cuts(const struct view *view)
{
    FILE *stream = view->page->stream;
    uint32_t largest = largest_of(view->cuts);
    begin_track(stream, "power losses", "");
    page_bars(stream, "good", view->cuts, 1, largest, PAGE_HEIGHT, PAGE_HEIGHT);
    page_bars(stream, "bad-fill", view->findings, 1, largest, PAGE_HEIGHT, PAGE_HEIGHT);
    page_end_track(stream);
}

/* --- lights --- */

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
    fprintf(stream, "M%u 0h%uv%dH%uz", from, to - from + 1, PAGE_HEIGHT, from);
}

static void draw_pin(const struct view *view, const struct profile_pin *pin)
{
    const struct sweep_result *result = view->page->result;
    FILE *stream = view->page->stream;
    struct trace_item item;
    size_t position = 0;
    unsigned from = PAGE_BINS, to = 0; /* the stretch that is not drawn yet; none while from is PAGE_BINS */
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
            unsigned first = page_bin(view->page, since);
            unsigned last = page_bin(view->page, more ? item.event->time_ns : view->page->coverage.summary.end_ns);
            if (from < PAGE_BINS && first > to + 1) {
                draw_light(stream, from, to);
                from = PAGE_BINS;
            }
            from = from < PAGE_BINS ? from : first;
            to = last;
        }
        lit = more && item.event->value != 0;
        since = more ? item.event->time_ns : 0;
    }
    if (from < PAGE_BINS)
        draw_light(stream, from, to);
    fputs("\"/>", stream);
    page_end_track(stream);
}

/* --- all of it --- */

static void draw_tracks(const struct page *page)
{
    struct view view = {.page = page};
    sort_into_bins(&view);
    if (page->result->cases != NULL)
        draw_cuts(&view);
    for (unsigned i = 0; i < page->profile->pins_count; i++)
        draw_pin(&view, &page->profile->pins[i]);
    draw_chip(&view, RAIL_CHIP_INTERNAL, "internal flash");
    draw_chip(&view, RAIL_CHIP_NOR, "SPI NOR");
}

/* For whoever has a keyboard or a finger: the moment that the line and the last column show. */
static void print_moment(FILE *stream)
{
    fprintf(stream, "<label class=\"name moment\" for=\"moment\">moment</label><input class=\"moment\" type=\"range\" id=\"moment\" min=\"0\" "
                    "max=\"%d\" value=\"%d\"><output class=\"held\" for=\"moment\"></output>\n",
            PAGE_BINS, PAGE_BINS);
}

bool page_timeline(const struct page *page)
{
    FILE *stream = page->stream;
    uint64_t end_ns = page->coverage.summary.end_ns;
    if (end_ns == 0)
        return true;
    fprintf(stream, "<h2>The update without power loss</h2>\n<p class=\"note\">%.3f s of virtual time; every sector to which the update "
                    "wrote has a row. Shaded stretches are phases, a vertical line is a reset.<span class=\"live\"> Move the slider, or "
                    "point at a moment, to see what each sector held then.</span></p>\n",
            (double)end_ns * 1e-9);
    page_bands(page);
    fputs("<div class=\"timeline\">\n", stream);
    page_phases(page);
    draw_tracks(page);
    bool good = page_history(page);
    page_axis(page);
    print_moment(stream);
    fputs("</div>\n<ul class=\"legend\"><li><i class=\"program\"></i>programs</li><li><i class=\"erase\"></i>erases</li>"
          "<li><i class=\"good\"></i>power lost here, recovered</li><li><i class=\"bad-fill dot\"></i>not recovered</li></ul>\n",
          stream);
    return good;
}
