/* SPDX-License-Identifier: MIT */
#include "shrink.h"

#include <glib.h>
#include <string.h>

struct shrink {
    const struct profile *profile;
    const struct shrink_options *options;
    struct shrink_result *result;
    struct replay replay;
    struct id tried;   /* what the replay stands for */
    GHashTable *known; /* texts of ids that were tried */
    shrink_progress_fn *progress;
    void *context;
};

/* --- one id --- */

static bool is_spent(const struct shrink *shrink)
{
    return shrink->options->most > 0 && shrink->result->tried >= shrink->options->most;
}

/* Whether nobody has tried it. */
static bool is_new(struct shrink *shrink, const struct id *id)
{
    char text[ID_TEXT];
    id_format(id, text);
    return g_hash_table_add(shrink->known, g_strdup(text));
}

static void stand_for(struct shrink *shrink, const struct id *id)
{
    shrink->tried = *id;
    replay_change(&shrink->replay, &shrink->tried);
}

/* Builds what the id says. *built is false when it says nothing that can be: an operation that the run does not do
 * any more. */
static bool build(struct shrink *shrink, const struct id *id, bool *built, struct problem *problem)
{
    stand_for(shrink, id);
    *built = replay_build(&shrink->replay, problem);
    if (*built || problem->kind == PROBLEM_LOST || problem->kind == PROBLEM_INTERRUPTED)
        return *built;
    *problem = (struct problem){0};
    shrink->result->unbuilt++;
    return true;
}

static bool is_wanted(const struct shrink *shrink, const struct verdict *verdict)
{
    return !verdict->pass &&
           (shrink->options->any_oracle || strcmp(verdict->oracle, shrink->result->first.oracle) == 0);
}

/* Takes the id for the smallest if it fails as it should. */
static bool attempt(struct shrink *shrink, const struct id *id, bool *taken, struct problem *problem)
{
    struct shrink_result *result = shrink->result;
    bool built;
    *taken = false;
    if (!is_new(shrink, id))
        return true;
    if (is_spent(shrink)) {
        result->complete = false;
        return true;
    }
    if (!build(shrink, id, &built, problem))
        return false;
    if (!built)
        return true;
    if (!replay_recover(&shrink->replay, NULL, NULL, problem))
        return false;
    result->tried++;
    *taken = is_wanted(shrink, &shrink->replay.verdict);
    if (*taken) {
        result->id = *id;
        result->verdict = shrink->replay.verdict;
    }
    shrink->progress(shrink->context, result, id, *taken);
    return true;
}

/* --- steps; each adds to *smaller --- */

static bool drop_losses(struct shrink *shrink, bool *smaller, struct problem *problem)
{
    for (unsigned i = shrink->result->id.count; i-- > 0 && shrink->result->id.count > 1;) {
        struct id id = shrink->result->id;
        bool taken;
        memmove(&id.cuts[i], &id.cuts[i + 1], (id.count - i - 1) * sizeof id.cuts[0]);
        id.count--;
        if (!attempt(shrink, &id, &taken, problem))
            return false;
        *smaller = *smaller || taken;
    }
    return true;
}

static bool has_tear(enum rail_kind kind, enum nor_tear tear)
{
    return kind == RAIL_STATUS || nor_tear_applies(kind == RAIL_ERASE ? NOR_ERASE : NOR_PROGRAM, tear);
}

static bool simplify_tear(struct shrink *shrink, unsigned index, bool *smaller, struct problem *problem)
{
    /* The simplest first. */
    static const enum nor_tear order[] = {NOR_TEAR_BEFORE, NOR_TEAR_AFTER,  NOR_TEAR_HALF,
                                          NOR_TEAR_ZEROS,  NOR_TEAR_MASK,   NOR_TEAR_ONEBIT,
                                          NOR_TEAR_LAST,   NOR_TEAR_NOTAKE, NOR_TEAR_WEAK};
    const enum nor_tear before = shrink->result->id.cuts[index].tear;
    bool taken = false;
    for (unsigned i = 0; !taken && order[i] != before; i++) {
        struct id id = shrink->result->id;
        id.cuts[index].tear = order[i];
        if (has_tear(id.cuts[index].kind, order[i]) && !attempt(shrink, &id, &taken, problem))
            return false;
    }
    *smaller = *smaller || taken;
    return true;
}

/* Operations of one kind and area in a run, up to the one that is cut, in their order. */
struct peers {
    struct peer {
        struct id_cut cut;
        unsigned phase;
    } * list;
    size_t count;
};

static bool is_peer(const struct operation *one, const struct operation *other)
{
    return one->item.event->kind == other->item.event->kind && one->item.event->chip == other->item.event->chip &&
           one->area == other->area;
}

/* The smallest id is built once more for that: what was tried last may have had another run before this cut. */
static bool find_peers(struct shrink *shrink, unsigned index, struct peers *peers, struct problem *problem)
{
    struct id id = shrink->result->id;
    stand_for(shrink, &id);
    if (!replay_build(&shrink->replay, problem))
        return false;
    const struct replay_run *run = &shrink->replay.runs[index];
    const struct operation *last = &run->recording.operations[run->cut.operation];
    *peers = (struct peers){g_new(struct peer, run->cut.operation + 1), 0};
    for (const struct operation *one = run->recording.operations; one <= last; one++) {
        struct id_cut cut = id.cuts[index];
        cut.address = one->item.event->address;
        cut.occurrence = one->occurrence;
        if (is_peer(one, last))
            peers->list[peers->count++] = (struct peer){cut, one->phase};
    }
    return true;
}

static bool attempt_peer(struct shrink *shrink, unsigned index, const struct peer *peer, bool *taken,
                         struct problem *problem)
{
    struct id id = shrink->result->id;
    id.cuts[index] = peer->cut;
    return attempt(shrink, &id, taken, problem);
}

/* *fails: the number of a peer that fails. The first `recovers` of them are taken for ones that do not. */
static bool halve(struct shrink *shrink, unsigned index, const struct peers *peers, size_t recovers, size_t *fails,
                  struct problem *problem)
{
    while (*fails > recovers) {
        size_t middle = recovers + (*fails - recovers) / 2;
        bool taken;
        if (!attempt_peer(shrink, index, &peers->list[middle], &taken, problem))
            return false;
        if (taken)
            *fails = middle;
        else
            recovers = middle + 1;
    }
    return true;
}

static bool is_known(const struct shrink *shrink, unsigned index, const struct peer *peer)
{
    struct id id = shrink->result->id;
    char text[ID_TEXT];
    id.cuts[index] = peer->cut;
    id_format(&id, text);
    return g_hash_table_contains(shrink->known, text);
}

static bool search_peers(struct shrink *shrink, unsigned index, const struct peers *peers, size_t *fails,
                         struct problem *problem)
{
    size_t recovers = 0;
    bool taken = false;
    for (size_t i = 0; !taken && i < *fails; i++) {
        if (i > 0 && peers->list[i].phase == peers->list[i - 1].phase)
            continue;
        if (!attempt_peer(shrink, index, &peers->list[i], &taken, problem))
            return false;
        if (taken)
            *fails = i;
        else
            recovers = i + 1;
    }
    /* Where its neighbour was tried, an earlier round has come to an end here. */
    return (*fails > 0 && is_known(shrink, index, &peers->list[*fails - 1])) ||
           halve(shrink, index, peers, recovers, fails, problem);
}

static bool move_earlier(struct shrink *shrink, unsigned index, bool *smaller, struct problem *problem)
{
    struct peers peers = {NULL, 0};
    bool good = is_spent(shrink) || find_peers(shrink, index, &peers, problem);
    size_t last = peers.count > 0 ? peers.count - 1 : 0, fails = last;
    good = good && search_peers(shrink, index, &peers, &fails, problem);
    *smaller = *smaller || fails < last;
    g_free(peers.list);
    return good;
}

/* What the profile's own sweep would have found. */
static bool take_default_seeds(struct shrink *shrink, bool *smaller, struct problem *problem)
{
    struct id id = shrink->result->id;
    bool taken;
    id.seed = id.noise = shrink->profile->cuts.seed;
    if (!attempt(shrink, &id, &taken, problem))
        return false;
    *smaller = *smaller || taken;
    return true;
}

/* --- all of it --- */

static bool search(struct shrink *shrink, struct problem *problem)
{
    bool smaller = true;
    while (smaller && shrink->result->complete) {
        smaller = false;
        if (!drop_losses(shrink, &smaller, problem))
            return false;
        for (unsigned i = 0; i < shrink->result->id.count; i++)
            if (!simplify_tear(shrink, i, &smaller, problem) || !move_earlier(shrink, i, &smaller, problem))
                return false;
        if (!take_default_seeds(shrink, &smaller, problem))
            return false;
    }
    return true;
}

static bool run_given(struct shrink *shrink, const struct id *id, struct problem *problem)
{
    struct shrink_result *result = shrink->result;
    shrink->tried = *id;
    if (!replay_open(&shrink->replay, &shrink->tried, shrink->profile, shrink->options->root, shrink->options->device,
                     problem) ||
        !replay_build(&shrink->replay, problem) || !replay_recover(&shrink->replay, NULL, NULL, problem))
        return false;
    is_new(shrink, id);
    result->first = result->verdict = shrink->replay.verdict;
    result->tried = 1;
    memcpy(result->firmware, shrink->replay.target.firmware, sizeof result->firmware);
    shrink->progress(shrink->context, result, id, !result->first.pass);
    return true;
}

/* What one machine found after many others must be there in a fresh one. */
static bool confirm(const struct shrink *shrink, struct problem *problem)
{
    const struct shrink_result *result = shrink->result;
    struct replay fresh = {0};
    bool good =
        replay_open(&fresh, &result->id, shrink->profile, shrink->options->root, shrink->options->device, problem) &&
        replay_build(&fresh, problem) && replay_recover(&fresh, NULL, NULL, problem);
    if (good && (fresh.verdict.pass || strcmp(fresh.verdict.detail, result->verdict.detail) != 0))
        good = problem_set(problem, PROBLEM_BENCH,
                           "the smallest id is judged differently in a fresh machine: \"%s\" and \"%s\"",
                           result->verdict.detail, fresh.verdict.pass ? "it recovers" : fresh.verdict.detail);
    replay_close(&fresh);
    return good;
}

bool shrink_run(struct shrink_result *result, const struct id *id, const struct profile *profile,
                const struct shrink_options *options, shrink_progress_fn *progress, void *context,
                struct problem *problem)
{
    struct shrink shrink = {.profile = profile,
                            .options = options,
                            .result = result,
                            .known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                            .progress = progress,
                            .context = context};
    *result = (struct shrink_result){.id = *id, .complete = true};
    result->id.firmware[0] = '\0';
    struct id given = result->id;
    bool good = run_given(&shrink, &given, problem) &&
                (result->first.pass || (search(&shrink, problem) && confirm(&shrink, problem)));
    replay_close(&shrink.replay);
    g_hash_table_destroy(shrink.known);
    return good;
}
