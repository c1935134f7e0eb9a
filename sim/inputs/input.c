/* SPDX-License-Identifier: MIT */
#include "input.h"

#include "elf_file.h"
#include "intel_hex.h"
#include "netmf.h"
#include "srecord.h"

#include "matterhorn/board.h"
#include "matterhorn/bytes.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool input_named(const char *name, enum input_format *format)
{
    static const char *const names[] = {"auto", "raw", "elf", "hex", "srec", "netmf"};

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = (enum input_format)i;
            return true;
        }
    }
    return false;
}

/* A raw binary begins with its initial stack pointer: a multiple of 4, which no text begins with, in RAM, where none of
 * the original updater's blocks goes. */
enum input_format input_guess(const uint8_t *bytes, size_t size)
{
    if (elf_file_is(bytes, size)) {
        return INPUT_ELF;
    }
    const bool two = size > 1 && bytes[0] == '\r' && bytes[1] == '\n';
    const size_t text = two ? 2 : size > 0 && (bytes[0] == '\r' || bytes[0] == '\n');
    if (size > text && bytes[text] == ':') {
        return INPUT_HEX;
    }
    if (size > text + 1 && bytes[text] == 'S' && bytes[text + 1] >= '0' && bytes[text + 1] <= '9') {
        return INPUT_SREC;
    }
    if (size >= 4 && mh_get32(bytes) - MH_INTERNAL_BASE < MH_INTERNAL_SIZE) {
        return INPUT_NETMF;
    }
    return INPUT_RAW;
}

/// ELF ///

struct loading {
    struct memory *memory;
    struct problem *problem;
    bool any;
};

static bool put_section(void *context, uint32_t address, const uint8_t *bytes, uint32_t size)
{
    struct loading *loading = context;
    char where[60];

    loading->any = true;
    snprintf(where, sizeof where, "the part that is loaded to 0x%08" PRIX32, address);
    return memory_put(loading->memory, address, bytes, size, loading->problem) ||
           problem_place(loading->problem, where);
}

static bool read_elf(const uint8_t *bytes, size_t size, struct memory *memory, struct problem *problem)
{
    struct loading loading = {memory, problem, false};

    if (size >= offsetof(Elf32_Ehdr, e_type) + 2 && mh_get16(bytes + offsetof(Elf32_Ehdr, e_type)) == ET_REL) {
        return problem_set(problem, PROBLEM_USE, "it is an object file; link it first");
    }
    return elf_file_each(bytes, size, put_section, &loading, problem) &&
           (loading.any || problem_set(problem, PROBLEM_USE, "nothing in it is loaded; is it a file of symbols only?"));
}

/// All ///

static bool read_raw(const uint8_t *bytes, size_t size, uint32_t address, struct memory *memory,
                     struct problem *problem)
{
    return size <= UINT32_MAX ? memory_put(memory, address, bytes, (uint32_t)size, problem)
                              : problem_set(problem, PROBLEM_USE, "it has more than 4 GB");
}

bool input_read(enum input_format format, const uint8_t *bytes, size_t size, uint32_t raw_address,
                struct memory *memory, struct problem *problem)
{
    if (size == 0) {
        return problem_set(problem, PROBLEM_USE, "the file is empty");
    }
    switch (format == INPUT_AUTO ? input_guess(bytes, size) : format) {
    case INPUT_ELF:
        return read_elf(bytes, size, memory, problem);
    case INPUT_HEX:
        return intel_hex_read(bytes, size, memory, problem);
    case INPUT_SREC:
        return srecord_read(bytes, size, memory, problem);
    case INPUT_NETMF:
        return netmf_read(bytes, size, memory, problem);
    default:
        return read_raw(bytes, size, raw_address, memory, problem);
    }
}
