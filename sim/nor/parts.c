/* SPDX-License-Identifier: MIT
 *
 * The parts that are modelled: what their data sheets say.
 */
#include "nor.h"

#define KB 1024u
#define MB (1024u * KB)
#define US UINT64_C(1000)
#define MS UINT64_C(1000000)

/// STM32F407VG ///

static const struct nor_run stm32f407_runs[] = {{4, 16 * KB}, {1, 64 * KB}, {7, 128 * KB}, {0, 0}};

/* DS8626 Rev 12 tables 39 to 42 by parallelism (PSIZE); the whole array is the mass erase. Of x64, which needs VPP, the
 * data sheet has typical times only: the maximum is twice as long there too. */
static const struct nor_erase_time stm32f407_erase_x8[] = {
    {16 * KB, 400 * MS, 800 * MS},
    {64 * KB, 1200 * MS, 2400 * MS},
    {128 * KB, 2000 * MS, 4000 * MS},
    {1 * MB, 16000 * MS, 32000 * MS},
    {0, 0, 0},
};
static const struct nor_erase_time stm32f407_erase_x16[] = {
    {16 * KB, 300 * MS, 600 * MS},
    {64 * KB, 700 * MS, 1400 * MS},
    {128 * KB, 1300 * MS, 2600 * MS},
    {1 * MB, 11000 * MS, 22000 * MS},
    {0, 0, 0},
};
static const struct nor_erase_time stm32f407_erase_x32[] = {
    {16 * KB, 250 * MS, 500 * MS},
    {64 * KB, 550 * MS, 1100 * MS},
    {128 * KB, 1000 * MS, 2000 * MS},
    {1 * MB, 8000 * MS, 16000 * MS},
    {0, 0, 0},
};
static const struct nor_erase_time stm32f407_erase_x64[] = {
    {16 * KB, 230 * MS, 460 * MS},
    {64 * KB, 490 * MS, 980 * MS},
    {128 * KB, 875 * MS, 1750 * MS},
    {1 * MB, 6900 * MS, 13800 * MS},
    {0, 0, 0},
};

/* `unit`: bytes within which a program stays; a double word may lie anywhere in its row of 128 bits. */
#define STM32F407(width, unit)                                                                                         \
    const struct nor_part nor_stm32f407_##width = {                                                                    \
        .name = "stm32f407-" #width,                                                                                   \
        .size = 1 * MB,                                                                                                \
        .page = unit,                                                                                                  \
        .runs = stm32f407_runs,                                                                                        \
        .erase = stm32f407_erase_##width,                                                                              \
        .program_typical_ns = 16 * US,                                                                                 \
        .program_maximum_ns = 100 * US,                                                                                \
        .endurance = 10000,                                                                                            \
    }

STM32F407(x8, 1);
STM32F407(x16, 2);
STM32F407(x32, 4);
STM32F407(x64, 16);

/* 16 blocks of 32 bytes, then their lock bytes. */
static const struct nor_run stm32f407_otp_runs[] = {{16, 32}, {1, 16}, {0, 0}};
static const struct nor_erase_time no_erase[] = {{0, 0, 0}};

const struct nor_part nor_stm32f407_otp = {
    .name = "stm32f407-otp",
    .size = 528,
    .page = 16,
    .runs = stm32f407_otp_runs,
    .erase = no_erase,
    .program_typical_ns = 16 * US,
    .program_maximum_ns = 100 * US,
    .endurance = 0,
};

/// S25FL064K and W25Q64JV ///

static const struct nor_run spi_64mbit_runs[] = {{2048, 4 * KB}, {0, 0}};

/* W25Q64JV Rev J section 9.6: tSE, tBE1, tBE2, tCE. */
static const struct nor_erase_time spi_64mbit_erase[] = {
    {4 * KB, 45 * MS, 400 * MS},
    {32 * KB, 120 * MS, 1600 * MS},
    {64 * KB, 150 * MS, 2000 * MS},
    {8 * MB, 20000 * MS, 100000 * MS},
    {0, 0, 0},
};

const struct nor_part nor_s25fl064k = {
    .name = "s25fl064k",
    .size = 8 * MB,
    .page = 256,
    .runs = spi_64mbit_runs,
    .erase = spi_64mbit_erase,
    .program_typical_ns = 400 * US,
    .program_maximum_ns = 3 * MS,
    .status_typical_ns = 10 * MS,
    .status_maximum_ns = 15 * MS,
    .endurance = 100000,
};

/* The same section: tPP, tBP1, tBP2, tW. */
const struct nor_part nor_w25q64 = {
    .name = "w25q64",
    .size = 8 * MB,
    .page = 256,
    .runs = spi_64mbit_runs,
    .erase = spi_64mbit_erase,
    .program_typical_ns = 400 * US,
    .program_maximum_ns = 3 * MS,
    .first_typical_ns = 30 * US,
    .first_maximum_ns = 50 * US,
    .more_typical_ns = 2500,
    .more_maximum_ns = 12 * US,
    .status_typical_ns = 10 * MS,
    .status_maximum_ns = 15 * MS,
    .endurance = 100000,
};
