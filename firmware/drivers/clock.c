/* SPDX-License-Identifier: MIT */
#include "drivers/clock.h"

#include "drivers/stm32f4.h"

#include <stdbool.h>

/* 2 MHz * 168 / 2 = 168 MHz; / 7 = 48 MHz for USB (RM0090 7.3.2). The 2 MHz are the crystal's 12 MHz divided by 6, or
 * the internal oscillator's 16 MHz divided by 8. */
#define PLLCFGR_168_MHZ (168u << 6 | 0u << 16 | 7u << 24)
#define PLLCFGR_FROM_HSE (RCC_PLLCFGR_SRC_HSE | 6u)
#define PLLCFGR_FROM_HSI 8u

/* Turns of a loop that take no less than 100 ms at the 16 MHz after a reset, four cycles each: 50 times what a crystal
 * needs (DS8626 table 30). */
#define START_TURNS 400000u

#define SYSTICK_PER_MS (CLOCK_HCLK_HZ / 8 / 1000)
#define SLEEP_STEP_MS (SYSTICK_MAX / SYSTICK_PER_MS)

static void wait_for(volatile uint32_t *reg, uint32_t bits)
{
    while ((*reg & bits) != bits) {
    }
}

/* Whether what was enabled gets ready. A crystal may be broken. */
static bool starts(uint32_t enable, uint32_t ready)
{
    RCC->CR |= enable;
    for (uint32_t turns = START_TURNS; turns > 0; turns--) {
        if (RCC->CR & ready) {
            return true;
        }
    }
    RCC->CR &= ~enable;
    return false;
}

void clock_initialize(void)
{
    const bool crystal = starts(RCC_CR_HSEON, RCC_CR_HSERDY);

    RCC->PLLCFGR = PLLCFGR_168_MHZ | (crystal ? PLLCFGR_FROM_HSE : PLLCFGR_FROM_HSI);
    if (!starts(RCC_CR_PLLON, RCC_CR_PLLRDY)) {
        return; /* at 16 MHz then */
    }
    FLASH->ACR = FLASH_ACR_LATENCY_5WS | FLASH_ACR_PRFTEN | FLASH_ACR_ICEN | FLASH_ACR_DCEN;
    while ((FLASH->ACR & FLASH_ACR_LATENCY_Msk) != FLASH_ACR_LATENCY_5WS) {
    }
    RCC->CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2 | RCC_CFGR_SW_PLL;
    wait_for(&RCC->CFGR, RCC_CFGR_SW_PLL << RCC_CFGR_SWS_Pos);
}

void clock_release(void)
{
    SYSTICK->CSR = 0;
    SCB->ICSR = SCB_ICSR_PENDSTCLR;
    RCC->CR |= RCC_CR_HSION;
    wait_for(&RCC->CR, RCC_CR_HSIRDY);
    RCC->CFGR &= ~RCC_CFGR_SW_Msk; /* the bus dividers stay until the core is slow */
    while (RCC->CFGR & RCC_CFGR_SWS_Msk) {
    }
    RCC->CFGR = 0;
    RCC->CR &= ~(RCC_CR_PLLON | RCC_CR_HSEON);
    while (RCC->CR & RCC_CR_PLLRDY) {
    }
    RCC->PLLCFGR = RCC_PLLCFGR_RESET;
    FLASH->ACR = 0;
}

/* TIM2 has twice the clock of its bus, 84 MHz (RM0090 7.2); its prescaler has 16 bits: two ticks in a ms. */
#define TICKS_PER_MS 2u
#define TIM2_PRESCALER (CLOCK_HCLK_HZ / 2 / 1000 / TICKS_PER_MS)

void clock_count(void)
{
    RCC->APB1ENR |= RCC_APB1_TIM2;
    (void)RCC->APB1ENR;
    TIM2->PSC = TIM2_PRESCALER - 1;
    TIM2->EGR = TIM_EGR_UG; /* takes the prescaler over, and begins at 0 */
    TIM2->CR1 = TIM_CR1_CEN;
}

uint32_t clock_elapsed_ms(void)
{
    return TIM2->CNT / TICKS_PER_MS;
}

/* One shot of the SysTick, at most SLEEP_STEP_MS. Interrupts stay masked: WFI wakes for a pending one all the same. */
static void sleep_step(uint32_t ms)
{
    SYSTICK->RVR = ms * SYSTICK_PER_MS - 1;
    SYSTICK->CVR = 0;
    SYSTICK->CSR = SYSTICK_CSR_ENABLE | SYSTICK_CSR_TICKINT;
    while (!(SYSTICK->CSR & SYSTICK_CSR_COUNTFLAG)) {
        __asm__ volatile("wfi");
    }
    SYSTICK->CSR = 0;
    SCB->ICSR = SCB_ICSR_PENDSTCLR;
}

void clock_sleep_ms(uint32_t ms)
{
    uint32_t masked;

    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(masked)::"memory");
    while (ms > 0) {
        const uint32_t step = ms < SLEEP_STEP_MS ? ms : SLEEP_STEP_MS;
        sleep_step(step);
        ms -= step;
    }
    __asm__ volatile("msr primask, %0" ::"r"(masked) : "memory");
}
