/* SPDX-License-Identifier: MIT
 *
 * One machine: a QEMU process, the memory it shares, and its control channel (sim/rail/rail.h).
 *
 * The process lives long and is power-cycled inside. It dies with the thread that started it; what it shares is
 * anonymous memory, so nothing is left behind whatever happens. Host time limits are for safety only.
 */
#ifndef MATTERHORN_BENCH_MACHINE_H
#define MATTERHORN_BENCH_MACHINE_H

#include "arrays.h"
#include "problem.h"

#include "fault.h"
#include "trace.h"

#include <glib.h>
#include <sys/types.h>

struct machine_options {
    const char *model;   /* QEMU's name of the machine, such as "mountaineer-eth", and properties, each behind a comma */
    const struct fault_set *faults; /* of its parts, at every power-on; NULL: none */
    unsigned gdb_port;   /* 0: none. With a debugger there are no time limits. */
    const char *flash_times, *nor_times; /* how long operations take: "maximum", else as the model has it */
    bool patient;        /* Ctrl-C breaks off no run: whoever runs it piece by piece asks interrupt_seen in between */
};

struct machine {
    /* cells shared with the machine; pages kept by machine_take_events and machine_load; marks as loaded */
    struct arrays arrays;
    struct rail_trace *trace;  /* shared */
    const uint8_t *touched;    /* shared: the touched map (rail.h); current while the power is off */
    bool faults;               /* its parts have some, which may leave marks without a loss of power */
    bool marked;               /* the machine may hold marks */
    struct arrays_status status; /* as the machine has it, unless it was written since */
    bool status_written;
    bool counts_erases[ARRAYS]; /* its faults depend on them */
    pid_t process;
    int socket;
    int log;                   /* what QEMU says on its standard error */
    bool unlimited;            /* no host time limits */
    bool patient;
    GString *line;             /* commands that were put off: they go before the next one */
    unsigned put_off;          /* how many */
    char reply[1 << 18];       /* the last one; marks are the longest */
};

/* Why the machine stopped. */
enum stop_reason { STOP_TIME, STOP_CUT, STOP_EDGE, STOP_LINE, STOP_RESET, STOP_TRACE_FULL };

struct stop {
    enum stop_reason reason;
    uint64_t time_ns; /* virtual, since power-on */
    uint64_t operations;
};

/* When to stop at the latest, and at what else. */
struct run_request {
    uint64_t until_ns;
    bool edge, line, reset;
    bool cut; /* lose power at operation `operation`, leaving `tear` */
    uint64_t operation;
    enum nor_tear tear;
};

/* Starts the process, powered off, on a copy of `device`, whose cells are as the faults have left them (fault_store).
 * The status registers of machine->arrays are then those of this specimen from the factory. */
bool machine_start(struct machine *machine, const struct machine_options *options, const struct arrays *device,
                   struct problem *problem);
/* Ends the process. Harmless on a zeroed machine. */
void machine_close(struct machine *machine);

/* `sram`: retain, zero or random:SEED. `noise`: how weak bits read. *hash, which may be NULL: of what SRAM holds. */
bool machine_power_on(struct machine *machine, const char *sram, uint64_t noise, uint64_t *hash,
                      struct problem *problem);
bool machine_power_off(struct machine *machine, struct problem *problem);
bool machine_run(struct machine *machine, const struct run_request *request, struct stop *stop,
                 struct problem *problem);
/* Power rises and it runs: the two in one line, which costs half. */
bool machine_start_run(struct machine *machine, const char *sram, uint64_t noise, uint64_t *hash,
                       const struct run_request *request, struct stop *stop, struct problem *problem);
/* A debugger let a paused machine go on: waits until it stops where the last machine_run wanted it to. */
bool machine_wait(struct machine *machine, struct stop *stop, struct problem *problem);
/* While powered off: makes cells and marks equal to those of `state`, which stem from the same provisioned device. The
 * machine is told with its next command. */
bool machine_load(struct machine *machine, const struct arrays *state, struct problem *problem);
/* The same for the cells alone: marks stay as they are in the machine. */
bool machine_load_cells(struct machine *machine, const struct arrays *state, struct problem *problem);
/* Whether the machine has the marks, status registers and, where it matters, counts of erases of `state`; false with
 * *array where it has not, and when it does not answer (a problem). */
bool machine_has_beside(struct machine *machine, const struct arrays *state, enum array *array,
                        struct problem *problem);
/* While stopped: marks, status registers and, where it matters, counts of erases of machine->arrays become those that
 * the machine has. */
bool machine_read_beside(struct machine *machine, struct problem *problem);
/* While powered off: the touched map is emptied before the next command. */
bool machine_clear_touched(struct machine *machine, struct problem *problem);
/* The program that machines run; malloc'ed. */
char *machine_program(void);
/* Instructions since the process started. */
bool machine_instructions(struct machine *machine, uint64_t *instructions, struct problem *problem);

/* While powered and stopped: where the core has its vector table (VTOR). */
bool machine_vectors(struct machine *machine, uint32_t *address, struct problem *problem);

/* Host CPU time that the process has used. */
double machine_cpu_seconds(const struct machine *machine);

/* Calls `take` for every event since the last call, keeps the set of pages that operations touched, and empties the
 * trace. Only while the machine is stopped. */
typedef void machine_event_fn(void *context, const struct trace_item *item);
bool machine_take_events(struct machine *machine, machine_event_fn *take, void *context, struct problem *problem);

#endif
