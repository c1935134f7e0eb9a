/* SPDX-License-Identifier: MIT
 *
 * The reader of profiles: YAML that is taken, or a line that says what is wrong with it.
 */
#include "profile.h"
#include "target.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problem problem = {0};
    struct profile *profile;
    enum nor_tear tears[NOR_TEARS];

    const bool good = profile_parse("profile", data, size, &profile, &problem);
    demand(good == (profile != NULL));
    demand(good == (problem.kind == PROBLEM_NONE) && good == (problem.text[0] == '\0'));
    if (good) {
        const unsigned count = profile_tears(profile, tears);
        demand(count >= 1 && count <= NOR_TEARS);
        demand(profile->text_size == size && memcmp(profile->text, data, size) == 0);
        demand(profile->budget.boots >= 1 && profile->budget.seconds >= 1);
        for (unsigned i = 0; i < profile->areas_count; i++) {
            const struct profile_area *area = &profile->areas[i];
            demand(area->size <= arrays_size(area->array) && area->offset <= arrays_size(area->array) - area->size);
            demand(profile_area_at(profile, area->chip, area->address) != NULL || area->size == 0);
        }
        profile_free(profile);
    }
    return 0;
}
