/* SPDX-License-Identifier: MIT
 *
 * Exercises what start-up code and common drivers touch, bare metal, on the machine stm32f407-nor with an 8 MHz
 * crystal. Which test runs is a word in sector 5 of the flash, whose other words are its arguments; results are lines
 * "name value" on USART1. Times are in HCLK cycles of 168 MHz.
 */
#include "bare.h"

#define DONE_PIN 1u << 14 /* PE14 */

/// Interrupts ///

enum { INTERRUPTS = 82 };

static void (*volatile handlers[INTERRUPTS])(void);
static volatile uint32_t counts[INTERRUPTS], first_at[INTERRUPTS];

static void any_interrupt(void)
{
    uint32_t number, now = CYCLES;
    __asm volatile("mrs %0, ipsr" : "=r"(number));
    number -= 16;
    if (counts[number]++ == 0)
        first_at[number] = now;
    if (handlers[number])
        handlers[number]();
    __asm volatile("dsb");
}

static void listen(unsigned number, void (*handler)(void))
{
    handlers[number] = handler;
    counts[number] = first_at[number] = 0;
    REG(0xE000E280 + number / 32 * 4) = 1u << number % 32;
    REG(0xE000E100 + number / 32 * 4) = 1u << number % 32;
}

static void ignore(unsigned number)
{
    REG(0xE000E180 + number / 32 * 4) = 1u << number % 32;
    __asm volatile("dsb\n isb");
}

static void wait_for(unsigned number, uint32_t count)
{
    for (;;) {
        __asm volatile("cpsid i");
        if (counts[number] >= count)
            break;
        WFI();
        __asm volatile("cpsie i\n isb");
    }
    __asm volatile("cpsie i");
}

/// Start ///

static void clocks(void)
{
    REG(RCC) |= 1u << 16;
    while (!(REG(RCC) & 1u << 17))
        ;
    REG(RCC + 4) = 8 | 336 << 6 | 0 << 16 | 1u << 22 | 7u << 24;
    REG(RCC) |= 1u << 24;
    while (!(REG(RCC) & 1u << 25))
        ;
    REG(RCC + 8) = 5u << 10 | 4u << 13 | 2; /* APB1 /4, APB2 /2, PLL */
    while ((REG(RCC + 8) >> 2 & 3) != 2)
        ;
    REG(RCC + 0x30) = 0x006011FF; /* GPIO, CRC, DMA */
    REG(RCC + 0x34) = 1u << 6;    /* RNG */
    REG(RCC + 0x40) = 0x107EC83F; /* TIM2 to 7, WWDG, SPI2, SPI3, USARTs, PWR */
    REG(RCC + 0x44) = 0x00005030; /* USART1, USART6, SPI1, SYSCFG */
}

static void peripherals(void)
{
    REG(GPIO(4)) = 1u << 28;
    REG(USART1 + 8) = 84000000 / 115200;
    REG(USART1 + 12) = 1u << 13 | 1u << 3;
    set_up_cycles();
}

static void pin_mode(unsigned pin, unsigned mode, unsigned alternate)
{
    uint32_t port = GPIO(pin / 16);
    pin %= 16;
    REG(port + 0x20 + pin / 8 * 4) &= ~(15u << 4 * (pin % 8));
    REG(port + 0x20 + pin / 8 * 4) |= alternate << 4 * (pin % 8);
    REG(port) = (REG(port) & ~(3u << 2 * pin)) | mode << 2 * pin;
}

static void set_pin(unsigned pin, bool high)
{
    REG(GPIO(pin / 16) + 0x18) = 1u << (pin % 16 + (high ? 0 : 16));
}

/// DMA ///

typedef struct Channel {
    uint32_t stream; /* address of its registers */
    uint32_t controller;
    unsigned number, channel;
} Channel;

static Channel channel(uint32_t controller, unsigned number, unsigned channel)
{
    return (Channel){controller + 0x10 + 0x18 * number, controller, number, channel};
}

static uint32_t dma_flags(Channel c)
{
    static const uint8_t shifts[4] = {0, 6, 16, 22};
    return REG(c.controller + c.number / 4 * 4) >> shifts[c.number % 4] & 0x3D;
}

static void dma_start(Channel c, uint32_t peripheral, void *memory, uint32_t count, uint32_t cr)
{
    REG(c.controller + 8 + c.number / 4 * 4) = 0xFFFFFFFF;
    REG(c.stream + 4) = count;
    REG(c.stream + 8) = peripheral;
    REG(c.stream + 12) = (uint32_t)memory;
    REG(c.stream) = c.channel << 25 | cr | 1u << 10 | 1;
}

#define FROM_MEMORY (1u << 6)
#define CIRCULAR (1u << 8)
#define HALF_WORDS (1u << 13 | 1u << 11)
#define TCIF (1u << 5)
#define HTIF (1u << 4)

/// SPI ///

static uint32_t spi;
static volatile uint8_t answers[4];
static volatile uint32_t taken;

static void take_spi(void)
{
    answers[taken++] = REG8(spi + 12);
    if (taken < 4)
        REG8(spi + 12) = 0;
}

static uint32_t id_polled(void)
{
    uint32_t id = 0;
    for (int i = 0; i < 4; i++) {
        while (!(REG(spi + 8) & 2))
            ;
        REG8(spi + 12) = i == 0 ? 0x9F : 0;
        while (!(REG(spi + 8) & 1))
            ;
        id = id << 8 | REG8(spi + 12);
    }
    return id & 0xFFFFFF;
}

static uint32_t id_wide(void)
{
    uint32_t id = 0;
    for (int i = 0; i < 2; i++) {
        while (!(REG(spi + 8) & 2))
            ;
        REG16(spi + 12) = i == 0 ? 0x9F00 : 0;
        while (!(REG(spi + 8) & 1))
            ;
        id = id << 16 | REG16(spi + 12);
    }
    return id & 0xFFFFFF;
}

static uint32_t id_by_interrupt(unsigned irq)
{
    listen(irq, take_spi);
    taken = 0;
    REG(spi + 4) = 1u << 6;
    REG8(spi + 12) = 0x9F;
    wait_for(irq, 4);
    REG(spi + 4) = 0;
    ignore(irq);
    return answers[1] << 16 | answers[2] << 8 | answers[3];
}

static uint32_t id_by_dma(Channel rx, Channel tx)
{
    static uint8_t out[4] = {0x9F}, in[4];
    dma_start(rx, spi + 12, in, 4, 0);
    dma_start(tx, spi + 12, out, 4, FROM_MEMORY);
    REG(spi + 4) = 3;
    while (!(dma_flags(rx) & TCIF))
        ;
    REG(spi + 4) = 0;
    return in[1] << 16 | in[2] << 8 | in[3];
}

static uint32_t id_by_wide_dma(Channel rx, Channel tx)
{
    static uint16_t out[2] = {0x9F00}, in[2];
    dma_start(rx, spi + 12, in, 2, HALF_WORDS);
    dma_start(tx, spi + 12, out, 2, FROM_MEMORY | HALF_WORDS);
    REG(spi + 4) = 3;
    while (!(dma_flags(rx) & TCIF))
        ;
    REG(spi + 4) = 0;
    return (in[0] & 0xFF) << 16 | in[1];
}

/* As common drivers do it: whatever can be written is, then whatever can be read. */
static uint32_t id_pipelined(void)
{
    uint32_t id = 0, sent = 0;
    for (int i = 0; i < 4;) {
        if (sent < 4 && REG(spi + 8) & 2)
            REG8(spi + 12) = sent++ == 0 ? 0x9F : 0;
        if (REG(spi + 8) & 1) {
            id = id << 8 | REG8(spi + 12);
            i++;
        }
    }
    return id & 0xFFFFFF;
}

static void identify(const char *name, const char *cycles, unsigned way, unsigned irq, Channel rx, Channel tx)
{
    unsigned select = TEST[6];
    bool wide = way == 1 || way == 4;
    REG(spi) = 0;
    REG(spi) = (wide ? 1u << 11 : 0) | 3u << 8 | 1u << 6 | 1u << 3 | 1u << 2; /* master, /4, mode 0 */
    set_pin(select, false);
    uint32_t start = CYCLES;
    uint32_t id = way == 0 ? id_polled() : way == 1 ? id_wide() : way == 2 ? id_by_interrupt(irq) :
                  way == 3 ? id_by_dma(rx, tx) : way == 4 ? id_by_wide_dma(rx, tx) : id_pipelined();
    while (REG(spi + 8) & 1u << 7)
        ;
    uint32_t end = CYCLES;
    set_pin(select, true);
    print(name, id);
    print(cycles, end - start);
}

/* SPI's number, SCK, MISO, MOSI, alternate function, chip select, DMA controller, streams and channel of RX and TX */
static void test_spi(void)
{
    static const uint32_t bases[] = {0x40013000, 0x40003800, 0x40003C00};
    static const uint8_t irqs[] = {35, 36, 51};
    spi = bases[TEST[1] - 1];
    for (unsigned i = 2; i <= 4; i++)
        pin_mode(TEST[i], 2, TEST[5]);
    set_pin(TEST[6], true);
    pin_mode(TEST[6], 1, 0);
    Channel rx = channel(TEST[7], TEST[8], TEST[10]), tx = channel(TEST[7], TEST[9], TEST[10]);
    unsigned irq = irqs[TEST[1] - 1];
    identify("id", "id_cycles", 0, irq, rx, tx);
    identify("wide", "wide_cycles", 1, irq, rx, tx);
    identify("interrupt", "interrupt_cycles", 2, irq, rx, tx);
    identify("dma", "dma_cycles", 3, irq, rx, tx);
    identify("wide_dma", "wide_dma_cycles", 4, irq, rx, tx);
    identify("pipelined", "pipelined_cycles", 5, irq, rx, tx);
    pin_mode(TEST[3], 0, 0);
    identify("unwired", "unwired_cycles", 0, irq, rx, tx);
}

static volatile uint32_t frames_sent;

static void feed_spi(void)
{
    REG8(spi + 12) = 0x90 + frames_sent++;
    if (frames_sent == 4)
        REG(spi + 4) = 0;
}

static void overrun_spi(void)
{
    (void)REG8(spi + 12);
    (void)REG(spi + 8);
}

/* TXE asks for frame after frame, as fast as they go; nobody reads, so that the second one is an overrun. */
static void test_spi_interrupts(void)
{
    spi = 0x40013000;
    REG(spi) = 3u << 8 | 1u << 6 | 7u << 3 | 1u << 2; /* master, /256: 24.4 us a frame */
    listen(35, feed_spi);
    uint32_t start = CYCLES;
    REG(spi + 4) = 1u << 7;
    wait_for(35, 4);
    uint32_t fourth = CYCLES - start;
    ignore(35);
    while (REG(spi + 8) & 1u << 7)
        ;
    print("fourth_cycles", fourth);
    print("status", REG(spi + 8));
    overrun_spi();
    print("cleared", REG(spi + 8));
    listen(35, overrun_spi);
    start = CYCLES;
    REG(spi + 4) = 1u << 5;
    REG8(spi + 12) = 1;
    while (!(REG(spi + 8) & 2))
        ;
    REG8(spi + 12) = 2;
    wait_for(35, 1);
    print("error_cycles", first_at[35] - start);
    print("errors", counts[35]);
}

/// USART ///

static uint32_t usart;
static uint8_t heard[32];
static volatile uint32_t hearings;

static void hear(void)
{
    uint32_t sr = REG(usart);
    if (sr & 1u << 5)
        heard[hearings++] = REG(usart + 4);
    if (sr & 1u << 4) {
        (void)REG(usart + 4);
        REG(usart + 12) &= ~(1u << 4);
    }
}

static void say(uint8_t byte)
{
    while (!(REG(usart) & 1u << 7))
        ;
    REG(usart + 4) = byte;
}

static void usart_polled(void)
{
    uint32_t start = CYCLES, sum = 0;
    for (uint8_t i = 0; i < 3; i++) {
        say(0xA0 + i);
        while (!(REG(usart) & 1u << 5))
            ;
        sum = sum << 8 | (uint8_t)REG(usart + 4);
    }
    while (!(REG(usart) & 1u << 4))
        ;
    uint32_t idle = CYCLES - start;
    print("polled", sum);
    print("idle_cycles", idle);
    (void)REG(usart + 4);
    print("idle_cleared", REG(usart) >> 4 & 1);
}

static void usart_interrupts(unsigned irq)
{
    listen(irq, hear);
    hearings = 0;
    REG(usart + 12) |= 1u << 5 | 1u << 4;
    uint32_t start = CYCLES;
    for (uint8_t i = 0; i < 3; i++) {
        say(0xB0 + i);
        wait_for(irq, i + 1);
    }
    wait_for(irq, 4);
    print("idle_interrupt_cycles", CYCLES - start);
    print("first_interrupt_cycles", first_at[irq] - start);
    print("interrupts", heard[0] << 16 | heard[1] << 8 | heard[2]);
    REG(usart + 12) &= ~(1u << 5);
    ignore(irq);
}

static void usart_overrun(void)
{
    for (uint8_t i = 0; i < 3; i++)
        say(0xC0 + i);
    while (!(REG(usart) & 1u << 6))
        ;
    uint32_t sr = REG(usart);
    print("overrun", sr >> 3 & 1);
    print("kept", REG(usart + 4));
    print("after_overrun", REG(usart) & 0x2F);
}

static void usart_dma(Channel rx, Channel tx)
{
    static uint8_t out[16];
    for (uint8_t i = 0; i < 16; i++)
        out[i] = 3 * i + 1, heard[i] = 0;
    (void)REG(usart); /* an idle line from before */
    (void)REG(usart + 4);
    REG(usart + 20) |= 3u << 6;
    dma_start(rx, usart + 4, heard, 12, CIRCULAR);
    uint32_t start = CYCLES;
    dma_start(tx, usart + 4, out, 16, FROM_MEMORY);
    while (!(dma_flags(tx) & TCIF))
        ;
    uint32_t sent = CYCLES - start;
    while (!(REG(usart) & 1u << 4))
        ;
    uint32_t idle = CYCLES - start;
    print("dma_cycles", sent);
    print("dma_idle_cycles", idle);
    print("rx_flags", dma_flags(rx));
    print("rx_left", REG(rx.stream + 4));
    print("tx_enabled", REG(tx.stream) & 1);
    uint32_t good = 0;
    for (unsigned i = 0; i < 12; i++)
        good += heard[i] == out[i < 4 ? i + 12 : i];
    print("dma_good", good);
    REG(rx.stream) = 0;
    REG(usart + 20) &= ~(3u << 6);
}

/* USART2, one wire, DMA1 stream 5: ten bytes go to two buffers of four; the third one takes the first one's place. */
static void test_double_buffer(void)
{
    static uint8_t buffers[3][4];
    Channel rx = channel(0x40026000, 5, 4);
    usart = 0x40004400;
    REG(usart + 8) = 42;
    REG(usart + 20) = 1u << 3 | 1u << 6;
    REG(usart + 12) = 1u << 13 | 1u << 3 | 1u << 2;
    REG(rx.stream + 16) = (uint32_t)buffers[1];
    dma_start(rx, usart + 4, buffers[0], 4, 1u << 18);
    for (uint8_t i = 1; i <= 4; i++)
        say(i);
    while (!(dma_flags(rx) & TCIF))
        ;
    print("second", REG(rx.stream) >> 19 & 1);
    REG(rx.stream + 12) = (uint32_t)buffers[2];
    REG(rx.stream + 16) = 0x20000000; /* in use: refused */
    for (uint8_t i = 5; i <= 10; i++)
        say(i);
    while (!(REG(usart) & 1u << 4))
        ;
    print("first_again", !(REG(rx.stream) >> 19 & 1));
    print("left", REG(rx.stream + 4));
    print("enabled", REG(rx.stream) & 1);
    for (unsigned i = 0; i < 3; i++)
        print("buffer", buffers[i][0] << 24 | buffers[i][1] << 16 | buffers[i][2] << 8 | buffers[i][3]);
}

/* USART2 hears somebody else: five bytes polled, five by interrupt. */
static void test_usart_input(void)
{
    usart = 0x40004400;
    REG(usart + 8) = 42;
    REG(usart + 12) = 1u << 13 | 1u << 2;
    for (int i = 0; i < 5; i++) {
        while (!(REG(usart) & 1u << 5))
            ;
        print("polled", REG(usart + 4));
    }
    listen(38, hear);
    hearings = 0;
    REG(usart + 12) |= 1u << 5;
    wait_for(38, 5);
    REG(usart + 12) = 0;
    for (int i = 0; i < 5; i++)
        print("interrupt", heard[i]);
    print("status", REG(usart) & 0x2F);
}

/* Its address, interrupt and clock; DMA controller, streams and channel of RX and TX */
static void test_usart(void)
{
    usart = TEST[1];
    REG(usart + 8) = TEST[3] / 1000000; /* 1 Mbit/s */
    REG(usart + 20) = 1u << 3;          /* one wire: what is sent is received */
    REG(usart + 12) = 1u << 13 | 1u << 3 | 1u << 2;
    usart_polled();
    usart_interrupts(TEST[2]);
    usart_overrun();
    usart_dma(channel(TEST[4], TEST[5], TEST[7]), channel(TEST[4], TEST[6], TEST[7]));
}

/// TIM ///

#define CYCLES_PER_TICK 168 /* 1 us: the timers have 84 MHz, divided by 84 */

static uint32_t tim;

static void tim_set_up(uint32_t top, uint32_t cr1)
{
    REG(tim) = 0;
    REG(tim + 0x0C) = 0;
    REG(tim + 0x28) = 83;
    REG(tim + 0x2C) = top;
    REG(tim) = 1u << 2;    /* URS: UG loads the prescaler and raises no flag */
    REG(tim + 0x14) = 1;
    REG(tim + 0x10) = 0;
    REG(tim) = cr1;
}

static void tim_acknowledge(void)
{
    REG(tim + 0x10) = 0;
}

static void busy(uint32_t cycles)
{
    for (uint32_t start = CYCLES; CYCLES - start < cycles;)
        ;
}

static void tim_updates(unsigned irq)
{
    tim_set_up(999, 1);
    uint32_t start = CYCLES;
    while (!(REG(tim + 0x10) & 1))
        ;
    uint32_t polled = CYCLES - start;
    tim_set_up(999, 1);
    listen(irq, tim_acknowledge);
    start = CYCLES;
    REG(tim + 0x0C) = 1;
    wait_for(irq, 3);
    uint32_t third = CYCLES - start;
    ignore(irq);
    print("update_cycles", polled);
    print("first_update_cycles", first_at[irq] - start);
    print("third_update_cycles", third);
    REG(tim) = 0;
    REG(tim + 0x10) = 0;
    REG(tim) = 1u << 2;
    REG(tim + 0x14) = 1;
    print("ug_flag_with_urs", REG(tim + 0x10) & 1);
    REG(tim) = 0;
    REG(tim + 0x14) = 1;
    print("ug_flag", REG(tim + 0x10) & 1);
}

static void tim_counter(void)
{
    tim_set_up(0xFFFF, 1);
    uint32_t start = CYCLES;
    busy(100 * CYCLES_PER_TICK);
    uint32_t count = REG(tim + 0x24), cycles = CYCLES - start;
    print("counter_error", count * CYCLES_PER_TICK + 400 - cycles < 600);
    tim_set_up(9, 1); /* hundreds of rounds that nobody looks at */
    start = CYCLES;
    busy(5 * 168000 + 504);
    count = REG(tim + 0x24), cycles = CYCLES - start;
    print("rounds_error", (cycles / CYCLES_PER_TICK - count) % 10 <= 1);
    print("rounds_flag", REG(tim + 0x10) & 1);
    REG(tim) = 0;
    count = REG(tim + 0x24);
    busy(1000);
    print("stopped", REG(tim + 0x24) == count);
    REG(tim + 0x2C) = 0x12345678;
    print("top", REG(tim + 0x2C));
}

static void tim_one_pulse(void)
{
    tim_set_up(99, 1u << 3 | 1);
    uint32_t start = CYCLES;
    while (REG(tim) & 1)
        ;
    uint32_t cycles = CYCLES - start;
    print("pulse_cycles", cycles);
    print("after_pulse", REG(tim + 0x24) << 8 | (REG(tim + 0x10) & 1));
}

/* A buffered top takes effect at the update after it was written. */
static void tim_preload(void)
{
    tim_set_up(199, 1u << 7 | 1);
    uint32_t start = CYCLES;
    REG(tim + 0x2C) = 49;
    while (!(REG(tim + 0x10) & 1))
        ;
    uint32_t first = CYCLES - start;
    REG(tim + 0x10) = 0;
    while (!(REG(tim + 0x10) & 1))
        ;
    uint32_t second = CYCLES - start;
    print("preload_first_cycles", first);
    print("preload_second_cycles", second);
}

static void tim_compare(unsigned irq)
{
    for (uint32_t i = 0; i < 4; i++)
        REG(tim + 0x34 + 4 * i) = 100 * (i + 1);
    tim_set_up(999, 1);
    uint32_t start = CYCLES;
    while (!(REG(tim + 0x10) & 16))
        ;
    uint32_t polled = CYCLES - start;
    print("compare_flags", REG(tim + 0x10));
    tim_set_up(999, 1);
    listen(irq, tim_acknowledge);
    start = CYCLES;
    REG(tim + 0x0C) = 4;
    wait_for(irq, 2);
    ignore(irq);
    uint32_t second = CYCLES - start;
    print("compare_cycles", polled);
    print("compare_interrupt_cycles", first_at[irq] - start);
    print("compare_again_cycles", second);
}

/* TIM2 has counted 100 us of 1 ms when its clock halves; WWDG's and the other timers' clock, too. */
static void test_tim_clock(void)
{
    tim = 0x40000000;
    tim_set_up(999, 1);
    uint32_t start = CYCLES;
    busy(100 * CYCLES_PER_TICK);
    REG(RCC + 8) = 6u << 10 | 4u << 13 | 2; /* APB1: /8 instead of /4 */
    uint32_t count = REG(tim + 0x24);
    while (!(REG(tim + 0x10) & 1))
        ;
    uint32_t polled = CYCLES - start;
    REG(tim + 0x10) = 0;
    listen(28, tim_acknowledge);
    start = CYCLES;
    REG(tim + 0x0C) = 1;
    busy(200 * CYCLES_PER_TICK);
    REG(RCC + 8) = 5u << 10 | 4u << 13 | 2;
    wait_for(28, 1);
    uint32_t interrupt = first_at[28] - start;
    print("count", count);
    print("polled_cycles", polled);
    print("interrupt_cycles", interrupt);
}

/* Its address, interrupt, and whether it compares */
static void test_tim(void)
{
    tim = TEST[1];
    tim_updates(TEST[2]);
    tim_counter();
    tim_one_pulse();
    tim_preload();
    if (TEST[3])
        tim_compare(TEST[2]);
}

/// CRC, RNG, EXTI, WWDG ///

static void test_crc(void)
{
    REG(0x40023008) = 1;
    print("start", REG(0x40023000));
    REG(0x40023000) = 0x12345678;
    print("one", REG(0x40023000));
    REG(0x40023000) = 0x9ABCDEF0;
    print("two", REG(0x40023000));
    REG(0x40023004) = 0x5A5;
    print("kept", REG(0x40023004));
    REG(0x40023008) = 1;
    print("again", REG(0x40023000));
}

#define RNG 0x50060800

static void test_rng(void)
{
    print("off", REG(RNG + 4));
    REG(RNG) = 1u << 2;
    uint32_t start = CYCLES;
    while (!(REG(RNG + 4) & 1))
        ;
    uint32_t polled = CYCLES - start;
    uint32_t first = REG(RNG + 8);
    print("taken", REG(RNG + 4));
    print("first_cycles", polled);
    print("number", first);
}

static void stop_rng(void)
{
    REG(RNG) = 0;
}

static void test_rng_interrupt(void)
{
    listen(80, stop_rng);
    REG(RNG) = 3u << 2;
    uint32_t start = CYCLES;
    wait_for(80, 1);
    print("interrupt_cycles", first_at[80] - start);
}

#define EXTI 0x40013C00

static void exti_acknowledge(void)
{
    REG(EXTI + 0x14) = TEST[2];
}

/* Interrupt, line as a bit */
static void test_exti(void)
{
    uint32_t line = TEST[2];
    listen(TEST[1], exti_acknowledge);
    REG(EXTI + 0x10) = line;
    print("pending", (REG(EXTI + 0x14) & line) != 0);
    print("masked", counts[TEST[1]]);
    REG(EXTI) = line;
    wait_for(TEST[1], 1);
    print("pending_after", REG(EXTI + 0x14) | REG(EXTI + 0x10));
    REG(EXTI + 0x10) = line;
    wait_for(TEST[1], 2);
    print("interrupts", counts[TEST[1]]);
    REG(0x40013808) = 0xFFFFFFFF;
    print("exticr", REG(0x40013808));
}

#define WWDG 0x40002C00
#define EARLY (TEST[1] == 1)

static void wwdg_warned(void)
{
    REG(WWDG + 8) = 0;
    REG(GPIO(4)) |= 1u << 26;
    REG(GPIO(4) + 0x18) = 1u << 13;
    if (TEST[1] == 2 && counts[0] < 3)
        REG(WWDG) = 0x7F;
}

/* 0: until it bites; 1: refreshed too early; 2: refreshed in the window twice, from the early warning */
static void test_wwdg(void)
{
    uint32_t flags = REG(RCC + 0x74) >> 24;
    print("flags", flags);
    REG(RCC + 0x74) = 1u << 24;
    if (flags & 1u << 6)
        return;
    listen(0, wwdg_warned);
    REG(WWDG + 4) = 1u << 9 | 3u << 7 | (EARLY ? 0x5F : 0x7F);
    REG(WWDG) = 0xFF;
    REG(GPIO(4)) |= 1u << 22;
    REG(GPIO(4) + 0x18) = 1u << 11;
    if (EARLY) {
        busy(168000);
        REG(WWDG) = 0x7F;
    }
    for (;;)
        WFI();
}

/// PWR and RTC ///

#define PWR 0x40007000
#define RTC 0x40002800
#define BACKUP(n) REG(RTC + 0x50 + 4 * (n))
#define MAGIC 0x5AFEC0DEu

static void rtc_set_up(void)
{
    REG(PWR) |= 1u << 8;
    REG(RCC + 0x70) |= 1;
    while (!(REG(RCC + 0x70) & 2))
        ;
    REG(RCC + 0x70) |= 1u << 15 | 1u << 8;
    REG(RTC + 0x24) = 0xCA;
    REG(RTC + 0x24) = 0x53;
}

static uint32_t rtc_initialise(uint32_t time, uint32_t date)
{
    REG(RTC + 0x0C) = 0xFFFFFFFF;
    uint32_t start = CYCLES;
    while (!(REG(RTC + 0x0C) & 1u << 6))
        ;
    uint32_t cycles = CYCLES - start;
    REG(RTC + 0x10) = 31; /* 1024 "seconds" a second */
    REG(RTC + 0x10) = 31;
    REG(RTC) = time;
    REG(RTC + 4) = date;
    REG(RTC + 0x0C) = ~(1u << 7);
    return cycles;
}

static void rtc_calendar(void)
{
    uint32_t init = rtc_initialise(0x235958, 0x240000 | 3u << 13 | 0x228);
    uint32_t start = CYCLES;
    REG(RTC + 8) = 0;
    REG(RTC + 0x1C) = 1u << 31 | 0x000001; /* at 00:00:01, any day */
    REG(RTC + 8) = 1u << 8;
    while (!(REG(RTC + 0x0C) & 1u << 8))
        ;
    uint32_t cycles = CYCLES - start;
    uint32_t time = REG(RTC), date = REG(RTC + 4), rest = REG(RTC + 0x28);
    print("init_cycles", init);
    print("alarm_cycles", cycles);
    print("time", time);
    print("date", date);
    print("fresh_second", rest >= 30 && rest <= 31);
    REG(RTC + 8) = 0;
    REG(RTC + 0x0C) = 0xFFFFFEFF & ~(1u << 7);
    print("alarm_cleared", REG(RTC + 0x0C) >> 8 & 1);
}

static void alarm_acknowledge(void)
{
    REG(RTC + 0x0C) = ~(1u << 8 | 1u << 7);
    REG(EXTI + 0x14) = 1u << 17;
}

static void wakeup_acknowledge(void)
{
    REG(RTC + 0x0C) = ~(1u << 10 | 1u << 7);
    REG(EXTI + 0x14) = 1u << 22;
}

static void rtc_interrupts(void)
{
    REG(EXTI + 8) = 1u << 17 | 1u << 22;
    REG(EXTI) = 1u << 17 | 1u << 22;
    rtc_initialise(0x235958, 0x240000 | 3u << 13 | 0x228);
    uint32_t start = CYCLES;
    REG(RTC + 0x1C) = 1u << 31 | 0x000001;
    REG(RTC + 8) = 1u << 12 | 1u << 8;
    listen(41, alarm_acknowledge);
    wait_for(41, 1);
    print("alarm_interrupt_cycles", first_at[41] - start);
    REG(RTC + 8) = 0;
    REG(RTC + 0x14) = 163; /* 164 of 16384 Hz: 10 ms */
    listen(3, wakeup_acknowledge);
    start = CYCLES;
    REG(RTC + 8) = 1u << 14 | 1u << 10 | 3;
    wait_for(3, 3);
    uint32_t third = CYCLES - start;
    print("wakeup_cycles", first_at[3] - start);
    print("third_wakeup_cycles", third);
    REG(RTC + 8) = 0;
    start = CYCLES;
    REG(RTC + 8) = 1u << 10 | 3;
    while (!(REG(RTC + 0x0C) & 1u << 10))
        ;
    uint32_t polled = CYCLES - start;
    print("wakeup_polled_cycles", polled);
}

static void alarm_b_acknowledge(void)
{
    REG(RTC + 0x0C) = ~(1u << 9 | 1u << 7);
    REG(EXTI + 0x14) = 1u << 17;
}

/* At each :01 on a Thursday. Alarm A is set to the same and not enabled. */
static void test_alarm_b(void)
{
    rtc_set_up();
    REG(EXTI + 8) = REG(EXTI) = 1u << 17;
    rtc_initialise(0x235900, 0x240000 | 3u << 13 | 0x228);
    uint32_t start = CYCLES;
    REG(RTC + 0x1C) = REG(RTC + 0x20) = 1u << 30 | 4u << 24 | 1u << 23 | 1u << 15 | 0x01;
    print("writable", REG(RTC + 0x0C) & 3);
    REG(RTC + 8) = 1u << 13 | 1u << 9;
    print("writable", REG(RTC + 0x0C) & 3);
    listen(41, alarm_b_acknowledge);
    wait_for(41, 1);
    uint32_t first = first_at[41] - start;
    print("flags", REG(RTC + 0x0C) >> 8 & 3);
    wait_for(41, 2);
    uint32_t second = CYCLES - start;
    print("first_cycles", first);
    print("second_cycles", second);
}

static void test_rtc(void)
{
    print("vos_ready", REG(PWR + 4) >> 14 & 1);
    REG(RCC + 0x70) = 1;
    BACKUP(0) = 1;
    print("locked", REG(RCC + 0x70) | BACKUP(0));
    rtc_set_up();
    REG(RTC + 0x24) = 0;
    REG(RTC + 0x1C) = 5;
    print("without_keys", REG(RTC + 0x1C));
    REG(RTC + 0x24) = 0xCA;
    REG(RTC + 0x24) = 0x53;
    REG(RTC) = 5;
    print("without_init", REG(RTC));
    rtc_calendar();
    rtc_interrupts();
    REG(RCC + 0x70) |= 1u << 16;
    REG(RCC + 0x70) &= ~(1u << 16);
    print("backup_reset", REG(RTC + 0x10));
}

/* What the backup domain holds, before and after a reset of the MCU. */
static void test_backup(void)
{
    print("kept", BACKUP(0) == MAGIC && BACKUP(19) == ~MAGIC);
    print("year", REG(RTC + 4) >> 16);
    print("lse", REG(RCC + 0x70) & 3);
    if (REG(RCC + 0x74) & 1u << 28)
        return;
    rtc_set_up();
    rtc_initialise(0, 0x240000 | 3u << 13 | 0x228);
    BACKUP(0) = MAGIC;
    BACKUP(19) = ~MAGIC;
    REG(0xE000ED0C) = 0x05FA0004;
    for (;;)
        ;
}

/* A register's address, what to write to it, its clock gate's address and bit, and the address of its reset. */
static void test_gate(void)
{
    uint32_t address = TEST[1], gate = TEST[3], bit = TEST[4], reset = TEST[5];
    REG(address) = TEST[2];
    uint32_t written = REG(address);
    REG(gate) &= ~bit;
    uint32_t without_clock = REG(address);
    REG(address) = written;
    REG(gate) |= bit;
    REG(reset) |= bit;
    REG(reset) &= ~bit;
    uint32_t after_reset = REG(address);
    peripherals();
    print("written", written);
    print("without_clock", without_clock);
    print("after_reset", after_reset);
}

/* The same with the reset held. */
static void test_held(void)
{
    uint32_t address = TEST[1], bit = TEST[4], reset = TEST[5];
    REG(reset) |= bit;
    (void)REG(address);
    (void)REG(address);
    REG(reset) &= ~bit;
    peripherals();
}

/* So many pairs of an address and what is written there, unless that is 0; it is read back. */
static void test_words(void)
{
    for (uint32_t i = 2; i < 2 + 2 * TEST[1]; i += 2) {
        if (TEST[i + 1] != 0)
            REG(TEST[i]) = TEST[i + 1];
        print("word", REG(TEST[i]));
    }
}

/* The pattern that an image next to this one holds, and what the machine says of itself. */
static void test_board(void)
{
    print("pattern", REG(0x080E0000));
    for (uint32_t i = 0; i < 3; i++)
        print("uid", REG(0x1FFF7A10 + 4 * i));
    print("flash_kb", REG16(0x1FFF7A22));
    print("device", REG(0xE0042000) & 0xFFF);
    print("csr", REG(RCC + 0x74) >> 24);
}

static void (*const tests[])(void) = {
    test_board, test_spi, test_usart, test_tim, test_crc, test_rng, test_rng_interrupt, test_exti, test_wwdg,
    test_rtc, test_backup, test_gate, test_held, test_spi_interrupts, test_double_buffer, test_usart_input,
    test_tim_clock, test_alarm_b, test_words,
};

void start(void)
{
    set_up_memory();
    clocks();
    peripherals();
    tests[TEST[0]]();
    REG(GPIO(4) + 0x18) = DONE_PIN;
    for (;;)
        WFI();
}

static void fault(void)
{
    print("fault", 1);
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16 + INTERRUPTS] = {
    (void *)0x20010000, start, [2 ... 15] = fault, [16 ... 16 + INTERRUPTS - 1] = any_interrupt,
};
