/* SPDX-License-Identifier: MIT
 *
 * An SQLite file as the result store uses it: opened by one process at a time, its failures
 * told in the words of the bench.
 *
 * There is a rollback journal and no write-ahead log: the store stays one file that can be copied, and it works on the
 * network file systems that the nodes of a cluster share, on which a write-ahead log does not. A process that is
 * killed loses what it has not committed; whoever opens the file next rolls that back, with the file of the same name
 * and "-journal" if one was left.
 */
#ifndef MATTERHORN_BENCH_DATABASE_H
#define MATTERHORN_BENCH_DATABASE_H

#include "problem.h"

#include <sqlite3.h>
#include <stdint.h>

#define DATABASE_STATEMENTS 24

struct database {
    sqlite3 *connection; /* NULL: not open */
    char *path;
    bool made; /* the file was not there, and nothing is committed yet: closing takes it away again */
    struct {
        const char *text;
        sqlite3_stmt *statement;
    } statements[DATABASE_STATEMENTS];
};

enum database_use {
    DATABASE_READ, /* it must be there */
    DATABASE_WORK, /* made if it is not there; nobody else opens it meanwhile */
    DATABASE_NEW,  /* must not be there */
};

/* `schema`: SQL that makes an empty file ours. `application` and `version` mark it: a file with other marks
 * is refused, and left as it is. */
struct database_kind {
    const char *what; /* in words: "result store" */
    int application, version;
    const char *schema;
};

bool database_open(struct database *database, const char *path, enum database_use use, const struct database_kind *kind,
                   struct problem *problem);
/* Takes back what was not committed. Harmless on a zeroed database. */
void database_close(struct database *database);

/* A statement with its values, ready for database_row; the text is kept, so it must be a literal. `kinds` has a
 * letter for each value: i int64_t, n nothing (no argument), d double, t const char * (NULL: nothing), b const void *
 * and size_t. NULL: a problem. */
sqlite3_stmt *database_ask(struct database *database, struct problem *problem, const char *text, const char *kinds,
                           ...);
/* Whether there is a row, or one more. False at the end, or with a problem. */
bool database_row(struct database *database, sqlite3_stmt *statement, struct problem *problem);
/* A statement that gives no rows. */
bool database_do(struct database *database, struct problem *problem, const char *text, const char *kinds, ...);
/* One number. False: there is none, or a problem. */
bool database_number(struct database *database, struct problem *problem, int64_t *number, const char *text);

/* Between these, all or nothing. Opening begins. */
bool database_begin(struct database *database, struct problem *problem);
bool database_commit(struct database *database, struct problem *problem);
/* Says what went wrong last. Returns false. */
bool database_failed(struct database *database, struct problem *problem);

#endif
