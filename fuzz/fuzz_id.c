/* SPDX-License-Identifier: MIT
 *
 * The id of a scenario: what is read is written as text that reads the same.
 */
#include "id.h"
#include "target.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct id id, again;
    struct problem problem = {0};
    char *text = malloc(size + 1), written[ID_TEXT], twice[ID_TEXT];

    demand(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    const bool good = id_parse(text, &id, &problem);
    demand(good == (problem.kind == PROBLEM_NONE) && good == (problem.text[0] == '\0'));
    if (good) {
        char faults[ID_FAULTS];
        demand(id.count >= 1 && id.count <= ID_CUTS);
        id_format(&id, written);
        if (id_format_faults(&id.faults, faults) && strlen(written) + 1 < sizeof written) {
            demand(id_parse(written, &again, &problem));
            id_format(&again, twice);
            demand(strcmp(written, twice) == 0);
        }
    }
    free(text);
    return 0;
}
