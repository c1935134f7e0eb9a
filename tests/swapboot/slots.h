/* SPDX-License-Identifier: MIT
 *
 * The flash's layout, images and trailers: what bootloader and applications agree on.
 *
 *   0x08000000  16 KB   bootloader
 *   0x08004000  16 KB   the lowest version that may be installed, a bit cleared for each
 *   0x08020000 128 KB   primary slot: what runs
 *   0x08040000 128 KB   secondary slot: what was downloaded, and after a swap what ran before
 *   0x08060000 128 KB   scratch
 *
 * An image is a header of 512 bytes, then the binary, which begins with its vectors. The last 64 bytes of each slot and
 * of the scratch are a trailer. A flag is two bytes, programmed one after the other: once the second one says yes, a
 * loss of power can no longer have left the first one in doubt.
 */
#ifndef SWAPBOOT_SLOTS_H
#define SWAPBOOT_SLOTS_H

#include "chip.h"

#include <stdbool.h>

#define FLOOR 0x08004000u
#define PRIMARY 0x08020000u
#define SECONDARY 0x08040000u
#define SCRATCH 0x08060000u
#define SLOT 0x20000u
#define TRAILER 64u

#define HEADER 512u
#define HEADER_MAGIC 0x31545753u /* "SWT1" */
#define HEADER_SIZE 4u           /* bytes behind the header */
#define HEADER_CRC 8u            /* of those */
#define HEADER_VERSION 12u

/* Places in a trailer. */
#define AT(slot, place) ((slot) + SLOT - TRAILER + (place))
#define LENGTH 0u        /* scratch: bytes that are swapped, a word */
#define KIND 4u          /* what the swap is, or was: TRIAL or BACK */
#define SECONDARY_DONE 8u
#define PRIMARY_DONE 10u
#define COPY_DONE 12u    /* primary: it came by a swap */
#define IMAGE_OK 14u     /* primary: it is to stay */
#define MAGIC 48u        /* 16 bytes, programmed last: the trailer is complete. In the secondary: to be installed */

enum { TRIAL = 'T', BACK = 'B' };

bool flag_is_set(uint32_t flag);
void flag_set(uint32_t flag);
bool magic_is_there(uint32_t slot);
void magic_write(uint32_t slot);

/* Bytes of the image in this slot with its header; 0 when there is none. */
uint32_t image_length(uint32_t slot);
bool image_is_whole(uint32_t slot);

/* The lowest version that may be installed, 0 to 128. It only rises. */
unsigned floor_read(void);
void floor_raise(unsigned version);

#endif
