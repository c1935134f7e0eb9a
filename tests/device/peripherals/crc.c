/* SPDX-License-Identifier: MIT */
#include "tests.h"

void test_crc(void)
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
