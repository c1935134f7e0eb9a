/* SPDX-License-Identifier: MIT */
#include "groups.h"

#include <stdlib.h>
#include <string.h>

static struct group *group_of(struct groups *groups, const struct operation *operation)
{
    const char *area = recording_area_name(operation);
    unsigned kind = operation->item.event->kind;
    struct group *group = groups->entries;
    for (size_t i = 0; i < groups->count; i++, group++)
        if (group->phase == operation->phase && group->kind == kind && strcmp(group->area, area) == 0)
            return group;
    group = realloc(groups->entries, (groups->count + 1) * sizeof *group);
    if (group == NULL)
        return NULL;
    groups->entries = group;
    group += groups->count++;
    *group = (struct group){.phase = operation->phase, .area = area, .kind = kind};
    return group;
}

bool groups_make(struct groups *groups, const struct sweep_result *result)
{
    *groups = (struct groups){0};
    for (size_t i = 0; i < result->recording.count; i++) {
        struct group *group = group_of(groups, &result->recording.operations[i]);
        if (group == NULL) {
            groups_free(groups);
            return false;
        }
        group->operations++;
        group->points += plan_points(&result->plan, &result->recording.operations[i]);
    }
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++) {
        const struct sweep_case *one = &result->cases[i];
        struct group *group = group_of(groups, &result->recording.operations[one->cut.operation]);
        group->cuts++;
        group->tried += one->cut.repeat == 0;
        group->fired += one->fired;
        group->run += one->representative == i;
        const struct verdict *verdict = groups_verdict(one);
        group->recovered += verdict->pass;
        group->known += one->known;
        if (verdict->recovery_ns > group->worst_ns)
            group->worst_ns = verdict->recovery_ns;
        if (verdict->boots > group->worst_boots)
            group->worst_boots = verdict->boots;
    }
    return true;
}

size_t groups_failed(const struct sweep_result *result)
{
    size_t count = 0;
    for (size_t i = 0; result->cases != NULL && i < result->plan.count; i++)
        count += !groups_verdict(&result->cases[i])->pass;
    return count;
}

void groups_free(struct groups *groups)
{
    free(groups->entries);
    *groups = (struct groups){0};
}
