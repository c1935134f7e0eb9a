/* SPDX-License-Identifier: MIT
 *
 * Carries out a script of SPI transfers, bare metal and at reset clocks: HSI of 16 MHz, SPI1 at 8 MHz, so a byte takes
 * 1 us. The script is words in sector 5 of the flash; what is read is kept and goes out on USART1 at its end, because a
 * line takes longer than what is tested. Written from RM0090 alone.
 */
#include <stdbool.h>
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define RCC 0x40023800
#define GPIO(port) (0x40020000 + 0x400 * (port))
#define USART1 0x40011000
#define SPI1 0x40013000
#define AIRCR 0xE000ED0C
#define CYCLES REG(0xE0001004)
#define CYCLES_PER_US 16

/* The first word is the number of that at which a start after a software reset begins. */
#define SCRIPT ((const volatile uint32_t *)0x08020000)

/* BEGIN, LAST and RELEASE are the parts of a transfer; LAST does not wait for its byte. */
enum { END, TRANSFER, WAIT, DELAY, RESET, BEGIN, LAST, RELEASE };

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[];
static char text[8192];
static uint32_t length;

/// Results ///

static void put(char c)
{
    if (length < sizeof(text))
        text[length++] = c;
}

static void put_hex(uint32_t value, unsigned digits)
{
    while (digits-- != 0)
        put("0123456789abcdef"[value >> 4 * digits & 15]);
}

static void send_text(void)
{
    for (uint32_t i = 0; i < length; i++) {
        while (!(REG(USART1) & 1u << 7))
            ;
        REG(USART1 + 4) = (uint8_t)text[i];
    }
    while (!(REG(USART1) & 1u << 6))
        ;
}

/// The chip ///

static uint8_t exchange(uint8_t byte)
{
    while (!(REG(SPI1 + 8) & 2))
        ;
    *(volatile uint8_t *)(SPI1 + 12) = byte;
    while (!(REG(SPI1 + 8) & 1))
        ;
    return *(volatile uint8_t *)(SPI1 + 12);
}

/* After a LAST its byte is still there. */
static void select(void)
{
    while (REG(SPI1 + 8) & 1u << 7)
        ;
    (void)REG(SPI1 + 12);
    REG(GPIO(2) + 0x18) = 1u << 16;
}

static void deselect(void)
{
    REG(GPIO(2) + 0x18) = 1;
}

static void drain(void)
{
    while (REG(SPI1 + 8) & 1u << 7)
        ;
}

static const volatile uint32_t *send(const volatile uint32_t *bytes, uint32_t count)
{
    select();
    for (; count != 0; count--)
        exchange((uint8_t)*bytes++);
    return bytes;
}

/* Two counts, then the bytes to send. */
static const volatile uint32_t *transfer(const volatile uint32_t *step)
{
    const volatile uint32_t *end = send(step + 2, step[0]);
    for (uint32_t i = 0; i < step[1]; i++)
        put_hex(exchange(0), 2);
    drain();
    deselect();
    if (step[1] != 0)
        put('\n');
    return end;
}

/* Polls WIP under one command; how long it took, in us. */
static void wait(void)
{
    uint32_t start = CYCLES;
    select();
    exchange(0x05);
    while (exchange(0) & 1)
        ;
    uint32_t us = (CYCLES - start) / CYCLES_PER_US;
    drain();
    deselect();
    put('=');
    put_hex(us, 8);
    put('\n');
}

static void delay(uint32_t us)
{
    uint32_t start = CYCLES;
    while (CYCLES - start < us * CYCLES_PER_US)
        ;
}

static void reset(void)
{
    REG(AIRCR) = 0x05FA0004;
    for (;;)
        ;
}

static void run(const volatile uint32_t *step)
{
    for (;;) {
        switch (*step++) {
        case END:
            return;
        case TRANSFER:
            step = transfer(step);
            break;
        case WAIT:
            wait();
            break;
        case DELAY:
            delay(*step++);
            break;
        case RESET:
            reset();
            break;
        case BEGIN:
            step = send(step + 1, *step);
            break;
        case LAST:
            *(volatile uint8_t *)(SPI1 + 12) = (uint8_t)*step++;
            break;
        case RELEASE:
            deselect();
            break;
        }
    }
}

/// Start ///

static void peripherals(void)
{
    REG(RCC + 0x30) |= 1u << 1 | 1u << 2 | 1u << 4;  /* AHB1ENR: ports B, C, E */
    REG(RCC + 0x44) |= 1u << 12 | 1u << 4;           /* APB2ENR: SPI1, USART1 */
    (void)REG(RCC + 0x44);
    REG(GPIO(2) + 0x18) = 1;
    REG(GPIO(2)) = 1;                                /* PC0: chip select */
    REG(GPIO(1) + 0x20) = 7u << 24 | 0x00555000;     /* PB6: USART1_TX; PB5, PB4, PB3: SPI1 */
    REG(GPIO(1)) = (REG(GPIO(1)) & ~0x3FC0u) | 0x2A80;
    REG(GPIO(4)) = 1u << 28;                         /* PE14: the script has ended */
    REG(USART1 + 8) = 16;                            /* 1 Mbaud */
    REG(USART1 + 12) = 1u << 13 | 1u << 3;
    REG(SPI1) = 3u << 8 | 1u << 6 | 1u << 2 | 3;     /* master, /2, mode 3 */
    REG(0xE000EDFC) |= 1u << 24;                     /* TRCENA */
    REG(0xE0001000) |= 1;                            /* CYCCNT */
}

void start(void)
{
    peripherals();
    for (uint32_t *from = data_load, *to = data_start; to < data_end;)
        *to++ = *from++;
    length = 0;
    bool again = REG(RCC + 0x74) & 1u << 28; /* SFTRSTF */
    run(SCRIPT + (again ? SCRIPT[0] : 1));
    send_text();
    REG(GPIO(4) + 0x18) = 1u << 14;
    for (;;)
        __asm volatile("wfi");
}

static void fault(void)
{
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    (void *)0x20010000, start, fault, fault, fault, fault, fault,
};
