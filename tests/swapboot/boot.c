/* SPDX-License-Identifier: MIT
 *
 * A bootloader that swaps two slots through a scratch sector: what was downloaded is tried, and swapped back at the
 * next start unless it has said that it is to stay.
 */
#include "swap.h"

#define SCB_VTOR 0xE000ED08u

static bool is_to_be_tried(void)
{
    if (!magic_is_there(SECONDARY))
        return false;
    if (image_is_whole(SECONDARY) && WORD(SECONDARY + HEADER_VERSION) >= floor_read())
        return true;
    uart_say("swapboot: what is in the secondary slot is refused");
    return false;
}

static bool has_failed_its_trial(void)
{
    return magic_is_there(PRIMARY) && flag_is_set(AT(PRIMARY, COPY_DONE)) && !flag_is_set(AT(PRIMARY, IMAGE_OK));
}

static void swap(void)
{
    if (swap_is_open()) {
        uart_say("swapboot: going on swapping");
        swap_finish();
    } else if (has_failed_its_trial()) {
        uart_say("swapboot: swapping back");
        swap_begin(BACK);
        swap_finish();
    } else if (is_to_be_tried()) {
        uart_say("swapboot: swapping");
        swap_begin(TRIAL);
        swap_finish();
    }
}

static _Noreturn void start(uint32_t vectors)
{
    REG(SCB_VTOR) = vectors;
    __asm__ volatile("msr msp, %0\n bx %1" : : "r"(WORD(vectors)), "r"(WORD(vectors + 4)));
    __builtin_unreachable();
}

int main(void)
{
    uart_open();
    swap();
    if (!image_is_whole(PRIMARY)) {
        uart_say("swapboot: there is nothing to start");
        for (;;)
            __asm__ volatile("wfi");
    }
    if (magic_is_there(PRIMARY) && BYTE(AT(PRIMARY, KIND)) == BACK)
        uart_say("swapboot: the image before is back");
    uart_say("swapboot: starting");
    start(PRIMARY + HEADER);
}
