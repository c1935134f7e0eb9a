/* SPDX-License-Identifier: MIT
 *
 * The installer: verified component images in internal flash, and how a requested package becomes one.
 */
#ifndef MATTERHORN_INSTALLER_H
#define MATTERHORN_INSTALLER_H

#include "matterhorn/store.h"

/* A package is refused only when it fails this often in a row: one disturbed read must not lose an update. */
#define MH_VERIFY_ATTEMPTS 3u

/* Verifies what is installed as component `number` from internal flash alone: header, signature, ranges, image hash.
 * `manifest` receives the header's manifest. MH_ERR_NO_IMAGE when there is no header. */
enum mh_error mh_component_verify(const struct mh_device *device, unsigned number, struct mh_manifest *manifest);

/* The header of component `number` alone: framing, signature, fields, ranges. MH_ERR_NO_IMAGE when there is none. */
enum mh_error mh_component_header(const struct mh_device *device, unsigned number, struct mh_manifest *manifest);

/* Versions, counters and requirements of the components whose headers verify, what the one-time programmable area has
 * recorded and can record, and what `state` refuses; image hashes are not computed. */
void mh_installed_read(const struct mh_device *device, const struct mh_state *state, struct mh_installed *installed);

/* Whether what is installed may not belong together: an install or a rollback has begun, one component is of the
 * incoming package, and another one that this package holds too is not. That is so between two components; of one
 * component alone, what is whole is either the old image or the new one. Which package that is, and that it has begun,
 * the journal says; how far it has come, the signed headers, so it does not matter which sectors are recorded. */
bool mh_installed_mixed(const struct mh_device *device, const struct mh_state *state);

/* The same question where the journal cannot be read: whether a header names another component too, and that is of
 * another package. So it is half-way through an install of both; and also where one of them was updated alone later,
 * and all is well. */
bool mh_installed_doubtful(const struct mh_device *device);

/* How many records the journal gets, at most, for an install or a rollback of these components (bit n - 1 for
 * component n), from that it is wanted on: mh_journal_reserve has room for them. */
unsigned mh_install_records(const struct mh_device *device, unsigned components);

/* Carries out the install that the journal asks for: verifies the incoming package completely, then installs it, or
 * resumes an install that lost power; one erase per sector. It leads to phase trial. MH_OK also when no install was
 * pending. A package that does not verify is refused: recorded, dropped, and its reason returned; internal flash is
 * untouched, or, where the install had begun to write it, what ran before has been installed again from the store. One
 * of which all is installed already is not asked for any more: phase trial.
 * MH_ERR_FLASH, MH_ERR_CHUNK and the like with journal phase MH_INSTALLING: the install could not be finished and is
 * still wanted. With MH_ROLLING_BACK: what ran before could not be installed again yet. */
enum mh_error mh_install_pending(const struct mh_device *device, struct mh_journal *journal,
                                 struct mh_package *package);

#endif
