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

/* Verifies the incoming package completely, MH_VERIFY_ATTEMPTS times if need be, and leaves it open; *stored must
 * outlive that. */
enum mh_error installer_verify_incoming(const struct install *install, struct mh_stored *stored);

/* Installs what was verified, or goes on with it, to phase trial. */
enum mh_error installer_install_all(const struct install *install);

/* Has nothing refused because the one-time programmable area cannot record it. That is asked before the first erase;
 * behind it there may be nothing else to run. */
void installer_lift_limits(struct mh_installed *installed);

/* Whether component `number` is that of the package with this id, whole. */
bool installer_holds(const struct mh_device *device, unsigned number, const uint8_t id[MH_ID_SIZE]);

/* Makes firm of the headers of these components (bit n - 1 for component n), which verify, what a power loss may have left weak of
 * them: the first word, which is programmed last. What is recorded as installed must not read damaged at another start. */
enum mh_error installer_make_firm(const struct mh_device *device, unsigned components);

/* The components that the install under way has left neither what they were nor part of something whole: those that do
 * not verify, and those that are the incoming package's already. Bit n - 1 for component n. */
unsigned installer_broken(const struct mh_device *device, const struct mh_state *state);

/* Phase installing, and the package does not verify any more, for `reason`: installs again from the store what ran as
 * the components that are broken, if all of that is there, and refuses the package. The reason in phase idle: done. In
 * phase installing: nothing is broken, or the store does not have it. In phase rolling back an error for which that is
 * not finished; mh_rollback goes on with it. */
enum mh_error installer_go_back(const struct install *install, enum mh_error reason);

/* Opens the stored package of a directory entry, which must be the one that the directory names, and hold component
 * `number` with a counter that is not below the recorded one. What is stored may be swapped at any time: so it is
 * opened in this way each time. */
enum mh_error installer_open_running(const struct mh_device *device, const struct mh_entry *entry, unsigned number,
                                     struct mh_package *package, struct mh_stored *stored);

#endif
