/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Independent watchdog: RM0090 Rev 21 section 21. LSI runs at its typical 32 kHz; nothing but a reset stops it.
 */
#include "mcu.h"

#define LSI_HZ 32000

enum {
    IWDG_KR = 0x00,
    IWDG_PR = 0x04,
    IWDG_RLR = 0x08,
    IWDG_SR = 0x0C,
};

enum { KEY_START = 0xCCCC, KEY_RELOAD = 0xAAAA, KEY_UNLOCK = 0x5555 };
enum { USER_WDG_SW = 1u << 5 }; /* option byte: started by software */

static void reload(Mcu *mcu)
{
    Iwdg *iwdg = &mcu->iwdg;
    if (!iwdg->running)
        return;
    uint32_t divider = 4u << MIN(iwdg->pr, 6);
    int64_t period = muldiv64((uint64_t)(iwdg->rlr + 1) * divider, NANOSECONDS_PER_SECOND, LSI_HZ);
    timer_mod(iwdg->timer, time_to_clock(mcu, time_now(mcu) + period));
}

static void bite(void *opaque)
{
    mcu_request_reset(opaque, RCC_CSR_IWDGRSTF);
}

static uint64_t iwdg_read(void *opaque, hwaddr offset, unsigned size)
{
    Mcu *mcu = opaque;
    switch (offset) {
    case IWDG_PR:
        return mcu->iwdg.pr;
    case IWDG_RLR:
        return mcu->iwdg.rlr;
    }
    return 0;
}

static void iwdg_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    Mcu *mcu = opaque;
    Iwdg *iwdg = &mcu->iwdg;
    switch (offset) {
    case IWDG_KR:
        iwdg->unlocked = value == KEY_UNLOCK;
        if (value == KEY_START)
            iwdg->running = true;
        if (value == KEY_START || value == KEY_RELOAD)
            reload(mcu);
        return;
    case IWDG_PR:
    case IWDG_RLR:
        if (!iwdg->unlocked)
            qemu_log_mask(LOG_GUEST_ERROR, "IWDG: PR or RLR written without the key\n");
        else if (offset == IWDG_PR)
            iwdg->pr = value & 7;
        else
            iwdg->rlr = value & 0xFFF;
        return;
    }
}

MCU_REGISTER_OPS(iwdg_ops, iwdg_read, iwdg_write);

void iwdg_reset(Mcu *mcu)
{
    Iwdg *iwdg = &mcu->iwdg;
    timer_del(iwdg->timer);
    iwdg->pr = 0;
    iwdg->rlr = 0xFFF;
    iwdg->unlocked = false;
    iwdg->running = !(mcu->flash.options[0] & USER_WDG_SW);
    reload(mcu);
}

void iwdg_init(Mcu *mcu)
{
    mcu->iwdg.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, bite, mcu);
    mcu_map(mcu, &mcu->iwdg.mmio, &iwdg_ops, mcu, "iwdg", 0x40003000);
}
