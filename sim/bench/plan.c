/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* splitmix64, Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014. */
uint64_t plan_random(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

/* What is chosen so far. Point p is operation p / tears, tear p % tears. */
struct choice {
    const struct recording *recording;
    const struct profile *profile;
    const enum nor_tear *tears;
    unsigned tear_count;
    size_t points;   /* some of which do not exist */
    uint32_t *times; /* per point: how often chosen */
    size_t *pool;    /* scratch: points to choose from */
    uint64_t random;
};

/* Whether the menu has the tear for the operation's kind. */
static bool applies(const struct operation *operation, enum nor_tear tear)
{
    return nor_tear_applies(operation->item.event->kind == RAIL_ERASE ? NOR_ERASE : NOR_PROGRAM, tear);
}

/* Whether there is such a point. */
static bool exists(const struct choice *choice, size_t point)
{
    return applies(&choice->recording->operations[point / choice->tear_count], choice->tears[point % choice->tear_count]);
}

static bool matches(const struct choice *choice, size_t point, const struct profile_minimum *minimum)
{
    if (!exists(choice, point))
        return false;
    if (minimum == NULL)
        return true;
    const struct operation *operation = &choice->recording->operations[point / choice->tear_count];
    if (minimum->kind != 0 && minimum->kind != operation->item.event->kind)
        return false;
    if (minimum->area != NULL && strcmp(minimum->area, recording_area_name(operation)) != 0)
        return false;
    return minimum->phase == NULL ||
           strcmp(minimum->phase, recording_phase_name(choice->profile, operation->phase)) == 0;
}

/* Brings the number of cuts among the matching points to `wanted`, each point at most `most` times; returns how many
 * there are then. New ones are spread evenly: one at random in each of as many equal stretches. */
static size_t choose(struct choice *choice, const struct profile_minimum *minimum, size_t wanted, uint32_t most)
{
    size_t have = 0, free_count = 0;
    for (size_t point = 0; point < choice->points; point++) {
        if (!matches(choice, point, minimum))
            continue;
        have += choice->times[point];
        if (choice->times[point] < most)
            choice->pool[free_count++] = point;
    }
    if (have >= wanted)
        return have;
    size_t take = wanted - have < free_count ? wanted - have : free_count;
    for (size_t i = 0; i < take; i++) {
        size_t from = i * free_count / take, to = (i + 1) * free_count / take;
        choice->times[choice->pool[from + plan_random(&choice->random) % (to - from)]]++;
    }
    return have + take;
}

static void choose_all(struct choice *choice, const struct plan_request *request)
{
    const struct profile_cuts *cuts = &choice->profile->cuts;
    for (unsigned i = 0; i < cuts->minimum_count; i++) {
        const struct profile_minimum *minimum = &cuts->minimum[i];
        size_t before = 0, now = choose(choice, minimum, minimum->count, 1);
        for (uint32_t most = 2; now < minimum->count && now > before; most++) {
            before = now;
            now = choose(choice, minimum, minimum->count, most);
        }
    }
    choose(choice, NULL, request->count, 1);
}

static bool collect(const struct choice *choice, struct plan *plan)
{
    for (size_t point = 0; point < choice->points; point++) {
        plan->count += choice->times[point];
        plan->points += exists(choice, point);
    }
    plan->whole = plan->count;
    plan->cuts = calloc(plan->count + 1, sizeof *plan->cuts);
    if (plan->cuts == NULL)
        return false;
    size_t next = 0;
    for (size_t point = 0; point < choice->points; point++) {
        for (uint32_t time = 0; time < choice->times[point]; time++, next++)
            plan->cuts[next] = (struct cut){point / choice->tear_count, choice->tears[point % choice->tear_count], time, next};
        if (choice->times[point] > 1)
            plan->repeated += choice->times[point] - 1;
    }
    return true;
}

bool plan_make(struct plan *plan, const struct recording *recording, const struct profile *profile,
               const struct plan_request *request, struct problem *problem)
{
    struct choice choice = {.recording = recording,
                            .profile = profile,
                            .tears = request->tears,
                            .tear_count = request->tear_count,
                            .random = request->seed};
    memset(plan, 0, sizeof *plan);
    plan->tear_count = request->tear_count;
    memcpy(plan->tears, request->tears, sizeof plan->tears);
    choice.points = recording->count * choice.tear_count;
    choice.times = calloc(choice.points + 1, sizeof *choice.times);
    choice.pool = calloc(choice.points + 1, sizeof *choice.pool);
    bool good = choice.times != NULL && choice.pool != NULL;
    if (good && request->all)
        for (size_t point = 0; point < choice.points; point++)
            choice.times[point] = exists(&choice, point);
    else if (good)
        choose_all(&choice, request);
    good = good && collect(&choice, plan);
    free(choice.times);
    free(choice.pool);
    return good || problem_set(problem, PROBLEM_BENCH, "no memory for the plan");
}

void plan_free(struct plan *plan)
{
    free(plan->cuts);
    memset(plan, 0, sizeof *plan);
}

size_t plan_points(const struct plan *plan, const struct operation *operation)
{
    size_t count = 0;
    for (unsigned i = 0; i < plan->tear_count; i++)
        count += applies(operation, plan->tears[i]);
    return count;
}

void plan_name(const struct recording *recording, const struct cut *cut, char name[PLAN_NAME])
{
    char operation[RECORDING_NAME];
    recording_name(&recording->operations[cut->operation], operation);
    snprintf(name, PLAN_NAME, "%s.%s", operation, nor_tear_name(cut->tear));
}

static uint32_t mixed(uint64_t seed, unsigned power_up)
{
    uint64_t state = seed;
    state = plan_random(&state) + power_up;
    return (uint32_t)plan_random(&state);
}

struct conditions plan_conditions(const struct seeds *seeds, unsigned repeat, unsigned power_up)
{
    struct conditions conditions = {.noise = mixed(seeds->noise + repeat, power_up)};
    snprintf(conditions.sram, sizeof conditions.sram, "random:%" PRIu32, mixed(~(seeds->sram + repeat), power_up));
    return conditions;
}
