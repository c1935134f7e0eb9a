/* SPDX-License-Identifier: MIT
 *
 * What follows an install: the trial of the package, and how it ends, confirmed or rolled back (docs/DESIGN.md 2).
 */
#ifndef MATTERHORN_TRIAL_H
#define MATTERHORN_TRIAL_H

#include "matterhorn/installer.h"

/* The credit of a trial, which its starts use up. A power-on says nothing against the image; so many of them, with
 * nobody confirming it, do. */
#define MH_TRIAL_CREDIT 24u
#define MH_TRIAL_START 1u
#define MH_TRIAL_BLAMED 8u /* a start behind a reset that the image made, or could not feed the watchdog to prevent */

/* What a start has to do before it starts anything: goes on with what the journal's phase says, as told below and by
 * mh_install_pending. `blamed`: the last reset is the running image's fault, should it be on trial. MH_OK also when
 * there was nothing to do. */
enum mh_error mh_proceed(const struct mh_device *device, struct mh_journal *journal, struct mh_package *package,
                         bool blamed);

/* Records a start in phase trial, before anything is started: MH_TRIAL_START is taken from its credit,
 * MH_TRIAL_BLAMED when the reset is `blamed` on the image. The install's own record stands for the start right
 * behind it. When nothing is left the trial is over: then what was there before is installed again, if all of it is
 * there. If not, the image goes on being tried, and no further start is recorded. MH_OK in phase trial: start the
 * image. MH_OK in phase idle: rolled back. In phase rolling back: the error for which that is not finished. An error
 * in phase trial: the record could not be written, or why it is not rolled back. */
enum mh_error mh_trial_start(const struct mh_device *device, struct mh_journal *journal, struct mh_package *package,
                             bool blamed);

/* Whether what ran as component `number` before is in the store and could be installed again, as far as its manifest
 * tells: it is the package of the directory, signed, with a security counter not below the recorded one. `package`
 * is overwritten. MH_OK, or why not. */
enum mh_error mh_rollback_check(const struct mh_device *device, const struct mh_state *state, unsigned number,
                                struct mh_package *package);

/* Whether what is on trial could be rolled back, as far as manifests tell: all components that it replaced, and they
 * belong to what stays. */
enum mh_error mh_rollback_possible(const struct mh_device *device, struct mh_journal *journal,
                                   struct mh_package *package);

/* From phase trial to rolling back. MH_ERR_FLASH when the journal cannot record it, or could not follow it: the trial
 * goes on. */
enum mh_error mh_rollback_request(const struct mh_device *device, struct mh_journal *journal);

/* Phase rolling back: verifies the packages that were running before completely, installs what the tried one had
 * replaced, all of it, resuming what lost power, and drops the tried package, whose id is never accepted again. Where
 * the state holds another refusal than MH_ERR_ROLLED_BACK, the package was not tried, but went bad while it was
 * installed: then it is refused. MH_OK: phase idle, also when the packages do not verify any more, and all of them is installed. Where the packages that were running do not verify, and what is
 * installed does not either or is two halves, the tried one is installed again, once, if it is whole in the store:
 * MH_OK in phase trial, with MH_ERR_ROLLED_BACK in the state, and without credit if it was a trial that should end; an
 * error in phase installing: that is not finished. Otherwise the rollback is still wanted; where what is installed verifies
 * and belongs together, mh_rollback_give_up can end it. */
enum mh_error mh_rollback(const struct mh_device *device, struct mh_journal *journal, struct mh_package *package);

/* Back to the trial, without credit: what is installed stays. To phase idle where it is no trial that was to end.
 * MH_ERR_FLASH when it could not be recorded. */
enum mh_error mh_rollback_give_up(struct mh_journal *journal);

/* Phase confirming: records the security counters of the components that were tried, and the keys that they revoke,
 * in the one-time programmable area, then the tried package as the running one. Both come from the signed headers in
 * the internal flash. MH_OK: phase idle. MH_ERR_COUNTER_FULL, MH_ERR_REVOCATION: phase idle too, but the area could not
 * record that, because it was locked since the package was accepted, or bits of it do not take. Another error: phase
 * confirming still, to be called again. */
enum mh_error mh_confirmation_finish(const struct mh_device *device, struct mh_journal *journal);

#endif
