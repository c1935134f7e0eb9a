/* SPDX-License-Identifier: MIT
 *
 * The files that `matterhorn pack` makes a package from.
 */
#ifndef MATTERHORN_PACK_INPUTS_H
#define MATTERHORN_PACK_INPUTS_H

#include "package_writer.h"

struct pack_inputs {
    char *images[MH_COMPONENTS]; /* files for one component each, by component number - 1; NULL: not given */
    /* files whose addresses say for which component, or FILE@ADDRESS; ends with NULL; may be NULL */
    char **inputs;
    char *format;                /* of all of them; NULL: each as it looks */
    char *symdefs;               /* what the application was linked against; NULL: not given */
};

/* Whether each of the first `outputs` paths names another file than all others and all
 * inputs do; NULL stands for none. */
bool pack_inputs_apart(const struct pack_inputs *inputs, const char *const paths[], unsigned outputs, unsigned count,
                       struct problem *problem);

/* Reads them all into the images of an order whose board is set. The images' bytes are malloc'ed, in failure too. */
bool pack_inputs_read(const struct pack_inputs *inputs, struct package_order *order, struct problem *problem);

void pack_inputs_free(struct pack_inputs *inputs);

#endif
