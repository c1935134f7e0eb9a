/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &command_boot, &command_sweep, &command_replay, &command_shrink, &command_soak, &command_report, &command_merge,
    &command_diff, &command_faults, &command_pack, &command_inspect, &command_keygen, &command_provision,
    &command_deploy, &command_device, &command_measured,
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void print_help(void)
{
    printf("Usage: matterhorn COMMAND [OPTIONS]\n\n"
           "In-field updates for STM32F4 boards, and the bench that pulls their power.\n\nCommands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    printf("\nmatterhorn COMMAND --help explains one of them.\n"
           "Exit status: 0 nothing found, 1 findings, 2 wrong use, 3 the bench itself failed, 4 not complete.\n");
}

/* What was printed must have arrived, be it in a file on a full disk. A failure that was told is told once. */
static int finish(int status)
{
    if (status == EXIT_BENCH || (fflush(stdout) == 0 && !ferror(stdout)))
        return status;
    return bench_error("cannot write to standard output");
}

/* A file that we open must not become standard output because that was closed: it would get what is printed. What is
 * printed fails then, as it does into a pipe that nobody reads any more, or beyond the user's limit of a file's
 * size; that is said, not died of. */
static void prepare_streams(void)
{
    int descriptor = open("/dev/null", O_RDONLY);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO)
        descriptor = open("/dev/null", O_RDONLY);
    if (descriptor >= 0)
        close(descriptor);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

int main(int argc, char *argv[])
{
    prepare_streams();
    if (argc < 2)
        return usage_error("which command? See matterhorn --help");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help();
        return finish(EXIT_PASS);
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return finish(commands[i]->run(argc - 1, (const char **)argv + 1));
    return usage_error("there is no command \"%s\"; see matterhorn --help", argv[1]);
}
