/* SPDX-License-Identifier: MIT
 *
 * What an STM32F42x has and an F407 does not, bare metal, at reset's 16 MHz. The word in sector 5 of the flash is the
 * bank of the SDRAM; results are lines "name value" on USART1. It resets itself once.
 */
#include "bare.h"

#define GPIOE 0x40021000
#define MEMRMP REG(0x40013800)
#define FMC 0xA0000000
#define SDCMR REG(FMC + 0x150)
#define BANK REG(0x08020000)
#define SDRAM_SIZE 0x100000
#define AGAIN (REG(RCC + 0x74) >> 28 & 1)

/// Is there anything at that address? ///

volatile uint32_t faulted;

/* Goes on behind the load, which is one half-word. */
__attribute__((naked)) static void hard_fault(void)
{
    __asm volatile("ldr r0, [sp, #24]\n adds r0, #2\n str r0, [sp, #24]\n"
                   "ldr r1, =faulted\n movs r0, #1\n str r0, [r1]\n bx lr\n .ltorg");
}

static bool there(uint32_t address)
{
    uint32_t value;
    faulted = 0;
    __asm volatile("ldr.n %0, [%1]\n dsb" : "=l"(value) : "l"(address) : "memory");
    return !faulted;
}

static bool holds(uint32_t address)
{
    if (!there(address))
        return false;
    REG(address) = 0x5AA5C33C;
    return REG(address) == 0x5AA5C33C;
}

/// Tests ///

static void test_pllsai(void)
{
    print("sai_off", REG(RCC) >> 29 & 1);
    REG(RCC) |= 1u << 28;
    print("sai_on", REG(RCC) >> 29 & 1);
    REG(RCC) &= ~(1u << 28);
    print("sai_off_again", REG(RCC) >> 29 & 1);
    print("saicfgr", REG(RCC + 0x88));
}

static void test_sram(void)
{
    print("sram3", holds(0x2002FFFC));
    print("behind_sram3", there(0x20030000));
}

static void test_sdram(void)
{
    uint32_t base = BANK == 1 ? 0xC0000000 : 0xD0000000, swapped = base - 0x40000000;
    uint32_t ours = BANK == 1 ? 1u << 4 : 1u << 3, theirs = ours ^ 0x18;
    SDCMR = ours | 1; /* clock */
    SDCMR = ours | 2; /* precharge */
    SDCMR = theirs | 4;
    print("sdram_early", there(base));
    SDCMR = ours | 4 | 0x30 << 9; /* load mode register */
    print("sdram", there(base));
    print("kept", there(base) ? REG(base) : 1);
    print("sdram_end", holds(base + SDRAM_SIZE - 4));
    print("behind_sdram", there(base + SDRAM_SIZE));
    print("early_swapped", there(swapped));
    MEMRMP = 1u << 10;
    print("memrmp", MEMRMP);
    print("swapped", there(swapped) && REG(swapped + SDRAM_SIZE - 4) == 0x5AA5C33C);
    print("not_swapped", there(base));
    if (there(swapped))
        REG(swapped) = 77;
}

void start(void)
{
    faulted = 0;
    REG(RCC + 0x30) |= 1u << 4;
    REG(RCC + 0x44) |= 1u << 4 | 1u << 14;
    REG(GPIOE) = 1u << 28;
    REG(USART1 + 8) = 16000000 / 115200;
    REG(USART1 + 12) = 1u << 13 | 1u << 3;
    print("device", REG(0xE0042000) & 0xFFF);
    print("bcr1", REG(FMC));
    print("sdcr1", REG(FMC + 0x140));
    test_pllsai();
    test_sram();
    test_sdram();
    if (!AGAIN)
        REG(0xE000ED0C) = 0x05FA0004;
    REG(GPIOE + 0x18) = 1u << 14;
    for (;;)
        __asm volatile("wfi");
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    (void *)0x20010000, start, [2 ... 15] = hard_fault,
};
