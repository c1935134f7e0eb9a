/* SPDX-License-Identifier: MIT
 *
 * What the runtime's main program shares with the table that it exports.
 */
#ifndef RUNTIME_SERVICES_H
#define RUNTIME_SERVICES_H

#include "matterhorn/update.h"

/* The one update session of this runtime. */
extern struct mh_update runtime_session;

/* A line on the diagnostic UART: "runtime: ", text, more. */
void runtime_say(const char *text, const char *more);

#endif
