/* SPDX-License-Identifier: MIT */
#include "soak.h"

#include "mix.h"
#include "plan.h"
#include "soak_store.h"
#include "trial_bundle.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* --- the plan --- */

#define BURST_OF 8     /* one interruption in so many is a burst: */
#define BURST_LEAST 2  /* so many more losses, or up to */
#define BURST_MOST 4   /* so many, */
#define BURST_WITHIN 8 /* each within so many operations after power returned */

/* From 0 up to, but not, 1. */
static double fraction(uint64_t *random)
{
    return (double)(plan_random(random) >> 11) * 0x1p-53;
}

/* Half of the losses are anywhere; the others near the beginning or the end, where the operations are that decide,
 * which are few beside the words of an image. */
static uint64_t draw_operation(uint64_t *random, uint64_t usual)
{
    const uint64_t where = plan_random(random) % 4;
    const double place = fraction(random);
    if (where < 2)
        return (uint64_t)(place * (double)usual);
    const uint64_t near = (uint64_t)pow((double)usual, place) - 1;
    return where == 2 ? near : usual - 1 - near;
}

static void add_loss(struct trial *trial, uint64_t operation, uint64_t *random)
{
    const enum nor_tear tear = (enum nor_tear)(plan_random(random) % NOR_TEARS);
    if (trial->count < TRIAL_LOSSES)
        trial->losses[trial->count++] = (struct trial_loss){operation, tear};
}

void soak_plan(struct trial *trial, const struct profile *profile, const struct soak_conditions *conditions,
               uint64_t update, uint64_t usual)
{
    const double more = conditions->losses / (1 + conditions->losses); /* the mean of a geometric distribution */
    uint64_t random = conditions->seed;
    random = plan_random(&random) + update;
    *trial = (struct trial){.soak = (unsigned)(update % profile->soak_count), .seed = plan_random(&random) >> 16};
    while (usual > 0 && trial->count < TRIAL_LOSSES && fraction(&random) < more) {
        add_loss(trial, draw_operation(&random, usual), &random);
        if (plan_random(&random) % BURST_OF != 0)
            continue;
        unsigned burst = BURST_LEAST + (unsigned)(plan_random(&random) % (BURST_MOST - BURST_LEAST + 1));
        for (unsigned i = 0; i < burst; i++)
            add_loss(trial, plan_random(&random) % BURST_WITHIN, &random);
    }
}

/* --- one update --- */

struct soak {
    const struct profile *profile;
    const struct soak_options *options;
    struct soak_result *result;
    struct target target;
    struct machine machine;
    struct offer offer;
    struct arrays begin; /* where the update began, marks included */
    double cpu_before;   /* of totals.cpu_s, what earlier runs of the bench and machines that are gone took */
};

static bool start_machine(struct soak *soak, struct problem *problem)
{
    const struct soak_conditions *conditions = &soak->result->conditions;
    const struct machine_options options = {
        .model = soak->profile->machine, .faults = &soak->target.faults, .flash_times = conditions->flash_times,
        .nor_times = conditions->nor_times};
    return machine_start(&soak->machine, &options, &soak->target.device, problem) &&
           machine_load(&soak->machine, &soak->begin, problem);
}

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec * 1e-6;
}

/* Of this process, of the machine, and of the commands and machines that have ended. */
static double cpu_seconds(const struct soak *soak)
{
    struct rusage self, children;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    return seconds_of(&self.ru_utime) + seconds_of(&self.ru_stime) + seconds_of(&children.ru_utime) +
           seconds_of(&children.ru_stime) + machine_cpu_seconds(&soak->machine);
}

/* A machine that is lost on the way is replaced, and the update done once more from where it began: the result is
 * the same. */
static bool run_trial(struct soak *soak, const struct trial *trial, struct trial_result *result,
                      struct problem *problem)
{
    if (trial_run(result, trial, &soak->target, &soak->offer, &soak->machine, NULL, NULL, problem))
        return true;
    if (problem->kind != PROBLEM_LOST)
        return false;
    *problem = (struct problem){0};
    machine_close(&soak->machine);
    return start_machine(soak, problem) &&
           trial_run(result, trial, &soak->target, &soak->offer, &soak->machine, NULL, NULL, problem);
}

static void take(struct soak_totals *totals, const struct trial *trial, const struct trial_result *result)
{
    totals->updates++;
    totals->disturbed += result->losses > 0;
    totals->losses += result->losses;
    if (result->losses > totals->most_losses)
        totals->most_losses = result->losses;
    if (result->losses == 0)
        totals->usual[trial->soak] = result->operations;
    totals->boots += result->boots;
    totals->operations += result->all_operations;
    totals->virtual_ns += result->virtual_ns;
    totals->trace = mix_word(totals->trace, result->trace);
    life_add(&totals->life, &result->life);
}

/* The finding in a folder, unless nobody wants it. */
static bool keep_finding(struct soak *soak, struct problem *problem)
{
    const struct soak_options *options = soak->options;
    const struct soak_result *result = soak->result;
    if (options->artifacts == NULL)
        return true;
    const struct trial_bundle bundle = {.target = &soak->target,
                                        .begin = &soak->begin,
                                        .trial = &result->trial,
                                        .result = &result->finding,
                                        .conditions = &result->conditions,
                                        .update = result->totals.updates + 1};
    return trial_bundle_write(&bundle, options->artifacts, &soak->machine, &soak->offer, &soak->result->bundle,
                              problem);
}

static bool do_update(struct soak *soak, struct problem *problem)
{
    struct soak_result *result = soak->result;
    struct soak_totals *totals = &result->totals;
    soak_plan(&result->trial, soak->profile, &result->conditions, totals->updates,
              totals->usual[totals->updates % soak->profile->soak_count]);
    arrays_load(&soak->begin, &soak->machine.arrays, NULL, NULL);
    if (!run_trial(soak, &result->trial, &result->finding, problem))
        return false;
    if (!result->finding.verdict.pass) {
        result->failed = true;
        return keep_finding(soak, problem);
    }
    take(totals, &result->trial, &result->finding);
    return machine_read_beside(&soak->machine, problem);
}

/* --- all of them --- */

static bool store(struct soak *soak, bool *stored, struct problem *problem)
{
    const struct soak_options *options = soak->options;
    const uint64_t done = soak->result->totals.updates;
    *stored = options->store != NULL && (done % options->every == 0 || done == options->updates);
    return !*stored || soak_store_write(options->store, soak->profile, soak->result, &soak->machine.arrays, problem);
}

static bool do_all(struct soak *soak, soak_progress_fn *progress, void *context, struct problem *problem)
{
    struct soak_totals *totals = &soak->result->totals;
    while (!soak->result->failed && totals->updates < soak->options->updates) {
        bool stored = false;
        if (!do_update(soak, problem)) {
            char where[60];
            snprintf(where, sizeof where, "update %" PRIu64, totals->updates + 1);
            return problem->kind == PROBLEM_INTERRUPTED ? false : problem_place(problem, where);
        }
        totals->cpu_s = soak->cpu_before + cpu_seconds(soak);
        if (!soak->result->failed && !store(soak, &stored, problem))
            return false;
        progress(context, soak->result, stored);
    }
    return true;
}

/* Where the soak begins: with the provisioned device, or with what a checkpoint has. */
static bool begin(struct soak *soak, struct problem *problem)
{
    const struct soak_options *options = soak->options;
    struct soak_result *result = soak->result;
    result->conditions = options->conditions;
    memcpy(result->firmware, soak->target.firmware, sizeof result->firmware);
    if (!arrays_allocate(&soak->begin, problem))
        return false;
    for (enum array array = 0; array < ARRAYS; array++)
        memcpy(soak->begin.cells[array], soak->target.device.cells[array], arrays_size(array));
    arrays_load_beside(&soak->begin, &soak->target.device);
    if (options->resume && !soak_store_read(options->store, soak->profile, result, &soak->begin, problem))
        return false;
    arrays_find_pages(&soak->begin, &soak->target.device);
    soak->cpu_before = result->totals.cpu_s;
    return start_machine(soak, problem);
}

bool soak_run(struct soak_result *result, const struct profile *profile, const struct soak_options *options,
              soak_progress_fn *progress, void *context, struct problem *problem)
{
    struct soak soak = {.profile = profile, .options = options, .result = result};
    *result = (struct soak_result){.bundle = NULL};
    if (profile->soak_count == 0)
        return problem_set(problem, PROBLEM_USE,
                           "profile %s has no `soak`, which says what updates to make; see sim/profiles/README.md",
                           profile->name);
    bool good = target_open(&soak.target, profile, NULL, options->root, options->device, problem);
    good = good && (options->artifacts == NULL || bundle_possible(&soak.target, problem)) && begin(&soak, problem) &&
           do_all(&soak, progress, context, problem);
    machine_close(&soak.machine);
    offer_close(&soak.offer);
    arrays_free(&soak.begin);
    target_close(&soak.target);
    return good;
}

void soak_free(struct soak_result *result)
{
    free(result->bundle);
    result->bundle = NULL;
}
