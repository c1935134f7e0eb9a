/* SPDX-License-Identifier: MIT
 *
 * The rows of the tables in docs/SPEC.md, so that tests of bad cases can be seen to leave none out.
 *
 * A row is named by its section and its first cell: "2.1 0x8103", "3.2 36". Backquotes do not count.
 */
#ifndef TESTS_UNIT_SPEC_ROWS_H
#define TESTS_UNIT_SPEC_ROWS_H

/* A case of this row has run. */
void spec_rows_cover(const char *row);

/* Fails unless every row of the tables of a section ("2.1") was covered, and every case of that section names a row
 * that is there. `head` is the first cell of the heads of the tables that are meant ("offset"); NULL: all of them. */
void spec_rows_check(const char *section, const char *head);

#endif
