/* SPDX-License-Identifier: MIT
 *
 * matterhorn faults: the menu of what can be wrong with the parts.
 */
#include "command.h"
#include "options.h"

#include "fault.h"

#include <stdio.h>
#include <string.h>

static const struct options_help help = {
    .arguments = "[OPTIONS]",
    .text = "Lists the faults that boot, sweep and replay take with --fault, and profiles with faults: name, what it does,\n"
            "and where that is known from. Then what else can go wrong without being named so, such as tears.\n"
            "docs/FAULTS.md explains when they act.",
    .examples = "matterhorn faults\n"
                "matterhorn boot --profile eth-app-update --fault nor-dead\n"
                "matterhorn sweep eth-app-update --cuts 200 --fault int-slow=2 --fault nor-slow=2",
};

static void name_of(const struct fault_kind *kind, char text[FAULT_TEXT])
{
    bool optional = kind->argument[0] == '[';
    snprintf(text, FAULT_TEXT, "%s%s%s%s", kind->name, optional ? "[" : "", kind->argument[0] != '\0' ? "=" : "",
             kind->argument + optional);
}

static void print_text(void)
{
    char name[FAULT_TEXT];
    for (int fault = 0; fault < FAULTS; fault++) {
        const struct fault_kind *kind = &fault_menu[fault];
        name_of(kind, name);
        printf("%-32s %s%s\n%-32s   (%s)\n", name, kind->effect, kind->beyond_cells ? " *" : "", "", kind->source);
    }
    printf("\n* a sweep runs every state then and credits none\n\nWithout a name for --fault:\n");
    for (const struct fault_elsewhere *one = fault_elsewhere; one->name != NULL; one++)
        printf("%-32s %s: %s\n%-32s   (%s)\n", one->name, one->what, one->effect, "", one->source);
}

/* The tables of docs/FAULTS.md. */
static void print_markdown(void)
{
    char name[FAULT_TEXT];
    printf("| fault | what it does | source |\n|---|---|---|\n");
    for (int fault = 0; fault < FAULTS; fault++) {
        const struct fault_kind *kind = &fault_menu[fault];
        name_of(kind, name);
        printf("| `%s` | %s%s | %s |\n", name, kind->effect, kind->beyond_cells ? " \\*" : "", kind->source);
    }
    printf("\n\\* a sweep runs every state then and credits none.\n\n| name | is | what it does | source |\n|---|---|---|---|\n");
    for (const struct fault_elsewhere *one = fault_elsewhere; one->name != NULL; one++)
        printf("| %s | %s | %s | %s |\n", one->name, one->what, one->effect, one->source);
}

static int run(int argc, const char *argv[])
{
    int markdown = 0, status;
    struct poptOption table[] = {
        {"markdown", '\0', POPT_ARG_NONE, &markdown, 0, "as the tables of docs/FAULTS.md", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    if (options_parse(&options, argc, argv, table, &help, &status)) {
        if (options.count != 0)
            status = usage_error("faults: takes no arguments; see matterhorn faults --help");
        else if (markdown)
            print_markdown();
        else
            print_text();
    }
    options_close(&options);
    return status;
}

const struct command command_faults = {"faults", "list what can be wrong with the parts", run};
