/* SPDX-License-Identifier: MIT
 *
 * What identifies a sweep: what is put to the test, what the bench does with it, and which bench it is. Two sweeps with
 * the same facts come to the same verdicts.
 */
#ifndef MATTERHORN_BENCH_CAMPAIGN_H
#define MATTERHORN_BENCH_CAMPAIGN_H

#include "sweep.h"
#include "target.h"

#define CAMPAIGN_FACTS 24

struct campaign {
    struct campaign_fact {
        char *key, *value;
    } facts[CAMPAIGN_FACTS];
    unsigned count;
};

/* What two campaigns must have in common. */
enum campaign_likeness {
    CAMPAIGN_SAME,      /* everything: it is the same sweep */
    CAMPAIGN_PARTS,     /* everything but the shard's number: parts of one sweep */
    /* what is tried and how it is judged, whatever the firmware and the bench: ids mean the same */
    CAMPAIGN_COMPARABLE,
};

/* `result` has the recorded run. */
bool campaign_of(struct campaign *campaign, const struct target *target, const struct sweep_options *options,
                 const struct sweep_result *result, struct problem *problem);
void campaign_free(struct campaign *campaign);
bool campaign_add(struct campaign *campaign, const char *key, const char *value, struct problem *problem);
/* NULL: there is no such fact. */
const char *campaign_fact(const struct campaign *campaign, const char *key);
/* The options of the sweep, as far as they are facts. */
bool campaign_options(const struct campaign *campaign, struct sweep_options *options);

/* False, with a problem that says what differs: "ONE is of another sweep than OTHER: ...". */
bool campaign_alike(const struct campaign *campaign, const char *one, const struct campaign *others, const char *other,
                    enum campaign_likeness likeness, struct problem *problem);

#endif
