/* SPDX-License-Identifier: MIT
 *
 * What libsodium calls when it is used wrongly. Its own sits in core.c beside the start-up of every algorithm it
 * has, of which we compile three.
 */
#include <stdlib.h>

_Noreturn void sodium_misuse(void);

_Noreturn void sodium_misuse(void) { abort(); }
