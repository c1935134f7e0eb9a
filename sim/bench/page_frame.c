/* SPDX-License-Identifier: MIT
 *
 * What pages have in common: beginning and end, with style and script inside; numbers, figures, commands to copy.
 */
#include "markup.h"
#include "page_parts.h"

#include <inttypes.h>

/* The files of the folder page/, inside the program: a page must not need anything else. */
#define INCLUDE_TEXT(name, file)                                                                                       \
    __asm__(".pushsection .rodata\n" #name ":\n.incbin \"" MATTERHORN_PAGE "/" file "\"\n.byte 0\n.popsection\n");     \
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

void page_address(FILE *stream, unsigned chip, uint32_t address)
{
    fprintf(stream, "%0*" PRIX32, chip == RAIL_CHIP_NOR ? 6 : 8, address);
}

void page_begin(FILE *stream, const char *name, const char *verdict)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          stream);
    markup_print(stream, "%s: %s", name, verdict);
    fprintf(stream, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<header>\n<p class=\"mark\">"
                    "<svg viewBox=\"0 0 24 20\" aria-hidden=\"true\"><path d=\"M1 19 8 10l2.2 1.6L13 1l3.4 8.2 2.1.9L23 19z\"/></svg>"
                    "Matterhorn</p>\n",
            page_style);
}

void page_end(FILE *stream)
{
    fprintf(stream, "<script>\n%s</script>\n</body>\n</html>\n", page_script);
}

void page_figure(FILE *stream, const char *name, const char *value, const char *note, bool bad)
{
    fprintf(stream, "<div><dt>%s</dt><dd%s>%s<small>%s</small></dd></div>\n", name, bad ? " class=\"bad\"" : "", value,
            note);
}

void page_command(FILE *stream, const char *command)
{
    fputs("<div class=\"command\"><code>", stream);
    markup_text(stream, command);
    fputs("</code><button type=\"button\">copy</button></div>\n", stream);
}
