/* SPDX-License-Identifier: MIT */
#include "wear.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    for (size_t i = 0; i < recording->count; i++) {
        struct footprint one;
        if (!counts(recording->operations[i].item.event))
            continue;
        footprint_begin(&one);
        footprint_take(&one, &recording->operations[i].item);
        next->operation = i;
        memcpy(next++->sectors, one.erases, sizeof one.erases);
    }
    return true;
}

void wear_close(struct wear *wear)
{
    free(wear->erases);
    *wear = (struct wear){NULL, 0};
}

void wear_add(const struct wear *wear, const struct cut *cut, uint32_t erases[FOOTPRINT_SECTORS])
{
    for (size_t i = 0; i < wear->count; i++) {
        bool torn = wear->erases[i].operation == cut->operation && cut->tear != NOR_TEAR_BEFORE;
        if (wear->erases[i].operation >= cut->operation && !torn)
            continue;
        for (unsigned sector = 0; sector < FOOTPRINT_SECTORS; sector++)
            erases[sector] += wear->erases[i].sectors[sector];
    }
}

bool wear_judge_all(const struct profile *profile, unsigned losses, const uint32_t erases[FOOTPRINT_SECTORS],
                    struct verdict *verdict)
{
    char more[16] = "one";
    if (profile->budget.erases == 0)
        return true;
    if (losses > 1)
        snprintf(more, sizeof more, "%u", losses);
    for (unsigned sector = 0; sector < FOOTPRINT_SECTORS; sector++)
        if (erases[sector] > profile->budget.erases + losses)
            return oracle_fail(verdict, "wear", "whole update",
                               "sector %u of the internal flash was erased %" PRIu32 " times, budget is %u and %s more",
                               sector, erases[sector], profile->budget.erases, more);
    return true;
}

bool wear_judge(const struct wear *wear, const struct profile *profile, const struct cut *cut,
                const uint32_t recovery[FOOTPRINT_SECTORS], struct verdict *verdict)
{
    uint32_t erases[FOOTPRINT_SECTORS];
    if (profile->budget.erases == 0)
        return true;
    memcpy(erases, recovery, sizeof erases);
    wear_add(wear, cut, erases);
    return wear_judge_all(profile, 1, erases, verdict);
}
