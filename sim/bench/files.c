/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether it is the host that fails, and not the path. */
static enum problem_kind kind_of(int cause)
{
    return cause == ENOSPC || cause == EDQUOT || cause == EIO || cause == EMFILE || cause == ENFILE || cause == ENOMEM
               ? PROBLEM_BENCH
               : PROBLEM_USE;
}

static FILE *open_for_reading(const char *path, size_t *size, struct problem *problem)
{
    /* A pipe must not hold us up before we see that it is one. */
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "rb");
    struct stat status;
    if (stream == NULL || fstat(fileno(stream), &status) != 0) {
        problem_set(problem, kind_of(errno), "cannot open %s: %s", path, strerror(errno));
        if (stream != NULL)
            fclose(stream);
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) {
        problem_set(problem, PROBLEM_USE, "%s is not a file", path);
        fclose(stream);
        return NULL;
    }
    *size = (size_t)status.st_size;
    return stream;
}

static bool read_and_close(FILE *stream, const char *path, void *data, size_t size, struct problem *problem)
{
    bool complete = fread(data, 1, size, stream) == size;
    if (!complete)
        problem_set(problem, PROBLEM_USE, "cannot read %s: %s", path,
                    ferror(stream) ? strerror(errno) : "it got shorter");
    fclose(stream);
    return complete;
}

bool files_read_exactly(const char *path, void *data, size_t size, struct problem *problem)
{
    size_t found = 0;
    FILE *stream = open_for_reading(path, &found, problem);
    if (stream == NULL)
        return false;
    if (found != size) {
        fclose(stream);
        return problem_set(problem, PROBLEM_USE, "%s has %zu bytes; it must have %zu", path, found, size);
    }
    return read_and_close(stream, path, data, size, problem);
}

bool files_read(const char *path, size_t limit, uint8_t **data, size_t *size, struct problem *problem)
{
    FILE *stream = open_for_reading(path, size, problem);
    if (stream == NULL)
        return false;
    if (*size > limit) {
        fclose(stream);
        return problem_set(problem, PROBLEM_USE, "%s has %zu bytes; at most %zu fit here", path, *size, limit);
    }
    *data = malloc(*size > 0 ? *size : 1);
    if (*data == NULL) {
        fclose(stream);
        return problem_set(problem, PROBLEM_BENCH, "no memory for %s", path);
    }
    if (read_and_close(stream, path, *data, *size, problem))
        return true;
    free(*data);
    *data = NULL;
    return false;
}

/* A name that nobody else writes to, not even a process of the same number in another container. */
static FILE *open_temporary(struct file_writer *writer)
{
    int descriptor = -1;
    for (unsigned i = 0; descriptor < 0 && (i == 0 || (errno == EEXIST && i < 1000)); i++) {
        free(writer->temporary);
        if (asprintf(&writer->temporary, "%s.%ld-%u.part", writer->path, (long)getpid(), i) < 0)
            writer->temporary = NULL;
        if (writer->temporary == NULL)
            return NULL;
        descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    if (descriptor < 0) {
        int cause = errno;
        free(writer->temporary); /* there is none that could be removed */
        writer->temporary = NULL;
        errno = cause;
        return NULL;
    }
    return fdopen(descriptor, "wb");
}

/* What is there is replaced where a link leads to, unless it is protected. A pipe or /dev/stdout cannot be
 * renamed and is written directly. */
static FILE *open_for_writing(struct file_writer *writer, const char *path)
{
    struct stat status;
    bool there = stat(path, &status) == 0;
    if (!there && lstat(path, &status) == 0) {
        errno = ENOENT; /* a link that leads nowhere */
        return NULL;
    }
    bool whole = there && S_ISREG(status.st_mode);
    writer->path = whole ? realpath(path, NULL) : strdup(path);
    if (writer->path == NULL || (whole && access(writer->path, W_OK) != 0))
        return NULL;
    return there && !whole ? fopen(writer->path, "wb") : open_temporary(writer);
}

bool files_open(struct file_writer *writer, const char *path, struct problem *problem)
{
    *writer = (struct file_writer){0};
    errno = ENOENT;
    if (path[0] != '\0')
        writer->stream = open_for_writing(writer, path);
    if (writer->stream != NULL)
        return true;
    problem_set(problem, kind_of(errno), "cannot write %s: %s", path[0] != '\0' ? path : "a file without a name",
                strerror(errno));
    files_discard(writer);
    return false;
}

static void forget(struct file_writer *writer)
{
    free(writer->path);
    free(writer->temporary);
    *writer = (struct file_writer){0};
}

bool files_settle(struct file_writer *writer, struct problem *problem)
{
    FILE *stream = writer->stream;
    return (fflush(stream) == 0 && !ferror(stream) && (writer->temporary == NULL || fsync(fileno(stream)) == 0)) ||
           problem_set(problem, PROBLEM_BENCH, "cannot write %s: %s", writer->path, strerror(errno));
}

bool files_commit(struct file_writer *writer, struct problem *problem)
{
    FILE *stream = writer->stream;
    bool good = fflush(stream) == 0 && !ferror(stream) && (writer->temporary == NULL || fsync(fileno(stream)) == 0);
    int cause = errno;
    if (fclose(stream) != 0 && good) {
        good = false;
        cause = errno;
    }
    writer->stream = NULL;
    if (good && writer->temporary != NULL && rename(writer->temporary, writer->path) != 0) {
        good = false;
        cause = errno;
    }
    if (good) {
        forget(writer);
        return true;
    }
    problem_set(problem, PROBLEM_BENCH, "cannot write %s: %s", writer->path, strerror(cause));
    files_discard(writer);
    return false;
}

void files_discard(struct file_writer *writer)
{
    if (writer->stream != NULL)
        fclose(writer->stream);
    if (writer->temporary != NULL)
        unlink(writer->temporary);
    forget(writer);
}

bool files_write(const char *path, const void *data, size_t size, struct problem *problem)
{
    struct file_writer writer;
    if (!files_open(&writer, path, problem))
        return false;
    fwrite(data, 1, size, writer.stream); /* a short write is an error of the stream: files_commit sees it */
    return files_commit(&writer, problem);
}

bool files_make_folder(const char *path, struct problem *problem)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return problem_set(problem, PROBLEM_BENCH, "no memory");
    bool good = true;
    for (char *end = copy + 1; good; end++) {
        if (*end != '/' && *end != '\0')
            continue;
        char kept = *end;
        *end = '\0';
        good = mkdir(copy, 0777) == 0 || errno == EEXIST;
        *end = kept;
        if (kept == '\0')
            break;
    }
    free(copy);
    struct stat status;
    if (good && stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        good = false;
    }
    return good || problem_set(problem, kind_of(errno), "cannot make the folder %s: %s",
                               path[0] != '\0' ? path : "without a name", strerror(errno));
}

bool files_write_all(const struct file_part *parts, unsigned count, struct problem *problem)
{
    struct file_writer writers[FILES_PARTS] = {{0}};
    bool good = count <= FILES_PARTS;
    for (unsigned i = 0; good && i < count; i++) {
        good = files_open(&writers[i], parts[i].name, problem);
        if (good) {
            fwrite(parts[i].data, 1, parts[i].size, writers[i].stream);
            good = files_settle(&writers[i], problem);
        }
    }
    for (unsigned i = 0; good && i < count; i++)
        good = files_commit(&writers[i], problem);
    for (unsigned i = 0; i < FILES_PARTS; i++)
        files_discard(&writers[i]);
    return good;
}

bool files_write_folder(const char *folder, const struct file_part *parts, unsigned count, struct problem *problem)
{
    struct file_part inside[FILES_PARTS] = {{0}};
    bool there = access(folder, F_OK) == 0, good = count <= FILES_PARTS && files_make_folder(folder, problem);
    for (unsigned i = 0; good && i < count; i++) {
        inside[i] = parts[i];
        inside[i].name = files_join(folder, parts[i].name);
        good = inside[i].name != NULL || problem_set(problem, PROBLEM_BENCH, "no memory");
    }
    good = good && files_write_all(inside, count, problem);
    for (unsigned i = 0; i < FILES_PARTS; i++)
        free((char *)(uintptr_t)inside[i].name);
    if (!good && !there)
        rmdir(folder);
    return good;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

void files_remove_folder(const char *path)
{
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode))
        nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

char *files_join(const char *folder, const char *name)
{
    char *joined = NULL;
    if (name[0] == '/')
        return strdup(name);
    return asprintf(&joined, "%s/%s", folder, name) < 0 ? NULL : joined;
}

char *files_program_folder(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return strdup(".");
    path[length] = '\0';
    *strrchr(path, '/') = '\0';
    return strdup(path);
}

/* The path without links, dots and doubled slashes, be the file there or not; malloc'ed. */
static char *plain_path(const char *path)
{
    char *whole = realpath(path, NULL), *joined = NULL;
    if (whole != NULL)
        return whole;
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
    char *above = folder == NULL ? NULL : realpath(folder, NULL);
    if (above != NULL)
        joined = files_join(above, slash == NULL ? path : slash + 1);
    free(folder);
    free(above);
    return joined;
}

bool files_same(const char *one, const char *other)
{
    struct stat a, b;
    if (stat(one, &a) == 0 && stat(other, &b) == 0)
        return S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    char *left = plain_path(one), *right = plain_path(other);
    bool same = strcmp(one, other) == 0 || (left != NULL && right != NULL && strcmp(left, right) == 0);
    free(left);
    free(right);
    return same;
}

bool files_apart(const char *const paths[], unsigned outputs, unsigned count, struct problem *problem)
{
    for (unsigned output = 0; output < outputs; output++)
        for (unsigned other = output + 1; other < count; other++)
            if (paths[output] != NULL && paths[other] != NULL && files_same(paths[output], paths[other]))
                return problem_set(problem, PROBLEM_USE, "%s would be written over", paths[other]);
    return true;
}
