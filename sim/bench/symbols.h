/* SPDX-License-Identifier: MIT
 *
 * Which ELF files describe what is in a flash right now.
 */
#ifndef MATTERHORN_BENCH_SYMBOLS_H
#define MATTERHORN_BENCH_SYMBOLS_H

#include "arrays.h"

/* True when everything that the file loads into the internal flash is there, byte for byte. */
bool symbols_fit(const char *path, const struct arrays *arrays);

#endif
