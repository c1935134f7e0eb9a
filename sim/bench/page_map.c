/* SPDX-License-Identifier: MIT
 *
 * Both flashes, sector by sector: what was written, where power was lost, and where that was not survived.
 */
#include "markup.h"
#include "page_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define ROW 64 /* sectors */

/* A chip as it is drawn: its main array, at its address. */
struct drawing {
    const struct page *page;
    const char *title;
    enum rail_chip chip;
    uint32_t address, size;
};

static const struct coverage_sector *cover(const struct drawing *drawing, uint32_t start,
                                           const struct summary_sector **sector)
{
    size_t index = coverage_sector_at(&drawing->page->coverage, drawing->chip, start);
    if (index == SIZE_MAX)
        return NULL;
    *sector = &drawing->page->coverage.summary.sectors[index];
    return &drawing->page->coverage.sectors[index];
}

/* How strong the colour is: of findings their share, of what recovered how much was
 * tried, else how much was written. */
static double strength(const struct coverage_sector *cover)
{
    if (cover->findings > 0)
        return 0.55 + 0.45 * (double)cover->findings / (double)cover->cuts;
    if (cover->cuts > 0)
        return 0.4 + 0.6 * sqrt((double)cover->tried / (double)cover->operations);
    return 0.15 + 0.35 * fmin(1, log2((double)cover->operations + 1) / 16);
}

/* The attributes of a sector: class, colour, and all of it in words. */
static void print_sector(const struct drawing *drawing, uint32_t start, uint32_t size, const char *style)
{
    FILE *stream = drawing->page->stream;
    const struct summary_sector *sector;
    const struct coverage_sector *covered = cover(drawing, start, &sector);
    char number[PAGE_NUMBER];
    if (covered == NULL || covered->operations == 0) {
        fprintf(stream, "<i class=\"s\" style=\"%s\">", style);
        return;
    }
    fprintf(stream, "<i class=\"s %c%s\" style=\"%s--o:%.2f\" tabindex=\"-1\" title=\"",
            covered->findings > 0 ? 'f' : covered->cuts > 0 ? 'g' : 'w', strength(covered) > 0.7 ? " strong" : "", style,
            strength(covered));
    page_address(stream, drawing->chip, start);
    const struct profile_area *area = profile_area_at(drawing->page->profile, drawing->chip, start);
    markup_print(stream, " (%s, %" PRIu32 " KB): ", area != NULL ? area->name : "no area", size / 1024);
    fprintf(stream, "%s operations, %" PRIu32 " of them erases; ", page_number(covered->operations, number),
            sector->erases);
    fprintf(stream, "power lost %s times, ", page_number(covered->cuts, number));
    fprintf(stream, "at %s operations; ", page_number(covered->tried, number));
    fprintf(stream, "%s not recovered\">", page_number(covered->findings, number));
}

/* --- a chip with few sectors of different sizes: one band, true to scale --- */

static void draw_areas(const struct drawing *drawing)
{
    FILE *stream = drawing->page->stream;
    fputs("<div class=\"areas\">", stream);
    for (unsigned i = 0; i < drawing->page->profile->areas_count; i++) {
        const struct profile_area *area = &drawing->page->profile->areas[i];
        if (area->chip != drawing->chip || area->address < drawing->address ||
            area->address - drawing->address >= drawing->size)
            continue;
        fprintf(stream, "<span style=\"left:%.3f%%;width:%.3f%%\" title=\"",
                100.0 * (area->address - drawing->address) / drawing->size, 100.0 * area->size / drawing->size);
        markup_text(stream, area->name);
        fputs("\">", stream);
        markup_text(stream, area->name);
        fputs("</span>", stream);
    }
    fputs("</div>", stream);
}

static void draw_band(const struct drawing *drawing)
{
    FILE *stream = drawing->page->stream;
    uint32_t start, size;
    unsigned number = 0;
    draw_areas(drawing);
    fputs("<div class=\"band\">", stream);
    for (uint32_t at = drawing->address; at - drawing->address < drawing->size; at += size, number++) {
        const struct summary_sector *sector;
        char style[80], text[PAGE_NUMBER];
        if (!arrays_sector(drawing->chip, at, &start, &size))
            break;
        double width = 100.0 * size / drawing->size;
        snprintf(style, sizeof style, "left:%.3f%%;width:%.3f%%;", 100.0 * (at - drawing->address) / drawing->size,
                 width);
        print_sector(drawing, start, size, style);
        const struct coverage_sector *covered = cover(drawing, start, &sector);
        if (width >= 3)
            fprintf(stream, "<b>%u</b>", number);
        if (width >= 8 && covered != NULL)
            fprintf(stream, "<span>%s ops</span>", page_number(covered->operations, text));
        fputs("</i>", stream);
    }
    fputs("</div>", stream);
}

/* --- a chip with many equal sectors: rows; those without operations are drawn together --- */

static bool row_is_used(const struct drawing *drawing, uint32_t row, uint32_t sector_size)
{
    const struct summary_sector *sector;
    for (unsigned i = 0; i < ROW; i++)
        if (cover(drawing, row + i * sector_size, &sector) != NULL)
            return true;
    return false;
}

static void draw_row(const struct drawing *drawing, uint32_t row, uint32_t sector_size)
{
    FILE *stream = drawing->page->stream;
    fputs("<code>", stream);
    page_address(stream, drawing->chip, row);
    fputs("</code><div class=\"row\">", stream);
    for (unsigned i = 0; i < ROW; i++) {
        print_sector(drawing, row + i * sector_size, sector_size, "");
        fputs("</i>", stream);
    }
    fputs("</div>\n", stream);
}

static void list_areas(const struct drawing *drawing)
{
    bool any = false;
    for (unsigned i = 0; i < drawing->page->profile->areas_count; i++) {
        const struct profile_area *area = &drawing->page->profile->areas[i];
        if (area->chip != drawing->chip)
            continue;
        fputs(any ? ", " : " ", drawing->page->stream);
        markup_text(drawing->page->stream, area->name);
        fputc(' ', drawing->page->stream);
        page_address(drawing->page->stream, drawing->chip, area->address);
        any = true;
    }
}

static void draw_rows(const struct drawing *drawing, uint32_t sector_size)
{
    FILE *stream = drawing->page->stream;
    uint32_t row_size = ROW * sector_size;
    fputs("<div class=\"rows\">\n", stream);
    for (uint32_t row = 0, next; row < drawing->size; row = next) {
        next = row + row_size;
        if (row_is_used(drawing, row, sector_size)) {
            draw_row(drawing, row, sector_size);
            continue;
        }
        while (next < drawing->size && !row_is_used(drawing, next, sector_size))
            next += row_size;
        fputs("<code>", stream);
        page_address(stream, drawing->chip, row);
        fprintf(stream, "</code><div class=\"skip\" title=\"%" PRIu32 " KB without any operation\"></div>\n",
                (next - row) / 1024);
    }
    fputs("</div>", stream);
}

/* --- both --- */

static void draw_chip(const struct drawing *drawing)
{
    FILE *stream = drawing->page->stream;
    uint32_t start, first_size, last_size;
    if (!arrays_sector(drawing->chip, drawing->address, &start, &first_size) ||
        !arrays_sector(drawing->chip, drawing->address + drawing->size - 1, &start, &last_size))
        return;
    bool few = drawing->size / last_size <= ROW;
    fputs("<div class=\"chip\"><h3>", stream);
    markup_text(stream, drawing->title);
    fputs(" <span>", stream);
    if (!few)
        list_areas(drawing);
    fputs("</span></h3>", stream);
    if (few)
        draw_band(drawing);
    else
        draw_rows(drawing, first_size);
    fputs("</div>\n", stream);
}

void page_flashes(const struct page *page)
{
    const struct drawing chips[] = {
        {page, "Internal flash, 1 MB", RAIL_CHIP_INTERNAL, 0x08000000u, RAIL_INTERNAL_SIZE},
        {page, "SPI NOR, 8 MB:", RAIL_CHIP_NOR, 0, RAIL_NOR_SIZE},
    };
    fputs("<h2>Both flashes</h2>\n<p class=\"note\">Every sector to which the update wrote. The stronger its colour, the more of its "
          "operations power was lost at; where not all losses were recovered, the fewer were.</p>\n",
          page->stream);
    fputs("<section class=\"cells\">\n", page->stream);
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++)
        draw_chip(&chips[i]);
    fputs("<p class=\"detail\" aria-live=\"polite\">Point at a sector for its figures.</p>\n<ul class=\"legend\"><li><i class=\"hole\"></i>written, "
          "no power loss tried</li><li><i class=\"good\"></i>power lost, always recovered</li><li><i class=\"bad-fill\"></i>not always "
          "recovered</li></ul></section>\n",
          page->stream);
}
