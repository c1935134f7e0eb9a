/* SPDX-License-Identifier: MIT
 *
 * ELF files as inputs: what of them counts, and each field that is read attacked.
 */
#include "inputs.h"

#include "input.h"

#include <elf.h>

/* One section, in one segment that begins with the file's own headers, as linkers make them. */
struct file {
    Elf32_Ehdr header;
    Elf32_Phdr segment;
    uint8_t code[8];
    Elf32_Shdr sections[2];
};

static struct file good_file(void)
{
    struct file file = {
        .header = {.e_ident = {0x7F, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_EXEC, .e_machine = EM_ARM, .e_version = EV_CURRENT,
                   .e_phoff = offsetof(struct file, segment), .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1,
                   .e_shoff = offsetof(struct file, sections), .e_shentsize = sizeof(Elf32_Shdr), .e_shnum = 2},
        .segment = {.p_type = PT_LOAD, .p_offset = 0, .p_vaddr = 0x20000000,
                    .p_paddr = APPLICATION - offsetof(struct file, code),
                    .p_filesz = offsetof(struct file, sections), .p_memsz = 0x200},
        .code = "program",
        .sections = {{0}, {.sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC, .sh_addr = 0x20000000,
                           .sh_offset = offsetof(struct file, code), .sh_size = 8}},
    };
    return file;
}

static bool read_elf(const uint8_t *bytes, size_t size, struct memory *to, struct problem *said)
{
    return input_read(INPUT_ELF, bytes, size, 0, to, said);
}

static void assert_bad(const struct file *file, const char *words)
{
    assert_refused(read_elf, file, sizeof *file, words);
}

static void sections_go_to_their_load_addresses(void **state)
{
    const struct file file = good_file();

    (void)state;
    assert_read(read_elf, &file, sizeof file);
    assert_holds(1, APPLICATION, "program", 8);
    assert_int_equal(memory.rooms[1].used, 8); /* without the headers, although they are in the segment */
}

static void section_outside_all_segments_goes_to_its_address(void **state)
{
    struct file file = good_file();

    (void)state;
    file.segment.p_type = PT_NOTE;
    file.sections[1].sh_addr = RUNTIME;
    assert_read(read_elf, &file, sizeof file);
    assert_holds(0, RUNTIME, "program", 8);
}

static void segments_count_where_sections_were_stripped(void **state)
{
    struct file file = good_file();

    (void)state;
    file.header.e_shnum = 0;
    file.header.e_shentsize = 0;
    file.segment.p_offset = offsetof(struct file, code);
    file.segment.p_filesz = 8;
    file.segment.p_paddr = APPLICATION;
    assert_read(read_elf, &file, sizeof file);
    assert_holds(1, APPLICATION, "program", 8);
    file.segment.p_offset = sizeof file - 7;
    assert_bad(&file, "segment 0, 8 bytes at offset 0xA5, is beyond its end");
    file.segment.p_filesz = 0;
    assert_bad(&file, "nothing in it is loaded");
    file.header.e_phnum = 0;
    assert_bad(&file, "nothing in it is loaded");
}

static void what_takes_no_room_in_the_file_is_not_loaded(void **state)
{
    struct file file = good_file();

    (void)state;
    file.sections[1].sh_type = SHT_NOBITS;
    assert_bad(&file, "nothing in it is loaded");
    file.sections[1].sh_type = SHT_PROGBITS;
    file.sections[1].sh_flags = 0;
    assert_bad(&file, "nothing in it is loaded");
}

static void files_for_something_else(void **state)
{
    struct file file = good_file();

    (void)state;
    file.header.e_type = ET_REL;
    assert_bad(&file, "it is an object file; link it first");
    file = good_file();
    file.header.e_ident[EI_CLASS] = ELFCLASS64;
    assert_bad(&file, "no complete 32-bit ELF file for ARM: class 2, data 1, machine 40");
    file = good_file();
    file.header.e_ident[EI_DATA] = ELFDATA2MSB;
    assert_bad(&file, "class 1, data 2, machine 40");
    file = good_file();
    file.header.e_machine = EM_386;
    assert_bad(&file, "class 1, data 1, machine 3");
    file = good_file();
    file.header.e_shentsize = 64;
    assert_bad(&file, "headers of 64 and 32 bytes");
    file = good_file();
    file.header.e_phentsize = 0;
    assert_bad(&file, "headers of 40 and 0 bytes");
    file = good_file();
    file.header.e_ident[0] = 'E';
    assert_bad(&file, "it is no ELF file");
}

static void tables_and_contents_beyond_the_end(void **state)
{
    struct file file = good_file();

    (void)state;
    file.header.e_shoff++;
    assert_bad(&file, "entry 1 of the section header table, at offset 0x85, is beyond its end");
    file.header.e_shoff = UINT32_MAX;
    assert_bad(&file, "entry 0 of the section header table, at offset 0xFFFFFFFF, is beyond its end");
    file = good_file();
    file.header.e_phoff = sizeof file;
    assert_bad(&file, "entry 0 of the program header table, at offset 0xAC, is beyond its end");
    file = good_file();
    file.sections[1].sh_size = sizeof file;
    assert_bad(&file, "section 1, 172 bytes at offset 0x54, is beyond its end");
    file.sections[1].sh_offset = UINT32_MAX;
    assert_bad(&file, "section 1, 172 bytes at offset 0xFFFFFFFF, is beyond its end");
}

static void file_that_is_cut_off(void **state)
{
    const struct file file = good_file();

    (void)state;
    for (size_t size = 4; size < sizeof file; size++) {
        assert_refused(read_elf, &file, size, "no complete 32-bit ELF file for ARM");
    }
}

static void addresses_that_are_not_the_boards(void **state)
{
    struct file file = good_file();

    (void)state;
    file.segment.p_paddr = 0x20000000;
    assert_bad(&file, "the part that is loaded to 0x20000054: 8 bytes at 0x20000054 are not within the runtime region");
    file.segment.p_paddr = UINT32_MAX - 0x56;
    assert_bad(&file, "8 bytes at 0xFFFFFFFD are not within");
    file = good_file();
    file.sections[0] = file.sections[1];
    assert_bad(&file, "the part that is loaded to 0x080A0200: 0x080A0200 is filled twice");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_memory, close_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sections_go_to_their_load_addresses),
        TEST(section_outside_all_segments_goes_to_its_address),
        TEST(segments_count_where_sections_were_stripped),
        TEST(what_takes_no_room_in_the_file_is_not_loaded),
        TEST(files_for_something_else),
        TEST(tables_and_contents_beyond_the_end),
        TEST(file_that_is_cut_off),
        TEST(addresses_that_are_not_the_boards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
