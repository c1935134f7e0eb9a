/* SPDX-License-Identifier: MIT
 *
 * The registers of the STM32F407 that the drivers use, named as in RM0090 Rev 21 and the ARMv7-M manual.
 */
#ifndef DRIVERS_STM32F4_H
#define DRIVERS_STM32F4_H

#include <stdint.h>

#define REG(type, name, address) static volatile struct type *const name = (volatile struct type *)(address)

/* RM0090 7.3 */
struct rcc {
    uint32_t CR, PLLCFGR, CFGR, CIR;
    uint32_t AHB1RSTR, AHB2RSTR, AHB3RSTR, reserved0, APB1RSTR, APB2RSTR, reserved1[2];
    uint32_t AHB1ENR, AHB2ENR, AHB3ENR, reserved2, APB1ENR, APB2ENR, reserved3[2];
    uint32_t AHB1LPENR, AHB2LPENR, AHB3LPENR, reserved4, APB1LPENR, APB2LPENR, reserved5[2];
    uint32_t BDCR, CSR;
};
REG(rcc, RCC, 0x40023800);
#define RCC_CR_HSION (1u << 0)
#define RCC_CR_HSIRDY (1u << 1)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR_SRC_HSE (1u << 22)
#define RCC_PLLCFGR_RESET 0x24003010u
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SW_Msk 3u
#define RCC_CFGR_SWS_Pos 2
#define RCC_CFGR_SWS_Msk (3u << 2)
#define RCC_CFGR_PPRE1_DIV4 (5u << 10)
#define RCC_CFGR_PPRE2_DIV2 (4u << 13)
#define RCC_AHB1_GPIO_ALL 0x1FFu
#define RCC_AHB1_DMA2 (1u << 22)
#define RCC_APB1_TIM2 (1u << 0)
#define RCC_APB1_PWR (1u << 28)
#define RCC_APB2_USART1 (1u << 4)
#define RCC_APB2_SPI1 (1u << 12)
#define RCC_CSR_RMVF (1u << 24)
#define RCC_CSR_BORRSTF (1u << 25)
#define RCC_CSR_PORRSTF (1u << 27)
#define RCC_CSR_SFTRSTF (1u << 28)
#define RCC_CSR_IWDGRSTF (1u << 29)
#define RCC_CSR_WWDGRSTF (1u << 30)

/* RM0090 3.9 */
struct flash {
    uint32_t ACR, KEYR, OPTKEYR, SR, CR, OPTCR;
};
REG(flash, FLASH, 0x40023C00);
#define FLASH_ACR_LATENCY_Msk 7u
#define FLASH_ACR_LATENCY_5WS 5u
#define FLASH_ACR_PRFTEN (1u << 8)
#define FLASH_ACR_ICEN (1u << 9)
#define FLASH_ACR_DCEN (1u << 10)
#define FLASH_ACR_ICRST (1u << 11)
#define FLASH_ACR_DCRST (1u << 12)
#define FLASH_KEY1 0x45670123u
#define FLASH_KEY2 0xCDEF89ABu
#define FLASH_SR_ERRORS 0xF2u /* PGSERR, PGPERR, PGAERR, WRPERR, OPERR */
#define FLASH_SR_BSY (1u << 16)
#define FLASH_CR_PG (1u << 0)
#define FLASH_CR_SER (1u << 1)
#define FLASH_CR_SNB_Pos 3
#define FLASH_CR_PSIZE_X32 (2u << 8)
#define FLASH_CR_STRT (1u << 16)
#define FLASH_CR_LOCK (1u << 31)

/* RM0090 5.4 */
struct pwr {
    uint32_t CR, CSR;
};
REG(pwr, PWR, 0x40007000);
#define PWR_CR_PVDE (1u << 4)
#define PWR_CR_PLS_2V8 (6u << 5)
#define PWR_CSR_PVDO (1u << 2)

/* RM0090 8.4 */
struct gpio {
    uint32_t MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR, BSRR, LCKR, AFR[2];
};
#define GPIO_PORT(number) ((volatile struct gpio *)(0x40020000u + 0x400u * (number)))

/* RM0090 30.6 */
struct usart {
    uint32_t SR, DR, BRR, CR1, CR2, CR3, GTPR;
};
REG(usart, USART1, 0x40011000);
#define USART_SR_TC (1u << 6)
#define USART_SR_TXE (1u << 7)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_UE (1u << 13)

/* RM0090 28.5 */
struct spi {
    uint32_t CR1, CR2, SR, DR, CRCPR, RXCRCR, TXCRCR, I2SCFGR, I2SPR;
};
REG(spi, SPI1, 0x40013000);
#define SPI_CR1_CPHA (1u << 0)
#define SPI_CR1_CPOL (1u << 1)
#define SPI_CR1_MSTR (1u << 2)
#define SPI_CR1_BR_DIV4 (1u << 3)
#define SPI_CR1_SPE (1u << 6)
#define SPI_CR1_SSI (1u << 8)
#define SPI_CR1_SSM (1u << 9)
#define SPI_CR2_RXDMAEN (1u << 0)
#define SPI_CR2_TXDMAEN (1u << 1)
#define SPI_SR_RXNE (1u << 0)
#define SPI_SR_BSY (1u << 7)

/* RM0090 10.5 */
struct dma_stream {
    uint32_t CR, NDTR, PAR, M0AR, M1AR, FCR;
};
struct dma {
    uint32_t LISR, HISR, LIFCR, HIFCR;
    struct dma_stream stream[8];
};
REG(dma, DMA2, 0x40026400);
#define DMA_CR_EN (1u << 0)
#define DMA_CR_DIR_TO_PERIPHERAL (1u << 6)
#define DMA_CR_MINC (1u << 10)
#define DMA_CR_CHANNEL_3 (3u << 25)
/* flags of streams 0 and 3 in the L registers */
#define DMA_L_ALL_0 (0x3Du << 0)
#define DMA_L_TEIF_0 (1u << 3)
#define DMA_L_TCIF_0 (1u << 5)
#define DMA_L_ALL_3 (0x3Du << 22)
#define DMA_L_TEIF_3 (1u << 25)

/* RM0090 21.4 */
struct iwdg {
    uint32_t KR, PR, RLR, SR;
};
REG(iwdg, IWDG, 0x40003000);
#define IWDG_KR_FEED 0xAAAAu
#define IWDG_KR_START 0xCCCCu
#define IWDG_KR_ACCESS 0x5555u
#define IWDG_PR_DIV256 6u
#define IWDG_RLR_MAX 0xFFFu

/* RM0090 18.4 */
struct tim {
    uint32_t CR1, CR2, SMCR, DIER, SR, EGR, CCMR[2], CCER, CNT, PSC, ARR;
};
REG(tim, TIM2, 0x40000000);
#define TIM_CR1_CEN (1u << 0)
#define TIM_EGR_UG (1u << 0)

/* ARMv7-M B3.3, B3.2, C1.8 */
struct systick {
    uint32_t CSR, RVR, CVR, CALIB;
};
REG(systick, SYSTICK, 0xE000E010);
#define SYSTICK_CSR_ENABLE (1u << 0)
#define SYSTICK_CSR_TICKINT (1u << 1)
#define SYSTICK_CSR_COUNTFLAG (1u << 16)
#define SYSTICK_MAX 0xFFFFFFu

struct scb {
    uint32_t CPUID, ICSR, VTOR, AIRCR, SCR, CCR;
};
REG(scb, SCB, 0xE000ED00);
#define SCB_ICSR_PENDSTCLR (1u << 25)
#define SCB_AIRCR_SYSRESETREQ 0x05FA0004u

/* RM0090 3.8: the one-time programmable area. */
#define OTP_ADDRESS 0x1FFF7800u

#endif
