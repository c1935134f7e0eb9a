/* SPDX-License-Identifier: MIT */
#include "self_test.h"

#include "checks.h"

static bool hashes_work(void)
{
    return sha256_works() && sha512_works() && hmac_works() && blake2b_works() && siphash_works();
}

static bool ciphers_work(void)
{
    return chacha20_works() && hchacha20_works() && chacha20_poly1305_works() && xsalsa20_poly1305_works();
}

bool self_test(void)
{
    return hashes_work() && ciphers_work() && scalars_work() && points_work() && lz4_works() && lz4_in_parts_works();
}
