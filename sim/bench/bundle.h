/* SPDX-License-Identifier: MIT
 *
 * A bundle: a folder that holds everything a scenario needs, so that it can be replayed on another machine, where there
 * is no build tree. The profile, the provisioned device, the files that the profile names, and bundle.json, which says
 * what the scenario is. SHA256SUMS guards all of it, and a bundle that was changed is refused.
 *
 *   profile.yaml   as it was, byte for byte
 *   device/        the provisioned device
 *   root/          the files of the profile, where its relative paths start
 *   bundle.json    "bundle": the format, 1; the rest is its writer's
 */
#ifndef MATTERHORN_BENCH_BUNDLE_H
#define MATTERHORN_BENCH_BUNDLE_H

#include "scratch.h"
#include "sums.h"
#include "target.h"

#include <jansson.h>

struct bundle {
    char *folder;
    struct scratch scratch;        /* where an archive was unpacked */
    json_t *about;                 /* bundle.json */
    char *profile, *device, *root; /* their paths */
    char sum[SUMS_DIGITS];         /* of everything */
};

/* Whether what the user named is there as a file or folder, so that it is meant as a bundle. */
bool bundle_is(const char *path);
/* A folder, or an archive of one that tar unpacks; either may hold the bundle, or one folder that is the bundle. */
bool bundle_open(struct bundle *bundle, const char *path, struct problem *problem);
/* Harmless on a zeroed one. */
void bundle_close(struct bundle *bundle);
/* The text that bundle.json has under the key; false, with a problem, when it has none. */
bool bundle_text(const struct bundle *bundle, const char *key, const char **text, struct problem *problem);

/* Whether the files of the target can be in a bundle: the paths of its profile must not lead out of its root. */
bool bundle_possible(const struct target *target, struct problem *problem);
/* Makes a bundle of the folder, which is there and may hold more files: they belong to it then. Takes `about` over. */
bool bundle_write(const char *folder, const struct target *target, json_t *about, struct problem *problem);

#endif
