/* SPDX-License-Identifier: MIT
 *
 * matterhorn shrink: a finding made smaller.
 */
#include "command.h"
#include "interrupt.h"
#include "options.h"
#include "shrink.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct options_help help = {
    .arguments = "ID [OPTIONS]",
    .text = "Makes a finding smaller and prints the id of what still fails: drops power losses, takes simpler tears, earlier operations\n"
            "of the same kind and area, and the profile's seed. Each step is run, and kept when the same oracle fails. The search is\n"
            "greedy: it ends where none of its steps goes on, which need not be the smallest of all. What is tried goes to standard\n"
            "error, the result to standard output. Exit status: 1 the id fails, and the smallest is printed; 0 it does not fail.",
    .examples = "matterhorn shrink eth-app-update~s7/nor.7FE000.p1.half+int.080A4800.p1.weak --root build/mutants/request-cleared\n"
                "matterhorn shrink eth-app-update~s1/int.080A4800.p1.mask --max-runs 50 --json",
};

struct request {
    char *profile, *root, *device;
    int most, any_oracle, json;
    const char *id;
};

static void tell(void *context, const struct shrink_result *result, const struct id *tried, bool taken)
{
    char id[ID_TEXT];
    (void)context;
    id_format(tried, id);
    fprintf(stderr, "  %3u  %-8s  %s\n", result->tried, taken ? "fails" : "no", id);
}

static void bare_id(const struct shrink_result *result, char id[ID_TEXT])
{
    struct id bare = result->id;
    bare.firmware[0] = '\0';
    id_format(&bare, id);
}

static void print_text(const struct shrink_result *result, const struct request *request)
{
    const struct id_target words = {request->profile, request->root, request->device};
    char id[ID_TEXT], command[ID_COMMAND];
    if (result->first.pass) {
        printf("does not fail: there is nothing to make smaller\n");
        return;
    }
    bare_id(result, id);
    id_command(id, result->firmware, &words, command);
    printf("smallest   %s@%.*s\nfinding    %s: %s\n", id, ID_FIRMWARE - 1, result->firmware, result->verdict.oracle,
           result->verdict.detail);
    if (strcmp(result->verdict.oracle, result->first.oracle) != 0)
        printf("before     %s: %s\n", result->first.oracle, result->first.detail);
    printf("tried      %u ids%s\nsee it     %s\n", result->tried,
           result->complete ? "" : "; --max-runs ended the search, it may become smaller", command);
}

static json_t *verdict_json(const struct verdict *verdict)
{
    return verdict->pass ? json_null() : json_pack("{s:s, s:s}", "oracle", verdict->oracle, "detail", verdict->detail);
}

static bool print_json(const struct shrink_result *result, const struct request *request)
{
    char id[ID_TEXT];
    bare_id(result, id);
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:i, s:s, s:o, s:o, s:b, s:i, s:i, s:b}", "id", id, "given", request->id, "firmware_sha256",
        result->firmware, "cuts", (int)result->id.count, "verdict", result->first.pass ? "pass" : "fail", "finding",
        verdict_json(&result->verdict), "given_finding", verdict_json(&result->first), "oracle_changed",
        !result->first.pass && strcmp(result->verdict.oracle, result->first.oracle) != 0, "tried", (int)result->tried,
        "unbuilt", (int)result->unbuilt, "complete", result->complete);
    if (object == NULL)
        return false;
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
    return true;
}

/* Where the search could not go on, what it had found until then is worth a line. */
static int failed(const struct shrink_result *result, const struct problem *problem)
{
    char id[ID_TEXT];
    if (result->tried > 1) {
        bare_id(result, id);
        fprintf(stderr, "  the smallest that failed until then: %s\n", id);
    }
    return problem_exit(problem);
}

static int run_shrink(const struct request *request)
{
    const struct shrink_options options = {request->root, request->device, request->any_oracle,
                                           (unsigned)request->most};
    struct problem problem = {0};
    struct profile *profile = NULL;
    struct shrink_result result = {0};
    struct id id;
    interrupt_install();
    bool good = id_parse(request->id, &id, &problem) &&
                profile_load(request->profile != NULL ? request->profile : id.profile, &profile, &problem) &&
                shrink_run(&result, &id, profile, &options, tell, NULL, &problem);
    if (problem.kind == PROBLEM_LOST)
        problem_place(&problem, request->id);
    if (good && !request->json)
        print_text(&result, request);
    if (good && request->json && !print_json(&result, request))
        good = problem_set(&problem, PROBLEM_BENCH, "no memory for the report");
    int status = !good ? failed(&result, &problem) : result.first.pass ? EXIT_PASS : EXIT_FINDINGS;
    profile_free(profile);
    return status;
}

static int run(int argc, const char *argv[])
{
    struct request request = {0};
    struct poptOption table[] = {
        {"profile", '\0', POPT_ARG_STRING, &request.profile, 0,
         "the profile, when it is a file of your own (default: the id's)", "FILE"},
        {"root", '\0', POPT_ARG_STRING, &request.root, 0,
         "where relative paths of the profile start (default: the project)", "DIR"},
        {"device", '\0', POPT_ARG_STRING, &request.device, 0, "provisioned device (default: the profile's)", "DIR"},
        {"max-runs", '\0', POPT_ARG_INT, &request.most, 0, "ids to try at most (default: any number)", "N"},
        {"any-oracle", '\0', POPT_ARG_NONE, &request.any_oracle, 0,
         "it may fail in another way than the id that was given", NULL},
        {"json", '\0', POPT_ARG_NONE, &request.json, 0, "one JSON object instead of the lines for people", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status;
    if (options_parse(&options, argc, argv, table, &help, &status)) {
        request.id = options.arguments[0];
        if (options.count != 1)
            status = usage_error("shrink: name one id; see matterhorn shrink --help");
        else if (request.most < 0)
            status = usage_error("shrink --max-runs %d: a number that is not negative", request.most);
        else
            status = run_shrink(&request);
    }
    options_close(&options);
    free(request.profile);
    free(request.root);
    free(request.device);
    return status;
}

const struct command command_shrink = {"shrink", "make a finding smaller", run};
