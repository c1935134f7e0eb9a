/* SPDX-License-Identifier: MIT
 *
 * The part of the table that applications build their own updates with: MFUpdate over the runtime's session, and the
 * user's part of the SPI NOR.
 */
#include "services.h"

#include "matterhorn/user_flash.h"

static struct mfupdate_matterhorn matterhorn;

static const struct mfupdate_provider *provider(const char *name)
{
    mfupdate_matterhorn(&matterhorn, &runtime_session);
    return mfupdate_provider(&matterhorn.row, 1, name);
}

static enum mh_error area(struct mfupdate_area *area, uint32_t address, uint32_t size)
{
    return runtime_device ? mfupdate_area(area, runtime_device, address, size) : MH_ERR_FLASH;
}

const struct runtime_mfupdate runtime_toolbox = {
    .provider = provider,
    .describe = mfupdate_describe,
    .initialize = mfupdate_initialize,
    .command = mfupdate_command,
    .open = mfupdate_open,
    .packets = mfupdate_packets,
    .missing = mfupdate_missing,
    .next_missing = mfupdate_next_missing,
    .packet = mfupdate_packet,
    .download = mfupdate_download,
    .validate = mfupdate_validate,
    .install = mfupdate_install,
    .delete_update = mfupdate_delete,
    .confirm = mfupdate_confirm,
    .rollback = mfupdate_rollback,
    .get = mfupdate_get,
    .set = mfupdate_set,
    .area = area,
    .sha256 = &mfupdate_sha256,
};

/// The user's SPI NOR ///

static enum mh_error read(uint32_t address, uint8_t *buffer, uint32_t length)
{
    return runtime_device ? mh_user_flash_read(runtime_device, address, buffer, length) : MH_ERR_FLASH;
}

static enum mh_error program(uint32_t address, const uint8_t *data, uint32_t length)
{
    return runtime_device ? mh_user_flash_program(runtime_device, address, data, length) : MH_ERR_FLASH;
}

static enum mh_error erase(uint32_t address)
{
    return runtime_device ? mh_user_flash_erase(runtime_device, address) : MH_ERR_FLASH;
}

const struct runtime_user_flash runtime_flash_services = {read, program, erase};
