/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the SPI NORs say of themselves: identifiers, status registers from the factory, SFDP (JESD216).
 */
#include "spi-nor.h"

/* What both tables say alike. Dword n of the basic flash parameter table is JESD216 section 6.4.(n+3). */
#define SFDP_HEADER(minor, dwords)                                                                                     \
    {                                                                                                                  \
        'S', 'F', 'D', 'P', minor, 1, 0, 0xFF,       /* revision 1.minor, one parameter header, its number less 1 */   \
        0x00, minor, 1, dwords, 0x80, 0, 0, 0xFF,    /* id FF00h: the basic table, revision, length, where it is */    \
    }
#define DENSITY_AND_QUAD                                                                                               \
    0xFF, 0xFF, 0xFF, 0x03,     /* 2: 64 Mbit less 1 */                                                                \
    0x44, 0xEB, 0x08, 0x6B      /* 3: 1-4-4 EBh with 4 wait states and 2 mode clocks; 1-1-4 6Bh with 8 and 0 */
#define ERASES                                                                                                         \
    0x0C, 0x20, 0x0F, 0x52,     /* 8: 2^12 bytes by 20h, 2^15 by 52h */                                                \
    0x10, 0xD8, 0x00, 0x00      /* 9: 2^16 by D8h, no fourth */

static const SpiNorModel models[] = {
    /* JESD216 of 2011: a table of 9 dwords, no more is known of its contents than the data sheet's commands imply. */
    {
        .part = &nor_s25fl064k,
        .jedec_id = {0xEF, 0x40, 0x17},
        .device_id = {0xEF, 0x16},
        .unique_id = {0xD1, 0x64, 0x4D, 0x48, 0x00, 0x00, 0x00, 0x01},
        .registers = 2,
        .factory = {0x00, 0x00},
        .writable = {0xFC, 0x7B},
        .short_write_clears = true,
        .sfdp_header = SFDP_HEADER(0, 9),
        .sfdp_table = {
            0xE5, 0x20, 0xF1, 0xFF, /* 1: 4 KB erase 20h, 64 bytes and more at a time, 50h for volatile status; 3
                                     * address bytes; 1-1-2, 1-2-2, 1-4-4, 1-1-4; no double transfer rate */
            DENSITY_AND_QUAD,
            0x08, 0x3B, 0x80, 0xBB, /* 4: 1-1-2 3Bh with 8 wait states; 1-2-2 BBh with 0 and 4 mode clocks */
            0xEE, 0xFF, 0xFF, 0xFF, /* 5: neither 2-2-2 nor 4-4-4 */
            0xFF, 0xFF, 0x00, 0x00, /* 6: no 2-2-2 */
            0xFF, 0xFF, 0x00, 0x00, /* 7: no 4-4-4 */
            ERASES,
        },
        .sfdp_table_size = 9 * 4,
    },
    /* W25Q64JV of order code IQ, as read from one: JESD216A, 16 dwords; all registers as they leave the factory. */
    {
        .part = &nor_w25q64,
        .jedec_id = {0xEF, 0x40, 0x17},
        .device_id = {0xEF, 0x16},
        .unique_id = {0xD1, 0x64, 0x4D, 0x48, 0x00, 0x00, 0x00, 0x02},
        .registers = 3,
        .factory = {0x00, 0x02, 0x60}, /* QE; output drivers at 25 % */
        .writable = {0xFC, 0x7B, 0x64},
        .sfdp_header = SFDP_HEADER(5, 16),
        .sfdp_table = {
            0xE5, 0x20, 0xF9, 0xFF, /* 1: as above, and says that it has double transfer rate */
            DENSITY_AND_QUAD,
            0x08, 0x3B, 0x42, 0xBB, /* 4: 1-1-2 3Bh with 8 wait states; 1-2-2 BBh with 2 and 2 mode clocks */
            0xFE, 0xFF, 0xFF, 0xFF, /* 5: says that it has 4-4-4, which the data sheet does not */
            0xFF, 0xFF, 0x00, 0x00, /* 6: no 2-2-2 */
            0xFF, 0xFF, 0x40, 0xEB, /* 7: 4-4-4 EBh with 0 and 2 mode clocks */
            ERASES,
            0x36, 0x02, 0xA6, 0x00, /* 10: erases take 64, 128, 160 ms; at most 14 times that */
            0x82, 0xEA, 0x14, 0xC4, /* 11: chip erase 20 s; first byte 32 us, more 3 us each, page 704 us; at most 6
                                     * times that; page of 2^8 bytes */
            0xE9, 0x63, 0x76, 0x33, /* 12: suspend within 20 us; meanwhile no erase in an erase, no program in a
                                     * program, nothing where it is suspended */
            0x7A, 0x75, 0x7A, 0x75, /* 13: resume 7Ah, suspend 75h, of programs and of erases */
            0xF7, 0xA2, 0xD5, 0x5C, /* 14: power-down B9h, release ABh within 3 us; polling bit 0 of 05h */
            0x19, 0xF7, 0x4D, 0xFF, /* 15: QE is bit 1 of register 2; no HOLD; how 0-4-4 is entered and left */
            0xE9, 0x30, 0xF8, 0x80, /* 16: 06h writes register 1 for good, 50h until power-off; 66h, 99h resets */
        },
        .sfdp_table_size = 16 * 4,
    },
};

const SpiNorModel *spi_nor_model(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++)
        if (strcmp(models[i].part->name, name) == 0)
            return &models[i];
    return NULL;
}

char *spi_nor_model_names(void)
{
    GString *names = g_string_new(NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++)
        g_string_append_printf(names, "%s, ", models[i].part->name);
    g_string_append(names, "none");
    return g_string_free(names, false);
}

uint8_t spi_nor_sfdp(const SpiNorModel *model, uint8_t address)
{
    if (address < sizeof(model->sfdp_header))
        return model->sfdp_header[address];
    unsigned offset = address - SPI_NOR_SFDP_TABLE;
    return address >= SPI_NOR_SFDP_TABLE && offset < model->sfdp_table_size ? model->sfdp_table[offset] : 0xFF;
}
