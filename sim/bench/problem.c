/* SPDX-License-Identifier: MIT */
#include "problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool problem_set(struct problem *problem, enum problem_kind kind, const char *format, ...)
{
    if (problem->kind != PROBLEM_NONE)
        return false;
    problem->kind = kind;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
    return false;
}

bool problem_place(struct problem *problem, const char *where)
{
    char text[sizeof problem->text];
    memcpy(text, problem->text, sizeof text);
    snprintf(problem->text, sizeof problem->text, "%.300s: %.700s", where, text);
    return false;
}
