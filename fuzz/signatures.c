/* SPDX-License-Identifier: MIT
 *
 * A target with a whole device verifies the same few signatures over and over, and would do little else: so each one
 * is verified once, and its verdict remembered. Every byte that the verification would read is copied here, so the
 * address sanitizer sees what lies beyond a buffer as before. The linker puts this in the place of libsodium's (--wrap).
 */
#include "target.h"

#include <string.h>

#define LONGEST 512u
#define PLACES 1024u

typedef unsigned char byte;

int __real_crypto_sign_ed25519_verify_detached(const byte *signature, const byte *message, unsigned long long length,
                                               const byte *key);
int __wrap_crypto_sign_ed25519_verify_detached(const byte *signature, const byte *message, unsigned long long length,
                                               const byte *key);

struct asked {
    unsigned long long length;
    byte signature[64], key[32], message[LONGEST];
};

/* The place of a question: FNV-1a over all of it. */
static unsigned place_of(const struct asked *asked)
{
    const byte *bytes = (const byte *)asked;
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < sizeof *asked; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return (hash ^ hash >> 16) % PLACES;
}

int __wrap_crypto_sign_ed25519_verify_detached(const byte *signature, const byte *message, unsigned long long length,
                                               const byte *key)
{
    static struct {
        bool known;
        int verdict;
        struct asked asked;
    } remembered[PLACES];
    struct asked asked;

    if (length > LONGEST)
        return __real_crypto_sign_ed25519_verify_detached(signature, message, length, key);
    memset(&asked, 0, sizeof asked);
    asked.length = length;
    memcpy(asked.signature, signature, sizeof asked.signature);
    memcpy(asked.key, key, sizeof asked.key);
    memcpy(asked.message, message, (size_t)length);
    const unsigned place = place_of(&asked);
    if (!remembered[place].known || memcmp(&remembered[place].asked, &asked, sizeof asked) != 0) {
        remembered[place].asked = asked;
        remembered[place].verdict = __real_crypto_sign_ed25519_verify_detached(signature, message, length, key);
        remembered[place].known = true;
    }
    return remembered[place].verdict;
}
