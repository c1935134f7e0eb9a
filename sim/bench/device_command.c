/* SPDX-License-Identifier: MIT */
#include "device_command.h"

#include "interrupt.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void append_replaced(GPtrArray *arguments, const char *text, const char *device, const char *program)
{
    GString *argument = g_string_new(text);
    g_string_replace(argument, "{device}", device, 0);
    g_string_replace(argument, "{matterhorn}", program, 0);
    g_ptr_array_add(arguments, g_string_free(argument, FALSE));
}

/* The last line that was written, of at most so many letters and without its end; "" when nothing was. */
static const char *last_line(int output, char *text, size_t size)
{
    off_t length = lseek(output, 0, SEEK_END);
    ssize_t got = pread(output, text, size - 1, length > (off_t)size - 1 ? length - (off_t)size + 1 : 0);
    text[got > 0 ? got : 0] = '\0';
    g_strchomp(text);
    const char *feed = strrchr(text, '\n');
    return feed != NULL ? feed + 1 : text;
}

/* Exit 1 says that the device does not take the update; anything else that is not 0 is no verdict. */
static bool judge_command(int status, int output, const char *key, struct verdict *verdict, struct problem *problem)
{
    GError *error = NULL;
    char text[300];
    if (g_spawn_check_wait_status(status, &error))
        return true;
    const char *said = last_line(output, text, sizeof text);
    bool refused = error->domain == G_SPAWN_EXIT_ERROR && error->code == 1;
    if (said[0] == '\0')
        said = "it says nothing";
    if (interrupt_seen())
        refused =
            problem_set(problem, PROBLEM_INTERRUPTED, "interrupted"); /* Ctrl-C at a terminal is for the command too */
    else if (refused)
        oracle_fail(verdict, "next", "next update", "the command refuses: %.150s", said);
    else
        problem_set(problem, PROBLEM_BENCH, "the profile's %s failed (%s): %s", key, error->message, said);
    g_error_free(error);
    return refused;
}

/* In the child: the command shall not outlive us. */
static void end_with_parent(void *unused)
{
    (void)unused;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Until it ends; an interrupt ends it. */
static bool wait_for(GPid command, int *status, struct problem *problem)
{
    int ended = pidfd_open(command, 0);
    struct pollfd entries[2] = {{.fd = ended, .events = POLLIN}, {.fd = interrupt_descriptor(), .events = POLLIN}};
    while (ended >= 0 && poll(entries, 2, -1) < 0 && errno == EINTR)
        continue;
    bool interrupted = entries[0].revents == 0 && entries[1].revents != 0;
    if (interrupted)
        kill(command, SIGKILL);
    while (waitpid(command, status, 0) < 0 && errno == EINTR)
        continue;
    if (ended >= 0)
        close(ended);
    return !interrupted || problem_set(problem, PROBLEM_INTERRUPTED, "interrupted");
}

bool device_command(const struct device_command *command, const char *device, struct verdict *verdict,
                    struct problem *problem)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autoptr(GError) error = NULL;
    GPid process;
    int status = 0, output = memfd_create("device-command", MFD_CLOEXEC);
    if (output < 0)
        return problem_set(problem, PROBLEM_BENCH, "no place for what the profile's %s says: %s", command->key,
                           strerror(errno));
    for (unsigned i = 0; i < command->count; i++)
        append_replaced(arguments, command->words[i], device, program != NULL ? program : "matterhorn");
    g_ptr_array_add(arguments, NULL);
    bool good = g_spawn_async_with_fds(command->root, (char **)arguments->pdata, NULL,
                                       G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, end_with_parent, NULL, &process,
                                       -1, output, output, &error);
    if (good)
        good = wait_for(process, &status, problem) && judge_command(status, output, command->key, verdict, problem);
    else
        problem_set(problem, PROBLEM_USE, "the profile's %s cannot run: %s", command->key, error->message);
    close(output);
    return good;
}
