/* SPDX-License-Identifier: MIT */
#include "elf_file.h"

#include <elf.h>
#include <string.h>

/* An ELF file in memory. Its sections count, not its segments: those may begin with the file's own headers. */
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

static uint32_t load_address(const struct file *file, const Elf32_Shdr *section)
{
    Elf32_Phdr segment;
    for (unsigned i = 0; i < file->header.e_phnum && entry(file, file->header.e_phoff, i, &segment, sizeof segment);
         i++)
        if (segment.p_type == PT_LOAD && section->sh_offset >= segment.p_offset &&
            section->sh_offset - segment.p_offset < segment.p_filesz)
            return segment.p_paddr + (section->sh_offset - segment.p_offset);
    return section->sh_addr;
}

/* Everything that has bytes in the file: code, constants, initialized data, tables of constructors. */
static bool is_loaded(const Elf32_Shdr *section)
{
    return (section->sh_flags & SHF_ALLOC) != 0 && section->sh_type != SHT_NOBITS && section->sh_type != SHT_NULL &&
           section->sh_size != 0;
}

bool elf_file_is(const uint8_t *bytes, size_t size)
{
    return size >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

static bool is_for_the_core(const Elf32_Ehdr *header)
{
    return header->e_ident[EI_CLASS] == ELFCLASS32 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
           header->e_machine == EM_ARM;
}

bool elf_file_each(const uint8_t *bytes, size_t size, elf_file_each_fn *each, void *context)
{
    struct file file = {.bytes = bytes, .size = size};
    bool good = elf_file_is(bytes, size) && entry(&file, 0, 0, &file.header, sizeof file.header) &&
                is_for_the_core(&file.header);
    for (unsigned i = 0; good && i < file.header.e_shnum; i++) {
        Elf32_Shdr section;
        good = entry(&file, file.header.e_shoff, i, &section, sizeof section);
        if (!good || !is_loaded(&section))
            continue;
        good = section.sh_offset <= size && section.sh_size <= size - section.sh_offset &&
               each(context, load_address(&file, &section), bytes + section.sh_offset, section.sh_size);
    }
    return good;
}
