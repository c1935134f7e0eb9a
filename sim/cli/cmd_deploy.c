/* SPDX-License-Identifier: MIT
 *
 * matterhorn deploy: a package put into the reserved megabyte of a device, as an application does it.
 */
#include "array_device.h"
#include "command.h"
#include "files.h"
#include "inspection.h"
#include "options.h"
#include "package_offer.h"

#include <stdlib.h>

struct deploy_arguments {
    const char *device, *package;
    char *output;
    int json;
};

/* A refused package leaves the folder as it was: the device said no before it was asked to keep anything. */
static bool deploy(const struct deploy_arguments *a, struct array_device *array, struct mh_update *update,
                   enum mh_error *answer, struct problem *problem)
{
    uint8_t *bytes;
    size_t size;

    if (!array_device_read(array, a->device, problem) ||
        !files_read(a->package, 4 * MH_INTERNAL_SIZE, &bytes, &size, problem)) {
        return false;
    }
    *answer = package_offer(update, &array->device, bytes, size);
    free(bytes);
    if (*answer == MH_ERR_FLASH) {
        return problem_set(problem, PROBLEM_BENCH, "deploy: %s: %s", a->device, mh_error_text(*answer));
    }
    return *answer != MH_OK || array_device_write(array, a->output ? a->output : a->device, problem);
}

static int deploy_and_tell(const struct deploy_arguments *a)
{
    struct problem problem = {0};
    struct array_device array;
    struct mh_update *update = calloc(1, sizeof *update);
    enum mh_error answer = MH_OK;
    int status;

    if (!update || !array_device_create(&array, &mh_boards[0])) {
        free(update);
        return bench_error("deploy: out of memory");
    }
    if (!deploy(a, &array, update, &answer, &problem)) {
        status = problem_exit(&problem);
    } else {
        inspection_print_offer(update, answer, a->json);
        status = answer ? EXIT_FINDINGS : EXIT_PASS;
    }
    array_device_free(&array);
    free(update);
    return status;
}

static const struct options_help help = {
    .arguments = "DEVICE PACKAGE [OPTIONS]",
    .text = "Stores a package in the reserved megabyte of a device, the folder DEVICE, and requests its install at the next start. The\n"
            "device's own update code does it: a package that it refuses changes nothing (exit 1).",
    .examples = "matterhorn deploy device app.nmf\n"
                "matterhorn deploy device app.nmf --output device-with-request\n",
};

static int run(int argc, const char *argv[])
{
    struct deploy_arguments a = {0};
    const struct poptOption table[] = {
        {"output", 0, POPT_ARG_STRING, &a.output, 0, "write the device there and leave DEVICE as it is", "DIR"},
        {"json", 0, POPT_ARG_NONE, &a.json, 0, "one JSON object on one line", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status;

    if (options_parse(&options, argc, argv, table, &help, &status)) {
        if (options.count == 2) {
            a.device = options.arguments[0];
            a.package = options.arguments[1];
            status = deploy_and_tell(&a);
        } else {
            status = usage_error("deploy: a device and a package are needed; see matterhorn deploy --help");
        }
    }
    options_close(&options);
    free(a.output);
    return status;
}

const struct command command_deploy = {"deploy", "store a package in a device and request its install", run};
