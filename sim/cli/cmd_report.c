/* SPDX-License-Identifier: MIT
 *
 * matterhorn report: what a result store knows, as the reports of a sweep.
 */
#include "command.h"
#include "options.h"
#include "outputs.h"
#include "report.h"
#include "store_report.h"

#include <stdio.h>
#include <stdlib.h>

static const struct options_help help = {
    .arguments = "STORE [OPTIONS]",
    .text = "Prints what a store of `matterhorn sweep --store` or `matterhorn merge` knows, and writes the same reports as the sweep. No\n"
            "machine is needed. Where the sweep is not complete, the findings until then are printed, no file is written, and the exit\n"
            "status is 4.",
    .examples = "matterhorn report eth.store\n"
                "matterhorn report eth.store --html sweep.html --junit sweep.xml --json",
};

struct request {
    int json;
    struct outputs outputs;
};

static bool write_all(struct request *request, struct store_report *report, struct problem *problem)
{
    outputs_compare(&request->outputs, &report->result, report->profile);
    bool printed = request->json ? report_json(stdout, &report->result, report->profile)
                                 : report_text(stdout, &report->result, report->profile);
    return (printed || problem_set(problem, PROBLEM_BENCH, "no memory for the report")) &&
           outputs_write(&request->outputs, &report->result, report->profile, &report->target, problem);
}

static int incomplete(const struct request *request, const struct store_report *report, const char *path)
{
    report_incomplete(stdout, &report->result, report->profile, request->json);
    fprintf(stderr, "matterhorn: %s is not complete: the sweep goes on when it is started again with it\n", path);
    return EXIT_INCOMPLETE;
}

static int report_on(struct request *request, const char *path)
{
    struct problem problem = {0};
    struct store_report report;
    bool good = outputs_apart(&request->outputs, &path, 1, &problem) && outputs_open(&request->outputs, &problem);
    if (!good)
        return problem_exit(&problem);
    good = store_report_open(&report, path, &problem);
    int status = !good ? problem_exit(&problem) : EXIT_PASS;
    if (good && !report.finished)
        status = incomplete(request, &report, path);
    else if (good)
        status = !write_all(request, &report, &problem) ? problem_exit(&problem)
                 : sweep_passed(&report.result)       ? EXIT_PASS
                                                        : EXIT_FINDINGS;
    store_report_close(&report);
    return status;
}

static int run(int argc, const char *argv[])
{
    struct request request = {.json = 0};
    struct poptOption table[] = {
        OUTPUTS_OPTIONS(&request.outputs),
        {"json", '\0', POPT_ARG_NONE, &request.json, 0, "one JSON object instead of the table", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status;
    if (options_parse(&options, argc, argv, table, &help, &status))
        status = options.count == 1 ? report_on(&request, options.arguments[0])
                                    : usage_error("report: name one store; see matterhorn report --help");
    options_close(&options);
    outputs_close(&request.outputs);
    return status;
}

const struct command command_report = {"report", "print and write what the store of a sweep knows", run};
