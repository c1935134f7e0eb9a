/* SPDX-License-Identifier: MIT */
#include "drivers/uart.h"

#include "drivers/clock.h"
#include "drivers/gpio.h"
#include "drivers/stm32f4.h"

#define BAUD 115200u
#define AF_USART1 7u

void uart_initialize(void)
{
    gpio_alternate(GPIO_PIN('A', 9), AF_USART1);
    RCC->APB2ENR |= RCC_APB2_USART1;
    (void)RCC->APB2ENR;
    USART1->BRR = (CLOCK_APB2_HZ + BAUD / 2) / BAUD;
    USART1->CR1 = USART_CR1_UE | USART_CR1_TE;
}

void uart_write(const char *text)
{
    for (; *text; text++) {
        while (!(USART1->SR & USART_SR_TXE)) {
        }
        USART1->DR = (unsigned char)*text;
    }
    while (!(USART1->SR & USART_SR_TC)) {
    }
}
