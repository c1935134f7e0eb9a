/* SPDX-License-Identifier: MIT */
#include "markup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Bytes of the character at `text` (RFC 3629); 0 when there is none that XML allows. */
static unsigned character_length(const unsigned char *text)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned length = text[0] < 0x80   ? 1
                      : text[0] < 0xC0 ? 0
                      : text[0] < 0xE0 ? 2
                      : text[0] < 0xF0 ? 3
                      : text[0] < 0xF8 ? 4
                                       : 0;
    if (length == 1)
        return text[0] >= ' ' || text[0] == '\t' || text[0] == '\n' || text[0] == '\r' ? 1 : 0;
    uint32_t code = length == 0 ? 0 : text[0] & (0x7Fu >> length);
    for (unsigned i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80) /* the end of the text, too */
            return 0;
        code = code << 6 | (text[i] & 0x3Fu);
    }
    bool allowed = code >= least[length] && (code < 0xD800 || code > 0xDFFF) && code != 0xFFFE && code != 0xFFFF &&
                   code <= 0x10FFFF;
    return allowed ? length : 0;
}

void markup_text(FILE *stream, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0';) {
        unsigned length = character_length(c);
        if (length == 0)
            fputs("\xEF\xBF\xBD", stream);
        else if (*c == '&')
            fputs("&amp;", stream);
        else if (*c == '<')
            fputs("&lt;", stream);
        else if (*c == '>')
            fputs("&gt;", stream);
        else if (*c == '"')
            fputs("&quot;", stream);
        else if (*c == '\'')
            fputs("&#39;", stream);
        else
            fwrite(c, 1, length, stream);
        c += length == 0 ? 1 : length;
    }
}

void markup_print(FILE *stream, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length >= 0) {
        markup_text(stream, text);
        free(text);
    }
}
