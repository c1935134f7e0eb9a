/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_indented(const char *lines)
{
    for (const char *line = lines; *line != '\0';) {
        int length = (int)strcspn(line, "\n");
        printf("  %.*s\n", length, line);
        line += length + (line[length] != '\0');
    }
}

static void print_help(const struct options *options, const struct options_help *help)
{
    printf("%s\n\n", help->text);
    fflush(stdout);
    poptPrintHelp(options->context, stdout, 0);
    printf("\nExamples:\n");
    print_indented(help->examples);
}

/* popt's usage line starts with argv[0], which shall name the whole command; popt keeps the pointers. */
static bool make_context(struct options *options, int argc, const char *argv[], const struct poptOption *table)
{
    options->named = calloc((size_t)argc + 1, sizeof *options->named);
    if (options->named == NULL)
        return false;
    memcpy(options->named, argv, (size_t)argc * sizeof *options->named);
    snprintf(options->name, sizeof options->name, "matterhorn %s", argv[0]);
    options->named[0] = options->name;
    options->context = poptGetContext("matterhorn", argc, options->named, table, 0);
    return options->context != NULL;
}

bool options_parse(struct options *options, int argc, const char *argv[], const struct poptOption *table,
                   const struct options_help *help, int *status)
{
    int wants_help = 0;
    struct poptOption with_help[] = {
        {NULL, '\0', POPT_ARG_INCLUDE_TABLE, (void *)(unsigned long)table, 0, "Options:", NULL},
        {"help", 'h', POPT_ARG_NONE, &wants_help, 0, "show this help", NULL},
        POPT_TABLEEND,
    };
    *status = EXIT_BENCH;
    *options = (struct options){0};
    if (!make_context(options, argc, argv, with_help))
        return false;
    poptSetOtherOptionHelp(options->context, help->arguments);
    int code = poptGetNextOpt(options->context);
    *status = EXIT_PASS;
    if (code < -1) {
        *status = usage_error("%s %s: %s; see matterhorn %s --help", argv[0],
                              poptBadOption(options->context, POPT_BADOPTION_NOALIAS), poptStrerror(code), argv[0]);
        return false;
    }
    if (wants_help) {
        print_help(options, help);
        return false;
    }
    static const char *none[] = {NULL};
    options->arguments = poptGetArgs(options->context);
    if (options->arguments == NULL)
        options->arguments = none;
    for (options->count = 0; options->arguments[options->count] != NULL;)
        options->count++;
    return true;
}

void options_close(struct options *options)
{
    poptFreeContext(options->context);
    free(options->named);
}
