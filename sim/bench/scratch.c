/* SPDX-License-Identifier: MIT */
#include "scratch.h"

#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MEMORY "/dev/shm"
#define PREFIX "matterhorn-scratch-"
#define ENOUGH (UINT64_C(1) << 30) /* bytes, for as many workers as there may be; a container often has 64 MB */

static const char *above(void)
{
    struct statvfs status;
    bool roomy = access(MEMORY, W_OK) == 0 && statvfs(MEMORY, &status) == 0 &&
                 (uint64_t)status.f_bavail * status.f_frsize >= ENOUGH;
    return roomy ? MEMORY : g_get_tmp_dir();
}

/* The lock is the kernel's: it ends with its process, whatever ends that. -1: somebody has it, or it is not ours. */
static int take_lock(const char *folder, int how)
{
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor >= 0 && flock(descriptor, how) == 0)
        return descriptor;
    if (descriptor >= 0)
        close(descriptor);
    return -1;
}

static void remove_left_behind(const char *place)
{
    DIR *list = opendir(place);
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        char *folder = strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 ? files_join(place, entry->d_name) : NULL;
        int lock = folder == NULL ? -1 : take_lock(folder, LOCK_EX | LOCK_NB);
        if (lock >= 0) {
            files_remove_folder(folder);
            close(lock);
        }
        free(folder);
    }
    if (list != NULL)
        closedir(list);
}

/* Between making and locking, another process may take the new folder for one that was left behind. */
static bool make(struct scratch *scratch, const char *place)
{
    do {
        scratch_close(scratch);
        scratch->folder = files_join(place, PREFIX "XXXXXX");
        if (scratch->folder == NULL || mkdtemp(scratch->folder) == NULL)
            return false;
        scratch->lock = take_lock(scratch->folder, LOCK_EX);
    } while (scratch->lock < 0 ? errno == ENOENT : access(scratch->folder, F_OK) != 0);
    return scratch->lock >= 0;
}

bool scratch_open(struct scratch *scratch, struct problem *problem)
{
    const char *place = above();
    remove_left_behind(place);
    *scratch = (struct scratch){.lock = -1};
    if (make(scratch, place))
        return true;
    problem_set(problem, PROBLEM_BENCH, "cannot make a folder in %s: %s", place, strerror(errno));
    scratch_close(scratch);
    return false;
}

void scratch_close(struct scratch *scratch)
{
    if (scratch->folder != NULL) {
        files_remove_folder(scratch->folder);
        if (scratch->lock >= 0)
            close(scratch->lock);
    }
    free(scratch->folder);
    *scratch = (struct scratch){.lock = -1};
}
