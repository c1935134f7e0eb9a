/* SPDX-License-Identifier: MIT
 *
 * The option --fault NAME[=ARGUMENT], which may be repeated, of every sub-command that runs a device.
 */
#ifndef MATTERHORN_FAULT_OPTION_H
#define MATTERHORN_FAULT_OPTION_H

#include <popt.h>

#include "fault.h"

struct fault_option {
    struct fault_set set;
    char why[FAULT_WHY]; /* what is wrong with the first that is wrong; "" when all are good */
};

/* popt calls this for every --fault. */
void fault_option_keep(poptContext context, enum poptCallbackReason reason, const struct poptOption *option,
                       const char *argument, const void *data);

/* A table to include in the command's own. */
#define FAULT_OPTION(keeper)                                                                                           \
    {                                                                                                                  \
        {NULL, '\0', POPT_ARG_CALLBACK, (void *)(uintptr_t)fault_option_keep, 0, (const char *)(keeper), NULL},       \
        {"fault", '\0', POPT_ARG_STRING, NULL, 0,                                                                      \
         "what is wrong with the parts, such as nor-slow=2 (matterhorn faults lists them); may be repeated",           \
         "NAME[=ARG]"},                                                                                                \
        POPT_TABLEEND,                                                                                                 \
    }

#endif
