/* SPDX-License-Identifier: MIT */
#include "artifacts.h"

#include "files.h"

#include <stdlib.h>
#include <string.h>

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
                      const struct recovery_request *request, struct problem *problem)
{
    struct logs logs = {0};
    struct recovery recovery;
    struct recovery_request observed = *request;
    observed.observe = log_event;
    observed.observer = &logs;
    char *before = files_join(folder, "before"), *after = files_join(folder, "after");
    char *uart = files_join(folder, "uart.txt"), *trace = files_join(folder, "trace.txt");
    bool good = before != NULL && after != NULL && uart != NULL && trace != NULL &&
                arrays_write(request->state, before, problem) && files_open(&logs.uart, uart, problem) &&
                files_open(&logs.trace, trace, problem) &&
                recovery_run(&recovery, oracle, machine, &observed, problem) &&
                files_commit(&logs.uart, problem) && files_commit(&logs.trace, problem) &&
                arrays_write(&machine->arrays, after, problem);
    files_discard(&logs.uart);
    files_discard(&logs.trace);
    free(before);
    free(after);
    free(uart);
    free(trace);
    return good;
}

bool artifacts_write(const char *folder, const char *id, const struct oracle *oracle, struct machine *machine,
                     const struct recovery_request *request, struct problem *problem)
{
    char name[160];
    snprintf(name, sizeof name, "%s", id);
    for (char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash, '/'))
        *slash = '+';
    char *path = files_join(folder, name);
    bool good = path != NULL && in_folder(path, oracle, machine, request, problem);
    free(path);
    return good;
}
