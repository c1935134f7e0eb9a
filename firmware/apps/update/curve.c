/* SPDX-License-Identifier: MIT
 *
 * The arithmetic under signatures, without multiplying a point by a scalar: that alone would take longer than all other
 * checks.
 */
#include "checks.h"

#include <sodium/crypto_core_ed25519.h>
#include <sodium/crypto_core_ristretto255.h>
#include <stdint.h>
#include <string.h>

/* RFC 8032 5.1: one less than the order of the group, which is -1 */
static const uint8_t minus_one[crypto_core_ed25519_SCALARBYTES] = {
    0xec, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10,
};

/* (-1)(-1) = 1; 1 + (-1) = 0; -(-1) = 1 */
bool scalars_work(void)
{
    static const uint8_t zero[crypto_core_ed25519_SCALARBYTES], one[crypto_core_ed25519_SCALARBYTES] = {1};
    uint8_t product[sizeof one], sum[sizeof one], negative[sizeof one];

    crypto_core_ed25519_scalar_mul(product, minus_one, minus_one);
    crypto_core_ed25519_scalar_add(sum, product, minus_one);
    crypto_core_ed25519_scalar_negate(negative, minus_one);
    return memcmp(product, one, sizeof one) == 0 && memcmp(sum, zero, sizeof zero) == 0 &&
           memcmp(negative, one, sizeof one) == 0;
}

/* RFC 9496 A.1: the generator, and twice it */
bool points_work(void)
{
    static const uint8_t generator[crypto_core_ristretto255_BYTES] = {
        0xe2, 0xf2, 0xae, 0x0a, 0x6a, 0xbc, 0x4e, 0x71, 0xa8, 0x84, 0xa9, 0x61, 0xc5, 0x00, 0x51, 0x5f,
        0x58, 0xe3, 0x0b, 0x6a, 0xa5, 0x82, 0xdd, 0x8d, 0xb6, 0xa6, 0x59, 0x45, 0xe0, 0x8d, 0x2d, 0x76,
    };
    static const uint8_t twice[crypto_core_ristretto255_BYTES] = {
        0x6a, 0x49, 0x32, 0x10, 0xf7, 0x49, 0x9c, 0xd1, 0x7f, 0xec, 0xb5, 0x10, 0xae, 0x0c, 0xea, 0x23,
        0xa1, 0x10, 0xe8, 0xd5, 0xb9, 0x01, 0xf8, 0xac, 0xad, 0xd3, 0x09, 0x5c, 0x73, 0xa3, 0xb9, 0x19,
    };
    uint8_t sum[sizeof twice];

    return crypto_core_ristretto255_add(sum, generator, generator) == 0 && memcmp(sum, twice, sizeof twice) == 0 &&
           crypto_core_ristretto255_is_valid_point(minus_one) == 0;
}
