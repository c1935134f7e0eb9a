/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <string.h>

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-"
#define VALUE_LETTERS NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ._"

/* --- what may be set --- */

/* Whether `text`, up to a comma or its end, is NAME=VALUE of a property that is neither the bench's own nor one that
 * every machine of QEMU has. */
static bool is_property(const char *text)
{
    static const char *const own[] = {"internal", "otp", "nor", "trace", "touched", "rail", "load", "accel", "kernel",
                                      "initrd", "append", "dtb", "dumpdtb", "firmware", "type", "smp", "memory",
                                      "memory-backend", "usb", "graphics"};
    size_t name = strspn(text, NAME_LETTERS);
    size_t value = text[name] == '=' ? strspn(text + name + 1, VALUE_LETTERS) : 0;
    bool good = name > 0 && value > 0 && (text[name + 1 + value] == '\0' || text[name + 1 + value] == ',');
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        good = good && !(strlen(own[i]) == name && strncmp(text, own[i], name) == 0);
    return good;
}

/* It becomes part of an option of QEMU, in which the bench has properties of its own. */
bool model_check(const char *model, struct problem *problem)
{
    size_t name = strspn(model, NAME_LETTERS);
    const char *comma = model[name] == ',' ? model + name : NULL;
    if (name == 0 || strlen(model) > 200 || (model[name] != '\0' && comma == NULL))
        return problem_set(problem, PROBLEM_USE,
                           "\"%.200s\" is no name of a machine: it has a to z, 0 to 9 and -, such as "
                           "mountaineer-eth; properties may follow, such as stm32f407-nor,hse=8000000",
                           model);
    for (; comma != NULL; comma = strchr(comma + 1, ','))
        if (!is_property(comma + 1))
            return problem_set(problem, PROBLEM_USE,
                               "\"%s\" is no name of a machine with its properties: \"%s\" cannot be set here", model,
                               comma + 1);
    return true;
}

/* --- what it means --- */

/* Properties that do what a fault does (sim/nor/fault.c), with any value but these. */
static const struct {
    const char *name;
    const char *without[4];
    enum fault fault;
} alike[] = {
    {"nor-multipass", {"allowed"}, FAULT_NOR_MULTIPASS_REFUSED},
    {"nor-powerup", {"instant"}, FAULT_NOR_POWERUP_SLOW},
    {"stale-cache", {"off", "no", "false", "n"}, FAULT_INT_STALE_CACHE},
};

/* Keeps RTC, backup registers and RCC_BDCR over a loss of power, inside of QEMU: no array has them, so no state that is
 * built does, and what one run leaves there would reach into the next one of the process. */
static const char outlives[] = "vbat";
static const char *const dies[] = {"off", "no", "false", "n"};

static bool is_word(const char *text, size_t length, const char *word)
{
    return word != NULL && strlen(word) == length && strncmp(text, word, length) == 0;
}

/* Whether the property is set to another value than any of those. Where it is set twice, QEMU takes the last one; once
 * is enough here. */
static bool is_set(const char *model, const char *name, const char *const without[], unsigned count)
{
    for (const char *comma = strchr(model, ','); comma != NULL; comma = strchr(comma + 1, ',')) {
        size_t length = strcspn(comma + 1, "=,");
        const char *value = comma + 1 + length + (comma[1 + length] == '=');
        bool other = is_word(comma + 1, length, name);
        for (unsigned i = 0; i < count; i++)
            other = other && !is_word(value, strcspn(value, ","), without[i]);
        if (other)
            return true;
    }
    return false;
}

struct fault_set model_faults(const char *model)
{
    struct fault_set set = {0};
    for (size_t i = 0; i < sizeof alike / sizeof alike[0]; i++)
        if (is_set(model, alike[i].name, alike[i].without, sizeof alike[i].without / sizeof alike[i].without[0]))
            set.of[alike[i].fault].on = true;
    return set;
}

bool model_forgets(const char *model, struct problem *problem)
{
    return !is_set(model, outlives, dies, sizeof dies / sizeof dies[0]) ||
           problem_set(problem, PROBLEM_USE,
                       "with %s=on the machine \"%.200s\" keeps its backup registers over a loss of power, but no "
                       "state that is built has them, and one power loss that is tried would reach into the next: "
                       "leave %s out, or use matterhorn boot",
                       outlives, model, outlives);
}
