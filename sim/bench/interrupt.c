/* SPDX-License-Identifier: MIT */
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int ends[2] = {-1, -1};

void interrupt_raise(void)
{
    int saved = errno;
    ssize_t ignored = write(ends[1], "!", 1); /* never read: once readable, always readable; a full pipe is fine */
    (void)ignored;
    errno = saved;
}

static void on_signal(int number)
{
    (void)number;
    interrupt_raise();
}

void interrupt_install(void)
{
    if (ends[0] >= 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup has a reason */
        sigaction(SIGHUP, &action, NULL);
}

int interrupt_descriptor(void)
{
    return ends[0];
}

bool interrupt_seen(void)
{
    struct pollfd entry = {.fd = ends[0], .events = POLLIN};
    return ends[0] >= 0 && poll(&entry, 1, 0) > 0;
}
