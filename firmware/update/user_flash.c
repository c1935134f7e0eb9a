/* SPDX-License-Identifier: MIT */
#include "matterhorn/user_flash.h"

#include <stddef.h>

/* Neither the end nor the length may be added to the address before they are known to be small: sums wrap. */
static bool is_users(uint32_t address, uint32_t length)
{
    return address <= MH_USER_FLASH_SIZE && length <= MH_USER_FLASH_SIZE - address;
}

/* How many of `left` bytes lie before the next multiple of `unit`, a power of two. */
static uint32_t part_of(uint32_t address, uint32_t left, uint32_t unit)
{
    const uint32_t inside = unit - address % unit;

    return left < inside ? left : inside;
}

enum mh_error mh_user_flash_read(const struct mh_device *device, uint32_t address, uint8_t *buffer, uint32_t length)
{
    if (!is_users(address, length) || (!buffer && length > 0)) {
        return MH_ERR_ARGUMENT;
    }
    while (length > 0) {
        const uint32_t part = part_of(address, length, MH_USER_FLASH_SECTOR);
        const enum mh_error error = device->nor.read(device->nor.context, address, buffer, part);
        if (error) {
            return error;
        }
        mh_stay_alive(device);
        address += part;
        buffer += part;
        length -= part;
    }
    return MH_OK;
}

/* At most a page; `data` NULL stands for bytes 0xFF. */
static enum mh_error compare(const struct mh_device *device, uint32_t address, const uint8_t *data, uint32_t length)
{
    uint8_t page[MH_PAGE_SIZE];
    const enum mh_error error = device->nor.read(device->nor.context, address, page, length);

    for (uint32_t i = 0; error == MH_OK && i < length; i++) {
        if (page[i] != (data ? data[i] : 0xFF)) {
            return MH_ERR_FLASH;
        }
    }
    return error;
}

enum mh_error mh_user_flash_program(const struct mh_device *device, uint32_t address, const uint8_t *data,
                                    uint32_t length)
{
    enum mh_error error = MH_OK;

    if (!is_users(address, length) || (!data && length > 0)) {
        return MH_ERR_ARGUMENT;
    }
    while (error == MH_OK && length > 0) {
        const uint32_t part = part_of(address, length, MH_PAGE_SIZE);
        error = device->nor.program(device->nor.context, address, data, part);
        if (error == MH_OK) {
            error = compare(device, address, data, part);
        }
        mh_stay_alive(device);
        address += part;
        data += part;
        length -= part;
    }
    return error;
}

enum mh_error mh_user_flash_erase(const struct mh_device *device, uint32_t address)
{
    if (address % MH_USER_FLASH_SECTOR != 0 || !is_users(address, MH_USER_FLASH_SECTOR)) {
        return MH_ERR_ARGUMENT;
    }
    enum mh_error error = device->nor.erase(device->nor.context, address);
    mh_stay_alive(device);
    for (uint32_t at = 0; error == MH_OK && at < MH_USER_FLASH_SECTOR; at += MH_PAGE_SIZE) {
        error = compare(device, address + at, NULL, MH_PAGE_SIZE);
    }
    return error;
}
