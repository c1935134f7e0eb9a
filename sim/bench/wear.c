/* SPDX-License-Identifier: MIT */
#include "wear.h"

#include <inttypes.h>
#include <stdlib.h>

static bool counts(const struct rail_event *event)
{
    return event->kind == RAIL_ERASE && event->chip == RAIL_CHIP_INTERNAL;
}

bool wear_open(struct wear *wear, const struct recording *recording, struct problem *problem)
{
    *wear = (struct wear){NULL, 0};
    for (size_t i = 0; i < recording->count; i++)
        wear->count += counts(recording->operations[i].item.event);
    wear->erases = calloc(wear->count + 1, sizeof *wear->erases);
    if (wear->erases == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    struct wear_erase *next = wear->erases;
    for (size_t i = 0; i < recording->count; i++)
        if (counts(recording->operations[i].item.event))
            *next++ = (struct wear_erase){i, *recording->operations[i].item.event};
    return true;
}

void wear_close(struct wear *wear)
{
    free(wear->erases);
    *wear = (struct wear){NULL, 0};
}

bool wear_judge(const struct wear *wear, const struct profile *profile, const struct cut *cut,
                const uint32_t recovery[FOOTPRINT_SECTORS], struct verdict *verdict)
{
    if (profile->budget.erases == 0)
        return true;
    struct footprint all = {.under_way = {{0}}};
    for (size_t i = 0; i < wear->count; i++) {
        bool torn = wear->erases[i].operation == cut->operation && cut->tear != NOR_TEAR_BEFORE;
        if (wear->erases[i].operation < cut->operation || torn)
            footprint_take(&all, &(struct trace_item){&wear->erases[i].event, NULL});
    }
    for (unsigned sector = 0; sector < FOOTPRINT_SECTORS; sector++) {
        uint32_t count = all.erases[sector] + recovery[sector];
        if (count > profile->budget.erases + 1)
            return oracle_fail(verdict, "wear", "whole update",
                               "sector %u of the internal flash was erased %" PRIu32 " times, budget is %u and one more",
                               sector, count, profile->budget.erases);
    }
    return true;
}
