/* SPDX-License-Identifier: MIT */
#include "spec_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define ROWS_MOST 1000u
#define ROW_LENGTH 80u
#define LINE_LENGTH 4096u

struct rows {
    char names[ROWS_MOST][ROW_LENGTH];
    unsigned count;
};

static struct rows covered;

static bool has(const struct rows *rows, const char *name)
{
    for (unsigned i = 0; i < rows->count; i++) {
        if (strcmp(rows->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void add(struct rows *rows, const char *name)
{
    assert_true(rows->count < ROWS_MOST);
    assert_true(strlen(name) < ROW_LENGTH);
    if (!has(rows, name)) {
        strcpy(rows->names[rows->count++], name);
    }
}

void spec_rows_cover(const char *row)
{
    add(&covered, row);
}

/// The page ///

/* The first cell of a table's row, without backquotes and the blanks around it. */
static void first_cell(const char *line, char cell[ROW_LENGTH])
{
    size_t length = 0;

    for (const char *from = line + 1 + strspn(line + 1, " "); *from != '|' && *from != '\n' && *from; from++) {
        if (*from != '`') {
            assert_true(length + 1 < ROW_LENGTH);
            cell[length++] = *from;
        }
    }
    while (length > 0 && cell[length - 1] == ' ') {
        length--;
    }
    cell[length] = '\0';
}

/* Whether a heading is that of the section: "### 2.1 Manifest", "## 4. Trust anchors". */
static bool begins_section(const char *line, const char *section)
{
    const char *number = line + strspn(line, "#");
    const size_t length = strlen(section);

    return *number == ' ' && strncmp(number + 1, section, length) == 0 && strchr(". ", number[1 + length]) &&
           !(number[1 + length] == '.' && number[2 + length] != ' ');
}

static void read_rows(const char *section, const char *head, struct rows *rows)
{
    char line[LINE_LENGTH], cell[ROW_LENGTH] = "", row[ROW_LENGTH + 16];
    FILE *page = fopen(MATTERHORN_SPEC, "r");
    bool within = false, in_table = false;

    assert_non_null(page);
    rows->count = 0;
    while (fgets(line, sizeof line, page)) {
        if (line[0] == '#') {
            within = begins_section(line, section);
        }
        if (strncmp(line, "|---", 4) == 0) { /* it is behind a table's head, whose first cell is known by now */
            in_table = !head || strcmp(cell, head) == 0;
            continue;
        }
        in_table = in_table && line[0] == '|';
        if (within && line[0] == '|') {
            first_cell(line, cell);
        }
        if (within && in_table) {
            snprintf(row, sizeof row, "%s %s", section, cell);
            add(rows, row);
        }
    }
    fclose(page);
    assert_true(rows->count > 0);
}

/// The check ///

void spec_rows_check(const char *section, const char *head)
{
    static struct rows rows;
    const size_t length = strlen(section);

    read_rows(section, head, &rows);
    for (unsigned i = 0; i < rows.count; i++) {
        if (!has(&covered, rows.names[i])) {
            fail_msg("no bad case of docs/SPEC.md %s", rows.names[i]);
        }
    }
    for (unsigned i = 0; i < covered.count; i++) {
        const char *name = covered.names[i];
        if (strncmp(name, section, length) == 0 && name[length] == ' ' && !has(&rows, name)) {
            fail_msg("docs/SPEC.md has no row %s", name);
        }
    }
}
