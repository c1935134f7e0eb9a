/* SPDX-License-Identifier: MIT */
#include "command.h"

#include "problem.h"

#include <stdarg.h>
#include <stdio.h>

static void complain(const char *format, va_list arguments)
{
    fputs("matterhorn: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
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
