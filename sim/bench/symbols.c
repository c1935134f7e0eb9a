/* SPDX-License-Identifier: MIT */
#include "symbols.h"

#include "elf_file.h"
#include "files.h"

#include <stdlib.h>
#include <string.h>

struct fitting {
    const struct arrays *arrays;
    bool any;
};

/* Sections that are not for the internal flash do not count. */
static bool section_fits(void *context, uint32_t address, const uint8_t *bytes, uint32_t size)
{
    struct fitting *fitting = context;
    enum array array;
    uint32_t offset;
    if (!arrays_locate(RAIL_CHIP_INTERNAL, address, size, &array, &offset))
        return true;
    fitting->any = true;
    return memcmp(fitting->arrays->cells[array] + offset, bytes, size) == 0;
}

bool symbols_fit(const char *path, const struct arrays *arrays)
{
    struct problem ignored = {0};
    struct fitting fitting = {arrays, false};
    uint8_t *file;
    size_t size;
    if (!files_read(path, ELF_FILE_LARGEST, &file, &size, &ignored))
        return false;
    bool fit = elf_file_each(file, size, section_fits, &fitting, &ignored) && fitting.any;
    free(file);
    return fit;
}
