/* SPDX-License-Identifier: MIT
 *
 * The keys that `matterhorn pack` signs and encrypts with, and those that it revokes.
 */
#ifndef MATTERHORN_PACK_KEYS_H
#define MATTERHORN_PACK_KEYS_H

#include "package_writer.h"

struct pack_keys {
    char *key;        /* file: private key that signs */
    char *cipher_key; /* file: device key that encrypts; NULL: nothing is encrypted */
    char *nonce;      /* hexadecimal; NULL: drawn at random */
    char **trusted;   /* files: public keys of the devices, in their order; ends with NULL; may be NULL */
    char **revoked;   /* files: those of them that are revoked; ends with NULL; may be NULL */
};

/* Reads them all into an order. Keys are revoked by number, so what devices trust must be known, the key that signs
 * among them; it is not revoked. */
bool pack_keys_read(const struct pack_keys *keys, struct package_order *order, struct problem *problem);

void pack_keys_free(struct pack_keys *keys);

#endif
