/* SPDX-License-Identifier: MIT */
#include "self_test.h"

#include "checks.h"

bool self_test(void)
{
    return sha256_works() && siphash_works() && chacha20_works() && hchacha20_works() && chacha20_poly1305_works() &&
           lz4_works();
}
