/* SPDX-License-Identifier: MIT
 *
 * The package that an application carries along: resource.S has put it behind the image (docs/SPEC.md 8).
 */
#ifndef APPS_RESOURCE_H
#define APPS_RESOURCE_H

#include <stdint.h>

#define RESOURCE_MAGIC 0x5345524Du /* "MRES": there is one */

extern const struct resource {
    uint32_t magic;
    uint32_t length; /* of the package, in bytes */
    uint8_t bytes[];
} mh_resource;

/* How many bytes of the package the packet has that begins at byte `at`; all but the last have `size`. */
static inline uint32_t resource_packet_length(uint32_t at, uint32_t size)
{
    const uint32_t left = mh_resource.length - at;

    return left < size ? left : size;
}

#endif
