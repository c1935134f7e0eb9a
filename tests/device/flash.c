/* SPDX-License-Identifier: MIT
 *
 * Exercises the flash interface, bare metal, as test_flash.py says: it carries out the triples of words that stand in
 * sector 5 of the flash behind a word that chooses where the code runs, 0 in the flash, 1 in RAM. Results are
 * hexadecimal words on USART1, printed at the end. Core and buses run at 16 MHz from reset.
 */
#include <stdbool.h>
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define RCC_CSR REG(0x40023874)
#define RCC_APB2ENR REG(0x40023844)
#define USART1 0x40011000
#define CYCLES REG(0xE0001004)
#define SCRIPT ((const volatile uint32_t *)0x08020000)
#define IN_RAM __attribute__((section(".ramcode"), noinline))

enum { STEPS = 3 * 200, RESULTS = 200 };
enum {
    END,
    WRITE32,
    WRITE16,
    WRITE8,
    WRITE64, /* b, then its complement */
    READ32,
    READ16,
    READ8,
    START,  /* of a measurement, in cycles */
    CYCLES_SINCE,
    WHILE,  /* the word at a has a bit of b */
    DELAY,  /* a cycles */
    FAULTS, /* bus faults so far; they are stepped over */
    INTERRUPTS,
    SKIP_AFTER_RESET, /* a steps, when there was a reset by software or watchdog since power-on */
    STATUS_IN_INTERRUPT,
    CALL, /* the function at a */
};

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[];
static volatile uint32_t faults, interrupts, status_in_interrupt;
static uint32_t script[STEPS], results[RESULTS], count;

static inline __attribute__((always_inline)) void carry_out(void)
{
    uint32_t start = 0;
    for (const uint32_t *step = script; *step != END; step += 3) {
        uint32_t a = step[1], b = step[2];
        switch (*step) {
        case WRITE32:
            REG(a) = b;
            break;
        case WRITE16:
            *(volatile uint16_t *)a = b;
            break;
        case WRITE8:
            *(volatile uint8_t *)a = b;
            break;
        case WRITE64:
            __asm volatile("strd %0, %1, [%2]" : : "r"(b), "r"(~b), "r"(a) : "memory");
            break;
        case READ32:
            results[count++] = REG(a);
            break;
        case READ16:
            results[count++] = *(volatile uint16_t *)a;
            break;
        case READ8:
            results[count++] = *(volatile uint8_t *)a;
            break;
        case START:
            start = CYCLES;
            break;
        case CYCLES_SINCE:
            results[count++] = CYCLES - start;
            break;
        case WHILE:
            while (REG(a) & b)
                ;
            break;
        case DELAY:
            for (uint32_t since = CYCLES; CYCLES - since < a;)
                ;
            break;
        case FAULTS:
            results[count++] = faults;
            break;
        case INTERRUPTS:
            results[count++] = interrupts;
            break;
        case SKIP_AFTER_RESET:
            if (RCC_CSR >> 28 & 3)
                step += 3 * a;
            break;
        case STATUS_IN_INTERRUPT:
            results[count++] = status_in_interrupt;
            break;
        case CALL:
            results[count++] = ((uint32_t (*)(void))(a | 1))();
            break;
        }
        __asm volatile("dsb");
    }
}

__attribute__((noinline)) static void run_in_flash(void)
{
    carry_out();
}

IN_RAM static void run_in_ram(void)
{
    carry_out();
}

IN_RAM static void put(char c)
{
    while (!(REG(USART1) & 1u << 7))
        ;
    REG(USART1 + 4) = (uint8_t)c;
}

IN_RAM static void print(uint32_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        uint32_t digit = value >> shift & 15;
        put(digit < 10 ? '0' + digit : 'a' + digit - 10);
    }
    put('\n');
}

IN_RAM static void run(bool in_ram)
{
    if (in_ram)
        run_in_ram();
    else
        run_in_flash();
    for (uint32_t i = 0; i < count; i++)
        print(results[i]);
    put('.');
    for (;;)
        __asm volatile("wfi");
}

/* The access that faulted is a 16-bit or 32-bit instruction; both are stepped over. */
IN_RAM __attribute__((used)) static void step_over(uint32_t *frame)
{
    faults++;
    uint16_t first = *(uint16_t *)frame[6];
    frame[6] += (first >> 11) >= 0x1D ? 4 : 2;
}

__attribute__((section(".ramcode"), naked)) static void fault(void)
{
    __asm volatile("mov r0, sp\n b step_over");
}

/* Clears what asked for it. */
IN_RAM static void flash_interrupt(void)
{
    interrupts++;
    status_in_interrupt = REG(0x40023C0C);
    REG(0x40023C0C) = 0xF3;
    __asm volatile("dsb");
}

/* Also while the flash is busy. */
__attribute__((aligned(512), section(".data"))) static const void *ram_vectors[16 + 8] = {
    [3] = fault, [4] = fault, [5] = fault, [6] = fault, [16 + 4] = flash_interrupt,
};

static void start(void)
{
    uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    REG(0xE000ED08) = (uint32_t)ram_vectors;
    REG(0xE000ED24) |= 1u << 17; /* bus faults */
    REG(0xE000E100) = 1u << 4;   /* the flash's interrupt */
    REG(0xE000EDFC) |= 1u << 24;
    REG(0xE0001000) |= 1;
    RCC_APB2ENR |= 1u << 4;
    REG(USART1 + 8) = 16000000 / 115200;
    REG(USART1 + 12) = 1u << 13 | 1u << 3;
    for (uint32_t i = 0; i < STEPS; i++)
        script[i] = SCRIPT[1 + i];
    run(SCRIPT[0]);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    (void *)0x20010000, start, 0, fault, fault, fault, fault,
};
