/* SPDX-License-Identifier: MIT
 *
 * matterhorn measured: times of flash operations that were measured on a board, beside those of the machine.
 */
#include "command.h"
#include "measurements.h"
#include "nor.h"
#include "options.h"

#include <jansson.h>
#include <stdio.h>

static double us(double ns)
{
    return ns / 1000;
}

static void print_group(const struct measured_group *group)
{
    const double mean = measured_mean_ns(group);
    const char *finding = measured_finding(group);
    printf("%-13s %-8s %8u %6u %11.1f %11.1f %11.1f %11.1f %11.1f %8.3f %8.3f%s%s\n", group->part->name,
           measured_operations[group->operation], group->bytes, group->count, us((double)group->least_ns), us(mean),
           us((double)group->most_ns), us((double)group->typical_ns), us((double)group->maximum_ns),
           mean / (double)group->typical_ns, (double)group->most_ns / (double)group->maximum_ns, finding ? "  " : "",
           finding ? finding : "");
}

static void print_table(const GArray *groups)
{
    printf("%-13s %-8s %8s %6s %35s %23s %17s\n", "", "", "", "", "measured, us", "machine, us", "ratios");
    printf("%-13s %-8s %8s %6s %11s %11s %11s %11s %11s %8s %8s\n", "part", "kind", "bytes", "count", "least", "mean",
           "most", "typical", "maximum", "mean/typ", "most/max");
    for (guint i = 0; i < groups->len; i++)
        print_group(&g_array_index(groups, struct measured_group, i));
}

static void print_json(const GArray *groups)
{
    json_t *list = json_array();
    for (guint i = 0; i < groups->len; i++) {
        const struct measured_group *group = &g_array_index(groups, struct measured_group, i);
        const char *finding = measured_finding(group);
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:s?}", "part", group->part->name,
                            "operation", measured_operations[group->operation], "bytes", (json_int_t)group->bytes,
                            "count", (json_int_t)group->count, "least_ns", (json_int_t)group->least_ns, "mean_ns",
                            measured_mean_ns(group), "most_ns", (json_int_t)group->most_ns, "typical_ns",
                            (json_int_t)group->typical_ns, "maximum_ns", (json_int_t)group->maximum_ns, "finding",
                            finding));
    }
    json_t *object = json_pack("{s:o}", "groups", list);
    json_dumpf(object, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(object);
}

static int compare(const char *path, int json)
{
    struct problem problem = {0};
    GArray *groups = measurements_read(path, &problem);
    unsigned findings = 0;
    if (groups == NULL)
        return problem_exit(&problem);
    for (guint i = 0; i < groups->len; i++)
        findings += measured_finding(&g_array_index(groups, struct measured_group, i)) != NULL;
    if (json)
        print_json(groups);
    else
        print_table(groups);
    g_array_free(groups, TRUE);
    return findings == 0 ? EXIT_PASS : EXIT_FINDINGS;
}

static const struct options_help help = {
    .arguments = "FILE [OPTIONS]",
    .text = "Compares times of flash operations that were measured on a board (docs/HARDWARE.md says how, and in which\n"
            "format) with those of the machine: exit 0 when each is within typical and maximum, 1 when one is not.",
    .examples = "matterhorn measured board-7.csv\n"
                "matterhorn measured board-7.csv --json\n",
};

static int run(int argc, const char *argv[])
{
    int json = 0;
    const struct poptOption table[] = {
        {"json", 0, POPT_ARG_NONE, &json, 0, "one JSON object on one line", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status;

    if (options_parse(&options, argc, argv, table, &help, &status)) {
        if (options.count != 1) {
            status = usage_error("measured: one file with measurements is needed; see matterhorn measured --help");
        } else {
            status = compare(options.arguments[0], json);
        }
    }
    options_close(&options);
    return status;
}

const struct command command_measured = {"measured", "compare times measured on a board with the machine's", run};
