/* SPDX-License-Identifier: MIT */
#include "pins.h"

#include <stdio.h>
#include <string.h>

#define SLOWEST_BLINK_NS UINT64_C(4000000000)

/* Equal within a fifth. */
static bool alike(uint64_t one, uint64_t other)
{
    uint64_t difference = one > other ? one - other : other - one;
    return difference * 5 <= one;
}

void pin_forget(struct pin_view *view)
{
    view->kept = 0;
    view->blinking = false;
}

bool pin_edge(struct pin_view *view, uint64_t time_ns, bool level, char *text, size_t size)
{
    memmove(view->edges + 1, view->edges, sizeof view->edges - sizeof view->edges[0]);
    view->edges[0] = time_ns;
    view->kept += view->kept < PINS_KEPT;
    view->level = level;
    view->count++;
    /* Whole periods, rising to rising and falling to falling: the two halves may differ. */
    uint64_t period = view->kept == PINS_KEPT ? view->edges[0] - view->edges[2] : 0;
    bool regular = period > 0 && period < SLOWEST_BLINK_NS && alike(period, view->edges[1] - view->edges[3]);
    if (view->blinking && regular && alike(period, view->period_ns))
        return false;
    view->blinking = regular;
    view->period_ns = period;
    if (regular)
        snprintf(text, size, "blinking %.1f Hz", 1e9 / (double)period);
    else
        snprintf(text, size, "%s", level ? "on" : "off");
    return true;
}

bool pin_tick(struct pin_view *view, uint64_t now_ns, char *text, size_t size)
{
    if (!view->blinking || now_ns - view->edges[0] <= view->period_ns * 3 / 2)
        return false;
    pin_forget(view);
    snprintf(text, size, "steady %s", view->level ? "on" : "off");
    return true;
}
