/* SPDX-License-Identifier: MIT
 *
 * Exercises the machine's devices, bare metal. Which test runs is a word in sector 5 of the flash, whose other words
 * are its arguments; results are lines "name value" on USART1.
 */
#include "bare.h"

#define FLASH 0x40023C00
#define SPI1 0x40013000
#define DMA2 0x40026400
#define IWDG 0x40003000
#define SYSTICK 0xE000E010
#define AIRCR 0xE000ED0C

#define FLASH_SR REG(FLASH + 0x0C)
#define FLASH_CR REG(FLASH + 0x10)
#define BSY (1u << 16)
#define SCRATCH 0x08040000u /* sector 6, 128 KB */

static volatile uint32_t ticks;
static volatile bool bus_fault_expected, bus_fault_seen;

static void led(unsigned pin, bool on)
{
    REG(GPIO(4) + 0x18) = 1u << (on ? pin : pin + 16);
}

/// Start ///

static void clocks(void)
{
    REG(RCC) |= 1u << 16;
    while (!(REG(RCC) & 1u << 17))
        ;
    REG(RCC + 4) = 6 | 168 << 6 | 0 << 16 | 1u << 22 | 7u << 24;
    REG(RCC) |= 1u << 24;
    while (!(REG(RCC) & 1u << 25))
        ;
    REG(RCC + 8) = 5u << 10 | 4u << 13 | 2; /* APB1 /4, APB2 /2, PLL */
    while ((REG(RCC + 8) >> 2 & 3) != 2)
        ;
    REG(RCC + 0x30) |= 1u << 22 | 1u << 4 | 1u << 2 | 1u << 1; /* DMA2, ports E, C, B */
    REG(RCC + 0x44) |= 1u << 12 | 1u << 4;                     /* SPI1, USART1 */
}

static void peripherals(void)
{
    REG(GPIO(4)) = 1u << 22 | 1u << 26 | 1u << 28; /* the three LEDs */
    REG(GPIO(1)) = (REG(GPIO(1)) & ~0xFC0u) | 0xA80;
    REG(GPIO(1) + 0x20) = 0x00555000;
    REG(GPIO(2) + 0x18) = 1;
    REG(GPIO(2)) = 1;
    REG(USART1 + 8) = 84000000 / 115200;
    REG(USART1 + 12) = 1u << 13 | 1u << 3 | 1u << 2;
    REG(SPI1) = 3u << 8 | 1u << 6 | 1u << 3 | 1u << 2 | 3; /* master, /4 = 21 MHz, mode 3 */
    set_up_cycles();
}

/// Flash ///

static void unlock(void)
{
    REG(FLASH + 4) = 0x45670123;
    REG(FLASH + 4) = 0xCDEF89AB;
}

static uint32_t word_program_cycles(uint32_t address, uint32_t value)
{
    FLASH_CR = 2u << 8 | 1;
    uint32_t start = CYCLES;
    REG(address) = value;
    uint32_t cycles = CYCLES - start;
    FLASH_CR = 2u << 8;
    return cycles;
}

__attribute__((section(".ramcode"), noinline)) static uint32_t erase_from_ram(uint32_t sector, uint32_t *polls)
{
    uint32_t start = CYCLES;
    FLASH_CR = 2u << 8 | sector << 3 | 2;
    FLASH_CR = 2u << 8 | sector << 3 | 2 | 1u << 16;
    while (FLASH_SR & BSY)
        ++*polls;
    uint32_t cycles = CYCLES - start;
    FLASH_CR = 2u << 8;
    return cycles;
}

static void test_flash(void)
{
    uint32_t polls = 0;
    unlock();
    uint32_t erase = erase_from_ram(6, &polls);
    print("erase_us", erase / 168);
    print("polled", polls != 0);
    print("program_ns", (uint64_t)word_program_cycles(SCRATCH, 0x12345678) * 1000 / 168);
    print("word", REG(SCRATCH) == 0x12345678);
    word_program_cycles(SCRATCH, 0xF0F0F0F0);
    print("cleared_only", REG(SCRATCH) == (0x12345678 & 0xF0F0F0F0));
    uint32_t start = CYCLES;
    FLASH_CR = 2u << 8 | 6u << 3 | 2;
    FLASH_CR = 2u << 8 | 6u << 3 | 2 | 1u << 16;
    print("stalled_us", (CYCLES - start) / 168);
    print("erased", REG(SCRATCH) == 0xFFFFFFFF);
}

static void test_flash_errors(void)
{
    unlock();
    REG(SCRATCH) = 0;
    print("pgserr", FLASH_SR);
    FLASH_SR = 0xF3;
    FLASH_CR = 1; /* PSIZE x8 */
    REG(SCRATCH) = 0;
    print("pgperr", FLASH_SR);
    FLASH_SR = 0xF3;
    FLASH_CR = 2u << 8 | 1;
    REG(0x08060000) = 0; /* sector 7 is write-protected by the test */
    print("wrperr", FLASH_SR);
    FLASH_SR = 0xF3;
    REG(0x1FFF7800) = 0x11223344;
    print("otp", REG(0x1FFF7800));
    FLASH_CR = 1;
    *(volatile uint8_t *)0x1FFF7A00 = 0;
    FLASH_CR = 2u << 8 | 1;
    REG(0x1FFF7804) = 0;
    print("otp_locked", FLASH_SR);
    FLASH_SR = 0xF3;
    print("untouched", REG(SCRATCH) == 0xFFFFFFFF && REG(0x08060000) == 0xFFFFFFFF && REG(0x1FFF7804) == 0xFFFFFFFF);
    REG(SCRATCH) = 0;
    print("eop_without_eopie", FLASH_SR);
    FLASH_CR = 1u << 31;
    FLASH_CR = 1;
    print("locked", FLASH_CR == 1u << 31);
    bus_fault_expected = true;
    REG(FLASH + 4) = 0xDEADBEEF;
    __asm volatile("dsb");
    print("bus_fault", bus_fault_seen);
    bus_fault_seen = false;
    REG(FLASH + 4) = 0x45670123;
    __asm volatile("dsb");
    print("still_locked", bus_fault_seen && FLASH_CR == 1u << 31);
}

static void test_programs(void)
{
    unlock();
    FLASH_CR = 2u << 8 | 1;
    for (uint32_t i = 0; i < TEST[1]; i++)
        REG(SCRATCH + 4 * i) = i;
    led(13, true);
}

/// SPI NOR ///

static uint8_t spi(uint8_t byte)
{
    while (!(REG(SPI1 + 8) & 2))
        ;
    *(volatile uint8_t *)(SPI1 + 12) = byte;
    while (!(REG(SPI1 + 8) & 1))
        ;
    return *(volatile uint8_t *)(SPI1 + 12);
}

static void select(bool on)
{
    while (REG(SPI1 + 8) & 1u << 7)
        ;
    REG(GPIO(2) + 0x18) = on ? 1u << 16 : 1;
}

static void command(uint8_t code)
{
    select(true);
    spi(code);
    select(false);
}

static void address(uint8_t code, uint32_t offset)
{
    spi(code);
    spi(offset >> 16);
    spi(offset >> 8);
    spi(offset);
}

static uint8_t nor_status(void)
{
    select(true);
    spi(0x05);
    uint8_t status = spi(0);
    select(false);
    return status;
}

static uint32_t nor_wait(void)
{
    uint32_t start = CYCLES;
    while (nor_status() & 1)
        ;
    return (CYCLES - start) / 168;
}

static void nor_program(uint32_t offset, uint32_t count, uint8_t first)
{
    select(true);
    address(0x02, offset);
    for (uint32_t i = 0; i < count; i++)
        spi(first + i);
    select(false);
}

static uint8_t nor_byte(uint32_t offset)
{
    select(true);
    address(0x03, offset);
    uint8_t byte = spi(0);
    select(false);
    return byte;
}

static void nor_erase(uint8_t code, uint32_t offset)
{
    command(0x06);
    select(true);
    address(code, offset);
    select(false);
}

static void test_nor(void)
{
    select(true);
    spi(0x9F);
    uint32_t id = spi(0) << 16;
    id |= spi(0) << 8;
    id |= spi(0);
    select(false);
    print("id", id);
    nor_program(0x1000, 4, 0);
    print("without_wel", nor_byte(0x1000));
    command(0x06);
    print("wel", nor_status());
    nor_program(0x10FE, 4, 1);
    uint32_t busy = nor_status();
    uint32_t ignored = nor_byte(0x10FE);
    print("program_us", nor_wait());
    print("busy", busy);
    print("ignored_while_busy", ignored);
    print("status_after", nor_status());
    print("b10FE", nor_byte(0x10FE));
    print("b10FF", nor_byte(0x10FF));
    print("b1000", nor_byte(0x1000));
    print("b1001", nor_byte(0x1001));
    print("b1100", nor_byte(0x1100));
    nor_erase(0x20, 0x1234);
    print("erase_us", nor_wait());
    print("erased", nor_byte(0x1001));
    select(true);
    address(0x03, 0x7FFFFF);
    spi(0);
    print("wraps_to", spi(0));
    select(false);
    command(0xB9);
    print("powered_down", nor_byte(0));
    command(0xAB);
    nor_wait(); /* tRES1, in which the status reads as busy */
    print("released", nor_byte(0));
    command(0x06);
    select(true);
    address(0x02, 0x2000);
    *(volatile uint8_t *)(SPI1 + 12) = 0;
    REG(GPIO(2) + 0x18) = 1; /* while the byte is still being shifted */
    while (!(REG(SPI1 + 8) & 1))
        ;
    (void)REG(SPI1 + 12);
    print("torn_command_wel", nor_status());
}

static void test_nor_reset(void)
{
    if (!(REG(RCC + 0x74) & 1u << 28)) {
        nor_erase(0xD8, 0x10000);
        REG(AIRCR) = 0x05FA0004;
        for (;;)
            ;
    }
    print("busy_after_reset", nor_status() & 1);
    print("rest_us", nor_wait());
    print("erased", nor_byte(0x10000));
}

/// DMA ///

static uint8_t buffer[64];

static uint32_t nor_read_by_dma(uint32_t from, uint32_t destination, uint32_t count)
{
    static const uint8_t zero = 0;
    REG(DMA2 + 8) = REG(DMA2 + 12) = 0xFFFFFFFF;
    select(true);
    address(0x03, from);
    REG(DMA2 + 0x10 + 4) = count;
    REG(DMA2 + 0x10 + 8) = SPI1 + 12;
    REG(DMA2 + 0x10 + 12) = destination;
    REG(DMA2 + 0x10) = 3u << 25 | 1u << 10 | 1;
    REG(DMA2 + 0x58 + 4) = count;
    REG(DMA2 + 0x58 + 8) = SPI1 + 12;
    REG(DMA2 + 0x58 + 12) = (uint32_t)&zero;
    REG(DMA2 + 0x58) = 3u << 25 | 1u << 6 | 1;
    uint32_t start = CYCLES;
    REG(SPI1 + 4) = 3;
    while (!(REG(DMA2) & (1u << 5 | 1u << 3)))
        ;
    uint32_t cycles = CYCLES - start;
    uint32_t flags = REG(DMA2);
    REG(SPI1 + 4) = 0;
    select(false);
    print("cycles", cycles);
    return flags & 0x3F;
}

static void test_dma(void)
{
    print("sram_flags", nor_read_by_dma(0, (uint32_t)buffer, sizeof(buffer)));
    print("first", buffer[0]);
    print("last", buffer[63]);
    print("ccm_flags", nor_read_by_dma(0, 0x10000000, 64));
}

/// Core, reset and time ///

static void test_idle(void)
{
    REG(SYSTICK + 4) = 168000 - 1;
    REG(SYSTICK + 8) = 0;
    REG(SYSTICK) = 7;
    led(11, true);
    while (ticks < 1000)
        __asm volatile("wfi");
    led(11, false);
    REG(SYSTICK) = 0;
}

static void test_systick_clocks(void)
{
    REG(SYSTICK + 4) = 21000 - 1; /* HCLK/8 */
    REG(SYSTICK + 8) = 0;
    REG(SYSTICK) = 3;
    REG(RCC + 8) |= 8u << 4; /* HCLK halves, then is back */
    REG(RCC + 8) &= ~(8u << 4);
    uint32_t first = ticks;
    while (ticks == first)
        ;
    uint32_t start = CYCLES;
    while (ticks < first + 11)
        __asm volatile("wfi");
    uint32_t us = (CYCLES - start) / 168;
    REG(SYSTICK) = 0;
    print("ten_ticks_us", us);
}

static void start_watchdog(uint32_t reload)
{
    REG(IWDG) = 0x5555;
    REG(IWDG + 4) = 3; /* /32: 1 ms */
    REG(IWDG + 8) = reload - 1;
    REG(IWDG) = 0xCCCC;
}

static void test_watchdog(void)
{
    uint32_t flags = REG(RCC + 0x74);
    print("flags", flags >> 24);
    if (!(flags & 1u << 29)) {
        start_watchdog(100);
        led(11, true);
        for (;;)
            ;
    }
    REG(RCC + 0x74) = 1u << 24;
    print("removed", REG(RCC + 0x74) >> 24);
}

static void test_lockup(void)
{
    print("flags", REG(RCC + 0x74) >> 24);
    if (REG(RCC + 0x74) & 1u << 29)
        return;
    start_watchdog(50);
    __asm volatile("msr msp, %0\n bx %1" : : "r"(0x60000000), "r"(0xFFFFFFF1));
}

static void test_reset(void)
{
    volatile uint32_t *word = (volatile uint32_t *)0x2001FF00;
    print("flags", REG(RCC + 0x74) >> 24);
    print("kept", *word == 0xCAFEF00D);
    *word = 0xCAFEF00D;
    if (!(REG(RCC + 0x74) & 1u << 28)) {
        REG(AIRCR) = 0x05FA0004;
        for (;;)
            ;
    }
}

static void test_watchdog_in_a_stall(void)
{
    if (REG(RCC + 0x74) & 1u << 29)
        return;
    unlock();
    start_watchdog(100);
    led(11, true);
    FLASH_CR = 2u << 8 | 6u << 3 | 2 | 1u << 16;
    led(13, true);
}

/* The reset pulls up chip select after a whole page program was shifted, or in the middle of its last byte. */
static void test_reset_deselects_nor(void)
{
    if (REG(RCC + 0x74) & 1u << 28) {
        print("wait_us", nor_wait());
        return;
    }
    command(0x06);
    select(true);
    address(0x02, 0x3000);
    spi(0x55);
    if (TEST[1] != 0)
        *(volatile uint8_t *)(SPI1 + 12) = 0x66;
    REG(AIRCR) = 0x05FA0004;
    for (;;)
        ;
}

/* A bit of everything, for the tests of determinism. */
static void test_mixture(void)
{
    REG(SYSTICK + 4) = 168000 - 1;
    REG(SYSTICK + 8) = 0;
    REG(SYSTICK) = 7;
    start_watchdog(2000);
    unlock();
    for (uint32_t i = 0; i < 20; i++) {
        word_program_cycles(SCRATCH + 4 * i, CYCLES);
        nor_erase(0x20, 0x1000 * i);
        led(13, i & 1);
        print("wait", nor_wait());
        command(0x06);
        nor_program(0x1000 * i, 200, i);
        print("wait", nor_wait());
        for (uint32_t until = ticks + 3; ticks < until;)
            __asm volatile("wfi");
        print("cycles", CYCLES);
        print("systick", REG(SYSTICK + 8));
    }
    FLASH_CR = 2u << 8 | 6u << 3 | 2;
    FLASH_CR = 2u << 8 | 6u << 3 | 2 | 1u << 16;
    print("cycles", CYCLES);
    led(13, true);
}

/* Carries out the triples of words that follow the number of the test: what to do, and two arguments. */
/* Loads from `address` with the n-th of these instructions. */
static void load(uint32_t address, uint32_t n)
{
    __asm volatile(".fpu fpv4-sp-d16");
    REG(0xE000ED88) |= 0xFu << 20; /* CPACR: the FPU */
    __asm volatile("dsb\n isb");
    switch (n) {
    case 0:
        __asm volatile("ldrb r0, [%0]" : : "r"(address) : "r0");
        break;
    case 1:
        __asm volatile("ldrh r0, [%0]" : : "r"(address) : "r0");
        break;
    case 2:
        __asm volatile("ldr r0, [%0]" : : "r"(address) : "r0");
        break;
    case 3:
        __asm volatile("ldrd r0, r1, [%0]" : : "r"(address) : "r0", "r1");
        break;
    case 4:
        __asm volatile("ldm %0, {r0-r3}" : : "r"(address) : "r0", "r1", "r2", "r3");
        break;
    case 5:
        __asm volatile("vldr s0, [%0]" : : "r"(address));
        break;
    case 6:
        __asm volatile("vldr d0, [%0]" : : "r"(address));
        break;
    case 7:
        __asm volatile("vldm %0, {s0-s3}" : : "r"(address));
        break;
    case 8:
        __asm volatile("ldrex r0, [%0]\n clrex" : : "r"(address) : "r0");
        break;
    case 9:
        __asm volatile("ldrbt r0, [%0]" : : "r"(address) : "r0");
        break;
    }
}

/* Reads the word while the sector is erased. */
__attribute__((section(".ramcode"), noinline)) static uint32_t erase_and_read_in_ram(uint32_t sector, uint32_t address)
{
    FLASH_CR = 2u << 8 | sector << 3 | 2;
    FLASH_CR = 2u << 8 | sector << 3 | 2 | 1u << 16;
    uint32_t word = REG(address);
    while (FLASH_SR & BSY)
        ;
    FLASH_CR = 2u << 8;
    return word;
}

static void test_script(void)
{
    unlock();
    for (const volatile uint32_t *step = TEST + 1; step[0] != 0xFFFFFFFF; step += 3) {
        uint32_t a = step[1], b = step[2];
        switch (step[0]) {
        case 0:
            print("word", REG(a));
            break;
        case 1:
            word_program_cycles(a, b);
            break;
        case 2: /* sector a */
            FLASH_CR = 2u << 8 | a << 3 | 2;
            FLASH_CR = 2u << 8 | a << 3 | 2 | 1u << 16;
            FLASH_CR = 2u << 8;
            break;
        case 3: /* a function */
            print("called", ((uint32_t (*)(void))(a | 1))());
            break;
        case 4: /* an exception through the vector table at a */
            REG(0xE000ED08) = a;
            REG(0xE000ED04) = 1u << 28; /* PendSV */
            __asm volatile("dsb\n isb");
            REG(0xE000ED08) = 0;
            break;
        case 5: /* b bytes by DMA */
            REG(DMA2 + 8) = REG(DMA2 + 12) = 0xFFFFFFFF;
            REG(DMA2 + 0x10 + 4) = b;
            REG(DMA2 + 0x10 + 8) = a;
            REG(DMA2 + 0x10 + 12) = (uint32_t)buffer;
            REG(DMA2 + 0x10) = 2u << 6 | 1u << 10 | 1u << 9 | 1;
            while (!(REG(DMA2) & 1u << 5))
                ;
            break;
        case 6:
            print("byte", nor_byte(a));
            break;
        case 7: /* fast read of b bytes */
            select(true);
            address(0x0B, a);
            for (spi(0); b != 0; b--)
                spi(0);
            select(false);
            break;
        case 8: /* b bytes, ascending from 1 */
            command(0x06);
            nor_program(a, b, 1);
            nor_wait();
            break;
        case 9:
            nor_erase(b, a);
            nor_wait();
            break;
        case 10:
            nor_erase(b, a);
            break;
        case 11:
            load(a, b);
            break;
        case 12: /* b times */
            while (b-- != 0)
                (void)REG(a);
            break;
        case 13:
            print("word", erase_and_read_in_ram(a, b));
            break;
        case 14: /* b bytes by DMA, at most 64 */
            nor_read_by_dma(a, (uint32_t)buffer, b);
            for (uint32_t i = 0; i < b; i++)
                print("byte", buffer[i]);
            break;
        }
    }
}

static void (*const tests[])(void) = {
    test_idle, test_flash, test_flash_errors, test_programs, test_nor, test_nor_reset, test_dma,
    test_systick_clocks, test_watchdog, test_lockup, test_reset, test_mixture,
    test_watchdog_in_a_stall, test_reset_deselects_nor, test_script,
};

void systick_handler(void)
{
    ticks++;
}

/* The store that faulted is a 16-bit or 32-bit instruction; both are stepped over. */
void fault_handler(uint32_t *frame)
{
    if (!bus_fault_expected) {
        print("unexpected_fault", frame[6]);
        for (;;)
            ;
    }
    bus_fault_seen = true;
    uint16_t first = *(uint16_t *)frame[6];
    frame[6] += (first >> 11) >= 0x1D ? 4 : 2;
}

__attribute__((naked)) static void fault(void)
{
    __asm volatile("mov r0, sp\n b fault_handler");
}

void start(void)
{
    set_up_memory();
    clocks();
    peripherals();
    tests[TEST[0]]();
    led(14, true);
    for (;;)
        __asm volatile("wfi");
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    (void *)0x20010000, start, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, 0, 0, fault, systick_handler,
};
