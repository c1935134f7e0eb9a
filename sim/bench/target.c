/* SPDX-License-Identifier: MIT */
#include "target.h"

#include "files.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

const struct conditions target_clean_conditions[RECOVERY_POWER_UPS] = {{"random:1", 1}, {"random:2", 2}};

bool target_open(struct target *target, const struct profile *profile, const char *root, const char *device,
                 struct problem *problem)
{
    *target = (struct target){.profile = profile, .root = root != NULL ? strdup(root) : profile_default_root()};
    char *folder = target->root == NULL ? NULL : device != NULL ? strdup(device) : files_join(target->root, profile->device);
    bool good = (folder != NULL || problem_set(problem, PROBLEM_BENCH, "no memory")) &&
                arrays_allocate(&target->device, problem) && arrays_read(&target->device, folder, problem) &&
                oracle_open(&target->oracle, profile, &target->device, target->root, problem);
    free(folder);
    if (!good) {
        target_close(target);
        return false;
    }
    gchar *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, target->device.cells[ARRAY_INTERNAL],
                                             arrays_size(ARRAY_INTERNAL));
    snprintf(target->firmware, sizeof target->firmware, "%s", sum);
    g_free(sum);
    return true;
}

void target_close(struct target *target)
{
    oracle_close(&target->oracle);
    arrays_free(&target->device);
    free(target->root);
    *target = (struct target){0};
}
