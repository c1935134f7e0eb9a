/* SPDX-License-Identifier: MIT
 *
 * The reader of the original updater's images: blocks and decompression.
 */
#include "input_target.h"
#include "netmf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_target_run(netmf_read, data, size);
    return 0;
}
