/* SPDX-License-Identifier: MIT
 *
 * Key files (docs/SPEC.md 6) and hexadecimal numbers.
 */
#ifndef MATTERHORN_KEYS_H
#define MATTERHORN_KEYS_H

#include "problem.h"

#include <stddef.h>
#include <stdint.h>

#define KEYS_SIZE 32u /* of a seed, of a public key */

bool keys_read_private(const char *path, uint8_t seed[KEYS_SIZE], struct problem *problem);
bool keys_read_public(const char *path, uint8_t key[KEYS_SIZE], struct problem *problem);
/* Under which packages are encrypted; a secret. */
bool keys_read_device(const char *path, uint8_t key[KEYS_SIZE], struct problem *problem);

/* Exactly 2 * size hexadecimal digits. */
bool keys_from_hex(const char *text, uint8_t *bytes, size_t size);
/* `text` has room for 2 * size + 1 characters. Returns text. */
char *keys_to_hex(const uint8_t *bytes, size_t size, char *text);

#define KEYS_PRIVATE_TITLE "matterhorn-private-key-1 "
#define KEYS_PUBLIC_TITLE "matterhorn-public-key-1 "
#define KEYS_DEVICE_TITLE "matterhorn-device-key-1 "

#endif
