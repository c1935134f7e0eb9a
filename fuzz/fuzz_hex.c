/* SPDX-License-Identifier: MIT
 *
 * The reader of Intel HEX: the file as it is, and with the checksums made right.
 */
#include "input_target.h"
#include "intel_hex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *mended = input_target_mend(data, size, 1, 0);
    input_target_run(intel_hex_read, data, size);
    input_target_run(intel_hex_read, mended, size);
    free(mended);
    return 0;
}
