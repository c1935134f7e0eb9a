/* SPDX-License-Identifier: MIT
 *
 * What the runtime's main program shares with the table that it exports.
 */
#ifndef RUNTIME_SERVICES_H
#define RUNTIME_SERVICES_H

#include "matterhorn/config.h"
#include "matterhorn/runtime.h"
#include "matterhorn/update.h"

/* The one update session of this runtime. */
extern struct mh_update runtime_session;

/* The one config store; not open where the device could not be read. */
extern struct mh_config runtime_config_store;

/* The device, once its SPI NOR has answered; NULL before. */
extern const struct mh_device *runtime_device;

/* What toolbox.c gives the table. */
extern const struct runtime_mfupdate runtime_toolbox;
extern const struct runtime_user_flash runtime_flash_services;

/* Feeds the watchdog, which runs while an update is on trial. Not any more when that has gone on for too long
 * without confirmation. */
void runtime_alive(void);

/* A line on the diagnostic UART: "runtime: ", text, more. */
void runtime_say(const char *text, const char *more);

#endif
