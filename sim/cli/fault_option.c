/* SPDX-License-Identifier: MIT */
#include "fault_option.h"

#include <string.h>

void fault_option_keep(poptContext context, enum poptCallbackReason reason, const struct poptOption *option,
                       const char *argument, const void *data)
{
    struct fault_option *keeper = (struct fault_option *)(uintptr_t)data;
    (void)context;
    if (reason == POPT_CALLBACK_REASON_OPTION && option->longName != NULL && strcmp(option->longName, "fault") == 0 &&
        keeper->why[0] == '\0')
        fault_parse(&keeper->set, argument, keeper->why);
}
