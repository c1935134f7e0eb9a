/* SPDX-License-Identifier: MIT */
#include "sums.h"

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LARGEST (64u << 20) /* bytes of a file in such a folder */

/* --- what is there --- */

static bool list_folder(const char *folder, const char *below, GPtrArray *names, struct problem *problem);

/* `name`: from the folder on. */
static bool list_one(const char *folder, const char *name, GPtrArray *names, struct problem *problem)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    struct stat status;
    if (lstat(path, &status) != 0)
        return problem_set(problem, PROBLEM_USE, "cannot read %s: %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return list_folder(folder, name, names, problem);
    if (!S_ISREG(status.st_mode) || strpbrk(name, "\n\\") != NULL)
        return problem_set(problem, PROBLEM_USE, "%s is no plain file", path);
    if (strcmp(name, SUMS_FILE) != 0)
        g_ptr_array_add(names, g_strdup(name));
    return true;
}

static bool list_folder(const char *folder, const char *below, GPtrArray *names, struct problem *problem)
{
    g_autofree char *path = g_build_filename(folder, below, NULL);
    DIR *list = opendir(path);
    bool good = list != NULL || problem_set(problem, PROBLEM_USE, "cannot read %s: %s", path, strerror(errno));
    for (struct dirent *entry; good && (entry = readdir(list)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        g_autofree char *name =
            below[0] != '\0' ? g_build_filename(below, entry->d_name, NULL) : g_strdup(entry->d_name);
        good = list_one(folder, name, names, problem);
    }
    if (list != NULL)
        closedir(list);
    return good;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The sum of each file, by its name. */
static bool sum_all(const char *folder, GPtrArray *names, GHashTable *sums, struct problem *problem)
{
    for (unsigned i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
        uint8_t *data;
        size_t size;
        if (!files_read(path, LARGEST, &data, &size, problem))
            return false;
        g_hash_table_insert(sums, g_strdup(names->pdata[i]),
                            g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size));
        free(data);
    }
    return true;
}

/* --- writing --- */

bool sums_write(const char *folder, struct problem *problem)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) sums = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *path = g_build_filename(folder, SUMS_FILE, NULL);
    if (!list_folder(folder, "", names, problem))
        return false;
    g_ptr_array_sort(names, compare_names);
    if (!sum_all(folder, names, sums, problem))
        return false;
    for (unsigned i = 0; i < names->len; i++)
        g_string_append_printf(text, "%s  %s\n", (char *)g_hash_table_lookup(sums, names->pdata[i]),
                               (char *)names->pdata[i]);
    return files_write(path, text->str, text->len, problem);
}

/* --- checking --- */

/* Takes what the line says out of `found`. */
static bool check_line(const char *folder, const char *line, GHashTable *found, struct problem *problem)
{
    if (strlen(line) < SUMS_DIGITS + 2 || strncmp(line + SUMS_DIGITS - 1, "  ", 2) != 0)
        return problem_set(problem, PROBLEM_USE, "%s/" SUMS_FILE ": \"%.40s\" is no line of it", folder, line);
    const char *name = line + SUMS_DIGITS + 1, *sum = g_hash_table_lookup(found, name);
    if (sum == NULL)
        return problem_set(problem, PROBLEM_USE,
                           "%s was changed: %s is missing; get it again from where it was written", folder, name);
    if (strncmp(sum, line, SUMS_DIGITS - 1) != 0)
        return problem_set(problem, PROBLEM_USE,
                           "%s was changed: %s is not what " SUMS_FILE " says; get it again from where it was "
                           "written",
                           folder, name);
    g_hash_table_remove(found, name);
    return true;
}

static bool check_lines(const char *folder, char *text, GHashTable *found, struct problem *problem)
{
    GHashTableIter iterator;
    void *name;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (!check_line(folder, line, found, problem))
            return false;
    g_hash_table_iter_init(&iterator, found);
    return !g_hash_table_iter_next(&iterator, &name, NULL) ||
           problem_set(problem, PROBLEM_USE, "%s was changed: %s is not in its " SUMS_FILE "; take it away", folder,
                       (char *)name);
}

bool sums_check(const char *folder, char sum[SUMS_DIGITS], struct problem *problem)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autofree char *path = g_build_filename(folder, SUMS_FILE, NULL), *text = NULL, *all = NULL;
    uint8_t *data;
    size_t size;
    if (!files_read(path, LARGEST, &data, &size, problem))
        return false;
    all = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size);
    text = g_strndup((const char *)data, size);
    free(data);
    memcpy(sum, all, SUMS_DIGITS);
    return list_folder(folder, "", names, problem) && sum_all(folder, names, found, problem) &&
           check_lines(folder, text, found, problem);
}
