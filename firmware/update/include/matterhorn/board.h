/* SPDX-License-Identifier: MIT
 *
 * Boards and components as the formats know them (docs/SPEC.md 1): numbers and address ranges, no pins.
 */
#ifndef MATTERHORN_BOARD_H
#define MATTERHORN_BOARD_H

#include <stdint.h>

enum mh_component_number { MH_RUNTIME = 1, MH_APPLICATION = 2 };
#define MH_COMPONENTS 2u

#define MH_INTERNAL_BASE 0x08000000u
#define MH_INTERNAL_SIZE 0x00100000u
#define MH_BOOTLOADER_SIZE 0x0000B800u /* what the bootloader's code may fill; the anchors follow */
#define MH_ANCHORS_ADDRESS 0x0800B800u
#define MH_CONFIG_ADDRESS 0x0800C000u
#define MH_CONFIG_SIZE 0x4000u

#define MH_SECTORS 12u /* of the internal flash */

struct mh_region {
    uint32_t address;
    uint32_t size; /* bytes; address and size fall on sector boundaries */
};

struct mh_board {
    uint32_t id;
    const char *name;
    struct mh_region regions[MH_COMPONENTS]; /* by component number - 1 */
};

/* Every board there is; ends with id 0. */
extern const struct mh_board mh_boards[];

/* NULL when there is none. */
const struct mh_board *mh_board_named(const char *name);
const struct mh_board *mh_board_numbered(uint32_t id);

/* "runtime" or "application". */
const char *mh_component_name(unsigned number);

/* First address and size of internal sector `number`, which is below MH_SECTORS (RM0090 Rev 21 table 5). */
struct mh_region mh_sector(unsigned number);

#endif
