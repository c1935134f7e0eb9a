/* SPDX-License-Identifier: MIT
 *
 * The SPI NOR, S25FL064K on SPI1 (PB3 SCK, PB4 MISO, PB5 MOSI, CS PC0), mode 3, 21 MHz. Transfers use DMA2: buffers
 * must lie where it reaches, not in CCM.
 */
#ifndef DRIVERS_SPI_NOR_H
#define DRIVERS_SPI_NOR_H

#include "matterhorn/device.h"

/* Initialises bus and chip, which may still be busy with what it did before an MCU reset, or asleep. MH_ERR_FLASH
 * when no chip of the expected identity answers. */
enum mh_error spi_nor_initialize(void);

/* The driver interface of the update core. */
struct mh_nor spi_nor(void);

#endif
