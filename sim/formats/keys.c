/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include "files.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX 256u

bool keys_from_hex(const char *text, uint8_t *bytes, size_t size)
{
    if (strlen(text) != 2 * size || strspn(text, "0123456789abcdefABCDEF") != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return true;
}

char *keys_to_hex(const uint8_t *bytes, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
    return text;
}

static bool read_key(const char *path, const char *title, const char *what, uint8_t *key, struct problem *problem)
{
    uint8_t *data;
    size_t size;

    if (!files_read(path, KEY_FILE_MAX, &data, &size, problem)) {
        return false;
    }
    char text[KEY_FILE_MAX + 1];
    memcpy(text, data, size);
    text[size] = '\0';
    memset(data, 0, size);
    free(data);
    while (size > 0 && isspace((unsigned char)text[size - 1])) {
        text[--size] = '\0';
    }
    const size_t length = strlen(title);
    if (strncmp(text, title, length) != 0 || !keys_from_hex(text + length, key, KEYS_SIZE)) {
        return problem_set(problem, PROBLEM_USE, "%s is not a %s key file; `matterhorn keygen` makes one", path, what);
    }
    return true;
}

bool keys_read_private(const char *path, uint8_t seed[KEYS_SIZE], struct problem *problem)
{
    return read_key(path, KEYS_PRIVATE_TITLE, "private", seed, problem);
}

bool keys_read_public(const char *path, uint8_t key[KEYS_SIZE], struct problem *problem)
{
    return read_key(path, KEYS_PUBLIC_TITLE, "public", key, problem);
}

bool keys_read_device(const char *path, uint8_t key[KEYS_SIZE], struct problem *problem)
{
    return read_key(path, KEYS_DEVICE_TITLE, "device", key, problem);
}
