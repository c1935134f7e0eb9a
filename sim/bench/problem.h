/* SPDX-License-Identifier: MIT
 *
 * Why something could not be done, in words for a person: what, where, what to do.
 *
 * Functions of the bench that can fail take a `struct problem *`, return false and describe the first failure there.
 */
#ifndef MATTERHORN_BENCH_PROBLEM_H
#define MATTERHORN_BENCH_PROBLEM_H

#include <stdbool.h>

enum problem_kind {
    PROBLEM_NONE,
    PROBLEM_USE,         /* options, profiles, files given by the user */
    PROBLEM_BENCH,       /* the bench or its host */
    PROBLEM_LOST,        /* a machine ended or fell silent: another one may do what it did not */
    PROBLEM_INTERRUPTED, /* the user pressed Ctrl-C */
    PROBLEM_TIME,        /* the time that the user gave is up */
};

struct problem {
    enum problem_kind kind;
    char text[1024];
};

/* Describes a failure, unless one is described already. Returns false, for use in a return statement. */
bool problem_set(struct problem *problem, enum problem_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts where it happened before the words of a failure: "WHERE: TEXT". Returns false. */
bool problem_place(struct problem *problem, const char *where);

#endif
