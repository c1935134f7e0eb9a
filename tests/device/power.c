/* SPDX-License-Identifier: MIT
 *
 * Says why it was started, then carries out a script, bare metal and at reset clocks: HSI of 16 MHz, SPI1 at 8 MHz. The
 * script is words in sector 5 of the flash; what it finds goes out on USART1, a line each. Written from RM0090 alone.
 */
#include <stdbool.h>
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define RCC 0x40023800
#define FLASH 0x40023C00
#define GPIO(port) (0x40020000 + 0x400 * (port))
#define USART1 0x40011000
#define SPI1 0x40013000
#define PWR_CSR 0x40007004
#define EXTI_PR 0x40013C14
#define CYCLES REG(0xE0001004)
#define CYCLES_PER_US 16

#define RMVF (1u << 24)
#define PORRSTF (1u << 27)
#define PVDO (1u << 2)

/* The first word is the number of that at which a start without PORRSTF begins. */
#define SCRIPT ((const volatile uint32_t *)0x08020000)

enum { END, WRITE, READ, DELAY, PROGRAM, ERASE, TRANSFER, POLL, CHECK, ERASE_FROM_RAM };

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[];

/// Results ///

static void put(char c)
{
    while (!(REG(USART1) & 1u << 7))
        ;
    REG(USART1 + 4) = (uint8_t)c;
}

static void put_hex(uint32_t value, unsigned digits)
{
    while (digits-- != 0)
        put("0123456789abcdef"[value >> 4 * digits & 15]);
}

static void line(uint32_t value)
{
    put_hex(value, 8);
    put('\n');
}

static void pin(unsigned number, bool level)
{
    REG(GPIO(4) + 0x18) = 1u << (level ? number : number + 16);
}

/// Steps ///

static void delay(uint32_t us)
{
    for (uint32_t from = CYCLES; CYCLES - from < us * CYCLES_PER_US;)
        ;
}

static void unlock(void)
{
    REG(FLASH + 4) = 0x45670123;
    REG(FLASH + 4) = 0xCDEF89AB;
}

static void program(uint32_t psize, uint32_t address, uint32_t value)
{
    unlock();
    REG(FLASH + 16) = psize << 8 | 1;
    if (psize == 0)
        *(volatile uint8_t *)address = (uint8_t)value;
    else if (psize == 1)
        *(volatile uint16_t *)address = (uint16_t)value;
    else
        REG(address) = value;
    REG(FLASH + 16) = 1u << 31;
}

static void erase(uint32_t psize, uint32_t sector)
{
    unlock();
    REG(FLASH + 16) = psize << 8 | sector << 3 | 2;
    REG(FLASH + 16) = psize << 8 | sector << 3 | 2 | 1u << 16;
    REG(FLASH + 16) = 1u << 31;
}

/* Starts an erase and stores a word elsewhere, which waits for its end. */
__attribute__((section(".ramcode"), noinline, long_call)) static void erase_from_ram(uint32_t sector, uint32_t address)
{
    REG(FLASH + 4) = 0x45670123;
    REG(FLASH + 4) = 0xCDEF89AB;
    REG(FLASH + 16) = 2u << 8 | sector << 3 | 3;
    REG(FLASH + 16) = 2u << 8 | sector << 3 | 3 | 1u << 16;
    REG(address) = 0;
}

static uint8_t exchange(uint8_t byte)
{
    *(volatile uint8_t *)(SPI1 + 12) = byte;
    while (!(REG(SPI1 + 8) & 1))
        ;
    return *(volatile uint8_t *)(SPI1 + 12);
}

/* Two counts, of bytes to send and to read, then the bytes. */
static const volatile uint32_t *transfer(const volatile uint32_t *step)
{
    uint32_t send = step[0], read = step[1];
    const volatile uint32_t *bytes = step + 2;
    uint8_t found[16];
    REG(GPIO(2) + 0x18) = 1u << 16;
    for (uint32_t i = 0; i < send; i++)
        exchange((uint8_t)bytes[i]);
    for (uint32_t i = 0; i < read; i++)
        found[i] = exchange(0);
    REG(GPIO(2) + 0x18) = 1;
    for (uint32_t i = 0; i < read; i++)
        put_hex(found[i], 2);
    if (read != 0)
        put('\n');
    return bytes + send;
}

/* Reads status register 1 until WIP is clear. */
static void poll(void)
{
    REG(GPIO(2) + 0x18) = 1u << 16;
    exchange(0x05);
    while (exchange(0) & 1)
        ;
    REG(GPIO(2) + 0x18) = 1;
}

/* How many of so many words are not the value. */
static void check(uint32_t address, uint32_t words, uint32_t value)
{
    uint32_t other = 0;
    for (uint32_t i = 0; i < words; i++)
        other += REG(address + 4 * i) != value;
    line(other);
}

static void run(const volatile uint32_t *step)
{
    for (;;) {
        switch (*step++) {
        case WRITE:
            REG(step[0]) = step[1];
            step += 2;
            break;
        case READ:
            line(REG(*step++));
            break;
        case DELAY:
            delay(*step++);
            break;
        case PROGRAM:
            program(step[0], step[1], step[2]);
            step += 3;
            break;
        case ERASE:
            erase(step[0], step[1]);
            step += 2;
            break;
        case TRANSFER:
            step = transfer(step);
            break;
        case POLL:
            poll();
            break;
        case ERASE_FROM_RAM:
            erase_from_ram(step[0], step[1]);
            step += 2;
            break;
        case CHECK:
            check(step[0], step[1], step[2]);
            step += 3;
            break;
        default:
            return;
        }
    }
}

/// Start ///

/* PE13 follows PVDO. */
static void pvd(void)
{
    REG(EXTI_PR) = 1u << 16;
    pin(13, REG(PWR_CSR) & PVDO);
}

static void peripherals(void)
{
    REG(RCC + 0x30) |= 1u << 1 | 1u << 2 | 1u << 4;  /* AHB1ENR: ports B, C, E */
    REG(RCC + 0x40) |= 1u << 28;                     /* APB1ENR: PWR */
    REG(RCC + 0x44) |= 1u << 14 | 1u << 12 | 1u << 4; /* APB2ENR: SYSCFG, SPI1, USART1 */
    (void)REG(RCC + 0x44);
    REG(GPIO(2) + 0x18) = 1;
    REG(GPIO(2)) = 1;                                /* PC0: chip select */
    REG(GPIO(1) + 0x20) = 7u << 24 | 0x00555000;     /* PB6: USART1_TX; PB5, PB4, PB3: SPI1 */
    REG(GPIO(1)) = (REG(GPIO(1)) & ~0x3FC0u) | 0x2A80;
    REG(GPIO(4)) = 1u << 28 | 1u << 26;              /* PE14: the script has ended; PE13 */
    REG(USART1 + 8) = 16;                            /* 1 Mbaud */
    REG(USART1 + 12) = 1u << 13 | 1u << 3;
    REG(SPI1) = 3u << 8 | 1u << 6 | 1u << 2 | 3;     /* master, /2, mode 3 */
    REG(0xE000EDFC) |= 1u << 24;                     /* TRCENA */
    REG(0xE0001000) |= 1;                            /* CYCCNT */
    REG(0xE000E100) = 1u << 1;                       /* NVIC: PVD */
}

void start(void)
{
    peripherals();
    for (uint32_t *from = data_load, *to = data_start; to < data_end;)
        *to++ = *from++;
    uint32_t why = REG(RCC + 0x74);
    REG(RCC + 0x74) = RMVF;
    line(why);
    run(SCRIPT + (why & PORRSTF ? 1 : SCRIPT[0]));
    pin(14, true);
    for (;;)
        __asm volatile("wfi");
}

static void fault(void)
{
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) static const void *const vectors[18] = {
    (void *)0x20001000, start, fault, fault, fault, fault, fault, [17] = pvd,
};
