/* SPDX-License-Identifier: MIT
 *
 * matterhorn diff: two sweeps of the same profile, such as of two builds of the firmware.
 */
#include "command.h"
#include "compare.h"
#include "options.h"

static const struct options_help help = {
    .arguments = "BEFORE AFTER [OPTIONS]",
    .text = "Compares the stores of two complete sweeps of the same profile, seeds, cuts and tears, power loss by power loss: what fails now and\n"
            "did not before (new), what fails in both (still), what recovers now (fixed), and what failed at an operation that is no longer\n"
            "done (gone). Also what the update without power loss costs: virtual time, operations, erases of each sector that is erased\n"
            "otherwise, sizes of images. Exit 1 when something is new.",
    .examples = "matterhorn diff release-1.store release-2.store\n"
                "matterhorn diff main.store branch.store --json",
};

static bool check_finished(const struct store_report *report, int *status)
{
    if (report->finished)
        return true;
    fprintf(stderr, "matterhorn: %s is not complete: its sweep goes on when it is started again with it\n",
            store_path(report->store));
    *status = EXIT_INCOMPLETE;
    return false;
}

static int tell(const struct store_report *before, const struct store_report *after, bool json, struct problem *problem)
{
    struct comparison comparison;
    bool good = compare(&comparison, before, after, problem);
    if (good && !(json ? compare_json(stdout, &comparison) : compare_text(stdout, &comparison)))
        good = problem_set(problem, PROBLEM_BENCH, "no memory for the report");
    int status = !good ? problem_exit(problem) : compare_worse(&comparison) ? EXIT_FINDINGS : EXIT_PASS;
    compare_free(&comparison);
    return status;
}

static int diff(const char *const paths[], bool json)
{
    struct problem problem = {0};
    struct store_report before = {.store = NULL}, after = {.store = NULL};
    int status = EXIT_PASS;
    if (!store_report_open(&before, paths[0], &problem) || !store_report_open(&after, paths[1], &problem) ||
        !campaign_alike(&after.campaign, paths[1], &before.campaign, paths[0], CAMPAIGN_COMPARABLE, &problem))
        status = problem_exit(&problem);
    else if (check_finished(&before, &status) && check_finished(&after, &status))
        status = tell(&before, &after, json, &problem);
    store_report_close(&before);
    store_report_close(&after);
    return status;
}

static int run(int argc, const char *argv[])
{
    int json = 0, status;
    struct poptOption table[] = {
        {"json", '\0', POPT_ARG_NONE, &json, 0, "one JSON object instead of text", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    if (options_parse(&options, argc, argv, table, &help, &status))
        status = options.count == 2 ? diff(options.arguments, json != 0)
                                    : usage_error("diff: name two stores; see matterhorn diff --help");
    options_close(&options);
    return status;
}

const struct command command_diff = {"diff", "compare two sweeps: what fails now and did not before?", run};
