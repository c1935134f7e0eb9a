/* SPDX-License-Identifier: MIT
 *
 * The user's own part of the SPI NOR, 0x000000 to 0x6FFFFF, for applications. Whatever would reach into the reserved
 * megabyte behind it is refused before anything is sent to the chip: the whole range is looked at first, so that
 * nothing is done by half. Lengths are in bytes. A length of 0 within bounds does nothing; buffers must lie where
 * DMA reaches, not in CCM.
 */
#ifndef MATTERHORN_USER_FLASH_H
#define MATTERHORN_USER_FLASH_H

#include "matterhorn/journal.h"

#define MH_USER_FLASH_SIZE MH_RESERVED_ADDRESS /* from address 0 on */
#define MH_USER_FLASH_SECTOR 4096u             /* what is erased at once */

/* Reads any number of bytes. MH_ERR_ARGUMENT when the range leaves the user's part, or there is no buffer; MH_ERR_FLASH
 * when the chip does not answer. */
enum mh_error mh_user_flash_read(const struct mh_device *device, uint32_t address, uint8_t *buffer, uint32_t length);

/* Programs any number of bytes, page by page (256 bytes, S25FL064K 9.2.21), and reads each page back. Programming only
 * clears bits. MH_ERR_ARGUMENT as above; MH_ERR_FLASH when the chip does not answer, or then holds anything else than
 * `data`, because it was not erased, or not heard. What follows the page that failed is not programmed. */
enum mh_error mh_user_flash_program(const struct mh_device *device, uint32_t address, const uint8_t *data,
                                    uint32_t length);

/* Erases the sector of 4 KB that starts at `address`, also when it reads blank: an erase that lost power can read
 * so and still not hold data. MH_ERR_ARGUMENT when no sector of the user's part starts there; MH_ERR_FLASH when the
 * chip does not answer, or the sector is not blank then. */
enum mh_error mh_user_flash_erase(const struct mh_device *device, uint32_t address);

#endif
