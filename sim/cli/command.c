/* SPDX-License-Identifier: MIT */
#include "command.h"

#include "problem.h"

#include <stdarg.h>
#include <stdio.h>

/* One line, whatever is in the texts that are quoted. */
static void complain(const char *format, va_list arguments)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, arguments);
    for (char *letter = text; *letter != '\0'; letter++)
        if ((unsigned char)*letter < ' ' || *letter == 0x7F)
            *letter = '?';
    fprintf(stderr, "matterhorn: %s\n", text);
}

int usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(format, arguments);
    va_end(arguments);
    return EXIT_USAGE;
}

int bench_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(format, arguments);
    va_end(arguments);
    return EXIT_BENCH;
}

int problem_exit(const struct problem *problem)
{
    return problem->kind == PROBLEM_USE ? usage_error("%s", problem->text) : bench_error("%s", problem->text);
}
