/* SPDX-License-Identifier: MIT */
#include "option_bytes.h"

#include <string.h>

/* FLASH_OPTCR, RM0090 3.9.9. Write protection is a cleared bit. */
enum {
    OPTCR_BOR_LEV_Pos = 2,
    OPTCR_BOR_LEV_Msk = 3 << OPTCR_BOR_LEV_Pos,
    OPTCR_WDG_SW = 1 << 5,
    OPTCR_USER_Msk = 0xEC, /* BOR_LEV, WDG_SW, nRST_STOP, nRST_STDBY */
    OPTCR_RDP_Pos = 8,
    OPTCR_NWRP_Pos = 16,
    OPTCR_NWRP_Msk = 0xFFF,
};

enum { RDP_LEVEL_0 = 0xAA, RDP_LEVEL_2 = 0xCC };

/* Where they lie in the option bytes (RM0090 3.7.1): the user byte, the read protection, and 8 bytes further the
 * write protection. */
enum { OFF_USER = 0, OFF_RDP = 1, OFF_NWRP = 8 };

void option_bytes_set(uint8_t otp[RAIL_OTP_SIZE], uint32_t optcr)
{
    uint8_t *options = otp + RAIL_OTP_OPTIONS;

    memset(options, 0xFF, RAIL_OTP_SIZE - RAIL_OTP_OPTIONS);
    options[OFF_USER] = (uint8_t)(optcr | (0xFF & ~OPTCR_USER_Msk)); /* what stands for nothing stays unprogrammed */
    options[OFF_RDP] = (uint8_t)(optcr >> OPTCR_RDP_Pos);
    options[OFF_NWRP] = (uint8_t)(optcr >> OPTCR_NWRP_Pos);
    options[OFF_NWRP + 1] = (uint8_t)(optcr >> OPTCR_NWRP_Pos >> 8 | 0xF0);
}

uint32_t option_bytes_get(const uint8_t otp[RAIL_OTP_SIZE])
{
    const uint8_t *options = otp + RAIL_OTP_OPTIONS;
    const uint32_t nwrp = (uint32_t)options[OFF_NWRP + 1] << 8 | options[OFF_NWRP];

    return (nwrp & OPTCR_NWRP_Msk) << OPTCR_NWRP_Pos | (uint32_t)options[OFF_RDP] << OPTCR_RDP_Pos |
           (options[OFF_USER] & OPTCR_USER_Msk);
}

unsigned option_bytes_read_protection(uint32_t optcr)
{
    const uint8_t rdp = (uint8_t)(optcr >> OPTCR_RDP_Pos);

    return rdp == RDP_LEVEL_0 ? 0 : rdp == RDP_LEVEL_2 ? 2 : 1;
}

unsigned option_bytes_brown_out(uint32_t optcr)
{
    return 3 - ((optcr & OPTCR_BOR_LEV_Msk) >> OPTCR_BOR_LEV_Pos);
}

bool option_bytes_write_protected(uint32_t optcr, unsigned sector)
{
    return !(optcr >> (OPTCR_NWRP_Pos + sector) & 1);
}

bool option_bytes_hardware_watchdog(uint32_t optcr)
{
    return !(optcr & OPTCR_WDG_SW);
}
