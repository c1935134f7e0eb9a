/* SPDX-License-Identifier: MIT */
#include "target.h"

#include "files.h"
#include "model.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

const struct conditions target_clean_conditions[RECOVERY_MOST] = {{"random:1", 1}, {"random:2", 2}, {"random:3", 3},
                                                                {"random:4", 4}, {"random:5", 5}};

/* The firmware's hash is that of what was provisioned: an id means the same firmware with faults and without. */
static void apply_faults(struct target *target, const struct fault_set *faults)
{
    uint8_t **cells = target->device.cells;
    target->faults = target->profile->fault_set;
    if (faults != NULL)
        fault_add(&target->faults, faults);
    target->defects = fault_defects_internal(&target->faults);
    target->nor_defects = fault_defects_nor(&target->faults);
    if (fault_any(&target->faults)) {
        target->device.defects = &target->defects;
        target->device.nor_defects = &target->nor_defects;
    }
    fault_store(&target->faults, cells[ARRAY_INTERNAL], cells[ARRAY_OTP] + RAIL_OTP_OPTIONS, cells[ARRAY_NOR]);
}

static void name_firmware(struct target *target)
{
    gchar *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, target->device.cells[ARRAY_INTERNAL],
                                             arrays_size(ARRAY_INTERNAL));
    snprintf(target->firmware, sizeof target->firmware, "%s", sum);
    g_free(sum);
}

bool target_open(struct target *target, const struct profile *profile, const struct fault_set *faults, const char *root,
                 const char *device, struct problem *problem)
{
    *target = (struct target){.profile = NULL};
    if (!model_forgets(profile->machine, problem))
        return false;
    *target = (struct target){.profile = profile, .root = root != NULL ? strdup(root) : profile_default_root()};
    char *folder = target->root == NULL ? NULL : device != NULL ? strdup(device) : files_join(target->root, profile->device);
    bool good = (folder != NULL || problem_set(problem, PROBLEM_BENCH, "no memory")) &&
                arrays_allocate(&target->device, problem) && arrays_read(&target->device, folder, problem);
    free(folder);
    if (good) {
        name_firmware(target);
        apply_faults(target, faults);
        good = oracle_open(&target->oracle, profile, &target->device, target->root, problem);
    }
    if (!good) {
        target_close(target);
        return false;
    }
    return true;
}

bool target_can_be_built(const struct target *target, struct problem *problem)
{
    char text[FAULT_TEXT];
    if (!fault_beyond_trace(&target->faults))
        return true;
    fault_format(&target->faults, FAULT_VDD_LOW, text);
    return problem_set(problem, PROBLEM_USE,
                       "under %s the flash keeps less than it is told, so crash states cannot be built from a "
                       "recording: leave it out, or use matterhorn boot",
                       text);
}

bool target_start(struct target *target, struct machine *machine, unsigned gdb_port, struct problem *problem)
{
    const struct machine_options options = {
        .model = target->profile->machine, .faults = &target->faults, .gdb_port = gdb_port};
    return machine_start(machine, &options, &target->device, problem);
}

void target_close(struct target *target)
{
    oracle_close(&target->oracle);
    arrays_free(&target->device);
    free(target->root);
    *target = (struct target){0};
}
