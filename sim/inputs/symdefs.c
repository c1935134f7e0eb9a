/* SPDX-License-Identifier: MIT */
#include "symdefs.h"

#include "lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LARGEST 1024u /* bytes; C++ makes long names */

struct symbol {
    uint32_t value;
    char type;
    const char *name;
};

/* Hexadecimal behind 0x, or decimal; nothing else, and not beyond 32 bits. */
static bool parse_value(const char *text, uint32_t *value)
{
    const int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
    const char *digits = base == 16 ? text + 2 : text;
    const size_t length = strspn(digits, base == 16 ? "0123456789abcdefABCDEF" : "0123456789");

    if (length == 0 || length > 10 || digits[length] != '\0') {
        return false;
    }
    const unsigned long long number = strtoull(digits, NULL, base);
    *value = (uint32_t)number;
    return number <= UINT32_MAX;
}

/* VALUE TYPE NAME, in a line that is changed by it. */
static bool parse_symbol(const struct lines *lines, char *line, struct symbol *symbol, struct problem *problem)
{
    static const char blanks[] = " \t";
    char *rest = NULL;
    const char *value = strtok_r(line, blanks, &rest), *type = strtok_r(NULL, blanks, &rest);

    symbol->name = strtok_r(NULL, blanks, &rest);
    if (!symbol->name || strtok_r(NULL, blanks, &rest)) {
        return lines_problem(lines, problem, "a symbol is value, type and name, such as 0x08010401 T main");
    }
    if (!parse_value(value, &symbol->value)) {
        return lines_problem(lines, problem, "'%.40s' is no address such as 0x08010401", value);
    }
    if (strlen(type) != 1 || !strchr("ATDN", type[0])) {
        return lines_problem(lines, problem, "'%.40s' is no type: there are A and T (code), D (data), N (number)",
                             type);
    }
    symbol->type = type[0];
    return true;
}

static bool check_symbol(const struct lines *lines, const struct symbol *symbol, const struct symdefs_range *range,
                         struct problem *problem)
{
    /* bit 0 of a function's address says that its code is Thumb */
    const uint32_t address = symbol->type == 'T' ? symbol->value & ~UINT32_C(1) : symbol->value;

    if (symbol->type == 'N' || (address >= range->address && address - range->address < range->size)) {
        return true;
    }
    return lines_problem(lines, problem,
                         "%.60s at 0x%08" PRIX32 " is not in %s (0x%08" PRIX32 " to 0x%08" PRIX32 "): it "
                         "was linked against another runtime",
                         symbol->name, symbol->value, range->name, range->address, range->address + (range->size - 1));
}

static bool check_line(const struct lines *lines, const struct symdefs_range *range, unsigned *symbols,
                       struct problem *problem)
{
    char line[LINE_LARGEST];
    struct symbol symbol = {0};

    if (lines->length >= sizeof line || memchr(lines->text, '\0', lines->length)) {
        return lines_problem(lines, problem, "it is no line of a text file");
    }
    memcpy(line, lines->text, lines->length);
    line[lines->length] = '\0';
    const char first = line[strspn(line, " \t")];
    if (first == '\0' || first == '#' || first == ';') { /* a comment; the line #<SYMDEFS># is one */
        return true;
    }
    ++*symbols;
    return parse_symbol(lines, line, &symbol, problem) && check_symbol(lines, &symbol, range, problem);
}

bool symdefs_check(const uint8_t *bytes, size_t size, const struct symdefs_range *range, struct problem *problem)
{
    struct lines lines = {.next = bytes, .end = bytes + size};
    unsigned symbols = 0;

    while (lines_next(&lines)) {
        if (!check_line(&lines, range, &symbols, problem)) {
            return false;
        }
    }
    return symbols > 0 || problem_set(problem, PROBLEM_USE, "there is no symbol in it, so nothing can be checked");
}
