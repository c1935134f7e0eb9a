/* SPDX-License-Identifier: MIT */
#include "link.h"

#include "drivers/clock.h"
#include "drivers/gpio.h"
#include "drivers/stm32f4.h"

#include "matterhorn/bytes.h"

#include <string.h>

#define APB1_HZ 42000000u
#define BAUD 115200u
#define AF_USART2 7u
#define SILENCE_CYCLES CLOCK_HCLK_HZ /* 1 s */

/* RM0090 30.6, 7.3.13 */
REG(usart, USART2, 0x40004400);
#define USART_SR_RXNE (1u << 5)
#define USART_CR1_RE (1u << 2)
#define RCC_APB1_USART2 (1u << 17)

/* ARMv7-M C1.8, C1.6.5: the cycle counter is nobody else's. */
struct dwt {
    uint32_t CTRL, CYCCNT;
};
REG(dwt, DWT, 0xE0001000);
#define DWT_CTRL_CYCCNTENA (1u << 0)
#define DEMCR (*(volatile uint32_t *)0xE000EDFC)
#define DEMCR_TRCENA (1u << 24)

#define FRAME_MAGIC "MTHF"
enum { FRAME_NUMBER = 4, FRAME_LENGTH = 8, FRAME_HEAD = 12 };

void link_initialize(void)
{
    gpio_alternate(GPIO_PIN('D', 5), AF_USART2);
    gpio_alternate(GPIO_PIN('D', 6), AF_USART2);
    RCC->APB1ENR |= RCC_APB1_USART2;
    (void)RCC->APB1ENR;
    USART2->BRR = (APB1_HZ + BAUD / 2) / BAUD;
    USART2->CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE;
    DEMCR |= DEMCR_TRCENA;
    DWT->CTRL |= DWT_CTRL_CYCCNTENA;
}

static void send(char byte)
{
    while (!(USART2->SR & USART_SR_TXE)) {
    }
    USART2->DR = (unsigned char)byte;
}

void link_ask(const char *line)
{
    for (; *line; line++) {
        send(*line);
    }
    send('\n');
}

/* The next byte; false after silence. */
static bool receive(uint8_t *byte)
{
    const uint32_t since = DWT->CYCCNT;

    while (!(USART2->SR & USART_SR_RXNE)) {
        if (DWT->CYCCNT - since >= SILENCE_CYCLES) {
            return false;
        }
    }
    *byte = (uint8_t)USART2->DR;
    return true;
}

static bool receive_all(uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        if (!receive(bytes + i)) {
            return false;
        }
    }
    return true;
}

/* Reads on until a frame's magic has passed. */
static bool find_frame(uint8_t head[FRAME_HEAD])
{
    memset(head, 0, FRAME_NUMBER);
    while (memcmp(head, FRAME_MAGIC, FRAME_NUMBER) != 0) {
        memmove(head, head + 1, FRAME_NUMBER - 1);
        if (!receive(head + FRAME_NUMBER - 1)) {
            return false;
        }
    }
    return receive_all(head + FRAME_NUMBER, FRAME_HEAD - FRAME_NUMBER);
}

bool link_answer(uint32_t number, uint8_t *data, uint32_t length)
{
    uint8_t head[FRAME_HEAD], crc[4];

    while (find_frame(head)) {
        if (mh_get32(head + FRAME_NUMBER) != number || mh_get32(head + FRAME_LENGTH) != length) {
            continue;
        }
        if (!receive_all(data, length) || !receive_all(crc, sizeof crc)) {
            return false;
        }
        return mh_get32(crc) == mh_crc32_more(mh_crc32(head, sizeof head), data, length);
    }
    return false;
}
