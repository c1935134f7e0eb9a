/* SPDX-License-Identifier: MIT
 *
 * Everything at once that could make one run differ from another, on the Ethernet board at 16 MHz from reset. Three
 * starts: after power-on both flashes are read, weak bits and all, and written, and a warm reset comes while the SPI
 * NOR is busy; after that the watchdog bites while the internal flash is erased; after that both flashes work at a
 * time, for the test to take the power away.
 */
#include "bare.h"

#define SPI1 0x40013000
#define DMA2 0x40026400
#define FLASH 0x40023C00
#define IWDG 0x40003000
#define RNG 0x50060800
#define WEAK 0x08060000u    /* sector 7 */
#define SCRATCH 0x08040000u /* sector 6 */

enum { SECTOR = 0x1000, COUNT = 64 };

static volatile bool transferred;
static uint8_t out[4 + 256], in[4 + 256];

static void clocks(void)
{
    REG(RCC + 0x30) |= 0x0040001F; /* GPIO A to E, DMA2 */
    REG(RCC + 0x34) |= 1u << 6;    /* RNG */
    REG(RCC + 0x44) |= 0x00001010; /* USART1, SPI1 */
    REG(RCC) |= 1u << 16;          /* the RNG's 48 MHz: 12 MHz / 12 * 192 / 4 */
    REG(RCC + 4) = 12 | 192 << 6 | 1u << 22 | 4u << 24;
    REG(RCC) |= 1u << 24;
}

static void peripherals(void)
{
    REG(GPIO(4)) = 1u << 26 | 1u << 28;
    REG(GPIO(1)) = (REG(GPIO(1)) & ~0xFC0u) | 0xA80;
    REG(GPIO(1) + 0x20) = 0x00555000;
    REG(GPIO(2) + 0x18) = 1;
    REG(GPIO(2)) = 1;
    REG(USART1 + 8) = 16;
    REG(USART1 + 12) = 1u << 13 | 1u << 3;
    REG(SPI1) = 3u << 8 | 1u << 6 | 1u << 2 | 3; /* master, /2, mode 3 */
    REG(0xE000E104) = 1u << (56 - 32);           /* DMA2 stream 0 */
    set_up_cycles();
}

static void pin(unsigned number, bool high)
{
    REG(GPIO(4) + 0x18) = 1u << (high ? number : number + 16);
}

/// SPI NOR ///

static void dma_interrupt(void)
{
    REG(DMA2 + 8) = REG(DMA2 + 12) = 0xFFFFFFFF;
    transferred = true;
    __asm volatile("dsb");
}

/* `out` goes out, `in` comes in, and the core sleeps until the interrupt. */
static void transfer(uint32_t count)
{
    transferred = false;
    REG(GPIO(2) + 0x18) = 1u << 16;
    REG(DMA2 + 0x10 + 4) = REG(DMA2 + 0x58 + 4) = count;
    REG(DMA2 + 0x10 + 8) = REG(DMA2 + 0x58 + 8) = SPI1 + 12;
    REG(DMA2 + 0x10 + 12) = (uint32_t)in;
    REG(DMA2 + 0x58 + 12) = (uint32_t)out;
    REG(DMA2 + 0x10) = 3u << 25 | 1u << 10 | 1u << 4 | 1;
    REG(DMA2 + 0x58) = 3u << 25 | 1u << 10 | 1u << 6 | 1;
    REG(SPI1 + 4) = 3;
    __asm volatile("cpsid i");
    while (!transferred) {
        WFI();
        __asm volatile("cpsie i\n isb\n cpsid i");
    }
    __asm volatile("cpsie i");
    REG(SPI1 + 4) = 0;
    while (REG(SPI1 + 8) & 1u << 7)
        ;
    REG(GPIO(2) + 0x18) = 1;
}

static void begin(uint8_t command, uint32_t offset)
{
    out[0] = command;
    out[1] = offset >> 16;
    out[2] = offset >> 8;
    out[3] = offset;
}

static uint8_t nor_status(void)
{
    begin(0x05, 0);
    transfer(2);
    return in[1];
}

static void nor_wait(const char *name)
{
    uint32_t start = CYCLES;
    while (nor_status() & 1)
        ;
    print(name, CYCLES - start);
}

static void nor_start(uint8_t command, uint32_t offset, uint32_t count)
{
    begin(0x06, 0);
    transfer(1);
    begin(command, offset);
    for (uint32_t i = 0; i < count; i++)
        out[4 + i] = offset / 256 + 5 * i;
    transfer(4 + count);
}

/* Some weak bits read differently from time to time. */
static void nor_read(uint32_t offset)
{
    for (int again = 0; again < 3; again++) {
        uint32_t sum = 0;
        begin(0x03, offset);
        transfer(4 + COUNT);
        for (uint32_t i = 0; i < COUNT; i++)
            sum = 31 * sum + in[4 + i];
        print("nor", sum);
    }
}

/// Internal flash, reset ///

static void program(uint32_t address, uint32_t value)
{
    REG(FLASH + 4) = 0x45670123;
    REG(FLASH + 4) = 0xCDEF89AB;
    REG(FLASH + 16) = 2u << 8 | 1;
    REG(address) = value;
    REG(FLASH + 16) = 1u << 31;
}

static void erase_sector_6(void)
{
    REG(FLASH + 4) = 0x45670123;
    REG(FLASH + 4) = 0xCDEF89AB;
    REG(FLASH + 16) = 2u << 8 | 6u << 3 | 2;
    REG(FLASH + 16) = 2u << 8 | 6u << 3 | 2 | 1u << 16;
    REG(FLASH + 16) = 1u << 31;
}

static void internal_read(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < COUNT; i++)
        sum = 31 * sum + REG(WEAK + 4 * i) + REG(SCRATCH + 4 * i);
    print("internal", sum);
}

static uint32_t random_number(void)
{
    REG(RNG) = 1u << 2;
    while (!(REG(RNG + 4) & 1))
        ;
    return REG(RNG + 8);
}

/// The three starts ///

static void after_power_on(void)
{
    print("random", random_number());
    internal_read();
    for (uint32_t at = 0; at < 4 * SECTOR; at += SECTOR)
        nor_read(at);
    for (uint32_t i = 0; i < 8; i++)
        program(SCRATCH + 4 * i, CYCLES);
    nor_start(0x20, SECTOR, 0);
    nor_wait("erased");
    nor_start(0x02, SECTOR, 256);
    nor_wait("programmed");
    nor_read(SECTOR);
    nor_start(0xD8, 0x10000, 0);
    REG(0xE000ED0C) = 0x05FA0004;
    for (;;)
        ;
}

static void after_warm_reset(void)
{
    print("busy", nor_status());
    nor_wait("rest");
    REG(IWDG) = 0x5555;
    REG(IWDG + 4) = 3; /* /32: 1 ms */
    REG(IWDG + 8) = 33;
    REG(IWDG) = 0xCCCC;
    pin(13, true);
    erase_sector_6();
}

static void after_watchdog(void)
{
    internal_read();
    for (uint32_t i = 0; i < 4; i++) {
        nor_start(0x20, 3 * SECTOR, 0);
        for (uint32_t k = 0; k < 6; k++) {
            program(WEAK + 0x400 + 64 * i + 4 * k, CYCLES);
            print("cycles", CYCLES);
        }
        nor_wait("erased");
        nor_start(0x02, 3 * SECTOR + 256 * i, 200);
        nor_wait("programmed");
    }
    pin(14, true);
}

void start(void)
{
    set_up_memory();
    clocks();
    peripherals();
    uint32_t flags = REG(RCC + 0x74) >> 24;
    REG(RCC + 0x74) = 1u << 24;
    print("flags", flags);
    if (flags & 1u << 5)
        after_watchdog();
    else if (flags & 1u << 4)
        after_warm_reset();
    else
        after_power_on();
    for (;;)
        WFI();
}

static void fault(void)
{
    print("fault", 1);
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16 + 57] = {
    (void *)0x20010000, start, [2 ... 15] = fault, [16 + 56] = dma_interrupt,
};
