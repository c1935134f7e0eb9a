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
};

/* Everything that judging needs; read only, shared by workers. */
struct oracle {
    const struct profile *profile;
    const struct arrays *device; /* as provisioned */
    struct oracle_goal update, next;
};

struct verdict {
    bool pass;
    const char *oracle; /* which one failed: "time", "boots", "over", "equal", "unchanged", "wear", "next" */
    char detail[200];
    uint32_t boots;          /* power-ons and resets of the first session */
    uint64_t recovery_ns;    /* virtual time of the first session */
    uint64_t virtual_ns;     /* of all sessions */
    uint64_t operations;     /* of all sessions */
    bool compared;           /* the arrays were looked at after a session */
    uint64_t sram;           /* a hash of what SRAM held at the first power-up */
};

/* `root`: where relative paths start. */
bool oracle_open(struct oracle *oracle, const struct profile *profile, const struct arrays *device, const char *root,
                 struct problem *problem);
void oracle_close(struct oracle *oracle);

/* Says that an oracle failed; returns false. `which` names the session in words, for the detail. */
bool oracle_fail(struct verdict *verdict, const char *oracle, const char *which, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Judges one session and the arrays after it; true when nothing is wrong, else `verdict` says what. */
bool oracle_judge(const struct oracle *oracle, const struct oracle_goal *goal, const struct session_result *session,
                  const struct arrays *arrays, const char *which, struct verdict *verdict);

#endif
