/* SPDX-License-Identifier: MIT */
#include "artifacts.h"

#include "bundle.h"
#include "files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct logs {
    struct file_writer uart, trace;
};

static void log_event(void *context, const struct trace_item *item)
{
    struct logs *logs = context;
    trace_print(logs->trace.stream, item);
    if (item->event->kind == RAIL_UART)
        fputc((int)item->event->value, logs->uart.stream);
}

static bool in_folder(const char *folder, const struct oracle *oracle, struct machine *machine,
                      const struct recovery_request *request, const char *readme, struct problem *problem)
{
    struct logs logs = {0};
    struct recovery recovery;
    struct recovery_request observed = *request;
    observed.observe = log_event;
    observed.observer = &logs;
    char *before = files_join(folder, "before"), *after = files_join(folder, "after");
    char *uart = files_join(folder, "uart.txt"), *trace = files_join(folder, "trace.txt");
    char *words = files_join(folder, "README");
    bool good = before != NULL && after != NULL && uart != NULL && trace != NULL && words != NULL &&
                arrays_write(request->state, before, problem) && files_open(&logs.uart, uart, problem) &&
                files_open(&logs.trace, trace, problem) &&
                recovery_run(&recovery, oracle, machine, &observed, problem) && files_commit(&logs.uart, problem) &&
                files_commit(&logs.trace, problem) && arrays_write(&machine->arrays, after, problem) &&
                (readme == NULL || files_write(words, readme, strlen(readme), problem));
    files_discard(&logs.uart);
    files_discard(&logs.trace);
    free(before);
    free(after);
    free(uart);
    free(trace);
    free(words);
    return good;
}

char *artifacts_folder(const char *folder, const char *id)
{
    char *path = files_join(folder, id);
    for (char *slash = path == NULL ? NULL : strchr(path + strlen(folder) + 1, '/'); slash != NULL;
         slash = strchr(slash, '/'))
        *slash = '+';
    return path;
}

/* Fills a folder that nobody sees yet, then gives it its name. */
struct filling {
    const struct oracle *oracle;
    struct machine *machine;
    const struct recovery_request *request;
    const char *readme;
    const struct artifacts_bundle *bundle; /* NULL: none */
};

static bool fill(const char *folder, const struct filling *filling, struct problem *problem)
{
    const struct artifacts_bundle *bundle = filling->bundle;
    return in_folder(folder, filling->oracle, filling->machine, filling->request, filling->readme, problem) &&
           (bundle == NULL ||
            bundle_write(folder, bundle->target, json_incref(bundle->about), problem));
}

static bool write_folder(const char *folder, const char *id, const struct filling *filling, struct problem *problem)
{
    char *path = artifacts_folder(folder, id), *part = NULL;
    bool good = (path != NULL && asprintf(&part, "%s.%ld.part", path, (long)getpid()) >= 0) ||
                problem_set(problem, PROBLEM_BENCH, "no memory for artifacts");
    if (good && fill(part, filling, problem)) {
        files_remove_folder(path);
        good = rename(part, path) == 0 ||
               problem_set(problem, PROBLEM_BENCH, "cannot write %s: %s", path, strerror(errno));
    } else {
        good = false;
    }
    if (!good && part != NULL)
        files_remove_folder(part);
    free(part);
    free(path);
    return good;
}

bool artifacts_write(const char *folder, const char *id, const struct oracle *oracle, struct machine *machine,
                     const struct recovery_request *request, const char *readme, struct problem *problem)
{
    return write_folder(folder, id, &(struct filling){oracle, machine, request, readme, NULL}, problem);
}

bool artifacts_write_bundle(const char *folder, const char *id, const struct artifacts_bundle *bundle,
                            struct machine *machine, const struct recovery_request *request, const char *readme,
                            struct problem *problem)
{
    bool good =
        write_folder(folder, id, &(struct filling){&bundle->target->oracle, machine, request, readme, bundle}, problem);
    json_decref(bundle->about);
    return good;
}
