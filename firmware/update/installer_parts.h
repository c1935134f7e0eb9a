/* SPDX-License-Identifier: MIT
 *
 * What the parts of the installer share: installing, in installer.c; what comes after it, in trial.c.
 */
#ifndef INSTALLER_PARTS_H
#define INSTALLER_PARTS_H

#include "matterhorn/installer.h"

struct install {
    const struct mh_device *device;
    struct mh_journal *journal;
    struct mh_package *package; /* the one that is being installed from, opened */
    bool from_the_start;        /* it was verified in this very start, and nothing of it written in one before */
};

void installer_log(const struct mh_device *device, const char *text);

/* Installs component `number` of the open package, sector by sector, its first one last; sectors that the journal
 * has as done are left alone, each one that is done is recorded. */
enum mh_error installer_install_component(const struct install *install, unsigned number);

/* Security counters of the one-time programmable area, and what it can record. */
void installer_read_bounds(const struct mh_device *device, struct mh_installed *installed);

/* Opens the stored package of a directory entry, which must be the one that the directory names, and hold component
 * `number` with a counter that is not below the recorded one. What is stored may be swapped at any time: so it is
 * opened in this way each time. */
enum mh_error installer_open_running(const struct mh_device *device, const struct mh_entry *entry, unsigned number,
                                     struct mh_package *package, struct mh_stored *stored);

#endif
