/* SPDX-License-Identifier: MIT */
#include "drivers/spi_nor.h"

#include "drivers/clock.h"
#include "drivers/gpio.h"
#include "drivers/stm32f4.h"
#include "drivers/supply.h"

#include <stddef.h>
#include <string.h>

#define CHIP_SELECT GPIO_PIN('C', 0)
#define AF_SPI1 5u
#define SPI_HZ (CLOCK_APB2_HZ / 4)
#define WAKE_BYTES (3 * SPI_HZ / 8 / 1000000 + 1) /* tRES1, 3 us */

enum command {
    WRITE_ENABLE = 0x06,
    READ_STATUS = 0x05,
    PAGE_PROGRAM = 0x02,
    FAST_READ = 0x0B,
    SECTOR_ERASE = 0x20,
    RELEASE_POWER_DOWN = 0xAB,
    JEDEC_ID = 0x9F,
};

enum { STATUS_WIP = 1 };

#define JEDEC_S25FL064K 0x1740EFu /* EF 40 17, also W25Q64 */
#define SIZE 0x800000u            /* bytes */

/* The longest times of the data sheets (W25Q64JV Rev J 9.6: program 3 ms, 4 KB erase 400 ms), four times: a part that has become
 * slower than it may be still takes updates. And an erase of 64 KB that somebody else may have left running, which every start
 * without a chip waits for. */
#define PROGRAM_MAX_MS 12u
#define ERASE_MAX_MS 1600u
#define LEFT_RUNNING_MAX_MS 2000u

/// The bus ///

static void end_of_fetch(void);

/* Every command begins with this. */
static void select_chip(void)
{
    end_of_fetch();
    gpio_write(CHIP_SELECT, false);
}

static void release_chip(void)
{
    while (SPI1->SR & SPI_SR_BSY) {
    }
    gpio_write(CHIP_SELECT, true);
}

static uint8_t exchange(uint8_t out)
{
    SPI1->DR = out;
    while (!(SPI1->SR & SPI_SR_RXNE)) {
    }
    return (uint8_t)SPI1->DR;
}

/* Starts one direction of a transfer; a NULL buffer sends zeros or drops what comes. */
static void start_stream(unsigned stream, const void *buffer, uint32_t length, uint32_t direction)
{
    static uint8_t nothing;
    volatile struct dma_stream *const s = &DMA2->stream[stream];

    nothing = 0;
    s->CR = 0;
    s->PAR = (uint32_t)&SPI1->DR;
    s->M0AR = buffer ? (uint32_t)buffer : (uint32_t)&nothing;
    s->NDTR = length;
    s->CR = DMA_CR_CHANNEL_3 | direction | (buffer ? DMA_CR_MINC : 0) | DMA_CR_EN;
}

/* At most 65535 bytes; RX on stream 0, TX on stream 3 (RM0090 table 43). Buffers belong to the DMA until
 * end_transfer(). */
static void begin_transfer(const uint8_t *out, uint8_t *in, uint32_t length)
{
    DMA2->LIFCR = DMA_L_ALL_0 | DMA_L_ALL_3;
    start_stream(0, in, length, 0);
    start_stream(3, out, length, DMA_CR_DIR_TO_PERIPHERAL);
    SPI1->CR2 = SPI_CR2_RXDMAEN;
    SPI1->CR2 = SPI_CR2_RXDMAEN | SPI_CR2_TXDMAEN;
}

static enum mh_error end_transfer(void)
{
    while (!(DMA2->LISR & (DMA_L_TCIF_0 | DMA_L_TEIF_0 | DMA_L_TEIF_3))) {
    }
    SPI1->CR2 = 0;
    __asm__ volatile("" ::: "memory");
    return DMA2->LISR & (DMA_L_TEIF_0 | DMA_L_TEIF_3) ? MH_ERR_FLASH : MH_OK;
}

static enum mh_error transfer(const uint8_t *out, uint8_t *in, uint32_t length)
{
    begin_transfer(out, in, length);
    return end_transfer();
}

/// The chip ///

static void send_command(enum command command, uint32_t address)
{
    exchange((uint8_t)command);
    exchange((uint8_t)(address >> 16));
    exchange((uint8_t)(address >> 8));
    exchange((uint8_t)address);
}

static void simple_command(enum command command)
{
    select_chip();
    exchange((uint8_t)command);
    release_chip();
}

static void begin_read(uint32_t address)
{
    select_chip();
    send_command(FAST_READ, address);
    exchange(0);
}

/* Waits until the chip is ready: the status is read again and again under one command. The bus is the clock: a status
 * byte takes eight of its cycles, so this many take no less than the limit. */
static enum mh_error wait_ready(uint32_t limit_ms)
{
    uint32_t left = limit_ms * (SPI_HZ / 8 / 1000);

    select_chip();
    exchange(READ_STATUS);
    while (exchange(0) & STATUS_WIP && left > 0) {
        left--;
    }
    release_chip();
    return left > 0 ? MH_OK : MH_ERR_FLASH;
}

/// Reading ahead ///

/* Long reads come one behind the other, because a package is verified and installed from its beginning to its end. So
 * what follows a long read is fetched while the core hashes, decodes and programs what it has. Short ones (the journal,
 * what was just written) always ask the chip. */
#define LONG_READ 1024u
#define FETCHED_MAX 4096u

static struct {
    enum { NOTHING, UNDER_WAY, THERE } state;
    uint32_t address;
    uint8_t bytes[FETCHED_MAX];
} fetched;

static void fetch(uint32_t address)
{
    if (address > SIZE - FETCHED_MAX) {
        return;
    }
    begin_read(address);
    begin_transfer(NULL, fetched.bytes, FETCHED_MAX);
    fetched.address = address;
    fetched.state = UNDER_WAY;
}

static void end_of_fetch(void)
{
    if (fetched.state == UNDER_WAY) {
        fetched.state = end_transfer() == MH_OK ? THERE : NOTHING;
        release_chip();
    }
}

static bool take_fetched(uint32_t address, uint8_t *buffer, uint32_t length)
{
    end_of_fetch();
    if (fetched.state != THERE || address != fetched.address || length > FETCHED_MAX) {
        return false;
    }
    memcpy(buffer, fetched.bytes, length);
    return true;
}

/// The driver interface ///

static enum mh_error read_chip(uint32_t address, uint8_t *buffer, uint32_t length)
{
    begin_read(address);
    const enum mh_error error = transfer(NULL, buffer, length);
    release_chip();
    return error;
}

static enum mh_error read(void *context, uint32_t address, uint8_t *buffer, uint32_t length)
{
    (void)context;
    if (length < LONG_READ) {
        return read_chip(address, buffer, length);
    }
    const enum mh_error error = take_fetched(address, buffer, length) ? MH_OK : read_chip(address, buffer, length);
    if (error == MH_OK) {
        fetch(address + length);
    }
    return error;
}

/* Before each program and erase. What was fetched is not what the chip will hold. */
static enum mh_error enable_writes(void)
{
    const enum mh_error error = supply_wait();

    if (error == MH_OK) {
        simple_command(WRITE_ENABLE);
        fetched.state = NOTHING;
    }
    return error;
}

static enum mh_error program(void *context, uint32_t address, const uint8_t *data, uint32_t length)
{
    (void)context;
    const enum mh_error low = enable_writes();
    if (low) {
        return low;
    }
    select_chip();
    send_command(PAGE_PROGRAM, address);
    const enum mh_error error = transfer(data, NULL, length);
    release_chip();
    const enum mh_error ready = wait_ready(PROGRAM_MAX_MS);
    return error ? error : ready;
}

static enum mh_error erase(void *context, uint32_t address)
{
    (void)context;
    const enum mh_error low = enable_writes();
    if (low) {
        return low;
    }
    select_chip();
    send_command(SECTOR_ERASE, address);
    release_chip();
    return wait_ready(ERASE_MAX_MS);
}

static uint32_t read_identity(void)
{
    uint32_t identity = 0;

    select_chip();
    exchange(JEDEC_ID);
    for (unsigned i = 0; i < 3; i++) {
        identity |= (uint32_t)exchange(0) << 8 * i;
    }
    release_chip();
    return identity;
}

enum mh_error spi_nor_initialize(void)
{
    gpio_output(CHIP_SELECT, true);
    gpio_alternate(GPIO_PIN('B', 3), AF_SPI1);
    gpio_alternate(GPIO_PIN('B', 4), AF_SPI1);
    gpio_alternate(GPIO_PIN('B', 5), AF_SPI1);
    RCC->AHB1ENR |= RCC_AHB1_DMA2;
    RCC->APB2ENR |= RCC_APB2_SPI1;
    (void)RCC->APB2ENR;
    SPI1->CR1 = SPI_CR1_SSM | SPI_CR1_SSI | SPI_CR1_MSTR | SPI_CR1_BR_DIV4 | SPI_CR1_CPOL | SPI_CR1_CPHA;
    SPI1->CR1 |= SPI_CR1_SPE;
    simple_command(RELEASE_POWER_DOWN);
    for (unsigned i = 0; i < WAKE_BYTES; i++) {
        exchange(0); /* nobody listens: time passes */
    }
    const enum mh_error error = wait_ready(LEFT_RUNNING_MAX_MS);
    if (error) {
        return error;
    }
    return read_identity() == JEDEC_S25FL064K ? MH_OK : MH_ERR_FLASH;
}

struct mh_nor spi_nor(void)
{
    return (struct mh_nor){read, program, erase, NULL};
}
