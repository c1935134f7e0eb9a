/* SPDX-License-Identifier: MIT
 *
 * Files, whole or not at all.
 */
#ifndef MATTERHORN_BENCH_FILES_H
#define MATTERHORN_BENCH_FILES_H

#include "problem.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Reads a file of exactly `size` bytes into `data`. */
bool files_read_exactly(const char *path, void *data, size_t size, struct problem *problem);
/* Reads a file of at most `limit` bytes; *data is malloc'ed. */
bool files_read(const char *path, size_t limit, uint8_t **data, size_t *size, struct problem *problem);

/* A file that appears under its name only when it is complete. */
struct file_writer {
    FILE *stream; /* write here; NULL when not open */
    char *path;
    char *temporary; /* NULL: the path is no regular file and is written directly */
};

bool files_open(struct file_writer *writer, const char *path, struct problem *problem);
/* Everything is on disk, but not yet under the file's name: where several belong together, all of them
 * before the first is committed. */
bool files_settle(struct file_writer *writer, struct problem *problem);
/* Everything is on disk, or the file is as it was before. Closes in either case. */
bool files_commit(struct file_writer *writer, struct problem *problem);
/* Leaves no trace. Harmless on a writer that is not open. */
void files_discard(struct file_writer *writer);

/* Writes the bytes as a whole file. */
bool files_write(const char *path, const void *data, size_t size, struct problem *problem);
/* One of several files that belong together. */
struct file_part {
    const char *name; /* its path, or in a folder its name */
    const void *data;
    size_t size;
};
#define FILES_PARTS 8
/* Writes at most FILES_PARTS files: all of them, or none takes the place of what was there. */
bool files_write_all(const struct file_part *parts, unsigned count, struct problem *problem);
/* The same into a folder, which is made if it is not there. */
bool files_write_folder(const char *folder, const struct file_part *parts, unsigned count, struct problem *problem);

/* Makes the folder, and those above it, unless they are there. */
bool files_make_folder(const char *path, struct problem *problem);
/* Removes the folder with everything in it; what is no folder stays. */
void files_remove_folder(const char *path);
/* `folder`/`name`, or `name` when it is absolute; malloc'ed. */
char *files_join(const char *folder, const char *name);
/* Whether both paths name the same file, be it there or not. */
bool files_same(const char *one, const char *other);
/* Whether each of the first `outputs` paths names another file than all others do; NULL stands for none. */
bool files_apart(const char *const paths[], unsigned outputs, unsigned count, struct problem *problem);
/* The folder that holds the running program; malloc'ed. */
char *files_program_folder(void);

#endif
