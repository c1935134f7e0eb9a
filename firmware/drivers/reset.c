/* SPDX-License-Identifier: MIT */
#include "drivers/reset.h"

#include "drivers/clock.h"
#include "drivers/stm32f4.h"

enum reset_cause reset_cause(void)
{
    const uint32_t flags = RCC->CSR;

    RCC->CSR |= RCC_CSR_RMVF;
    if (flags & (RCC_CSR_PORRSTF | RCC_CSR_BORRSTF)) {
        return RESET_POWER_ON;
    }
    if (flags & (RCC_CSR_IWDGRSTF | RCC_CSR_WWDGRSTF)) {
        return RESET_WATCHDOG;
    }
    return flags & RCC_CSR_SFTRSTF ? RESET_SOFTWARE : RESET_PIN;
}

const char *reset_cause_name(enum reset_cause cause)
{
    static const char *const names[] = {"power-on", "watchdog", "software", "pin"};

    return names[cause];
}

_Noreturn void reset_system(void)
{
    __asm__ volatile("dsb" ::: "memory");
    SCB->AIRCR = SCB_AIRCR_SYSRESETREQ;
    for (;;) {
    }
}

void watchdog_relax(void)
{
    IWDG->KR = IWDG_KR_ACCESS;
    IWDG->PR = IWDG_PR_DIV256;
    IWDG->RLR = IWDG_RLR_MAX;
    watchdog_feed();
}

void watchdog_start(void)
{
    IWDG->KR = IWDG_KR_START;
    watchdog_relax();
}

void watchdog_feed(void)
{
    IWDG->KR = IWDG_KR_FEED;
}

_Noreturn void reset_start(uint32_t vectors)
{
    SCB->VTOR = vectors;
    __asm__ volatile("dsb\n\tisb\n\t"
                     "ldr r1, [%0]\n\t"
                     "ldr r0, [%0, #4]\n\t"
                     "msr msp, r1\n\t"
                     "bx r0"
                     :
                     : "r"(vectors)
                     : "r0", "r1", "memory");
    __builtin_unreachable();
}

void reset_peripherals(void)
{
    RCC->APB2RSTR = RCC_APB2_USART1 | RCC_APB2_SPI1;
    RCC->AHB1RSTR = RCC_AHB1_GPIO_ALL | RCC_AHB1_DMA2;
    RCC->APB1RSTR = RCC_APB1_TIM2 | RCC_APB1_PWR;
    RCC->APB2RSTR = 0;
    RCC->AHB1RSTR = 0;
    RCC->APB1RSTR = 0;
    RCC->APB2ENR &= ~(RCC_APB2_USART1 | RCC_APB2_SPI1);
    RCC->AHB1ENR &= ~(RCC_AHB1_GPIO_ALL | RCC_AHB1_DMA2);
    RCC->APB1ENR &= ~(RCC_APB1_TIM2 | RCC_APB1_PWR);
    clock_release();
}
