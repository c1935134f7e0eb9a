/* SPDX-License-Identifier: MIT
 *
 * The reader of S-records: the file as it is, and with the checksums made right.
 */
#include "input_target.h"
#include "srecord.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *mended = input_target_mend(data, size, 2, 0xFF);
    input_target_run(srecord_read, data, size);
    input_target_run(srecord_read, mended, size);
    free(mended);
    return 0;
}
