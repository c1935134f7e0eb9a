/* SPDX-License-Identifier: MIT
 *
 * The text id of a scenario, which alone reproduces it:
 *
 *   PROFILE~sSEED[nNOISE][!FAULT...]/CUT[+CUT...][@FIRMWARE]
 *
 * SEED is that of the SRAM's contents and of the noise of weak bits, where NOISE does not say another one for that.
 * A fault is one of sim/nor/fault.h, such as nor-wip-stuck or int-worn=3: the parts have it at every power-on.
 * A cut is chip.address.kind-and-occurrence.tear, such as int.080A4800.p1.half. The first one happens in the update,
 * each further one in the recovery from the one before, where occurrences count anew. FIRMWARE is the beginning of the
 * hash that reports print: an id is found on one firmware and may mean something else on another.
 */
#ifndef MATTERHORN_BENCH_ID_H
#define MATTERHORN_BENCH_ID_H

#include "recording.h"

#include "fault.h"
#include "nor.h"

#define ID_CUTS 64
#define ID_PROFILE 61
#define ID_FIRMWARE 13 /* 12 digits */
#define ID_FAULTS 300
#define ID_TEXT 4096

struct id_cut {
    enum rail_chip chip;
    uint32_t address;
    enum rail_kind kind; /* RAIL_PROGRAM, RAIL_ERASE or RAIL_STATUS */
    uint32_t occurrence; /* from 1 */
    enum nor_tear tear;
};

struct id {
    char profile[ID_PROFILE];
    uint64_t seed;  /* of what SRAM holds when power returns */
    uint64_t noise; /* of how weak bits read then */
    struct fault_set faults;
    struct id_cut cuts[ID_CUTS];
    unsigned count;             /* of cuts, at least 1 */
    char firmware[ID_FIRMWARE]; /* "" when the id does not say */
};

bool id_parse(const char *text, struct id *id, struct problem *problem);
/* The id as every report writes it. */
void id_format(const struct id *id, char text[ID_TEXT]);
/* "!NAME=ARGUMENT" for each fault, in the order of the menu. False: they are too many for an id. */
bool id_format_faults(const struct fault_set *faults, char text[ID_FAULTS]);
/* One cut of it, such as "int.080A4800.p1.half". */
void id_format_cut(const struct id_cut *cut, char text[ID_TEXT]);
/* The operation of the recording that the cut means; false when the recorded run did not do it. */
bool id_find(const struct id_cut *cut, const struct recording *recording, size_t *operation, struct problem *problem);

/* What else one must say for an id to find its target again: as the user said it, NULL when he did not. */
struct id_target {
    const char *profile; /* a file; the id has the profile's name */
    const char *root;
    const char *device;
};
#define ID_COMMAND 8192
/* The shell command that replays the id, with the firmware that it was found on. */
void id_command(const char *id, const char *firmware, const struct id_target *target, char command[ID_COMMAND]);

#endif
