/* SPDX-License-Identifier: MIT
 *
 * Where the updates of the Download application come from: over a UART (uart.c), or carried along (carried.c).
 */
#ifndef DOWNLOAD_SOURCE_H
#define DOWNLOAD_SOURCE_H

#include "matterhorn/runtime.h"

#define CREDENTIALS_SIZE 32u

/* Looks for somebody who offers an update. False when nobody does, for now. */
bool source_offer(const struct runtime_api *api, struct mfupdate_header *header);

/* The row of providers for it. */
const struct mfupdate_provider *source_provider(const struct runtime_api *api);

/* Lets whoever offers the update of this session prove who they are; *length is 0 where nobody has to. */
enum mh_error source_prove(const struct runtime_api *api, struct mfupdate *session,
                           uint8_t credentials[CREDENTIALS_SIZE], uint32_t *length);

/* What became of it. */
void source_end(enum mh_error error);

/* How many packets it has given since the start. */
uint32_t source_given(void);

#endif
