/* SPDX-License-Identifier: MIT
 *
 * What every sub-command of `matterhorn` shares.
 */
#ifndef MATTERHORN_COMMAND_H
#define MATTERHORN_COMMAND_H

/* Exit status of the command, the same for every sub-command. */
enum exit_status {
    EXIT_PASS = 0,     /* nothing found */
    EXIT_FINDINGS = 1, /* it ran, and found something */
    EXIT_USAGE = 2,    /* wrong use: options, files, packages that cannot be made */
    EXIT_BENCH = 3,    /* the bench itself failed */
    EXIT_INCOMPLETE = 4, /* no verdict yet: the time that was given is up, or something is left to do in a store */
};

struct command {
    const char *name;
    const char *summary;                       /* one line, for `matterhorn --help` */
    int (*run)(int argc, const char *argv[]);  /* argv[0] is the sub-command's name; returns enum exit_status */
};

extern const struct command command_boot, command_deploy, command_device, command_diff, command_faults, command_inspect,
    command_keygen, command_measured, command_merge, command_pack, command_provision, command_replay, command_report,
    command_shrink, command_soak, command_sweep;

/* Prints "matterhorn: TEXT" on standard error; returns EXIT_USAGE or EXIT_BENCH for use in a return statement. */
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
int bench_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct problem;
/* Prints a problem of the bench's libraries; returns the exit status that fits it. */
int problem_exit(const struct problem *problem);

#endif
