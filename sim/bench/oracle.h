/* SPDX-License-Identifier: MIT
 *
 * What a device must be like after a power session.
 */
#ifndef MATTERHORN_BENCH_ORACLE_H
#define MATTERHORN_BENCH_ORACLE_H

#include "profile.h"
#include "session.h"

/* Loaded contents of a profile's `equal` entry. */
struct oracle_contents {
    uint8_t *data;
    size_t size;
    enum array array;
    uint32_t offset;
};

/* What one power session must lead to. */
struct oracle_goal {
    const struct profile_recovered *recovered;
    struct oracle_contents *equal; /* per recovered->equal */
    struct oracle_goal *any;       /* per recovered->any */
};

/* Everything that judging needs; read only, shared by workers. */
struct oracle {
    const struct profile *profile;
    const struct arrays *device; /* as provisioned */
    struct oracle_goal update, next;
};

struct verdict {
    bool pass;
    const char *oracle; /* which one failed: "time", "boots", "over", "equal", "unchanged", "vectors", "running",
                           "counter", "idle", "wear", "next" */
    char detail[200];
    uint32_t boots;          /* power-ons and resets of the first session */
    uint64_t recovery_ns;    /* virtual time of the first session */
    uint64_t virtual_ns;     /* of all sessions */
    uint64_t operations;     /* of all sessions */
    bool compared;           /* the arrays were looked at after a session */
    uint64_t sram;           /* a hash of what SRAM held at the first power-up */
    uint64_t counters[PROFILE_COUNTERS]; /* the most that each of the goal's has been: none may fall below */
};

/* `root`: where relative paths start. */
bool oracle_open(struct oracle *oracle, const struct profile *profile, const struct arrays *device, const char *root,
                 struct problem *problem);
void oracle_close(struct oracle *oracle);

/* Says that an oracle failed; returns false. `which` names the session in words, for the detail. */
bool oracle_fail(struct verdict *verdict, const char *oracle, const char *which, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Notes what the goal's counters are before a session. `torn`: power was lost during an operation, so that only what is
 * firm counts, and of words nothing: one that is written piece by piece may be anything in between. */
void oracle_count(const struct oracle_goal *goal, const struct arrays *arrays, bool torn, struct verdict *verdict);

/* Whether no counter has fallen in the state that a loss of power left. It may be healed later, but who takes the power
 * away again and again can use it. */
bool oracle_judge_loss(const struct oracle *oracle, const struct oracle_goal *goal, const struct arrays *state,
                       struct verdict *verdict);

/* Calls `each` for every range that judging looks at. `always`: also at what it was before the session, be it erased
 * there. */
typedef void oracle_look_fn(void *context, enum array array, uint32_t offset, uint32_t size, bool always);
void oracle_looks(const struct oracle_goal *goal, oracle_look_fn *each, void *context);

/* Judges one session and the arrays after it; true when nothing is wrong, else `verdict` says what. */
bool oracle_judge(const struct oracle *oracle, const struct oracle_goal *goal, const struct session_result *session,
                  const struct arrays *arrays, const char *which, struct verdict *verdict);

/* Whether a power-up after a recovery did more on the flashes than one without work may, where the
 * profile says how much that is. */
bool oracle_finds_work(const struct oracle *oracle, const struct session_result *session);

#endif
