/* SPDX-License-Identifier: MIT */
#include "matterhorn/board.h"

#include <stdbool.h>
#include <stddef.h>

const struct mh_board mh_boards[] = {
    {1, "mountaineer-eth", {{0x08010000, 0x90000}, {0x080A0000, 0x60000}}},
    {2, "mountaineer-usb", {{0x08010000, 0x70000}, {0x08080000, 0x80000}}},
    {0, NULL, {{0, 0}, {0, 0}}},
};

/* The C library's strcmp is 732 bytes of the bootloader, made for longer strings. */
static bool is_same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const struct mh_board *mh_board_named(const char *name)
{
    for (const struct mh_board *board = mh_boards; board->id; board++) {
        if (is_same(board->name, name)) {
            return board;
        }
    }
    return NULL;
}

const struct mh_board *mh_board_numbered(uint32_t id)
{
    for (const struct mh_board *board = mh_boards; board->id; board++) {
        if (board->id == id) {
            return board;
        }
    }
    return NULL;
}

const char *mh_component_name(unsigned number)
{
    return number == MH_RUNTIME ? "runtime" : "application";
}

struct mh_region mh_sector(unsigned number)
{
    if (number < 4) {
        return (struct mh_region){MH_INTERNAL_BASE + number * 0x4000u, 0x4000};
    }
    if (number == 4) {
        return (struct mh_region){MH_INTERNAL_BASE + 0x10000, 0x10000};
    }
    return (struct mh_region){MH_INTERNAL_BASE + (number - 4) * 0x20000u, 0x20000};
}
