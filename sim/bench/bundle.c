/* SPDX-License-Identifier: MIT */
#include "bundle.h"

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT 1
#define LARGEST (64u << 20) /* bytes of a file that a profile names */

/* --- the files of a profile --- */

/* Calls `take` with each file that the profile needs, from the root on. What a command names counts when it is
 * there: the rest of its words are no files, or absolute, and so every machine's own. */
typedef bool file_fn(void *context, const char *name, bool needed, struct problem *problem);

static bool each_equal(const struct profile_recovered *recovered, file_fn *take, void *context, struct problem *problem)
{
    for (unsigned i = 0; i < recovered->equal_count; i++)
        if (!take(context, recovered->equal[i].file, true, problem))
            return false;
    return true;
}

static bool each_word(char *const *command, unsigned count, file_fn *take, void *context, struct problem *problem)
{
    for (unsigned i = 0; i < count; i++)
        if (command[i][0] != '/' && !take(context, command[i], false, problem))
            return false;
    return true;
}

static bool each_file(const struct profile *profile, file_fn *take, void *context, struct problem *problem)
{
    const struct profile_next *next = profile->next;
    bool good = each_equal(&profile->recovered, take, context, problem) &&
                (next == NULL || (each_equal(&next->recovered, take, context, problem) &&
                                  each_word(next->command, next->command_count, take, context, problem)));
    for (unsigned i = 0; good && i < profile->soak_count; i++)
        good = each_word(profile->soak[i].command, profile->soak[i].command_count, take, context, problem);
    for (unsigned i = 0; good && i < profile->symbols_count; i++)
        good = profile->symbols[i][0] == '/' || take(context, profile->symbols[i], false, problem);
    return good;
}

static bool leads_out(const char *name)
{
    g_auto(GStrv) parts = g_strsplit(name, "/", -1);
    return name[0] == '/' || g_strv_contains((const char *const *)parts, "..");
}

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool check_file(void *context, const char *name, bool needed, struct problem *problem)
{
    const struct target *target = context;
    g_autofree char *path = g_build_filename(target->root, name, NULL);
    return !leads_out(name) || !(needed || is_file(path)) ||
           problem_set(problem, PROBLEM_USE,
                       "profile %s: %s is not below %s, so no bundle can have it: name it relative to --root",
                       target->profile->name, name, target->root);
}

bool bundle_possible(const struct target *target, struct problem *problem)
{
    return each_file(target->profile, check_file, (void *)(uintptr_t)target, problem);
}

/* --- writing --- */

static bool copy_file(const char *from, const char *to, struct problem *problem)
{
    g_autofree char *folder = g_path_get_dirname(to);
    struct stat status;
    uint8_t *data;
    size_t size;
    if (!files_make_folder(folder, problem) || !files_read(from, LARGEST, &data, &size, problem))
        return false;
    bool good = files_write(to, data, size, problem);
    free(data);
    if (good && stat(from, &status) == 0 && (status.st_mode & S_IXUSR) != 0 && chmod(to, 0755) != 0)
        good = problem_set(problem, PROBLEM_BENCH, "cannot write %s: %s", to, strerror(errno));
    return good;
}

struct copying {
    const char *from, *to;
};

static bool take_file(void *context, const char *name, bool needed, struct problem *problem)
{
    const struct copying *copying = context;
    g_autofree char *from = g_build_filename(copying->from, name, NULL),
                    *to = g_build_filename(copying->to, name, NULL);
    return (!needed && !is_file(from)) || is_file(to) || copy_file(from, to, problem);
}

static bool write_about(const char *folder, json_t *about, struct problem *problem)
{
    g_autofree char *path = g_build_filename(folder, "bundle.json", NULL);
    if (about == NULL || json_object_set_new(about, "bundle", json_integer(FORMAT)) != 0)
        return problem_set(problem, PROBLEM_BENCH, "no memory for a bundle");
    char *dump = json_dumps(about, JSON_INDENT(1) | JSON_SORT_KEYS);
    g_autofree char *text = dump == NULL ? NULL : g_strconcat(dump, "\n", NULL);
    free(dump);
    return text != NULL ? files_write(path, text, strlen(text), problem)
                        : problem_set(problem, PROBLEM_BENCH, "no memory for a bundle");
}

bool bundle_write(const char *folder, const struct target *target, json_t *about, struct problem *problem)
{
    g_autofree char *root = g_build_filename(folder, "root", NULL), *device = g_build_filename(folder, "device", NULL);
    g_autofree char *profile = g_build_filename(folder, "profile.yaml", NULL);
    struct copying copying = {target->root, root};
    bool good = bundle_possible(target, problem) && files_make_folder(root, problem) &&
                files_write(profile, target->profile->text, target->profile->text_size, problem) &&
                arrays_write(&target->device, device, problem) &&
                each_file(target->profile, take_file, &copying, problem) && write_about(folder, about, problem) &&
                sums_write(folder, problem);
    json_decref(about);
    return good;
}

/* --- reading --- */

bool bundle_is(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool unpack(struct bundle *bundle, const char *path, struct problem *problem)
{
    g_autofree char *file = g_strdup_printf("--file=%s", path), *said = NULL;
    g_autoptr(GError) error = NULL;
    int status;
    if (!scratch_open(&bundle->scratch, problem))
        return false;
    char *arguments[] = {"tar", "--extract",   "--force-local",        "--no-same-owner",
                         file,  "--directory", bundle->scratch.folder, NULL};
    if (!g_spawn_sync(NULL, arguments, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &said,
                      &status, &error))
        return problem_set(problem, PROBLEM_BENCH, "cannot unpack %s: %s", path, error->message);
    if (g_spawn_check_wait_status(status, NULL))
        return true;
    return problem_set(problem, PROBLEM_USE, "%s is no bundle, nor an archive of one: %.*s", path,
                       (int)strcspn(said, "\n"), said);
}

/* The folder itself or the one that it holds; NULL when neither is a bundle. malloc'ed. */
static char *find_folder(const char *outer)
{
    char *found = NULL;
    unsigned count = 0;
    DIR *list = opendir(outer);
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        g_autofree char *inner = g_build_filename(outer, entry->d_name, NULL),
                        *sums = g_build_filename(inner, SUMS_FILE, NULL);
        if (strcmp(entry->d_name, "..") == 0 || !is_file(sums))
            continue;
        free(found);
        found = strdup(strcmp(entry->d_name, ".") == 0 ? outer : inner);
        count++;
    }
    if (list != NULL)
        closedir(list);
    if (count == 1)
        return found;
    free(found);
    return NULL;
}

static bool read_about(struct bundle *bundle, struct problem *problem)
{
    g_autofree char *path = g_build_filename(bundle->folder, "bundle.json", NULL);
    json_error_t error;
    bundle->about = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (bundle->about == NULL)
        return problem_set(problem, PROBLEM_USE, "%s: %s (line %d)", path, error.text, error.line);
    return json_integer_value(json_object_get(bundle->about, "bundle")) == FORMAT ||
           problem_set(problem, PROBLEM_USE, "%s is of another version: this one reads %d", path, FORMAT);
}

static bool open_folder(struct bundle *bundle, const char *path, struct problem *problem)
{
    struct stat status;
    bool folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    if (!folder && !unpack(bundle, path, problem))
        return false;
    bundle->folder = find_folder(folder ? path : bundle->scratch.folder);
    return bundle->folder != NULL ||
           problem_set(problem, PROBLEM_USE, "%s is no bundle: it has no " SUMS_FILE "; replay --artifacts writes one",
                       path);
}

bool bundle_open(struct bundle *bundle, const char *path, struct problem *problem)
{
    *bundle = (struct bundle){.scratch = {NULL, -1}};
    bool good = open_folder(bundle, path, problem) && sums_check(bundle->folder, bundle->sum, problem) &&
                read_about(bundle, problem);
    if (!good) {
        bundle_close(bundle);
        return false;
    }
    bundle->profile = files_join(bundle->folder, "profile.yaml");
    bundle->device = files_join(bundle->folder, "device");
    bundle->root = files_join(bundle->folder, "root");
    return (bundle->profile != NULL && bundle->device != NULL && bundle->root != NULL) ||
           problem_set(problem, PROBLEM_BENCH, "no memory");
}

void bundle_close(struct bundle *bundle)
{
    json_decref(bundle->about);
    free(bundle->folder);
    free(bundle->profile);
    free(bundle->device);
    free(bundle->root);
    scratch_close(&bundle->scratch);
    *bundle = (struct bundle){.scratch = {NULL, -1}};
}

bool bundle_text(const struct bundle *bundle, const char *key, const char **text, struct problem *problem)
{
    *text = json_string_value(json_object_get(bundle->about, key));
    return *text != NULL || problem_set(problem, PROBLEM_USE, "%s/bundle.json has no \"%s\"", bundle->folder, key);
}
