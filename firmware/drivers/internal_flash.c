/* SPDX-License-Identifier: MIT */
#include "drivers/internal_flash.h"

#include "drivers/stm32f4.h"
#include "drivers/supply.h"

#include "matterhorn/bytes.h"

#define RUN 256u /* bytes that are programmed between two looks at the supply: 1 ms */

static void unlock(void)
{
    if (FLASH->CR & FLASH_CR_LOCK) {
        FLASH->KEYR = FLASH_KEY1;
        FLASH->KEYR = FLASH_KEY2;
    }
    FLASH->SR = FLASH_SR_ERRORS; /* flags left behind would block every operation */
}

/* The read that finds it ready says how it ended, too: an error is flagged no later than BSY falls. */
static enum mh_error finish(void)
{
    uint32_t status;

    do {
        status = FLASH->SR;
    } while (status & FLASH_SR_BSY);
    return status & FLASH_SR_ERRORS ? MH_ERR_FLASH : MH_OK;
}

static void lock(void)
{
    FLASH->CR = FLASH_CR_LOCK;
}

static enum mh_error program_run(uint32_t address, const uint8_t *data, uint32_t length)
{
    enum mh_error error = supply_wait();

    if (error) {
        return error;
    }
    unlock();
    FLASH->CR = FLASH_CR_PSIZE_X32 | FLASH_CR_PG;
    for (uint32_t at = 0; error == MH_OK && at < length; at += 4) {
        const uint32_t word = mh_get32(data + at);
        if (word != 0xFFFFFFFF) {
            *(volatile uint32_t *)(address + at) = word;
            __asm__ volatile("dsb" ::: "memory");
            error = finish();
        }
    }
    lock();
    return error;
}

static enum mh_error program(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    enum mh_error error = MH_OK;

    (void)context;
    for (uint32_t at = 0; error == MH_OK && at < length; at += RUN) {
        error = program_run(address + at, data + at, length - at < RUN ? length - at : RUN);
    }
    return error;
}

static enum mh_error program_otp(void *context, uint32_t offset, const uint8_t *data, uint32_t length)
{
    return program(context, OTP_ADDRESS + offset, data, length);
}

/* The caches may still hold what the sector was before: RM0090 3.6.4 asks for a reset of both, while disabled. */
static void forget_cached(void)
{
    FLASH->ACR &= ~(FLASH_ACR_DCEN | FLASH_ACR_ICEN);
    FLASH->ACR |= FLASH_ACR_DCRST | FLASH_ACR_ICRST;
    FLASH->ACR &= ~(FLASH_ACR_DCRST | FLASH_ACR_ICRST);
    FLASH->ACR |= FLASH_ACR_DCEN | FLASH_ACR_ICEN;
}

static enum mh_error erase(void *context, unsigned sector)
{
    enum mh_error error = supply_wait();

    (void)context;
    if (error) {
        return error;
    }
    unlock();
    FLASH->CR = FLASH_CR_PSIZE_X32 | FLASH_CR_SER | sector << FLASH_CR_SNB_Pos;
    FLASH->CR |= FLASH_CR_STRT;
    error = finish();
    lock();
    forget_cached();
    return error;
}

struct mh_internal internal_flash(void)
{
    return (struct mh_internal){(const uint8_t *)MH_INTERNAL_BASE, program, erase, 0};
}

struct mh_otp one_time_programmable(void)
{
    return (struct mh_otp){(const uint8_t *)OTP_ADDRESS, program_otp, 0};
}
