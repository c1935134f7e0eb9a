/* SPDX-License-Identifier: MIT */
#include "shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what is said --- */

/* A whole decimal number without anything around it. */
static bool read_number(const char *text, unsigned long *number)
{
    size_t digits = strspn(text, "0123456789");
    *number = strtoul(text, NULL, 10);
    return digits > 0 && digits <= 9 && text[digits] == '\0';
}

static bool set(struct shard *shard, const char *said, unsigned long number, unsigned long count,
                struct problem *problem)
{
    *shard = (struct shard){(unsigned)number, (unsigned)count};
    return (count >= 1 && count <= SHARD_MOST && number >= 1 && number <= count) ||
           problem_set(problem, PROBLEM_USE, "%s: there is no shard %lu of %lu (1/1 to %d/%d)", said, number, count,
                       SHARD_MOST, SHARD_MOST);
}

/* A variable of the environment; where it is missing, `other` if that is positive. */
static bool read_variable(const char *name, long other, const char *with, unsigned long *number,
                          struct problem *problem)
{
    const char *text = getenv(name);
    *number = (unsigned long)other;
    if (text == NULL && other >= 0)
        return true;
    return (text != NULL && read_number(text, number)) ||
           problem_set(problem, PROBLEM_USE, "--shard auto: %s is set, but %s is %s%.40s: say --shard I/N", with, name,
                       text == NULL ? "not" : "no number: ", text == NULL ? "" : text);
}

static bool from_slurm(const char *name, struct shard *shard, struct problem *problem)
{
    unsigned long id, count, least, step;
    if (!read_variable(name, -1, name, &id, problem) ||
        !read_variable("SLURM_ARRAY_TASK_COUNT", -1, name, &count, problem) ||
        !read_variable("SLURM_ARRAY_TASK_MIN", -1, name, &least, problem) ||
        !read_variable("SLURM_ARRAY_TASK_STEP", 1, name, &step, problem))
        return false;
    if (step == 0 || id < least || (id - least) % step != 0)
        return problem_set(problem, PROBLEM_USE,
                           "--shard auto: SLURM_ARRAY_TASK_ID is %lu, not %lu and so many times %lu: say --shard I/N",
                           id, least, step);
    return set(shard, "--shard auto (Slurm)", (id - least) / step + 1, count, problem);
}

static bool from_kubernetes(const char *name, struct shard *shard, struct problem *problem)
{
    unsigned long index, count;
    return read_variable(name, -1, name, &index, problem) &&
           read_variable("MATTERHORN_SHARDS", -1, name, &count, problem) &&
           set(shard, "--shard auto (Kubernetes)", index + 1, count, problem);
}

static bool from_gitlab(const char *name, struct shard *shard, struct problem *problem)
{
    unsigned long index, count;
    return read_variable(name, -1, name, &index, problem) &&
           read_variable("CI_NODE_TOTAL", -1, name, &count, problem) &&
           set(shard, "--shard auto (GitLab)", index, count, problem);
}

static bool from_environment(struct shard *shard, struct problem *problem)
{
    static const struct {
        const char *variable;
        bool (*read)(const char *name, struct shard *shard, struct problem *problem);
    } sources[] = {
        {"SLURM_ARRAY_TASK_ID", from_slurm}, {"JOB_COMPLETION_INDEX", from_kubernetes}, {"CI_NODE_INDEX", from_gitlab}};
    size_t found = 0, count = sizeof sources / sizeof sources[0];
    for (size_t i = 0; i < count; i++) {
        if (getenv(sources[i].variable) == NULL)
            continue;
        if (found > 0)
            return problem_set(problem, PROBLEM_USE, "--shard auto: both %s and %s are set: say --shard I/N",
                               sources[found - 1].variable, sources[i].variable);
        found = i + 1;
    }
    if (found == 0)
        return problem_set(problem, PROBLEM_USE, "--shard auto: none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX and "
                                                 "CI_NODE_INDEX is set: say --shard I/N");
    return sources[found - 1].read(sources[found - 1].variable, shard, problem);
}

bool shard_parse(const char *text, struct shard *shard, struct problem *problem)
{
    unsigned long number, count;
    char first[16] = "";
    const char *slash = strchr(text, '/');
    if (strcmp(text, "auto") == 0)
        return from_environment(shard, problem);
    if (slash != NULL && (size_t)(slash - text) < sizeof first)
        memcpy(first, text, (size_t)(slash - text));
    if (slash == NULL || !read_number(first, &number) || !read_number(slash + 1, &count))
        return problem_set(problem, PROBLEM_USE, "--shard %.60s: write it like 2/8, or auto", text);
    return set(shard, "--shard", number, count, problem);
}

/* --- what it means --- */

unsigned shard_parts(const struct shard *shard)
{
    return shard->count > SHARD_PARTS ? shard->count : SHARD_PARTS;
}

static struct range part_of(const struct shard *shard, size_t total, unsigned part)
{
    return (struct range){part * total / shard_parts(shard), (part + (size_t)1) * total / shard_parts(shard)};
}

size_t shard_share(const struct shard *shard, size_t total)
{
    size_t share = 0;
    for (unsigned part = shard->number - 1; part < shard_parts(shard); part += shard->count) {
        struct range range = part_of(shard, total, part);
        share += range.to - range.from;
    }
    return share;
}

bool shard_take(const struct shard *shard, struct plan *plan, struct ranges *ranges)
{
    size_t total = plan->count, kept = 0;
    for (unsigned part = shard->number - 1; part < shard_parts(shard); part += shard->count) {
        struct range range = part_of(shard, total, part);
        size_t size = range.to - range.from;
        if (size == 0)
            continue;
        memmove(plan->cuts + kept, plan->cuts + range.from, size * sizeof *plan->cuts);
        if (ranges != NULL && !ranges_put(ranges, (struct range){kept, kept + size}))
            return false;
        kept += size;
    }
    plan->count = kept;
    return true;
}
