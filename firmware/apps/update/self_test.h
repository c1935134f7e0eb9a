/* SPDX-License-Identifier: MIT
 *
 * What Update tries before it confirms itself.
 */
#ifndef APPS_UPDATE_SELF_TEST_H
#define APPS_UPDATE_SELF_TEST_H

#include <stdbool.h>

/* In self_test.c all that checks.h has, in self_test_small.c less, for an application of 16 KB. */
bool self_test(void);

#endif
