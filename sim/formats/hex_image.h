/* SPDX-License-Identifier: MIT
 *
 * Flash contents as an Intel HEX file (Intel, Hexadecimal Object File Format Specification, revision A), for
 * programmers.
 */
#ifndef MATTERHORN_HEX_IMAGE_H
#define MATTERHORN_HEX_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* A range of addresses, in bytes. */
struct hex_range {
    uint32_t address;
    uint32_t size;
};

/* The file with the bytes of a range: data records of up to 16 bytes from multiples of 16 on, with extended linear
 * addresses. Rows of 16 that are erased are left out: a programmer erases first. malloc'ed, *length without the final
 * zero; NULL when there is no memory. */
char *hex_image(const uint8_t *bytes, struct hex_range range, size_t *length);

#endif
