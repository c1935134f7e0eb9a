/* SPDX-License-Identifier: MIT
 *
 * An application that reads a sector of the user's SPI NOR, changes the sector behind it, and reads that: what the
 * driver has fetched in advance by then is not what the chip holds any more. Sector 0 is only read; what sector 1 holds
 * at first, the test has put there: other bytes than those of an erase.
 */
#include "matterhorn/runtime.h"

#define SECTOR 4096u /* bytes: what is erased at once, and what the driver fetches */
#define READ 0u
#define CHANGED SECTOR

static uint8_t bytes[SECTOR];
static const uint8_t zeros[SECTOR];

static bool holds(const struct runtime_user_flash *flash, uint32_t address, uint8_t value)
{
    if (flash->read(address, bytes, SECTOR) != MH_OK) {
        return false;
    }
    for (uint32_t i = 0; i < SECTOR; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

static bool sees_its_erase(const struct runtime_user_flash *flash)
{
    return flash->read(READ, bytes, SECTOR) == MH_OK && flash->erase(CHANGED) == MH_OK && holds(flash, CHANGED, 0xFF);
}

static bool sees_its_programs(const struct runtime_user_flash *flash)
{
    return flash->read(READ, bytes, SECTOR) == MH_OK && flash->program(CHANGED, zeros, SECTOR) == MH_OK &&
           holds(flash, CHANGED, 0x00);
}

int main(void)
{
    const struct runtime_api *api = runtime_api();

    if (!api) {
        return 1;
    }
    api->print(sees_its_erase(api->user_flash) ? "ahead: erase seen" : "ahead: erase not seen");
    api->print(sees_its_programs(api->user_flash) ? "ahead: programs seen" : "ahead: programs not seen");
    api->print("ahead: done");
    for (;;) {
        api->sleep_ms(1000);
    }
}
