/* SPDX-License-Identifier: MIT */
#include "interrupts.h"
#include "tests.h"

#define WWDG 0x40002C00
#define EARLY (TEST[1] == 1)

static void wwdg_warned(void)
{
    REG(WWDG + 8) = 0;
    REG(GPIO(4)) |= 1u << 26;
    REG(GPIO(4) + 0x18) = 1u << 13;
    if (TEST[1] == 2 && counts[0] < 3)
        REG(WWDG) = 0x7F;
}

/* 0: until it bites; 1: refreshed too early; 2: refreshed in the window twice, from the early warning */
void test_wwdg(void)
{
    uint32_t flags = REG(RCC + 0x74) >> 24;
    print("flags", flags);
    REG(RCC + 0x74) = 1u << 24;
    if (flags & 1u << 6)
        return;
    listen(0, wwdg_warned);
    REG(WWDG + 4) = 1u << 9 | 3u << 7 | (EARLY ? 0x5F : 0x7F);
    REG(WWDG) = 0xFF;
    REG(GPIO(4)) |= 1u << 22;
    REG(GPIO(4) + 0x18) = 1u << 11;
    if (EARLY) {
        busy(168000);
        REG(WWDG) = 0x7F;
    }
    for (;;)
        WFI();
}
