/* SPDX-License-Identifier: MIT
 *
 * ELF files, and how the format of a file is recognised.
 */
#include "input.h"
#include "input_target.h"

static bool read_any(const uint8_t *bytes, size_t size, struct memory *memory, struct problem *problem)
{
    return input_read(INPUT_AUTO, bytes, size, 0x080A0200, memory, problem);
}

static bool read_elf(const uint8_t *bytes, size_t size, struct memory *memory, struct problem *problem)
{
    return input_read(INPUT_ELF, bytes, size, 0, memory, problem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_target_run(read_elf, data, size);
    input_target_run(read_any, data, size);
    return 0;
}
