/* SPDX-License-Identifier: MIT
 *
 * What a finding leaves for people to look at.
 */
#ifndef MATTERHORN_BENCH_ARTIFACTS_H
#define MATTERHORN_BENCH_ARTIFACTS_H

#include "recovery.h"

/* Recovers once more as `request` says, which goes the same way, and writes `folder`/ID/: before/ and after/ with the arrays, uart.txt
 * and trace.txt of the first power-up. '/' in the id becomes '+'. */
bool artifacts_write(const char *folder, const char *id, const struct oracle *oracle, struct machine *machine,
                     const struct recovery_request *request, struct problem *problem);

#endif
