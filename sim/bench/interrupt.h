/* SPDX-License-Identifier: MIT
 *
 * Ctrl-C: whoever waits polls one descriptor, and everything is unwound in order.
 */
#ifndef MATTERHORN_BENCH_INTERRUPT_H
#define MATTERHORN_BENCH_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT, SIGTERM and SIGHUP make interrupt_descriptor() readable; a second one ends the process. */
void interrupt_install(void);
/* Readable for ever after an interrupt; -1 (which poll ignores) before interrupt_install. */
int interrupt_descriptor(void);
bool interrupt_seen(void);
/* Makes the descriptor readable from inside: the other workers need not go on. */
void interrupt_raise(void);

#endif
