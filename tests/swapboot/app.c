/* SPDX-License-Identifier: MIT
 *
 * An application. From version 2 on it expects to be on trial, and says that it is to stay; version 1 came with the
 * device.
 */
#include "slots.h"

#define TEXT(number) #number
#define NUMBER(version) TEXT(version)
#define NAME "app " NUMBER(VERSION)
#define LED (12 + VERSION % 4)

#if VERSION > 1
static void confirm(void)
{
    if (!magic_is_there(PRIMARY) || BYTE(AT(PRIMARY, KIND)) != 'T') {
        uart_say(NAME ": never was on trial");
        return;
    }
    if (!flag_is_set(AT(PRIMARY, IMAGE_OK))) {
        uart_say(NAME ": on trial");
        flag_set(AT(PRIMARY, IMAGE_OK));
    }
    floor_raise(VERSION);
    uart_say(NAME ": confirmed");
}
#endif

int main(void)
{
    uart_open();
    leds_open();
    uart_say(NAME ": running");
#if VERSION > 1
    confirm();
#endif
    tick_open(100);
    for (unsigned on = 1;; on ^= 1) {
        led(LED, on);
        tick_wait();
    }
}
