/* SPDX-License-Identifier: MIT
 *
 * Profiles: what a target is and what it must do, as data. The keys are explained in sim/profiles/README.md.
 */
#ifndef MATTERHORN_BENCH_PROFILE_H
#define MATTERHORN_BENCH_PROFILE_H

#include "arrays.h"
#include "problem.h"
#include "watch.h"

#include "fault.h"

struct profile_pin {
    char *pin;
    char *name;
    uint32_t number; /* port * 16 + pin */
};

struct profile_phase {
    char *name;
    char *begins; /* text that a line contains */
};

/* A named range of addresses of a chip. */
struct profile_area {
    char *name;
    enum rail_chip chip;
    uint32_t address;
    uint32_t size;
    enum array array; /* where it is */
    uint32_t offset;
};

/* Bytes that must equal a file. */
struct profile_equal {
    char *name;
    enum rail_chip chip;
    uint32_t address;
    char *file;
};

struct profile_edges {
    char *pin;
    unsigned count;
};

struct profile_level {
    char *pin;
    unsigned high; /* 0: low */
};

/* An image that can start: its first word is an initial stack pointer, its second one an entry within the range. */
struct profile_vectors {
    char *name;
    uint32_t address;
    uint32_t size;
    enum array array; /* where it is */
    uint32_t offset;
};

/* Where the core's own vector table (VTOR) is at the end. */
struct profile_running {
    uint32_t address;
    uint32_t size;
};

enum profile_counter_form { COUNTER_LITTLE, COUNTER_BIG, COUNTER_UNARY };

/* A number that never falls. */
struct profile_counter {
    char *name;
    enum rail_chip chip;
    uint32_t address;
    uint32_t size;                  /* bytes */
    enum profile_counter_form
        form; /* a word, little or big endian, 0 where it is erased; or how many bits are cleared */
    enum array array;               /* where it is */
    uint32_t offset;
};
#define PROFILE_COUNTERS 8

/* At least `count` cuts among the operations that match; NULL or 0 matches all. */
struct profile_minimum {
    char *phase;
    char *area;
    enum rail_kind kind;
    unsigned count;
};

/* When a device counts as recovered: what is seen since the last reset, then the arrays; and what the second power-up
 * must no longer say. `any`: beside all that, what one of these asks for; they have no counters, `over` or `any` of
 * their own. */
struct profile_recovered {
    char *name; /* of one of `any` */
    char **lines;
    unsigned lines_count;
    char **matches;
    unsigned matches_count;
    struct profile_edges *edges;
    unsigned edges_count;
    struct profile_level *levels;
    unsigned levels_count;
    struct profile_equal *equal;
    unsigned equal_count;
    struct profile_area *unchanged;
    unsigned unchanged_count;
    struct profile_vectors *vectors;
    unsigned vectors_count;
    struct profile_running *running; /* NULL: nobody asks */
    struct profile_counter *counters;
    unsigned counters_count;
    char **over;
    unsigned over_count;
    struct profile_recovered *any;
    unsigned any_count;
    /* Made of the above. */
    regex_t patterns[WATCH_MOST];
    unsigned patterns_count; /* of those that are compiled */
    struct watch_edges watch_edges[WATCH_MOST];
    struct watch_level watch_levels[WATCH_MOST];
    struct watch_wanted wanted, wanted_any[WATCH_ANY];
};

/* The next update must work: a command puts it into the device that recovered. */
struct profile_next {
    /* {device} in an argument: a folder with the arrays, read and written; {matterhorn}: the running program */
    char **command;
    unsigned command_count;
    struct profile_recovered recovered; /* without `over` */
};

/* One of the updates that a soak makes in turns. */
enum profile_ends { PROFILE_RECOVERED, PROFILE_NEXT };
struct profile_soak {
    char *name;
    char **command; /* as that of profile_next */
    unsigned command_count;
    enum profile_ends ends; /* which `recovered` it ends in: the profile's, or that of `next` */
    unsigned erases;        /* as that of profile_budget, for this update */
};
#define PROFILE_SOAKS 16

struct profile_budget {
    unsigned boots;   /* power-ons and resets of one power session */
    unsigned seconds; /* of virtual time for one power session */
    unsigned erases;  /* of one sector of the internal flash, and one more per power loss; 0: any number */
    uint32_t *idle_operations; /* on the flashes at a second power-up; NULL: any number */
};

struct profile_cuts {
    char *count_text; /* a number, or "all" */
    unsigned count;   /* 0: all */
    uint64_t seed;
    char **tears; /* none: the whole menu */
    unsigned tears_count;
    struct profile_minimum *minimum;
    unsigned minimum_count;
};

struct profile {
    char *name;
    char *machine;
    char *device; /* folder */
    char **faults; /* of its parts */
    unsigned faults_count;
    char **symbols; /* ELF files of what runs on it, for a debugger */
    unsigned symbols_count;
    struct profile_pin *pins;
    unsigned pins_count;
    struct profile_phase *phases;
    unsigned phases_count;
    struct profile_area *areas;
    unsigned areas_count;
    struct profile_recovered recovered;
    struct profile_next *next; /* NULL: nobody asks */
    struct profile_soak *soak;
    unsigned soak_count; /* 0: it cannot be soaked */
    struct profile_budget budget;
    struct profile_cuts cuts;
    struct fault_set fault_set;       /* what `faults` says */
    struct watch_wanted wanted;       /* what recovered wants to be seen */
    struct watch_wanted wanted_again; /* the same of the second power-up, with recovered.over */
    struct watch_wanted wanted_next;  /* what next.recovered wants to be seen */
    char *text; /* what it was read from, with what that extends */
    size_t text_size;
};

/* The folder where relative paths of profiles start, unless the user names another one: the project's; malloc'ed. */
char *profile_default_root(void);
/* The file of a profile, as profile_load finds it; malloc'ed. */
char *profile_path(const char *name_or_path);
/* A profile by path (it contains '/' or ends with ".yaml") or by name. */
bool profile_load(const char *name_or_path, struct profile **profile, struct problem *problem);
/* A profile from its text; `name` is for messages. */
bool profile_parse(const char *name, const void *text, size_t size, struct profile **profile, struct problem *problem);
void profile_free(struct profile *profile);

/* The tears of the menu that the profile asks for; their number. */
unsigned profile_tears(const struct profile *profile, enum nor_tear tears[NOR_TEARS]);
/* The first area that holds the address; NULL when none does. */
const struct profile_area *profile_area_at(const struct profile *profile, unsigned chip, uint32_t address);

#endif
