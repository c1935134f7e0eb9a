/* SPDX-License-Identifier: MIT */
#include "self_test.h"

#include <lz4.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/crypto_stream_chacha20.h>
#include <stdint.h>
#include <string.h>

/* FIPS 180-4, "abc" */
static bool sha256_works(void)
{
    static const uint8_t expected[] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
        0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
    };
    uint8_t hash[sizeof expected];

    crypto_hash_sha256(hash, (const uint8_t *)"abc", 3);
    return memcmp(hash, expected, sizeof expected) == 0;
}

/* RFC 8439 A.1, test vector 1: the key stream of an all-zero key and nonce */
static bool chacha20_works(void)
{
    static const uint8_t expected[] = {
        0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28,
        0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7,
    };
    static const uint8_t key[crypto_stream_chacha20_KEYBYTES], nonce[crypto_stream_chacha20_NONCEBYTES];
    uint8_t stream[sizeof expected];

    crypto_stream_chacha20(stream, sizeof stream, nonce, key);
    return memcmp(stream, expected, sizeof expected) == 0;
}

/* RFC 8032 7.1, test 2 */
static bool ed25519_works(void)
{
    static const uint8_t seed[] = {
        0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11, 0x4e, 0x0f,
        0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb,
    };
    static const uint8_t expected[] = {
        0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40,
        0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda,
        0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c,
        0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00,
    };
    static const uint8_t message[] = {0x72};
    uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES], private_key[crypto_sign_ed25519_SECRETKEYBYTES];
    uint8_t signature[crypto_sign_ed25519_BYTES];

    crypto_sign_ed25519_seed_keypair(public_key, private_key, seed);
    crypto_sign_ed25519_detached(signature, NULL, message, sizeof message, private_key);
    if (memcmp(signature, expected, sizeof expected) != 0 ||
        crypto_sign_ed25519_verify_detached(signature, message, sizeof message, public_key) != 0) {
        return false;
    }
    signature[0] ^= 1;
    return crypto_sign_ed25519_verify_detached(signature, message, sizeof message, public_key) != 0;
}

/* Expanding what was compressed gives the same again. */
static bool lz4_works(void)
{
    static char packed[LZ4_COMPRESSBOUND(4096)], plain[4096];
    static LZ4_stream_t state;
    const char *code = (const char *)((uintptr_t)self_test & ~(uintptr_t)1);
    const int size = LZ4_compress_fast_extState(&state, code, packed, sizeof plain, sizeof packed, 1);

    return size > 0 && LZ4_decompress_safe(packed, plain, size, sizeof plain) == sizeof plain &&
           memcmp(plain, code, sizeof plain) == 0;
}

bool self_test(void)
{
    return sha256_works() && chacha20_works() && ed25519_works() && lz4_works();
}
