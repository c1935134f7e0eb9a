/* SPDX-License-Identifier: MIT
 *
 * matterhorn sweep: power losses spread over the operations of an update, each recovered by the real binary.
 */
#include "command.h"
#include "files.h"
#include "groups.h"
#include "interrupt.h"
#include "junit.h"
#include "options.h"
#include "page.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct options_help help = {
    .arguments = "PROFILE [OPTIONS]",
    .text = "Runs the update of PROFILE (a name in sim/profiles, or a file) once and records its flash operations. Then, for\n"
            "each chosen operation, builds what a power loss there leaves in the flashes, applies power, lets the real\n"
            "binary recover, and judges; and once more after another power-up.",
    .examples = "matterhorn sweep eth-app-update\n"
                "matterhorn sweep eth-app-update --cuts all --jobs 4 --list cuts.txt\n"
                "matterhorn sweep eth-app-update --html sweep.html --junit sweep.xml\n"
                "matterhorn sweep my-board.yaml --root . --json\n"
                "matterhorn sweep eth-app-update --root build/mutants/early-clear --artifacts findings",
};

struct request {
    int json, jobs, live;
    long long seed;
    char *cuts, *root, *device, *list, *artifacts, *junit, *html;
    const char *profile; /* as the user named it */
};

/* Files for results. */
struct results {
    struct file_writer list, junit, html;
};

static bool read_request(const struct request *request, struct sweep_options *options, int *status)
{
    options->root = request->root;
    options->device = request->device;
    options->artifacts = request->artifacts;
    options->jobs = (unsigned)request->jobs;
    options->live = (size_t)request->live;
    options->seed = (uint64_t)request->seed;
    if (request->cuts != NULL && strcmp(request->cuts, "all") == 0) {
        options->all = true;
    } else if (request->cuts != NULL) {
        char *end;
        long long cuts = strtoll(request->cuts, &end, 10);
        options->cuts = cuts > 0 ? (size_t)cuts : 0;
        if (*end != '\0' || cuts <= 0)
            *status = usage_error("sweep --cuts %s: a number from 1, or all", request->cuts);
    }
    if (request->jobs < 1 || request->jobs > 1024)
        *status = usage_error("sweep --jobs %d: 1 to 1024", request->jobs);
    if (request->live < 0 || request->seed < 0)
        *status = usage_error("sweep: --live and --seed are not negative");
    return *status == EXIT_PASS;
}

/* Where results go is opened first: a sweep of an hour shall not end with a path that cannot be written. */
static bool open_results(const struct request *request, struct results *results, struct problem *problem)
{
    return (request->artifacts == NULL || files_make_folder(request->artifacts, problem)) &&
           (request->list == NULL || files_open(&results->list, request->list, problem)) &&
           (request->junit == NULL || files_open(&results->junit, request->junit, problem)) &&
           (request->html == NULL || files_open(&results->html, request->html, problem));
}

static void discard_results(struct results *results)
{
    files_discard(&results->list);
    files_discard(&results->junit);
    files_discard(&results->html);
}

/* What the user said about the target, for commands that find it again. A profile that is no file goes by its name. */
static struct id_target target_of(const struct request *request, const struct profile *profile)
{
    return (struct id_target){strcmp(request->profile, profile->name) != 0 ? request->profile : NULL, request->root,
                              request->device};
}

/* How to see the first finding. */
static void print_hint(const struct sweep_result *result, const struct profile *profile, const struct id_target *target)
{
    char id[SWEEP_ID], command[ID_COMMAND];
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        if (groups_verdict(&result->cases[i])->pass)
            continue;
        sweep_id(result, profile, &result->cases[i], id);
        id_command(id, result->firmware, target, command);
        printf("see the first one: %s\n", command);
        return;
    }
}

static bool write_files(struct results *results, const struct sweep_result *result, const struct profile *profile,
                        const struct id_target *target, struct problem *problem)
{
    if (results->list.stream != NULL)
        report_list(results->list.stream, result, profile);
    if ((results->junit.stream != NULL && !junit_write(results->junit.stream, result, profile, target)) ||
        (results->html.stream != NULL && !page_write(results->html.stream, result, profile, target)))
        return problem_set(problem, PROBLEM_BENCH, "no memory for the report");
    return (results->list.stream == NULL || files_commit(&results->list, problem)) &&
           (results->junit.stream == NULL || files_commit(&results->junit, problem)) &&
           (results->html.stream == NULL || files_commit(&results->html, problem));
}

static bool write_results(const struct request *request, struct results *results, const struct sweep_result *result,
                          const struct profile *profile, struct problem *problem)
{
    struct id_target target = target_of(request, profile);
    bool printed = request->json ? report_json(stdout, result, profile) : report_text(stdout, result, profile);
    if (!printed)
        return problem_set(problem, PROBLEM_BENCH, "no memory for the report");
    if (!request->json)
        print_hint(result, profile, &target);
    return write_files(results, result, profile, &target, problem);
}

static int sweep(const struct request *request, const struct sweep_options *options)
{
    struct problem problem = {0};
    struct profile *profile = NULL;
    struct sweep_result result = {0};
    struct report_progress progress = {0};
    struct results results = {0};
    int status = EXIT_PASS;
    interrupt_install();
    bool good = profile_load(request->profile, &profile, &problem) && open_results(request, &results, &problem) &&
                sweep_run(&result, profile, options, report_progress, &progress, &problem);
    report_progress_end(&progress);
    good = good && write_results(request, &results, &result, profile, &problem);
    if (!good)
        status = problem_exit(&problem);
    else if (!result.clean.pass || sweep_findings(&result) > 0)
        status = EXIT_FINDINGS;
    discard_results(&results);
    sweep_free(&result);
    profile_free(profile);
    return status;
}

static int run(int argc, const char *argv[])
{
    struct request request = {.jobs = (int)sysconf(_SC_NPROCESSORS_ONLN), .live = 10};
    struct poptOption table[] = {
        {"jobs", 'j', POPT_ARG_INT, &request.jobs, 0, "workers (default: one per processor)", "N"},
        {"cuts", '\0', POPT_ARG_STRING, &request.cuts, 0, "cuts to make (default: the profile's)", "N|all"},
        {"live", '\0', POPT_ARG_INT, &request.live, 0, "cuts also done for real, to prove the built states (default: 10)", "N"},
        {"seed", '\0', POPT_ARG_LONGLONG, &request.seed, 0, "chooses cuts and contents of the SRAM (default: the profile's)", "N"},
        {"root", '\0', POPT_ARG_STRING, &request.root, 0, "where relative paths of the profile start (default: the project)", "DIR"},
        {"device", '\0', POPT_ARG_STRING, &request.device, 0, "provisioned device (default: the profile's)", "DIR"},
        {"list", '\0', POPT_ARG_STRING, &request.list, 0, "write one line per cut", "FILE"},
        {"junit", '\0', POPT_ARG_STRING, &request.junit, 0, "write JUnit XML: a test case per group and per finding", "FILE"},
        {"html", '\0', POPT_ARG_STRING, &request.html, 0, "write one page with timeline, flash map and findings", "FILE"},
        {"artifacts", '\0', POPT_ARG_STRING, &request.artifacts, 0, "write flashes, UART and trace of the first findings", "DIR"},
        {"json", '\0', POPT_ARG_NONE, &request.json, 0, "one JSON object instead of the table", NULL},
        POPT_TABLEEND,
    };
    struct sweep_options sweep_options = {0};
    struct options options;
    int status;
    if (options_parse(&options, argc, argv, table, &help, &status) && read_request(&request, &sweep_options, &status)) {
        request.profile = options.arguments[0];
        status = options.count == 1 ? sweep(&request, &sweep_options)
                                    : usage_error("sweep: name one profile; see matterhorn sweep --help");
    }
    options_close(&options);
    free(request.cuts);
    free(request.root);
    free(request.device);
    free(request.list);
    free(request.artifacts);
    free(request.junit);
    free(request.html);
    return status;
}

const struct command command_sweep = {"sweep", "lose power at many points of an update; does it always recover?", run};
