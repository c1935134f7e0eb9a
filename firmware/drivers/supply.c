/* SPDX-License-Identifier: MIT */
#include "drivers/supply.h"

#include "drivers/clock.h"
#include "drivers/reset.h"
#include "drivers/stm32f4.h"

#define STEP_MS 100u
#define PATIENCE_MS 10000u

void supply_watch(void)
{
    RCC->APB1ENR |= RCC_APB1_PWR;
    (void)RCC->APB1ENR;
    PWR->CR |= PWR_CR_PLS_2V8 | PWR_CR_PVDE;
}

enum mh_error supply_wait(void)
{
    static uint32_t waited_ms; /* in a row */

    while (PWR->CSR & PWR_CSR_PVDO) {
        if (waited_ms >= PATIENCE_MS) {
            return MH_ERR_SUPPLY;
        }
        watchdog_feed();
        clock_sleep_ms(STEP_MS);
        waited_ms += STEP_MS;
    }
    waited_ms = 0;
    return MH_OK;
}
