/* SPDX-License-Identifier: MIT
 *
 * Vector table and C start-up, the same for bootloader, runtime and applications. The linker script names the ranges.
 */
#include "drivers/reset.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXCEPTIONS (16 + 82) /* RM0090 table 62 */

extern uint8_t image_stack_top[], image_data[], image_data_end[], image_data_load[], image_bss[], image_bss_end[];

int main(void);
_Noreturn void start(void);

_Noreturn void start(void)
{
    memcpy(image_data, image_data_load, (size_t)(image_data_end - image_data));
    memset(image_bss, 0, (size_t)(image_bss_end - image_bss));
    main();
    reset_system();
}

/* No interrupt is used, and after a fault nothing can be trusted but a fresh start. */
static _Noreturn void unexpected(void)
{
    reset_system();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[EXCEPTIONS] = {
    image_stack_top,
    (const void *)start,
    [2 ... EXCEPTIONS - 1] = (const void *)unexpected,
};

/* What libraries call when they are used wrongly. */
_Noreturn void abort(void)
{
    reset_system();
}
