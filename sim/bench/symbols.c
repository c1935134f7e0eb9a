/* SPDX-License-Identifier: MIT */
#include "symbols.h"

#include "files.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_FILE (64u << 20)

/* An ELF file in memory. Sections are compared, not segments: those may begin with the file's own headers. */
struct file {
    const uint8_t *bytes;
    size_t size;
    Elf32_Ehdr header;
};

/* Entry `index` of a table of the file; false when it is not inside. */
static bool entry(const struct file *file, uint32_t table, unsigned index, void *to, size_t size)
{
    uint64_t at = table + (uint64_t)index * size;
    if (at > file->size || size > file->size - at)
        return false;
    memcpy(to, file->bytes + at, size);
    return true;
}

/* Where the section is loaded from, which is not where initialized data are used. */
static uint32_t load_address(const struct file *file, const Elf32_Shdr *section)
{
    Elf32_Phdr segment;
    for (unsigned i = 0; i < file->header.e_phnum && entry(file, file->header.e_phoff, i, &segment, sizeof segment); i++)
        if (segment.p_type == PT_LOAD && section->sh_offset >= segment.p_offset &&
            section->sh_offset - segment.p_offset < segment.p_filesz)
            return segment.p_paddr + (section->sh_offset - segment.p_offset);
    return section->sh_addr;
}

/* Sections that are not for the internal flash do not count. */
static bool section_fits(const struct file *file, const Elf32_Shdr *section, const struct arrays *arrays, bool *any)
{
    enum array array;
    uint32_t offset;
    if (section->sh_type != SHT_PROGBITS || (section->sh_flags & SHF_ALLOC) == 0 || section->sh_size == 0 ||
        !arrays_locate(RAIL_CHIP_INTERNAL, load_address(file, section), section->sh_size, &array, &offset))
        return true;
    *any = true;
    return section->sh_offset <= file->size && section->sh_size <= file->size - section->sh_offset &&
           memcmp(arrays->cells[array] + offset, file->bytes + section->sh_offset, section->sh_size) == 0;
}

static bool fits(const uint8_t *bytes, size_t size, const struct arrays *arrays)
{
    struct file file = {.bytes = bytes, .size = size};
    bool any = false, good = entry(&file, 0, 0, &file.header, sizeof file.header) &&
                             memcmp(file.header.e_ident, ELFMAG, SELFMAG) == 0 &&
                             file.header.e_ident[EI_CLASS] == ELFCLASS32;
    for (unsigned i = 0; good && i < file.header.e_shnum; i++) {
        Elf32_Shdr section;
        good = entry(&file, file.header.e_shoff, i, &section, sizeof section) &&
               section_fits(&file, &section, arrays, &any);
    }
    return good && any;
}

bool symbols_fit(const char *path, const struct arrays *arrays)
{
    struct problem ignored = {0};
    uint8_t *file;
    size_t size;
    if (!files_read(path, LARGEST_FILE, &file, &size, &ignored))
        return false;
    bool fit = fits(file, size, arrays);
    free(file);
    return fit;
}
