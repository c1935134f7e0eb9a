/* SPDX-License-Identifier: MIT
 *
 * The half of OpenOCD that runs on the developer's computer, played by the MCU itself: unlocks and erases, starts
 * the unmodified loader in RAM, feeds its FIFO from an interrupt while it programs, and starts the unmodified
 * checksum. Both end in a breakpoint, which is a fault when no debugger listens; the handler goes on from there. Bare
 * metal at reset's 16 MHz. What to do is in sector 5 of the flash; results are lines "name value" on USART1.
 */
#include "../device/bare.h"

#include <stddef.h>

#define GPIOE 0x40021000
#define FLASH 0x40023C00
#define FLASH_SR REG(FLASH + 0x0C)
#define FLASH_CR REG(FLASH + 0x10)
#define BUSY (1u << 16)
#define SYSTICK 0xE000E010
#define IN_RAM __attribute__((section(".ramcode"), noinline))
#define DATA_MAX 0x8000

typedef struct Job {
    uint32_t address, size, sector;
    uint32_t feed;   /* at most so many bytes at a time */
    uint32_t period; /* of the feeding, in cycles */
    uint8_t data[];
} Job;

/* What OpenOCD calls the working area: words that say where it writes and where the loader reads, then the ring. */
typedef struct Fifo {
    uint8_t *volatile write;
    uint8_t *volatile read;
    uint8_t ring[256];
} Fifo;

static uint8_t loader[] __attribute__((aligned(4))) = {
#include "contrib/loaders/flash/stm32/stm32f2x.inc"
};
static uint8_t checksum[] __attribute__((aligned(4))) = {
#include "contrib/loaders/checksum/armv7m_crc.inc"
};

static Fifo fifo;
static uint8_t data[DATA_MAX]; /* a computer's memory: reading it waits for no flash */
static const uint8_t *next, *end;
static uint32_t feed, feedings;

/// What the debugger does while the loader runs ///

/* As much as fits before what was not read yet, and before the end of the ring. */
IN_RAM static void feed_fifo(void)
{
    uint8_t *write = fifo.write, *read = fifo.read, *stop = fifo.ring + sizeof(fifo.ring);
    uint32_t room;
    if (read == NULL || next == end)
        return;
    if (read > write)
        room = read - write - 2;
    else
        room = stop - write - (read == fifo.ring ? 2 : 0);
    room = room < feed ? room : feed;
    room = room < (uint32_t)(end - next) ? room : (uint32_t)(end - next);
    for (uint32_t i = 0; i < room; i++)
        write[i] = *next++;
    fifo.write = write + room == stop ? fifo.ring : write + room;
    feedings++;
}

/* From the loader's breakpoint back to who started it; any other fault is the end. */
__attribute__((naked, section(".ramcode"))) static void breakpoint(void)
{
    __asm volatile("ldr r0, [sp, #24]\n ldrh r0, [r0]\n cmp r0, #0xBE00\n bne .\n"
                   "ldr r0, [sp, #20]\n str r0, [sp, #24]\n bx lr");
}

static const void *vectors_in_ram[16] __attribute__((aligned(128)));

/* r0 as it was at the breakpoint. */
static uint32_t run(const uint8_t *code, void *a, void *b, uint32_t c, uint32_t d, uint32_t e)
{
    register uint32_t r0 __asm("r0") = (uint32_t)a;
    register uint32_t r1 __asm("r1") = (uint32_t)b;
    register uint32_t r2 __asm("r2") = c;
    register uint32_t r3 __asm("r3") = d;
    register uint32_t r4 __asm("r4") = e;
    register uint32_t r12 __asm("r12") = (uint32_t)code | 1;
    __asm volatile("push {r7}\n blx %5\n pop {r7}"
                   : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r12)
                   :
                   : "r5", "r6", "r8", "lr", "cc", "memory");
    return r0;
}

/// What it does before and after ///

static void unlock(void)
{
    REG(FLASH + 4) = 0x45670123;
    REG(FLASH + 4) = 0xCDEF89AB;
}

static void erase(uint32_t sector)
{
    FLASH_CR = 1u << 1 | sector << 3 | 1u << 8;
    FLASH_CR |= 1u << 16;
    while (FLASH_SR & BUSY)
        ;
}

static void program(const Job *job)
{
    for (uint32_t i = 0; i < job->size; i++)
        data[i] = job->data[i];
    next = data;
    end = data + job->size;
    feed = job->feed;
    fifo.write = fifo.read = fifo.ring;
    REG(SYSTICK + 4) = job->period - 1;
    REG(SYSTICK + 8) = 0;
    REG(SYSTICK) = 7;
    uint32_t status = run(loader, &fifo, fifo.ring + sizeof(fifo.ring), job->address, job->size / 2, FLASH);
    REG(SYSTICK) = 0;
    print("status", status);
    print("gave_up", fifo.read == NULL);
    print("feedings", feedings);
}

void start(void)
{
    set_up_memory();
    for (uint32_t i = 0; i < 16; i++)
        vectors_in_ram[i] = i == 15 ? feed_fifo : breakpoint;
    REG(0xE000ED08) = (uint32_t)vectors_in_ram;
    REG(RCC + 0x30) |= 1u << 4;
    REG(RCC + 0x44) |= 1u << 4;
    REG(GPIOE) = 1u << 28;
    REG(USART1 + 8) = 16000000 / 115200;
    REG(USART1 + 12) = 1u << 13 | 1u << 3;
    feedings = 0;
    const Job *job = (const Job *)0x08020000;
    unlock();
    if (job->sector != 0)
        erase(job->sector);
    program(job);
    FLASH_CR = 1u << 31;
    print("checksum", run(checksum, (void *)job->address, (void *)job->size, 0, 0, 0));
    REG(GPIOE + 0x18) = 1u << 14;
    for (;;)
        __asm volatile("wfi");
}

static void fault(void)
{
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    (void *)0x20018000, start, [2 ... 15] = fault,
};
