/* SPDX-License-Identifier: MIT */
#include "id.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* --- parsing --- */

static bool bad(struct problem *problem, const char *text, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool bad(struct problem *problem, const char *text, const char *format, ...)
{
    char what[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return problem_set(problem, PROBLEM_USE, "id %.200s: %s", text, what);
}

/* A decimal number without sign that ends at `end`. */
static bool decimal(const char *text, const char *end, uint64_t most, uint64_t *number)
{
    *number = 0;
    if (text == end)
        return false;
    for (; text < end; text++) {
        unsigned digit = (unsigned)(*text - '0');
        if (digit > 9 || *number > (most - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return true;
}

/* `digits` hexadecimal digits that end at `end`. */
static bool hexadecimal(const char *text, const char *end, int digits, uint32_t *number)
{
    *number = 0;
    if (end - text != digits)
        return false;
    for (; text < end; text++) {
        if (!isxdigit((unsigned char)*text))
            return false;
        *number = *number << 4 | (uint32_t)(isdigit((unsigned char)*text) ? *text - '0' : (*text | 0x20) - 'a' + 10);
    }
    return true;
}

static void list_tears(enum rail_kind kind, char list[200])
{
    list[0] = '\0';
    for (enum nor_tear tear = 0; tear < NOR_TEARS; tear++)
        if (kind == RAIL_STATUS || nor_tear_applies(kind == RAIL_ERASE ? NOR_ERASE : NOR_PROGRAM, tear))
            snprintf(list + strlen(list), 200 - strlen(list), "%s%s", list[0] != '\0' ? " " : "", nor_tear_name(tear));
}

static bool parse_tear(const char *text, const char *name, struct id_cut *cut, struct problem *problem)
{
    char list[200];
    list_tears(cut->kind, list);
    cut->tear = nor_tear_named(name);
    if (cut->tear == NOR_TEARS)
        return bad(problem, text, "there is no tear \"%s\"; there are: %s", name, list);
    return cut->kind == RAIL_STATUS || nor_tear_applies(cut->kind == RAIL_ERASE ? NOR_ERASE : NOR_PROGRAM, cut->tear) ||
           bad(problem, text, "%s is not torn as \"%s\"; there are: %s",
               cut->kind == RAIL_ERASE ? "an erase" : "a program", name, list);
}

/* `part` is the cut alone, and is taken apart. */
static bool parse_cut(const char *text, char *part, struct id_cut *cut, struct problem *problem)
{
    char whole[100], *fields[4] = {part};
    uint64_t occurrence;
    snprintf(whole, sizeof whole, "%.99s", part);
    for (unsigned i = 1; i < 4; i++) {
        char *dot = strchr(fields[i - 1], '.');
        if (dot == NULL)
            return bad(problem, text, "\"%s\" is no cut; write it like int.080A4800.p1.half", whole);
        *dot = '\0';
        fields[i] = dot + 1;
    }
    bool nor = strcmp(fields[0], "nor") == 0;
    if (!nor && strcmp(fields[0], "int") != 0)
        return bad(problem, text, "there is no chip \"%s\"; there are: int nor", fields[0]);
    cut->chip = nor ? RAIL_CHIP_NOR : RAIL_CHIP_INTERNAL;
    if (!hexadecimal(fields[1], fields[2] - 1, nor ? 6 : 8, &cut->address))
        return bad(problem, text, "\"%s\" is no address of %s: it has %d hexadecimal digits", fields[1], fields[0],
                   nor ? 6 : 8);
    cut->kind = fields[2][0] == 'p' ? RAIL_PROGRAM : fields[2][0] == 'e' ? RAIL_ERASE : RAIL_STATUS;
    if (strchr("pes", fields[2][0]) == NULL || fields[2][0] == '\0' ||
        !decimal(fields[2] + 1, fields[3] - 1, UINT32_MAX, &occurrence) || occurrence == 0)
        return bad(problem, text,
                   "\"%s\" is no operation: write p (program), e (erase) or s (status) and its number from 1", fields[2]);
    cut->occurrence = (uint32_t)occurrence;
    return parse_tear(text, fields[3], cut, problem);
}

/* "!FAULT!FAULT..." up to the slash. */
static bool parse_faults(const char *text, const char *from, const char *slash, struct id *id, struct problem *problem)
{
    while (from < slash) {
        char fault[100], why[FAULT_WHY];
        const char *end = memchr(from + 1, '!', (size_t)(slash - from - 1));
        if (end == NULL)
            end = slash;
        snprintf(fault, sizeof fault, "%.*s", (int)(end - from - 1), from + 1);
        if (!fault_parse(&id->faults, fault, why))
            return problem_set(problem, PROBLEM_USE, "id %.100s: %.800s", text, why);
        from = end;
    }
    return true;
}

static bool parse_head(const char *text, const char *slash, struct id *id, struct problem *problem)
{
    const char *all = memchr(text, '!', (size_t)(slash - text)), *before_faults = all != NULL ? all : slash;
    if (!parse_faults(text, before_faults, slash, id, problem))
        return false;
    slash = before_faults;
    const char *tilde = slash;
    while (tilde > text && *tilde != '~')
        tilde--;
    const char *noise = memchr(tilde, 'n', (size_t)(slash - tilde));
    if (*tilde != '~' || tilde == text || tilde[1] != 's' ||
        !decimal(tilde + 2, noise != NULL ? noise : slash, UINT64_MAX, &id->seed) ||
        (noise != NULL && !decimal(noise + 1, slash, UINT64_MAX, &id->noise)))
        return bad(problem, text, "it must begin like eth-app-update~s1/");
    if (noise == NULL)
        id->noise = id->seed;
    if ((size_t)(tilde - text) >= sizeof id->profile)
        return bad(problem, text, "the profile's name is too long");
    memcpy(id->profile, text, (size_t)(tilde - text));
    id->profile[tilde - text] = '\0';
    return true;
}

static bool parse_firmware(const char *text, const char *digits, struct id *id, struct problem *problem)
{
    if (strlen(digits) != ID_FIRMWARE - 1 || strspn(digits, "0123456789abcdefABCDEF") != ID_FIRMWARE - 1)
        return bad(problem, text, "behind the @ are %d hexadecimal digits of the firmware's hash", ID_FIRMWARE - 1);
    for (size_t i = 0; i < ID_FIRMWARE; i++)
        id->firmware[i] = (char)tolower((unsigned char)digits[i]);
    return true;
}

bool id_parse(const char *text, struct id *id, struct problem *problem)
{
    char cuts[ID_TEXT];
    *id = (struct id){0};
    if (strlen(text) >= sizeof cuts)
        return bad(problem, text, "it is too long");
    const char *slash = strchr(text, '/');
    if (slash == NULL)
        return bad(problem, text, "it must look like eth-app-update~s1/int.080A4800.p1.half");
    snprintf(cuts, sizeof cuts, "%s", slash + 1);
    char *at = strchr(cuts, '@');
    if (at != NULL)
        *at = '\0';
    if (!parse_head(text, slash, id, problem) || (at != NULL && !parse_firmware(text, at + 1, id, problem)))
        return false;
    for (char *part = cuts, *plus; part != NULL; part = plus) {
        plus = strchr(part, '+');
        if (plus != NULL)
            *plus++ = '\0';
        if (id->count == ID_CUTS)
            return bad(problem, text, "it has more than %d cuts", ID_CUTS);
        if (!parse_cut(text, part, &id->cuts[id->count++], problem))
            return false;
    }
    return true;
}

/* --- formatting --- */

bool id_format_faults(const struct fault_set *faults, char text[ID_FAULTS])
{
    text[0] = '\0';
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        char one[FAULT_TEXT];
        size_t used = strlen(text);
        if (!faults->of[fault].on)
            continue;
        fault_format(faults, fault, one);
        if (used + 1 + strlen(one) >= ID_FAULTS)
            return false;
        snprintf(text + used, ID_FAULTS - used, "!%s", one);
    }
    return true;
}

void id_format_cut(const struct id_cut *cut, char text[ID_TEXT])
{
    char kind = cut->kind == RAIL_PROGRAM ? 'p' : cut->kind == RAIL_ERASE ? 'e' : 's';
    bool nor = cut->chip == RAIL_CHIP_NOR;
    snprintf(text, ID_TEXT, "%s.%0*" PRIX32 ".%c%" PRIu32 ".%s", nor ? "nor" : "int", nor ? 6 : 8, cut->address, kind,
             cut->occurrence, nor_tear_name(cut->tear));
}

void id_format(const struct id *id, char text[ID_TEXT])
{
    char cut[ID_TEXT];
    int used = snprintf(text, ID_TEXT, "%s~s%" PRIu64, id->profile, id->seed);
    if (id->noise != id->seed)
        snprintf(text + used, (size_t)(ID_TEXT - used), "n%" PRIu64, id->noise);
    char faults[ID_FAULTS];
    id_format_faults(&id->faults, faults);
    strncat(text, faults, ID_TEXT - 1 - strlen(text));
    for (unsigned i = 0; i < id->count; i++) {
        id_format_cut(&id->cuts[i], cut);
        strncat(text, i == 0 ? "/" : "+", ID_TEXT - 1 - strlen(text));
        strncat(text, cut, ID_TEXT - 1 - strlen(text));
    }
    if (id->firmware[0] != '\0') {
        strncat(text, "@", ID_TEXT - 1 - strlen(text));
        strncat(text, id->firmware, ID_TEXT - 1 - strlen(text));
    }
}

bool id_find(const struct id_cut *cut, const struct recording *recording, size_t *operation, struct problem *problem)
{
    uint32_t most = 0;
    char name[ID_TEXT];
    for (size_t i = 0; i < recording->count; i++) {
        const struct operation *one = &recording->operations[i];
        const struct rail_event *event = one->item.event;
        if (event->chip != cut->chip || event->address != cut->address || event->kind != cut->kind)
            continue;
        most = one->occurrence > most ? one->occurrence : most;
        *operation = i;
        if (one->occurrence == cut->occurrence)
            return true;
    }
    id_format_cut(cut, name);
    return problem_set(problem, PROBLEM_USE,
                       "there is no %s: of its %zu operations, the recorded run has %" PRIu32 " of this kind at this address",
                       name, recording->count, most);
}

/* Appends a word that the shell takes as it is. */
static void append_word(char command[ID_COMMAND], const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./,:@%=~";
    size_t used = strlen(command);
    bool quote = word[0] == '\0' || word[0] == '~' || word[strspn(word, plain)] != '\0';
    if (used + 8 >= ID_COMMAND)
        return;
    command[used++] = ' ';
    if (quote)
        command[used++] = '\'';
    for (; *word != '\0' && used + 6 < ID_COMMAND; word++) {
        if (*word == '\'') {
            memcpy(command + used, "'\\'", 3);
            used += 3;
        }
        command[used++] = *word;
    }
    if (quote)
        command[used++] = '\'';
    command[used] = '\0';
}

void id_command(const char *id, const char *firmware, const struct id_target *target, char command[ID_COMMAND])
{
    const struct {
        const char *option, *value;
    } options[] = {{"--profile", target->profile}, {"--root", target->root}, {"--device", target->device}};
    char full[ID_TEXT];
    snprintf(full, sizeof full, "%.*s@%.*s", ID_TEXT - ID_FIRMWARE - 1, id, ID_FIRMWARE - 1, firmware);
    snprintf(command, ID_COMMAND, "matterhorn replay");
    append_word(command, full);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (options[i].value == NULL)
            continue;
        append_word(command, options[i].option);
        append_word(command, options[i].value);
    }
}
