/* SPDX-License-Identifier: MIT
 *
 * What Update tries before it confirms itself.
 */
#ifndef APPS_UPDATE_SELF_TEST_H
#define APPS_UPDATE_SELF_TEST_H

#include <stdbool.h>

/* Computes published test vectors of SHA-256, ChaCha20 and Ed25519, and compresses and expands its own code. */
bool self_test(void);

#endif
