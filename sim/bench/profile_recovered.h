/* SPDX-License-Identifier: MIT
 *
 * The part of a profile that says when a device counts as recovered; for profile.c.
 */
#ifndef MATTERHORN_BENCH_PROFILE_RECOVERED_H
#define MATTERHORN_BENCH_PROFILE_RECOVERED_H

#include "profile.h"

#include <cyaml/cyaml.h>

/* What is needed, and what may be left out, of what libcyaml allocates. */
#define NEEDED CYAML_FLAG_POINTER
#define MAY_MISS (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

extern const cyaml_schema_value_t profile_text_value, profile_area_value;
extern const cyaml_schema_field_t profile_recovered_fields[];

/* "PATH: KEY "NAME": WHAT", a problem of use; returns false. */
bool profile_bad(struct problem *problem, const char *path, const char *key, const char *name, const char *what);
bool profile_check_name(const char *name, const char *key, const char *path, struct problem *problem);
bool profile_check_area(struct profile_area *area, const char *key, const char *path, struct problem *problem);

/* Checks it all, and makes what is made of it; free that with profile_recovered_forget, in any case. */
bool profile_recovered_check(struct profile_recovered *recovered, const char *key, const char *path,
                             struct problem *problem);
void profile_recovered_forget(struct profile_recovered *recovered);

#endif
