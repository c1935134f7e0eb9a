/* SPDX-License-Identifier: MIT
 *
 * The config region (docs/SPEC.md 5): records that updates never touch.
 */
#ifndef MATTERHORN_CONFIG_H
#define MATTERHORN_CONFIG_H

#include "matterhorn/error.h"

#include <stdint.h>

enum mh_config_tag { MH_CONFIG_MAC = 1 };
#define MH_MAC_SIZE 6u

/* Finds the last good record of `tag` in a config sector of `size` bytes. NULL when there is none; *length in bytes. */
const uint8_t *mh_config_find(const uint8_t *sector, uint32_t size, unsigned tag, uint32_t *length);

/* Writes a record at `bytes`, which has room for mh_config_record_size(length). Returns its size. */
uint32_t mh_config_write(uint8_t *bytes, unsigned tag, const uint8_t *value, uint32_t length);
uint32_t mh_config_record_size(uint32_t length);

#endif
