/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <stdarg.h>
#include <stdio.h>

bool lines_problem(const struct lines *lines, struct problem *problem, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return problem_set(problem, PROBLEM_USE, "line %u: %s", lines->number, text);
}

static bool ends_line(uint8_t letter)
{
    return letter == '\n' || letter == '\r';
}

static void read_line(struct lines *lines)
{
    lines->text = lines->next;
    while (lines->next < lines->end && !ends_line(*lines->next)) {
        lines->next++;
    }
    lines->length = (size_t)(lines->next - lines->text);
    if (lines->end - lines->next >= 2 && lines->next[0] == '\r' && lines->next[1] == '\n') {
        lines->next++;
    }
    if (lines->next < lines->end) {
        lines->next++;
    }
    lines->number++;
}

bool lines_next(struct lines *lines)
{
    do {
        if (lines->next == lines->end) {
            return false;
        }
        read_line(lines);
    } while (lines->length == 0);
    return true;
}

static int digit_value(uint8_t letter)
{
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    letter |= 0x20; /* lower case */
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static bool wrong_letter(const struct lines *lines, size_t column, struct problem *problem)
{
    const uint8_t letter = lines->text[column];

    if (letter > ' ' && letter < 0x7F) {
        return lines_problem(lines, problem, "column %zu has '%c', which is no hexadecimal digit", column + 1, letter);
    }
    return lines_problem(lines, problem, "column %zu has byte 0x%02X, which is no hexadecimal digit", column + 1,
                         letter);
}

bool lines_record(const struct lines *lines, size_t first, uint8_t record[RECORD_LARGEST], size_t *size,
                  struct problem *problem)
{
    for (size_t column = first; column < lines->length; column++) {
        if (digit_value(lines->text[column]) < 0) {
            return wrong_letter(lines, column, problem);
        }
    }
    *size = (lines->length - first) / 2;
    if ((lines->length - first) % 2 != 0) {
        return lines_problem(lines, problem, "the last byte lacks a digit: is the line cut off?");
    }
    if (*size > RECORD_LARGEST) {
        return lines_problem(lines, problem, "%zu bytes are more than a record can have", *size);
    }
    for (size_t i = 0; i < *size; i++) {
        const uint8_t *pair = lines->text + first + 2 * i;
        record[i] = (uint8_t)(digit_value(pair[0]) << 4 | digit_value(pair[1]));
    }
    return true;
}
