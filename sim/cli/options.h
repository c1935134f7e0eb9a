/* SPDX-License-Identifier: MIT
 *
 * Options of a sub-command, by popt, with a help that shows examples.
 */
#ifndef MATTERHORN_OPTIONS_H
#define MATTERHORN_OPTIONS_H

#include <popt.h>
#include <stdbool.h>

struct options_help {
    const char *arguments; /* behind the sub-command's name, such as "PROFILE [OPTIONS]" */
    const char *text;      /* what it does, a few lines */
    const char *examples;  /* lines; each is printed indented */
};

/* One parsing; keep it until the strings of the options are no longer used. */
struct options {
    poptContext context;
    const char **arguments; /* what is left when the options are gone; ends with NULL */
    int count;
    const char **named; /* argv as popt sees it */
    char name[64];
};

/* Parses; options take effect in `table` as popt does it. True: go on. False: return *status, all is said already
 * (help was asked for, or the options are wrong). Call options_close in either case. */
bool options_parse(struct options *options, int argc, const char *argv[], const struct poptOption *table,
                   const struct options_help *help, int *status);
void options_close(struct options *options);

#endif
