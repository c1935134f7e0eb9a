/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SPI NOR, for its own files.
 */
#ifndef MATTERHORN_SPI_NOR_H
#define MATTERHORN_SPI_NOR_H

#include "mcu.h"

/// spi-nor-part.c: what parts say of themselves ///

struct SpiNorModel {
    const struct nor_part *part;
    uint8_t jedec_id[3]; /* 9Fh */
    uint8_t device_id[2]; /* 90h; ABh answers with the second */
    uint8_t unique_id[8]; /* 4Bh */
    unsigned registers; /* status registers: two, or three that can also be written one by one */
    uint8_t factory[3], writable[3]; /* of the status registers */
    bool short_write_clears; /* 01h with one byte clears CMP and QE */
    uint8_t sfdp_header[16], sfdp_table[64];
    unsigned sfdp_table_size;
};

#define SPI_NOR_SFDP_TABLE 0x80u

/* NULL: there is none of that name. */
const SpiNorModel *spi_nor_model(const char *name);
/* For a message. */
char *spi_nor_model_names(void);
uint8_t spi_nor_sfdp(const SpiNorModel *model, uint8_t address);

/// spi-nor-status.c: status registers and what they protect ///

enum { SR1_WIP = 1u << 0, SR1_WEL = 1u << 1, SR2_SUS = 1u << 7 };

void spi_nor_status_power_on(SpiNor *nor);
/* Volatile values are lost. */
void spi_nor_status_restore(SpiNor *nor);
/* Writes the registers from `first` on with the bytes received, for good or (50h) until power-off. */
void spi_nor_status_write(SpiNor *nor, unsigned first);
/* What is being written ends like that. */
void spi_nor_status_end(SpiNor *nor, enum nor_tear tear);
bool spi_nor_protected(SpiNor *nor, uint32_t offset, uint32_t length);

/// spi-nor-operation.c: they start when chip select rises ///

bool spi_nor_busy(SpiNor *nor);
/* Whether WEL is set; the command is ignored otherwise, and the log says so. */
bool spi_nor_writable(SpiNor *nor);
void spi_nor_page_program(SpiNor *nor);
void spi_nor_erase(SpiNor *nor, uint32_t size);
void spi_nor_suspend(SpiNor *nor);
void spi_nor_resume(SpiNor *nor);
void spi_nor_software_reset(SpiNor *nor);
/* A byte of a program or erase that is suspended: what it reads as is undefined. */
bool spi_nor_undefined(SpiNor *nor, uint32_t offset);

#endif
