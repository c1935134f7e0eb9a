/* SPDX-License-Identifier: MIT */
#include "trial_bundle.h"

#include "files.h"
#include "beside_json.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- writing --- */

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

static bool run_again(const struct trial_bundle *bundle, struct machine *machine, struct offer *offer,
                      struct logs *logs, struct problem *problem)
{
    struct trial_result *again = calloc(1, sizeof *again);
    if (again == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    bool good = machine_load(machine, bundle->begin, problem) &&
                trial_run(again, bundle->trial, bundle->target, offer, machine, log_event, logs, problem);
    if (good &&
        (again->trace != bundle->result->trace || strcmp(again->verdict.detail, bundle->result->verdict.detail) != 0))
        good = problem_set(problem, PROBLEM_BENCH, "the finding \"%s\" does not come back from where its update began",
                           bundle->result->verdict.detail);
    free(again);
    return good;
}

static bool write_logs(const struct trial_bundle *bundle, const char *folder, struct machine *machine,
                       struct offer *offer, struct problem *problem)
{
    g_autofree char *uart = g_build_filename(folder, "uart.txt", NULL),
                    *trace = g_build_filename(folder, "trace.txt", NULL);
    g_autofree char *state = g_build_filename(folder, "state", NULL);
    struct logs logs = {0};
    bool good = arrays_write(bundle->begin, state, problem) && files_open(&logs.uart, uart, problem) &&
                files_open(&logs.trace, trace, problem) && run_again(bundle, machine, offer, &logs, problem) &&
                files_commit(&logs.uart, problem) && files_commit(&logs.trace, problem);
    files_discard(&logs.uart);
    files_discard(&logs.trace);
    return good;
}

static json_t *losses_json(const struct trial *trial, const struct trial_result *result)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < trial->count; i++) {
        char text[TRIAL_LOSS] = "the update was over before";
        if (i < result->losses)
            trial_describe(trial, result, i, text);
        json_array_append_new(list, json_pack("{s:I, s:s, s:s}", "operation", (json_int_t)trial->losses[i].operation,
                                              "tear", nor_tear_name(trial->losses[i].tear), "words", text));
    }
    return list;
}

static json_t *about(const struct trial_bundle *bundle)
{
    const struct trial *trial = bundle->trial;
    const struct verdict *verdict = &bundle->result->verdict;
    char trace[17];
    snprintf(trace, sizeof trace, "%016" PRIx64, bundle->result->trace);
    return json_pack("{s:{s:i, s:s, s:I, s:o}, s:{s:I, s:I}, s:o, s:s, s:s, s:s, s:s, s:i, s:{s:s, s:s}}", "trial",
                     "number", (int)trial->soak, "name", bundle->target->profile->soak[trial->soak].name, "seed",
                     (json_int_t)trial->seed, "losses", losses_json(trial, bundle->result), "soak", "seed",
                     (json_int_t)bundle->conditions->seed, "update", (json_int_t)bundle->update, "beside",
                     beside_json(bundle->begin), "flash_times", bundle->conditions->flash_times, "nor_times",
                     bundle->conditions->nor_times, "firmware_sha256", bundle->target->firmware, "trace", trace, "mips",
                     RAIL_MIPS, "finding", "oracle", verdict->oracle, "detail", verdict->detail);
}

static bool write_readme(const struct trial_bundle *bundle, const char *folder, struct problem *problem)
{
    const struct verdict *verdict = &bundle->result->verdict;
    g_autofree char *path = g_build_filename(folder, "README", NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text,
                           "Update %" PRIu64 " of a soak of %s (%s, seed %" PRIu64
                           ") ended in a finding:\n\n    %s: %s\n\nIts losses of power:\n\n",
                           bundle->update, bundle->target->profile->name,
                           bundle->target->profile->soak[bundle->trial->soak].name, bundle->conditions->seed,
                           verdict->oracle, verdict->detail);
    for (unsigned i = 0; i < bundle->result->losses; i++) {
        char loss[TRIAL_LOSS];
        trial_describe(bundle->trial, bundle->result, i, loss);
        g_string_append_printf(text, "    %s\n", loss);
    }
    g_string_append(
        text, "\nThis folder has all it takes to see that again, on any machine:\n\n    matterhorn replay FOLDER\n\n"
              "state/ is the device before that update, uart.txt and trace.txt are all power-ups of it.\n");
    return files_write(path, text->str, text->len, problem);
}

bool trial_bundle_write(const struct trial_bundle *bundle, const char *folder, struct machine *machine,
                        struct offer *offer, char **path, struct problem *problem)
{
    *path = NULL;
    g_autofree char *part = NULL;
    if (asprintf(path, "%s/soak-%s-s%" PRIu64 "-u%" PRIu64, folder, bundle->target->profile->name,
                 bundle->conditions->seed, bundle->update) < 0) {
        *path = NULL;
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    }
    part = g_strdup_printf("%s.%ld.part", *path, (long)getpid());
    bool good = files_make_folder(part, problem) && write_logs(bundle, part, machine, offer, problem) &&
                write_readme(bundle, part, problem) &&
                bundle_write(part, bundle->target, about(bundle), problem);
    if (good) {
        files_remove_folder(*path);
        good = rename(part, *path) == 0 ||
               problem_set(problem, PROBLEM_BENCH, "cannot write %s: %s", *path, strerror(errno));
    }
    if (!good)
        files_remove_folder(part);
    return good;
}

/* --- reading --- */

bool trial_bundle_is(const struct bundle *bundle)
{
    return json_object_get(bundle->about, "trial") != NULL;
}

static bool read_losses(const json_t *list, struct trial *trial)
{
    trial->count = (unsigned)json_array_size(list);
    if (!json_is_array(list) || json_array_size(list) > TRIAL_LOSSES)
        return false;
    for (unsigned i = 0; i < trial->count; i++) {
        json_int_t operation;
        const char *tear;
        if (json_unpack(json_array_get(list, i), "{s:I, s:s}", "operation", &operation, "tear", &tear) != 0 ||
            operation < 0)
            return false;
        trial->losses[i] = (struct trial_loss){(uint64_t)operation, nor_tear_named(tear)};
        if (trial->losses[i].tear == NOR_TEARS)
            return false;
    }
    return true;
}

static bool read_about(json_t *object, const struct profile *profile, struct trial *trial, struct arrays *begin,
                       struct soak_conditions *conditions, uint64_t *trace)
{
    json_int_t number, seed, soak_seed;
    json_t *losses, *beside;
    const char *flash, *nor, *hash;
    if (json_unpack(object, "{s:{s:I, s:I, s:o}, s:{s:I}, s:o, s:s, s:s, s:s}", "trial", "number", &number, "seed",
                    &seed, "losses", &losses, "soak", "seed", &soak_seed, "beside", &beside, "flash_times", &flash,
                    "nor_times", &nor, "trace", &hash) != 0 ||
        number < 0 || number >= (json_int_t)profile->soak_count)
        return false;
    *trial = (struct trial){.soak = (unsigned)number, .seed = (uint64_t)seed};
    *conditions = (struct soak_conditions){.seed = (uint64_t)soak_seed};
    g_strlcpy(conditions->flash_times, flash, sizeof conditions->flash_times);
    g_strlcpy(conditions->nor_times, nor, sizeof conditions->nor_times);
    return sscanf(hash, "%" SCNx64, trace) == 1 && read_losses(losses, trial) && beside_read(beside, begin);
}

bool trial_bundle_read(const struct bundle *bundle, const struct profile *profile, struct trial *trial,
                       struct arrays *begin, struct soak_conditions *conditions, uint64_t *trace,
                       struct problem *problem)
{
    g_autofree char *state = g_build_filename(bundle->folder, "state", NULL);
    return arrays_read(begin, state, problem) &&
           (read_about(bundle->about, profile, trial, begin, conditions, trace) ||
            problem_set(problem, PROBLEM_USE, "%s/bundle.json is not as this version of the bench writes it",
                        bundle->folder));
}
