/* SPDX-License-Identifier: MIT
 *
 * The reader of symdefs.txt.
 */
#include "symdefs.h"
#include "target.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct symdefs_range range = {"the runtime", 0x08010200, 0x1000};
    struct problem problem = {0};
    bool good = symdefs_check(data, size, &range, &problem);
    demand(good == (problem.kind == PROBLEM_NONE) && good == (problem.text[0] == '\0') && strlen(problem.text) < 700);
    return 0;
}
