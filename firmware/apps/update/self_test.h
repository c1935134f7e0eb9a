/* SPDX-License-Identifier: MIT
 *
 * What Update tries before it confirms itself.
 */
#ifndef APPS_UPDATE_SELF_TEST_H
#define APPS_UPDATE_SELF_TEST_H

#include <stdbool.h>

/* All that checks.h has. */
bool self_test(void);

#endif
