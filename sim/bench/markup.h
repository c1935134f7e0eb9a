/* SPDX-License-Identifier: MIT
 *
 * Text inside XML and HTML.
 */
#ifndef MATTERHORN_BENCH_MARKUP_H
#define MATTERHORN_BENCH_MARKUP_H

#include <stdio.h>

/* Writes the text so that it stands for itself in an element and in a quoted attribute. What XML 1.0 does not allow,
 * and what is not UTF-8, becomes U+FFFD. */
void markup_text(FILE *stream, const char *text);
/* The same with what printf makes of it. */
void markup_print(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
