/* SPDX-License-Identifier: MIT
 *
 * What the runtime does for an application: one versioned table of functions at a fixed address. An application is
 * linked for its region (firmware/boards), starts at its own vector table, and calls nothing but this. The functions
 * run on its stack: 4 KB must be free there, in SRAM, not in CCM, which the transfers to the SPI NOR do not reach. TIM2
 * and SysTick belong to the runtime.
 *
 * An application that was just installed is on trial until it calls update.confirm. While it is, the independent
 * watchdog runs, with a period of 22 s at least: sleep_ms feeds it, and so do the calls of update and config, while
 * they last and when they end, and those of mfupdate and user_flash while they last; code that works for longer
 * without them calls alive. Ten minutes after its start an application that is not confirmed is fed no longer. A
 * reset by the watchdog, by a fault or by restart counts against it as eight power-ons, and when 24 are used up the
 * bootloader installs what was there before.
 */
#ifndef MATTERHORN_RUNTIME_H
#define MATTERHORN_RUNTIME_H

#include "matterhorn/error.h"
#include "matterhorn/mfupdate.h"

#include <stdbool.h>
#include <stdint.h>

#define RUNTIME_API_ADDRESS 0x08010400u
#define RUNTIME_API_MAGIC 0x4952544Du /* "MTRI" */
#define RUNTIME_API_VERSION 3u        /* functions are only ever added at the end; then this grows */

enum runtime_led { RUNTIME_LED_RED, RUNTIME_LED_GREEN, RUNTIME_LED_BLUE };

/* MFUpdate; see matterhorn/update.h, of which this is the application's side. The session belongs to the runtime. */
struct runtime_update {
    enum mh_error (*begin)(const uint8_t *first, uint32_t available, uint32_t length);
    uint32_t (*packets)(void);
    bool (*missing)(uint32_t index);
    enum mh_error (*packet)(uint32_t index, const uint8_t *data, uint32_t length);
    enum mh_error (*validate)(void);
    enum mh_error (*install)(void); /* on MH_OK, restart() does it */
    enum mh_error (*delete_update)(void);
    bool (*unconfirmed)(void);
    enum mh_error (*confirm)(void);
};

/* The config store; see matterhorn/config.h. Tags from 0x8000 on are the application's; the others, such as the MAC
 * address, it only reads. What `find` gives moves when anything is written. */
struct runtime_config {
    const uint8_t *(*find)(uint32_t tag, uint32_t *length);
    enum mh_error (*write)(uint32_t tag, const uint8_t *value, uint32_t length);
    enum mh_error (*delete_value)(uint32_t tag);
    uint32_t (*room)(void);
};

/* The toolbox; see matterhorn/mfupdate.h, where each function is explained under its name behind `mfupdate_`.
 * Sessions, headers, areas and rows are the application's, in memory that DMA reaches. */
struct runtime_mfupdate {
    /* The built-in row of this name, MFUPDATE_MATTERHORN; NULL when there is none. To be copied and changed. */
    const struct mfupdate_provider *(*provider)(const char *name);
    enum mh_error (*describe)(struct mfupdate_header *header, const uint8_t *first, uint32_t available, uint32_t size);
    enum mh_error (*initialize)(struct mfupdate *session, const struct mfupdate_provider *provider,
                                const struct mfupdate_header *header);
    enum mh_error (*command)(struct mfupdate *session, uint32_t command, const uint8_t *arguments, uint32_t length,
                             uint8_t *answer, uint32_t *answer_length);
    enum mh_error (*open)(struct mfupdate *session, const uint8_t *credentials, uint32_t length);
    uint32_t (*packets)(const struct mfupdate *session);
    uint32_t (*missing)(const struct mfupdate *session);
    uint32_t (*next_missing)(const struct mfupdate *session, uint32_t index);
    enum mh_error (*packet)(struct mfupdate *session, const struct mfupdate_packet *packet);
    enum mh_error (*download)(struct mfupdate *session);
    enum mh_error (*validate)(struct mfupdate *session, const uint8_t *check, uint32_t length);
    enum mh_error (*install)(struct mfupdate *session, const uint8_t *check, uint32_t length); /* then restart() */
    enum mh_error (*delete_update)(struct mfupdate *session);
    enum mh_error (*confirm)(struct mfupdate *session);
    enum mh_error (*rollback)(struct mfupdate *session); /* then restart() */
    enum mh_error (*get)(struct mfupdate *session, const char *name, uint8_t *value, uint32_t *length);
    enum mh_error (*set)(struct mfupdate *session, const char *name, const uint8_t *value, uint32_t length);
    /* Storage for data of the application's own, at `address` of the user's SPI NOR. */
    enum mh_error (*area)(struct mfupdate_area *area, uint32_t address, uint32_t size);
    const struct mfupdate_validation *sha256;
};

/* The user's SPI NOR, 0x000000 to 0x6FFFFF; see matterhorn/user_flash.h. MH_ERR_FLASH when there is no chip. */
struct runtime_user_flash {
    enum mh_error (*read)(uint32_t address, uint8_t *buffer, uint32_t length);
    enum mh_error (*program)(uint32_t address, const uint8_t *data, uint32_t length);
    enum mh_error (*erase)(uint32_t address); /* 4 KB */
};

struct runtime_api {
    uint32_t magic;
    uint32_t version;
    void (*print)(const char *text); /* one line, without line feed */
    void (*led)(enum runtime_led led, bool on);
    void (*sleep_ms)(uint32_t ms);
    void (*restart)(void); /* does not return */
    struct runtime_update update;
    struct runtime_config config; /* from version 2 on */
    enum mh_error (*rollback)(void); /* mh_update_rollback; on MH_OK, restart() does it; from version 3 on */
    void (*alive)(void);             /* this application works, though it does not sleep: feeds the watchdog */
    const struct runtime_mfupdate *mfupdate;     /* from version 3 on, and the next */
    const struct runtime_user_flash *user_flash;
};

/* The table, or NULL when there is no runtime of this version or a later one. */
static inline const struct runtime_api *runtime_api(void)
{
    const struct runtime_api *api = (const struct runtime_api *)RUNTIME_API_ADDRESS;

    return api->magic == RUNTIME_API_MAGIC && api->version >= RUNTIME_API_VERSION ? api : 0;
}

#endif
