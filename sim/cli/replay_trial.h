/* SPDX-License-Identifier: MIT
 *
 * For matterhorn replay: the bundle of a soak's finding.
 */
#ifndef MATTERHORN_REPLAY_TRIAL_H
#define MATTERHORN_REPLAY_TRIAL_H

#include "trial_bundle.h"

struct replay_trial_options {
    bool verify; /* run it twice, in fresh machines, and compare */
    bool json;
};

/* Runs the bundle's update again, live on the terminal, and tells what came of it. *pass: the update was there in
 * the end. */
bool replay_trial(const struct bundle *bundle, const struct profile *profile,
                  const struct replay_trial_options *options, bool *pass, struct problem *problem);

#endif
