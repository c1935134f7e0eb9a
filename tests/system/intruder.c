/* SPDX-License-Identifier: MIT
 *
 * An application gone wild, such as one that somebody took over: it erases the sectors of the bootloader, programs a
 * word of the trust anchors to zeros, and says what FLASH_SR was behind each. With STAYS_QUIET it only says that it
 * runs.
 */
#include "drivers/stm32f4.h"

#include "matterhorn/board.h"
#include "matterhorn/runtime.h"

#define BOOT_SECTORS 3u

static void tell(const struct runtime_api *api, char what, uint32_t status)
{
    static const char digits[] = "0123456789ABCDEF";
    char text[] = "intruder: ? SR 00";

    text[10] = what;
    text[15] = digits[status >> 4 & 15];
    text[16] = digits[status & 15];
    api->print(text);
}

#ifndef STAYS_QUIET
static uint32_t finish(void)
{
    while (FLASH->SR & FLASH_SR_BSY) {
    }
    const uint32_t status = FLASH->SR;
    FLASH->SR = status;
    FLASH->CR = 0;
    return status;
}

static uint32_t erase(unsigned sector)
{
    FLASH->CR = FLASH_CR_PSIZE_X32 | FLASH_CR_SER | sector << FLASH_CR_SNB_Pos;
    FLASH->CR |= FLASH_CR_STRT;
    return finish();
}

static uint32_t program_zeros(uint32_t address)
{
    FLASH->CR = FLASH_CR_PSIZE_X32 | FLASH_CR_PG;
    *(volatile uint32_t *)address = 0;
    return finish();
}

static void attack(const struct runtime_api *api)
{
    FLASH->KEYR = FLASH_KEY1;
    FLASH->KEYR = FLASH_KEY2;
    tell(api, 'w', program_zeros(MH_ANCHORS_ADDRESS));
    for (unsigned sector = 0; sector < BOOT_SECTORS; sector++) {
        tell(api, (char)('0' + sector), erase(sector));
    }
    FLASH->CR = FLASH_CR_LOCK;
}
#else
static void attack(const struct runtime_api *api)
{
    tell(api, 'q', 0);
}
#endif

int main(void)
{
    const struct runtime_api *api = runtime_api();

    if (!api) {
        return 1;
    }
    api->print("intruder: runs");
    if (api->update.confirm() == MH_OK) {
        api->print("intruder: confirmed");
    }
    attack(api);
    api->print("intruder: done");
    for (;;) {
        api->sleep_ms(1000);
    }
}
