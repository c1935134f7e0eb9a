/* SPDX-License-Identifier: MIT */
#include "link.h"

#include "drivers/gpio.h"
#include "drivers/stm32f4.h"

#include "matterhorn/bytes.h"

#include <string.h>

#define APB1_HZ 42000000u
#define BAUD 115200u
#define AF_USART2 7u
#define SILENCE_WRAPS 6u /* of the SysTick, 0.8 s each: HCLK / 8, 24 bits */

/* RM0090 30.6, 7.3.13 */
REG(usart, USART2, 0x40004400);
#define USART_SR_RXNE (1u << 5)
#define USART_CR1_RE (1u << 2)
#define RCC_APB1_USART2 (1u << 17)

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

/* The next byte; false after silence. SysTick counts, but interrupts nobody. */
static bool receive(uint8_t *byte)
{
    unsigned wraps = 0;

    SYSTICK->RVR = SYSTICK_MAX;
    SYSTICK->CVR = 0;
    SYSTICK->CSR = SYSTICK_CSR_ENABLE;
    while (!(USART2->SR & USART_SR_RXNE)) {
        if (SYSTICK->CSR & SYSTICK_CSR_COUNTFLAG && ++wraps == SILENCE_WRAPS) {
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
        if (mh_get32(crc) == mh_crc32_more(mh_crc32(head, sizeof head), data, length)) {
            return true;
        }
    }
    return false;
}
