/* SPDX-License-Identifier: MIT
 *
 * matterhorn sweep: power losses at the operations of an update, each recovered by the real binary.
 */
#include "closure_report.h"
#include "command.h"
#include "fault_option.h"
#include "files.h"
#include "groups.h"
#include "interrupt.h"
#include "outputs.h"
#include "page.h"
#include "report.h"
#include "store.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct options_help help = {
    .arguments = "PROFILE [OPTIONS]",
    .text = "Runs the update of PROFILE (a name in sim/profiles, or a file) once and records its flash operations. Then, for\n"
            "each operation and each way in which a power loss can tear it, builds what that leaves in the flashes, applies\n"
            "power, lets the real binary recover, and judges; and once more after another power-up. States from which the\n"
            "recovery cannot differ from one that was run are credited with its verdict.\n"
            "A machine that is killed on the way is replaced. Where a sweep cannot go on (a case loses its machine twice, Ctrl-C),\n"
            "it ends with exit 3 and prints what it found until then; no file is written then.\n"
            "With --store, what is found out is kept in a file as it becomes known. The same command goes on from there, however it was\n"
            "stopped; it does not do again what is kept, and comes to the same result. See matterhorn report, merge and diff.\n"
            "With --depth, power is lost in the recoveries too, so many times in a row or until no new state is met: then, if all\n"
            "recovered, the update is closed under the menu of tears. --cuts N then takes N of each run.",
    .examples = "matterhorn sweep eth-app-update\n"
                "matterhorn sweep eth-app-update --cuts 200 --tears before --no-prune\n"
                "matterhorn sweep eth-app-update --jobs 4 --check-credited 500 --list cuts.txt\n"
                "matterhorn sweep eth-app-update --html sweep.html --junit sweep.xml\n"
                "matterhorn sweep eth-app-update --cuts 200 --fault nor-slow=2 --fault nor-wel-drop=7\n"
                "matterhorn sweep eth-confirm --depth any --tears before\n"
                "matterhorn sweep eth-small-update --depth 2 --time 1h --check-credited 100\n"
                "matterhorn sweep eth-app-update --store eth.store --time 30m\n"
                "matterhorn sweep eth-app-update --store eth-3.store --shard 3/8\n"
                "matterhorn sweep my-board.yaml --root . --json\n"
                "matterhorn sweep eth-app-update --root build/mutants/early-clear --artifacts findings",
};

#define NO_SEED LLONG_MIN

struct request {
    int json, jobs, live, no_prune, check;
    long long seed, sram_seed, noise_seed; /* NO_SEED: not given */
    char *cuts, *depth, *tears, *root, *device, *artifacts, *store, *shard, *time;
    struct outputs outputs;
    struct fault_option faults;
    const char *profile; /* as the user named it */
};

static bool read_cuts(const struct request *request, struct sweep_options *options, int *status)
{
    const char *text = request->cuts;
    if (text == NULL)
        return true;
    options->all = strcmp(text, "all") == 0;
    size_t digits = strspn(text, "0123456789");
    options->cuts = !options->all && digits <= 9 ? strtoul(text, NULL, 10) : 0;
    if (options->all || (text[digits] == '\0' && options->cuts > 0))
        return true;
    *status = usage_error("sweep --cuts %s: a number from 1 to 999999999, or all", text);
    return false;
}

static bool read_tears(const struct request *request, struct sweep_options *options, int *status)
{
    char *rest = request->tears;
    options->tear_count = request->tears != NULL ? 0 : options->tear_count;
    for (char *name; rest != NULL && (name = strsep(&rest, ",")) != NULL;) {
        enum nor_tear tear = nor_tear_named(name);
        if (tear == NOR_TEARS || options->tear_count == NOR_TEARS) {
            char menu[NOR_TEAR_MENU];
            *status = usage_error("sweep --tears: there is no tear \"%s\"; there are: %s", name, nor_tear_menu(menu));
            return false;
        }
        for (unsigned i = 0; i < options->tear_count; i++) {
            if (options->tears[i] == tear) {
                *status = usage_error("sweep --tears: \"%s\" is named twice", name);
                return false;
            }
        }
        options->tears[options->tear_count++] = tear;
    }
    return true;
}

/* Without --depth it is a sweep of one power loss, which has other reports, and a store. */
static const char *not_with_depth(const struct request *request)
{
    static const char *const names[OUTPUTS] = {[OUTPUT_JUNIT] = "--junit",
                                               [OUTPUT_MARKDOWN] = "--markdown",
                                               [OUTPUT_SARIF] = "--sarif",
                                               [OUTPUT_BASELINE] = "--write-baseline"};
    for (unsigned i = 0; i < OUTPUTS; i++)
        if (names[i] != NULL && request->outputs.paths[i] != NULL)
            return names[i];
    return request->outputs.baseline_path != NULL ? "--baseline"
           : request->artifacts != NULL           ? "--artifacts"
           : request->store != NULL               ? "--store"
           : request->shard != NULL               ? "--shard"
                                                  : NULL;
}

static bool read_depth(const struct request *request, struct sweep_options *options, int *status)
{
    const char *text = request->depth, *other = not_with_depth(request);
    options->list = request->outputs.paths[OUTPUT_LIST] != NULL;
    if (text == NULL)
        return true;
    size_t digits = strspn(text, "0123456789");
    options->depth = digits > 0 && digits <= 2 && text[digits] == '\0' ? (unsigned)strtoul(text, NULL, 10) : 0;
    if (strcmp(text, "any") != 0 && (options->depth < 1 || options->depth > CLOSURE_DEPTHS))
        *status = usage_error("sweep --depth %s: a number of power losses from 1 to %d, or any", text, CLOSURE_DEPTHS);
    else if (other != NULL)
        *status = usage_error("sweep: %s does not go with --depth; --json, --list and --html do", other);
    return *status == EXIT_PASS;
}

static void read_seeds(const struct request *request, struct seeds *seeds)
{
    if (request->seed != NO_SEED)
        *seeds = (struct seeds){(uint64_t)request->seed, (uint64_t)request->seed, (uint64_t)request->seed};
    if (request->sram_seed != NO_SEED)
        seeds->sram = (uint64_t)request->sram_seed;
    if (request->noise_seed != NO_SEED)
        seeds->noise = (uint64_t)request->noise_seed;
}

static bool negative(long long seed)
{
    return seed < 0 && seed != NO_SEED;
}

/* A number with s, m or h behind it. */
static bool read_time(const struct request *request, struct sweep_options *options, int *status)
{
    const char *text = request->time, *const units = "smh";
    static const double seconds[] = {1, 60, 3600};
    size_t digits = text == NULL ? 0 : strspn(text, "0123456789");
    const char *unit = digits > 0 && digits <= 6 && text[digits] != '\0' && text[digits + 1] == '\0'
                           ? strchr(units, text[digits])
                           : NULL;
    if (text == NULL)
        return true;
    options->seconds = unit != NULL ? (double)strtoul(text, NULL, 10) * seconds[unit - units] : 0;
    if (options->seconds > 0)
        return true;
    *status = usage_error("sweep --time %s: write it like 90s, 10m or 2h", text);
    return false;
}

static bool read_shard(const struct request *request, struct sweep_options *options, int *status)
{
    struct problem problem = {0};
    if (request->shard == NULL || shard_parse(request->shard, &options->shard, &problem))
        return true;
    *status = problem_exit(&problem);
    return false;
}

/* On top of what the profile says. */
static bool read_request(const struct request *request, struct sweep_options *options, int *status)
{
    options->root = request->root;
    options->device = request->device;
    options->artifacts = request->artifacts;
    options->jobs = (unsigned)request->jobs;
    options->live = (size_t)request->live;
    options->prune = !request->no_prune;
    options->check = (size_t)request->check;
    options->faults = request->faults.set;
    read_seeds(request, &options->seeds);
    if (request->jobs < 1 || request->jobs > 1024)
        *status = usage_error("sweep --jobs %d: 1 to 1024", request->jobs);
    else if (negative(request->seed) || negative(request->sram_seed) || negative(request->noise_seed))
        *status = usage_error("sweep: seeds are not negative");
    else if (request->faults.why[0] != '\0')
        *status = usage_error("sweep --fault: %s", request->faults.why);
    else if (request->live < 0 || request->check < 0)
        *status = usage_error("sweep: --live and --check-credited are not negative");
    return *status == EXIT_PASS && read_cuts(request, options, status) && read_tears(request, options, status) &&
           read_depth(request, options, status) && read_shard(request, options, status) &&
           read_time(request, options, status);
}

/* The device's files and the profile are no place for results. */
static bool check_files(const struct request *request, const struct profile *profile, struct problem *problem)
{
    const struct outputs *outputs = &request->outputs;
    const char *const paths[] = {request->profile, request->store};
    char *root = request->root != NULL ? strdup(request->root) : profile_default_root();
    char *device = request->device != NULL ? strdup(request->device) : root != NULL ? files_join(root, profile->device) : NULL;
    bool good = device != NULL || problem_set(problem, PROBLEM_BENCH, "no memory");
    for (unsigned i = 0; good && i <= OUTPUTS; i++) {
        const char *path = i < OUTPUTS ? outputs->paths[i] : request->store;
        if (arrays_has_file(device, path))
            good = problem_set(problem, PROBLEM_USE, "sweep: %s is the device's and would be written over", path);
    }
    free(device);
    free(root);
    return good && outputs_apart(outputs, paths, sizeof paths / sizeof paths[0], problem);
}

/* Where results go is opened first: a sweep of an hour shall not end with a path that cannot be written. */
static bool open_results(const struct request *request, struct outputs *outputs, struct problem *problem)
{
    return (request->artifacts == NULL || files_make_folder(request->artifacts, problem)) &&
           outputs_open(outputs, problem);
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
        if (groups_verdict(&result->cases[i])->pass || result->cases[i].known)
            continue;
        sweep_id(result, profile, &result->cases[i], id);
        id_command(id, result->firmware, target, command);
        printf("see the first one: %s\n", command);
        return;
    }
}

static bool write_results(const struct request *request, struct outputs *outputs, const struct sweep_result *result,
                          const struct profile *profile, struct problem *problem)
{
    struct id_target target = target_of(request, profile);
    bool printed = request->json ? report_json(stdout, result, profile) : report_text(stdout, result, profile);
    if (!printed)
        return problem_set(problem, PROBLEM_BENCH, "no memory for the report");
    if (!request->json)
        print_hint(result, profile, &target);
    return outputs_write(outputs, result, profile, &target, problem);
}

/* How the user named things is kept too: reports that are made from the store say it in their commands. */
static bool open_store(const struct request *request, const struct profile *profile, struct sweep_options *options,
                       struct problem *problem)
{
    struct id_target target = target_of(request, profile);
    return request->store == NULL || (store_open(&options->store, request->store, STORE_WORK, problem) &&
                                      store_note(options->store, "said_profile", target.profile, problem) &&
                                      store_note(options->store, "said_root", target.root, problem) &&
                                      store_note(options->store, "said_device", target.device, problem));
}

/* What was wrong, or that the time is up. */
static int failed(const struct request *request, const struct problem *problem)
{
    if (problem->kind != PROBLEM_TIME)
        return problem_exit(problem);
    fprintf(stderr, "matterhorn: not complete: the time of --time %s is up%s%s\n", request->time,
            request->store != NULL ? "; the same command goes on with what is in " : ", and without --store it is lost",
            request->store != NULL ? request->store : "");
    return EXIT_INCOMPLETE;
}

static int run_and_report(const struct profile *profile, struct request *request, struct sweep_options *options,
                          struct problem *problem)
{
    struct sweep_result result = {0};
    struct report_progress progress = {0};
    struct outputs *outputs = &request->outputs;
    bool good = check_files(request, profile, problem) && open_results(request, outputs, problem) &&
                open_store(request, profile, options, problem) &&
                sweep_run(&result, profile, options, report_progress, &progress, problem);
    report_progress_end(&progress);
    outputs_compare(outputs, &result, profile);
    if (!good)
        report_incomplete(stdout, &result, profile, request->json);
    good = good && write_results(request, outputs, &result, profile, problem);
    int status = !good                                     ? failed(request, problem)
                 : result.warning.kind != PROBLEM_NONE ? bench_error("%s", result.warning.text)
                 : sweep_passed(&result)                 ? EXIT_PASS
                                                           : EXIT_FINDINGS;
    store_close(options->store);
    sweep_free(&result);
    return status;
}

static bool write_closure(const struct request *request, struct outputs *outputs, const struct closure_result *result,
                          struct problem *problem)
{
    struct id_target target = target_of(request, result->profile);
    struct file_writer *list = &outputs->writers[OUTPUT_LIST], *page = &outputs->writers[OUTPUT_HTML];
    if (!request->json)
        closure_report_text(stdout, result, &target);
    else if (!closure_report_json(stdout, result))
        return problem_set(problem, PROBLEM_BENCH, "no memory for the report");
    if (problem->kind != PROBLEM_NONE)
        return true;
    if (list->stream != NULL)
        closure_report_list(list->stream, result);
    if (page->stream != NULL && !page_write_closure(page->stream, result, &target))
        return problem_set(problem, PROBLEM_BENCH, "no memory for the report");
    return (list->stream == NULL || files_commit(list, problem)) &&
           (page->stream == NULL || files_commit(page, problem));
}

/* What was found until then is printed also where the search was given up. */
static int close_and_report(const struct profile *profile, struct request *request, const struct sweep_options *options,
                            struct problem *problem)
{
    struct closure_result result = {0};
    struct report_progress progress = {0};
    struct outputs *outputs = &request->outputs;
    bool good = check_files(request, profile, problem) && open_results(request, outputs, problem) &&
                closure_run(&result, profile, options, closure_report_progress, &progress, problem);
    report_progress_end(&progress);
    if (result.search != NULL)
        good = write_closure(request, outputs, &result, problem) && good;
    int status = !good ? problem_exit(problem) : closure_passed(&result) ? EXIT_PASS : EXIT_FINDINGS;
    closure_free(&result);
    return status;
}

static int sweep(struct request *request)
{
    struct problem problem = {0};
    struct profile *profile = NULL;
    struct sweep_options options;
    int status = EXIT_PASS;
    interrupt_install();
    if (!profile_load(request->profile, &profile, &problem))
        return problem_exit(&problem);
    sweep_options_of(profile, &options);
    if (read_request(request, &options, &status))
        status = request->depth != NULL ? close_and_report(profile, request, &options, &problem)
                                        : run_and_report(profile, request, &options, &problem);
    profile_free(profile);
    return status;
}

static int run(int argc, const char *argv[])
{
    struct request request = {.jobs = (int)sysconf(_SC_NPROCESSORS_ONLN),
                              .live = 10,
                              .seed = NO_SEED,
                              .sram_seed = NO_SEED,
                              .noise_seed = NO_SEED};
    struct poptOption fault_table[] = FAULT_OPTION(&request.faults);
    struct poptOption table[] = {
        {"jobs", 'j', POPT_ARG_INT, &request.jobs, 0, "workers (default: one per processor), but no more than cases",
         "N"},
        {"cuts", '\0', POPT_ARG_STRING, &request.cuts, 0, "cuts to make (default: the profile's)", "N|all"},
        {"depth", '\0', POPT_ARG_STRING, &request.depth, 0,
         "so many power losses in a row, in the recoveries too; any: until nothing new is met", "N|any"},
        {"tears", '\0', POPT_ARG_STRING, &request.tears, 0,
         "what a loss leaves of the operation, such as before,half (default: the profile's)", "LIST"},
        {"no-prune", '\0', POPT_ARG_NONE, &request.no_prune, 0,
         "run every state, credit none with the verdict of another", NULL},
        {"check-credited", '\0', POPT_ARG_INT, &request.check, 0,
         "credited states to run all the same; one that goes another way ends with exit 3", "N"},
        {"live", '\0', POPT_ARG_INT, &request.live, 0,
         "cuts also done for real, to prove the built states (default: 10)", "N"},
        {"seed", '\0', POPT_ARG_LONGLONG, &request.seed, 0,
         "chooses cuts, contents of the SRAM and noise of weak bits (default: the profile's)", "N"},
        {"sram-seed", '\0', POPT_ARG_LONGLONG, &request.sram_seed, 0, "another one for contents of the SRAM", "N"},
        {"noise-seed", '\0', POPT_ARG_LONGLONG, &request.noise_seed, 0, "another one for noise of weak bits", "N"},
        {"root", '\0', POPT_ARG_STRING, &request.root, 0,
         "where relative paths of the profile start (default: the project)", "DIR"},
        {"device", '\0', POPT_ARG_STRING, &request.device, 0, "provisioned device (default: the profile's)", "DIR"},
        {"store", '\0', POPT_ARG_STRING, &request.store, 0, "keep what is found out, and go on from what was", "FILE"},
        {"shard", '\0', POPT_ARG_STRING, &request.shard, 0,
         "only part I of N (from 1); auto: of the job array that this runs in", "I/N|auto"},
        {"time", '\0', POPT_ARG_STRING, &request.time, 0,
         "begin nothing after 90s, 10m, 2h; then exit 4 if it is not complete (with --depth: say how far it got)",
         "TIME"},
        OUTPUTS_OPTIONS(&request.outputs),
        {"artifacts", '\0', POPT_ARG_STRING, &request.artifacts, 0,
         "write flashes, UART and trace of the first findings", "DIR"},
        {"json", '\0', POPT_ARG_NONE, &request.json, 0, "one JSON object instead of the table", NULL},
        {NULL, '\0', POPT_ARG_INCLUDE_TABLE, fault_table, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status;
    if (options_parse(&options, argc, argv, table, &help, &status)) {
        request.profile = options.arguments[0];
        status = options.count == 1 ? sweep(&request)
                                    : usage_error("sweep: name one profile; see matterhorn sweep --help");
    }
    options_close(&options);
    free(request.cuts);
    free(request.depth);
    free(request.tears);
    free(request.root);
    free(request.device);
    free(request.artifacts);
    free(request.store);
    free(request.shard);
    free(request.time);
    outputs_close(&request.outputs);
    return status;
}

const struct command command_sweep = {"sweep", "lose power at many points of an update; does it always recover?", run};
