/* SPDX-License-Identifier: MIT
 *
 * matterhorn inspect: what a package is and what a device would say to it; what a device's flashes hold.
 */
#include "command.h"
#include "files.h"
#include "inspection.h"
#include "keys.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct inspect_arguments {
    char *board, *device_key, *dump;
    char **keys; /* ends with NULL; may be NULL */
    long long counter;
    int json, strict;
};

/* Who is asked: the device of the dump, or one made up from the options. */
static bool take_asked(const struct inspect_arguments *a, const struct array_device *dump, struct asked *asked,
                       struct problem *problem)
{
    asked->device = dump ? &dump->device : NULL;
    asked->counter = (uint32_t)a->counter;
    if (a->counter < 0 || a->counter > UINT32_MAX) {
        return problem_set(problem, PROBLEM_USE, "inspect: a security counter is a number from 0 to 4294967295");
    }
    if (a->board && !(asked->board = mh_board_named(a->board))) {
        return problem_set(problem, PROBLEM_USE,
                           "inspect: no board is called '%s'; there are mountaineer-eth and mountaineer-usb", a->board);
    }
    for (char **key = a->keys; key && *key; key++, asked->anchors.count++) {
        if (asked->anchors.count == MH_KEYS_MAX) {
            return problem_set(problem, PROBLEM_USE, "inspect: a device trusts at most %u keys", MH_KEYS_MAX);
        }
        if (!keys_read_public(*key, asked->anchors.keys[asked->anchors.count], problem)) {
            return false;
        }
    }
    asked->anchors.cipher_key = a->device_key ? asked->device_key : NULL;
    return !a->device_key || keys_read_device(a->device_key, asked->device_key, problem);
}

static int inspect_file(const char *path, const struct inspect_arguments *a, const struct array_device *dump)
{
    struct problem problem = {0};
    struct asked asked = {0};
    uint8_t *bytes;
    size_t size;

    if (!take_asked(a, dump, &asked, &problem) ||
        !files_read(path, 4 * MH_INTERNAL_SIZE, &bytes, &size, &problem)) {
        return problem_exit(&problem);
    }
    const bool accepted = inspection_print_package(bytes, (uint32_t)size, &asked, a->json);
    free(bytes);
    return accepted ? EXIT_PASS : EXIT_FINDINGS;
}

static int inspect_device(const struct array_device *dump, const struct inspect_arguments *a)
{
    const enum inspection_result result = inspection_print_device(dump, a->json);

    return result == INSPECTION_GOOD || (result == INSPECTION_WARNED && !a->strict) ? EXIT_PASS : EXIT_FINDINGS;
}

static int inspect(const char *path, const struct inspect_arguments *a)
{
    struct problem problem = {0};
    struct array_device dump;
    int status;

    if (!a->dump) {
        return inspect_file(path, a, NULL);
    }
    if (!array_device_create(&dump, &mh_boards[0])) {
        return bench_error("inspect: out of memory");
    }
    if (!array_device_read(&dump, a->dump, &problem)) {
        status = problem_exit(&problem);
    } else if (path) {
        status = inspect_file(path, a, &dump);
    } else {
        status = inspect_device(&dump, a);
    }
    array_device_free(&dump);
    return status;
}

/* A folder is a device: `inspect DIR` is `inspect --dump DIR`. The path that is left, which is a package's. */
static const char *take_folder(const char *path, struct inspect_arguments *a)
{
    struct stat status;

    if (a->dump || stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return path;
    }
    a->dump = strdup(path);
    return NULL;
}

static const struct options_help help = {
    .arguments = "[FILE|DEVICE] [OPTIONS]",
    .text = "Says what a package holds and what a device would say to it: exit 0 accepted, 1 refused. Of a device's "
            "folder: what is provisioned, what is locked, and warnings: exit 0 all verified, 1 something does not.",
    .examples = "matterhorn inspect app.nmf --board mountaineer-eth --key release.public\n"
                "matterhorn inspect secret.nmf --key release.public --device-key devices.key\n"
                "matterhorn inspect app.nmf --dump device\n"
                "matterhorn inspect device --json\n"
                "matterhorn inspect device --strict\n",
};

static int run(int argc, const char *argv[])
{
    struct inspect_arguments a = {0};
    const struct poptOption table[] = {
        {"board", 0, POPT_ARG_STRING, &a.board, 0, "the board to ask (default: the package's own)", "NAME"},
        {"key", 0, POPT_ARG_ARGV, &a.keys, 0,
         "a public key it trusts; may be repeated (default: the signature is not checked)", "FILE"},
        {"device-key", 0, POPT_ARG_STRING, &a.device_key, 0,
         "its key for encrypted packages (default: they are checked as stored)", "FILE"},
        {"counter", 0, POPT_ARG_LONGLONG, &a.counter, 0, "its security counter (default 0)", "N"},
        {"dump", 0, POPT_ARG_STRING, &a.dump, 0, "ask this device instead, or without FILE: say what it holds", "DIR"},
        {"strict", 0, POPT_ARG_NONE, &a.strict, 0, "of a device: exit 1 for warnings too", NULL},
        {"json", 0, POPT_ARG_NONE, &a.json, 0, "one JSON object on one line", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status;

    if (options_parse(&options, argc, argv, table, &help, &status)) {
        const char *path = options.count == 1 ? take_folder(options.arguments[0], &a) : NULL;
        if (options.count > 1 || (!path && !a.dump)) {
            status = usage_error("inspect: one package file, or a device's folder, is needed; see matterhorn inspect "
                                 "--help");
        } else if (a.dump && (a.board || a.keys || a.device_key || a.counter)) {
            status = usage_error("inspect: a device brings its own board, keys and counter; leave --board, --key and "
                                 "--counter out");
        } else if (a.strict && (path || !a.dump)) {
            status = usage_error("inspect: --strict is about a device alone");
        } else {
            status = inspect(path, &a);
        }
    }
    options_close(&options);
    free(a.board);
    free(a.device_key);
    for (char **key = a.keys; key && *key; key++) {
        free(*key);
    }
    free(a.keys);
    free(a.dump);
    return status;
}

const struct command command_inspect = {"inspect", "say what a package or a device holds", run};
