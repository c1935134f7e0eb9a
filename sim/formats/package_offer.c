/* SPDX-License-Identifier: MIT */
#include "package_offer.h"

/* Length of packet `index` of a package of `length` bytes. */
static uint32_t packet_length(uint32_t length, uint32_t index)
{
    const uint32_t left = length - index * MH_PACKET_SIZE;

    return left < MH_PACKET_SIZE ? left : MH_PACKET_SIZE;
}

enum mh_error package_offer(struct mh_update *update, const struct mh_device *device, const uint8_t *bytes, size_t size)
{
    const uint32_t length = (uint32_t)size;
    enum mh_error error = mh_update_initialize(update, device);

    if (error == MH_OK) {
        error = mh_update_begin(update, bytes, packet_length(length, 0), length);
    }
    for (uint32_t i = 0; error == MH_OK && i < mh_update_packets(update); i++) {
        error = mh_update_packet(update, i, bytes + i * MH_PACKET_SIZE, packet_length(length, i));
    }
    if (error == MH_OK) {
        error = mh_update_validate(update);
    }
    return error ? error : mh_update_install(update);
}
