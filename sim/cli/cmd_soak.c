/* SPDX-License-Identifier: MIT
 *
 * matterhorn soak: thousands of updates in a row on one device that loses power at random.
 */
#include "command.h"
#include "files.h"
#include "interrupt.h"
#include "options.h"
#include "soak_report.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const struct options_help help = {
    .arguments = "PROFILE [OPTIONS]",
    .text = "Makes updates of PROFILE one after another on one and the same device, by the commands of its `soak` in turns. Power is lost at\n"
            "random operations, torn at random, in the updates and in their recoveries: a geometric number of times, one in eight of them\n"
            "a burst of three to five losses close together. Each update must be there in the end, and nothing else may have changed; erases\n"
            "are counted over the whole soak, and told as a part of what the data sheets promise. The first round is left alone: it says\n"
            "how many operations there are. A soak ends at the first finding. What it stored it can go on from, with the same result as if\n"
            "it had never stopped. Exit status: 0 every update was there, 1 a finding.",
    .examples = "matterhorn soak eth-small-update --updates 1000\n"
                "matterhorn soak eth-small-update --updates 5000 --losses 2 --seed 7 --store soak.state\n"
                "matterhorn soak eth-small-update --updates 5000 --resume soak.state\n"
                "matterhorn soak eth-small-update --flash-times maximum --nor-times maximum --artifacts findings",
};

struct request {
    long long updates, seed, every;
    double losses;
    char *store, *resume, *flash_times, *nor_times, *artifacts, *root, *device;
    int json;
    const char *profile;
};

#define NOT_GIVEN (-1)

static bool are_times(const char *word)
{
    return word == NULL || strcmp(word, "typical") == 0 || strcmp(word, "maximum") == 0;
}

/* False: *status, all is said already. */
static bool check(const struct request *request, int *status)
{
    const bool conditions = request->seed != NOT_GIVEN || request->losses != NOT_GIVEN ||
                            request->flash_times != NULL || request->nor_times != NULL;
    if (request->updates < 1)
        *status = usage_error("soak --updates %lld: at least 1", request->updates);
    else if (request->seed < NOT_GIVEN)
        *status = usage_error("soak --seed: a seed is not negative");
    else if (request->losses != NOT_GIVEN && !(request->losses >= 0 && request->losses <= 10))
        *status = usage_error("soak --losses %g: on average 0 to 10 for each update", request->losses);
    else if (request->every < 1)
        *status = usage_error("soak --store-every %lld: at least 1", request->every);
    else if (!are_times(request->flash_times) || !are_times(request->nor_times))
        *status = usage_error("soak --flash-times and --nor-times: typical or maximum");
    else if (request->resume != NULL && request->store != NULL)
        *status = usage_error("soak: --resume FILE stores to that file again; leave --store out");
    else if (request->resume != NULL && conditions)
        *status =
            usage_error("soak: --resume goes on with the seed, losses and times of the file; leave these options out");
    return *status == EXIT_PASS;
}

static void read_request(const struct request *request, const char *profile_file, struct soak_options *options)
{
    struct soak_conditions *conditions = &options->conditions;
    *options = (struct soak_options){.root = request->root,
                                     .device = request->device,
                                     .profile_file = profile_file,
                                     .updates = (uint64_t)request->updates,
                                     .store = request->resume != NULL ? request->resume : request->store,
                                     .every = (uint64_t)request->every,
                                     .resume = request->resume != NULL,
                                     .artifacts = request->artifacts};
    conditions->seed = request->seed != NOT_GIVEN ? (uint64_t)request->seed : 1;
    conditions->losses = request->losses != NOT_GIVEN ? request->losses : 1;
    strcpy(conditions->flash_times, request->flash_times != NULL ? request->flash_times : "typical");
    strcpy(conditions->nor_times, request->nor_times != NULL ? request->nor_times : "typical");
}

/* A place that cannot be written is told before the first update. The device and the profile are no place for a
 * checkpoint. */
static bool check_files(const struct soak_options *options, const struct profile *profile, struct problem *problem)
{
    const char *const paths[] = {options->store, options->profile_file};
    char *root = options->root != NULL ? strdup(options->root) : profile_default_root();
    char *device = options->device != NULL ? strdup(options->device)
                   : root != NULL          ? files_join(root, profile->device)
                                           : NULL;
    struct file_writer writer = {0};
    bool good = device != NULL || problem_set(problem, PROBLEM_BENCH, "no memory");
    if (good && arrays_has_file(device, options->store))
        good = problem_set(problem, PROBLEM_USE, "soak: %s is the device's and would be written over", options->store);
    good = good && files_apart(paths, 1, 2, problem) &&
           (options->store == NULL || files_open(&writer, options->store, problem)) &&
           (options->artifacts == NULL || files_make_folder(options->artifacts, problem));
    files_discard(&writer);
    free(device);
    free(root);
    return good;
}

static int soak_and_tell(const struct request *request, const struct profile *profile,
                         const struct soak_options *options)
{
    struct problem problem = {0};
    struct soak_result *result = calloc(1, sizeof *result);
    struct soak_progress progress = {.updates = options->updates};
    if (result == NULL)
        return bench_error("no memory");
    bool good = check_files(options, profile, &problem) &&
                soak_run(result, profile, options, soak_progress, &progress, &problem);
    soak_progress_end(&progress);
    if (good && !request->json)
        soak_report_text(stdout, result, profile);
    if (good && request->json && !soak_report_json(stdout, result, profile))
        good = problem_set(&problem, PROBLEM_BENCH, "no memory for the report");
    if (!good && problem.kind == PROBLEM_INTERRUPTED && options->store != NULL)
        problem_place(&problem, "what was stored until then goes on with --resume");
    int status = !good ? problem_exit(&problem) : result->failed ? EXIT_FINDINGS : EXIT_PASS;
    soak_free(result);
    free(result);
    return status;
}

static int run_soak(const struct request *request)
{
    struct problem problem = {0};
    struct profile *profile = NULL;
    struct soak_options options;
    interrupt_install();
    char *file = profile_path(request->profile);
    if (file == NULL || !profile_load(request->profile, &profile, &problem)) {
        free(file);
        return problem_exit(&problem);
    }
    read_request(request, file, &options);
    int status = soak_and_tell(request, profile, &options);
    profile_free(profile);
    free(file);
    return status;
}

static void free_request(struct request *request)
{
    free(request->store);
    free(request->resume);
    free(request->flash_times);
    free(request->nor_times);
    free(request->artifacts);
    free(request->root);
    free(request->device);
}

static int run(int argc, const char *argv[])
{
    struct request request = {.updates = 100, .seed = NOT_GIVEN, .losses = NOT_GIVEN, .every = 25};
    struct poptOption table[] = {
        {"updates", '\0', POPT_ARG_LONGLONG, &request.updates, 0,
         "in a row, those before --resume included (default: 100)", "N"},
        {"seed", '\0', POPT_ARG_LONGLONG, &request.seed, 0,
         "chooses losses, tears, contents of the SRAM and noise (default: 1)", "N"},
        {"losses", '\0', POPT_ARG_DOUBLE, &request.losses, 0, "interruptions for each update, on average (default: 1)",
         "P"},
        {"flash-times", '\0', POPT_ARG_STRING, &request.flash_times, 0,
         "how long the internal flash takes: typical or maximum", "TIMES"},
        {"nor-times", '\0', POPT_ARG_STRING, &request.nor_times, 0, "how long the SPI NOR takes: typical or maximum",
         "TIMES"},
        {"store", '\0', POPT_ARG_STRING, &request.store, 0, "write a checkpoint now and then, and at the end", "FILE"},
        {"store-every", '\0', POPT_ARG_LONGLONG, &request.every, 0,
         "updates from one checkpoint to the next (default: 25)", "N"},
        {"resume", '\0', POPT_ARG_STRING, &request.resume, 0, "go on from a checkpoint, and store there again", "FILE"},
        {"artifacts", '\0', POPT_ARG_STRING, &request.artifacts, 0, "write a finding as a bundle for matterhorn replay",
         "DIR"},
        {"root", '\0', POPT_ARG_STRING, &request.root, 0,
         "where relative paths of the profile start (default: the project)", "DIR"},
        {"device", '\0', POPT_ARG_STRING, &request.device, 0, "provisioned device (default: the profile's)", "DIR"},
        {"json", '\0', POPT_ARG_NONE, &request.json, 0, "one JSON object on one line", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status;
    if (options_parse(&options, argc, argv, table, &help, &status)) {
        request.profile = options.arguments[0];
        if (options.count != 1)
            status = usage_error("soak: name one profile; see matterhorn soak --help");
        else if (check(&request, &status))
            status = run_soak(&request);
    }
    options_close(&options);
    free_request(&request);
    return status;
}

const struct command command_soak = {"soak", "update one device thousands of times, losing power at random", run};
