/* SPDX-License-Identifier: MIT
 *
 * A device made of images: what a programmer would write into its flashes.
 */
#ifndef MATTERHORN_BENCH_IMAGES_H
#define MATTERHORN_BENCH_IMAGES_H

#include "arrays.h"

#define IMAGES_MOST 256 /* ranges: one of a raw binary, one per loaded section of an ELF file */

struct images {
    struct arrays arrays;
    struct images_range {
        enum array array;
        uint32_t offset, size;
    } ranges[IMAGES_MOST];
    unsigned count;
};

/* A new device: flashes erased, option bytes as from the factory. Free with images_close. */
bool images_open(struct images *images, struct problem *problem);
void images_close(struct images *images);

/* Puts a file in: "FILE" is an ELF file, "FILE@ADDRESS" a raw binary for the internal flash, where it begins at
 * 0x08000000, "FILE@nor:ADDRESS" one for the SPI flash, which begins at 0. No two may overlap. */
bool images_place(struct images *images, const char *what, struct problem *problem);

#endif
