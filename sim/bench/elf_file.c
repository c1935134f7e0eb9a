/* SPDX-License-Identifier: MIT */
#include "elf_file.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

/* An ELF file in memory. Its sections count, not its segments: those may begin with the file's own headers. */
struct file {
    const uint8_t *bytes;
    size_t size;
    Elf32_Ehdr header;
    elf_file_each_fn *each;
    void *context;
    struct problem *problem;
};

static bool is_inside(const struct file *file, uint64_t at, uint64_t size)
{
    return at <= file->size && size <= file->size - at;
}

/* Entry `index` of a table of the file. */
static bool entry(const struct file *file, const char *table_name, uint32_t table, unsigned index, void *to,
                  size_t size)
{
    uint64_t at = table + (uint64_t)index * size;
    if (!is_inside(file, at, size))
        return problem_set(file->problem, PROBLEM_USE,
                           "it is no complete 32-bit ELF file for ARM: entry %u of the %s, at offset 0x%" PRIX64
                           ", is beyond its end", index, table_name, at);
    memcpy(to, file->bytes + at, size);
    return true;
}

static bool segment_at(const struct file *file, unsigned index, Elf32_Phdr *segment)
{
    return entry(file, "program header table", file->header.e_phoff, index, segment, sizeof *segment);
}

static bool load_address(const struct file *file, const Elf32_Shdr *section, uint32_t *address)
{
    Elf32_Phdr segment;
    *address = section->sh_addr;
    for (unsigned i = 0; i < file->header.e_phnum; i++) {
        if (!segment_at(file, i, &segment))
            return false;
        if (segment.p_type == PT_LOAD && section->sh_offset >= segment.p_offset &&
            section->sh_offset - segment.p_offset < segment.p_filesz) {
            *address = segment.p_paddr + (section->sh_offset - segment.p_offset);
            return true;
        }
    }
    return true;
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

static bool is_for_the_core(const struct file *file)
{
    const Elf32_Ehdr *header = &file->header;
    bool ours = header->e_ident[EI_CLASS] == ELFCLASS32 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
                header->e_machine == EM_ARM && (header->e_shnum == 0 || header->e_shentsize == sizeof(Elf32_Shdr)) &&
                (header->e_phnum == 0 || header->e_phentsize == sizeof(Elf32_Phdr));
    return ours || problem_set(file->problem, PROBLEM_USE,
                               "it is no complete 32-bit ELF file for ARM: class %u, data %u, machine %u, headers of %u and "
                               "%u bytes, and not %d, %d, %d, %zu and %zu", header->e_ident[EI_CLASS],
                               header->e_ident[EI_DATA], header->e_machine, header->e_shentsize, header->e_phentsize,
                               ELFCLASS32, ELFDATA2LSB, EM_ARM, sizeof(Elf32_Shdr), sizeof(Elf32_Phdr));
}

static bool give(const struct file *file, const char *what, unsigned index, uint32_t address, uint32_t at,
                 uint32_t size)
{
    if (!is_inside(file, at, size))
        return problem_set(file->problem, PROBLEM_USE,
                           "it is no complete 32-bit ELF file for ARM: %s %u, %" PRIu32 " bytes at offset 0x%" PRIX32
                           ", is beyond its end", what, index, size, at);
    return file->each(file->context, address, file->bytes + at, size);
}

static bool each_section(const struct file *file)
{
    for (unsigned i = 0; i < file->header.e_shnum; i++) {
        Elf32_Shdr section;
        uint32_t address;
        if (!entry(file, "section header table", file->header.e_shoff, i, &section, sizeof section))
            return false;
        if (is_loaded(&section) && (!load_address(file, &section, &address) ||
                                    !give(file, "section", i, address, section.sh_offset, section.sh_size)))
            return false;
    }
    return true;
}

static bool each_segment(const struct file *file)
{
    for (unsigned i = 0; i < file->header.e_phnum; i++) {
        Elf32_Phdr segment;
        if (!segment_at(file, i, &segment))
            return false;
        if (segment.p_type == PT_LOAD && segment.p_filesz != 0 &&
            !give(file, "segment", i, segment.p_paddr, segment.p_offset, segment.p_filesz))
            return false;
    }
    return true;
}

bool elf_file_each(const uint8_t *bytes, size_t size, elf_file_each_fn *each, void *context, struct problem *problem)
{
    struct file file = {.bytes = bytes, .size = size, .each = each, .context = context, .problem = problem};
    if (!elf_file_is(bytes, size))
        return problem_set(problem, PROBLEM_USE, "it is no ELF file");
    if (!is_inside(&file, 0, sizeof file.header))
        return problem_set(problem, PROBLEM_USE, "it is no complete 32-bit ELF file for ARM: it has %zu bytes", size);
    memcpy(&file.header, bytes, sizeof file.header);
    return is_for_the_core(&file) && (file.header.e_shnum != 0 ? each_section(&file) : each_segment(&file));
}
