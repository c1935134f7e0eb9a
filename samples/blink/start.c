/* SPDX-License-Identifier: MIT
 *
 * Vector table and C start-up. The runtime has set up clocks and pins; the linker script names the ranges.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EXCEPTIONS 16 /* of the core; no interrupt is used */
#define SCB_AIRCR (*(volatile uint32_t *)0xE000ED0Cu)
#define RESET_REQUEST 0x05FA0004u /* the key, SYSRESETREQ */

extern uint8_t image_stack_top[], image_data[], image_data_end[], image_data_load[], image_bss[], image_bss_end[];

int main(void);
_Noreturn void start(void);

static _Noreturn void start_over(void)
{
    SCB_AIRCR = RESET_REQUEST;
    for (;;) {
    }
}

_Noreturn void start(void)
{
    memcpy(image_data, image_data_load, (size_t)(image_data_end - image_data));
    memset(image_bss, 0, (size_t)(image_bss_end - image_bss));
    main();
    start_over();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[EXCEPTIONS] = {
    image_stack_top,
    (const void *)start,
    [2 ... EXCEPTIONS - 1] = (const void *)start_over, /* after a fault nothing can be trusted but a fresh start */
};
