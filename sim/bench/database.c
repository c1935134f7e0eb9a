/* SPDX-License-Identifier: MIT */
#include "database.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- what went wrong --- */

bool database_failed(struct database *database, struct problem *problem)
{
    sqlite3 *connection = database->connection;
    int code = sqlite3_errcode(connection), cause = sqlite3_system_errno(connection);
    const char *path = database->path, *why = cause != 0 ? strerror(cause) : sqlite3_errmsg(connection);
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return problem_set(problem, PROBLEM_USE, "%s is in use by another process", path);
    case SQLITE_NOTADB:
        return problem_set(problem, PROBLEM_USE,
                           "%s is no SQLite file, or was damaged at its beginning: name another file", path);
    case SQLITE_CORRUPT:
        return problem_set(problem, PROBLEM_BENCH,
                           "%s is damaged (%s): restore a copy, or start anew with another file", path,
                           sqlite3_errmsg(connection));
    case SQLITE_FULL:
        return problem_set(problem, PROBLEM_BENCH, "cannot write %s: %s; what was stored before stays", path,
                           strerror(cause != 0 ? cause : ENOSPC));
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return problem_set(problem, PROBLEM_USE, "cannot open %s: %s", path, why);
    case SQLITE_IOERR:
        return problem_set(problem, PROBLEM_BENCH, "cannot read or write %s: %s; what was stored before stays", path,
                           why);
    default:
        return problem_set(problem, PROBLEM_BENCH, "%s: %s", path, why);
    }
}

/* --- statements --- */

static sqlite3_stmt *prepared(struct database *database, const char *text, struct problem *problem)
{
    unsigned free_one = 0;
    for (; free_one < DATABASE_STATEMENTS && database->statements[free_one].text != NULL; free_one++)
        if (database->statements[free_one].text == text)
            return database->statements[free_one].statement;
    sqlite3_stmt *statement = NULL;
    if (free_one == DATABASE_STATEMENTS)
        problem_set(problem, PROBLEM_BENCH, "%s: too many statements", database->path);
    else if (sqlite3_prepare_v3(database->connection, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
             SQLITE_OK)
        database_failed(database, problem);
    if (statement != NULL) {
        database->statements[free_one].text = text;
        database->statements[free_one].statement = statement;
    }
    return statement;
}

static sqlite3_stmt *bound(struct database *database, struct problem *problem, const char *text, const char *kinds,
                           va_list values)
{
    sqlite3_stmt *statement = prepared(database, text, problem);
    if (statement == NULL)
        return NULL;
    sqlite3_reset(statement);
    int status = SQLITE_OK;
    for (int place = 1; kinds[place - 1] != '\0' && status == SQLITE_OK; place++) {
        const void *data;
        switch (kinds[place - 1]) {
        case 'i':
            status = sqlite3_bind_int64(statement, place, va_arg(values, int64_t));
            break;
        case 'd':
            status = sqlite3_bind_double(statement, place, va_arg(values, double));
            break;
        case 't':
            status = sqlite3_bind_text(statement, place, va_arg(values, const char *), -1, SQLITE_TRANSIENT);
            break;
        case 'b':
            data = va_arg(values, const void *);
            status = sqlite3_bind_blob64(statement, place, data, va_arg(values, size_t), SQLITE_TRANSIENT);
            break;
        default:
            status = sqlite3_bind_null(statement, place);
        }
    }
    if (status == SQLITE_OK)
        return statement;
    database_failed(database, problem);
    return NULL;
}

sqlite3_stmt *database_ask(struct database *database, struct problem *problem, const char *text, const char *kinds, ...)
{
    va_list values;
    va_start(values, kinds);
    sqlite3_stmt *statement = bound(database, problem, text, kinds, values);
    va_end(values);
    return statement;
}

bool database_row(struct database *database, sqlite3_stmt *statement, struct problem *problem)
{
    int status = statement == NULL ? SQLITE_DONE : sqlite3_step(statement);
    if (status == SQLITE_ROW)
        return true;
    if (status != SQLITE_DONE)
        database_failed(database, problem);
    sqlite3_reset(statement);
    return false;
}

bool database_do(struct database *database, struct problem *problem, const char *text, const char *kinds, ...)
{
    va_list values;
    va_start(values, kinds);
    sqlite3_stmt *statement = bound(database, problem, text, kinds, values);
    va_end(values);
    if (statement == NULL)
        return false;
    int status = sqlite3_step(statement);
    if (status != SQLITE_DONE && status != SQLITE_ROW)
        database_failed(database, problem);
    sqlite3_reset(statement);
    return status == SQLITE_DONE || status == SQLITE_ROW;
}

bool database_number(struct database *database, struct problem *problem, int64_t *number, const char *text)
{
    sqlite3_stmt *statement = database_ask(database, problem, text, "");
    if (!database_row(database, statement, problem))
        return false;
    *number = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return true;
}

bool database_begin(struct database *database, struct problem *problem)
{
    return database_do(database, problem, "BEGIN", "");
}

bool database_commit(struct database *database, struct problem *problem)
{
    if (!database_do(database, problem, "COMMIT", ""))
        return false;
    database->made = false;
    return true;
}

/* --- opening --- */

static bool check_damage(struct database *database, struct problem *problem)
{
    sqlite3_stmt *statement = database_ask(database, problem, "PRAGMA quick_check(1)", "");
    if (!database_row(database, statement, problem))
        return problem_set(problem, PROBLEM_BENCH, "%s: its check says nothing", database->path);
    const char *said = (const char *)sqlite3_column_text(statement, 0);
    bool good = said != NULL && strcmp(said, "ok") == 0;
    if (!good)
        problem_set(problem, PROBLEM_BENCH, "%s is damaged (%.200s): restore a copy, or start anew with another file",
                    database->path, said != NULL ? said : "no memory");
    sqlite3_reset(statement);
    return good;
}

static bool check_kind(struct database *database, const struct database_kind *kind, struct problem *problem)
{
    int64_t application, version;
    if (!database_number(database, problem, &application, "PRAGMA application_id") ||
        !database_number(database, problem, &version, "PRAGMA user_version"))
        return false;
    if (application != kind->application)
        return problem_set(problem, PROBLEM_USE, "%s is an SQLite file, but no %s: name another file", database->path,
                           kind->what);
    if (version != kind->version)
        return problem_set(problem, PROBLEM_USE,
                           "%s is a %s of version %lld, this program's is %d: use the program that made it, or name "
                           "another file",
                           database->path, kind->what, (long long)version, kind->version);
    return check_damage(database, problem);
}

/* An empty file becomes ours; any other must be it. */
static bool begin_file(struct database *database, enum database_use use, const struct database_kind *kind,
                       struct problem *problem)
{
    int64_t tables, application;
    char marks[100];
    if (!database_number(database, problem, &tables, "SELECT count(*) FROM sqlite_master") ||
        !database_number(database, problem, &application, "PRAGMA application_id"))
        return false;
    if (tables > 0 || application != 0)
        return check_kind(database, kind, problem);
    if (use == DATABASE_READ)
        return problem_set(problem, PROBLEM_USE, "%s is empty, no %s", database->path, kind->what);
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d", kind->application,
             kind->version);
    return (sqlite3_exec(database->connection, kind->schema, NULL, NULL, NULL) == SQLITE_OK &&
            sqlite3_exec(database->connection, marks, NULL, NULL, NULL) == SQLITE_OK) ||
           database_failed(database, problem);
}

static bool check_path(const char *path, bool there, const struct stat *status, enum database_use use,
                       const struct database_kind *kind, struct problem *problem)
{
    if (path[0] == '\0')
        return problem_set(problem, PROBLEM_USE, "a %s needs a name", kind->what);
    if (there && use == DATABASE_NEW)
        return problem_set(problem, PROBLEM_USE, "%s is there already: name another file", path);
    if (there && !S_ISREG(status->st_mode))
        return problem_set(problem, PROBLEM_USE, "%s is no file", path);
    return there || use != DATABASE_READ || problem_set(problem, PROBLEM_USE, "there is no %s %s", kind->what, path);
}

/* SQLite has meanings of its own for some names without a folder. */
static bool connect(struct database *database, enum database_use use, struct problem *problem)
{
    char *plain = NULL;
    int flags = SQLITE_OPEN_READWRITE | (use == DATABASE_READ ? 0 : SQLITE_OPEN_CREATE);
    if (asprintf(&plain, "%s%s", database->path[0] == '/' ? "" : "./", database->path) < 0)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    int status = sqlite3_open_v2(plain, &database->connection, flags, NULL);
    free(plain);
    if (database->connection == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    return status == SQLITE_OK || database_failed(database, problem);
}

/* Whoever writes has the file for himself until he closes it; whoever reads sees one state of it. */
static bool lock(struct database *database, enum database_use use, struct problem *problem)
{
    return use == DATABASE_READ ? database_begin(database, problem)
                                : database_do(database, problem, "PRAGMA locking_mode = EXCLUSIVE", "") &&
                                      database_do(database, problem, "BEGIN EXCLUSIVE", "");
}

bool database_open(struct database *database, const char *path, enum database_use use, const struct database_kind *kind,
                   struct problem *problem)
{
    struct stat status;
    bool there = stat(path, &status) == 0;
    *database = (struct database){.path = strdup(path), .made = false};
    if (database->path == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    if (!check_path(path, there, &status, use, kind, problem) || !connect(database, use, problem) ||
        !lock(database, use, problem))
        return false;
    database->made = !there;
    return begin_file(database, use, kind, problem);
}

void database_close(struct database *database)
{
    for (unsigned i = 0; i < DATABASE_STATEMENTS; i++)
        sqlite3_finalize(database->statements[i].statement);
    if (database->made) /* while it is still ours alone */
        unlink(database->path);
    sqlite3_close(database->connection);
    free(database->path);
    *database = (struct database){0};
}
