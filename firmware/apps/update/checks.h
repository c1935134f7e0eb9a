/* SPDX-License-Identifier: MIT
 *
 * What self tests are made of. Each computes published test vectors, named where they stand, once and on short input:
 * it runs in every trial of the application. What opens something authenticated also rejects it altered.
 */
#ifndef APPS_UPDATE_CHECKS_H
#define APPS_UPDATE_CHECKS_H

#include <stdbool.h>

/// hashes.c

bool sha256_works(void);
bool sha512_works(void);
bool hmac_works(void);
bool blake2b_works(void);
bool siphash_works(void);

/// ciphers.c

bool chacha20_works(void);
bool hchacha20_works(void);
bool chacha20_poly1305_works(void);
bool xsalsa20_poly1305_works(void);

/// curve.c

bool scalars_work(void);
bool points_work(void);

/// compression.c

/* Expanding what was compressed, the application's own code, gives the same again. */
bool lz4_works(void);
/* The same with as much as fits into a given room, of which half is expanded. */
bool lz4_in_parts_works(void);

#endif
