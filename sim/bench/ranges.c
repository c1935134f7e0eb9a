/* SPDX-License-Identifier: MIT */
#include "ranges.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct ranges {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct range *list; /* in order */
    size_t count, capacity;
    size_t taken; /* and not done */
    bool failed;
};

struct ranges *ranges_open(size_t count, size_t parts)
{
    struct ranges *ranges = calloc(1, sizeof *ranges);
    if (ranges == NULL)
        return NULL;
    pthread_mutex_init(&ranges->lock, NULL);
    pthread_cond_init(&ranges->changed, NULL);
    for (size_t i = 0; i < parts; i++) {
        struct range range = {i * count / parts, (i + 1) * count / parts};
        if (range.from < range.to && !ranges_put(ranges, range)) {
            ranges_close(ranges);
            return NULL;
        }
    }
    return ranges;
}

void ranges_close(struct ranges *ranges)
{
    if (ranges == NULL)
        return;
    pthread_cond_destroy(&ranges->changed);
    pthread_mutex_destroy(&ranges->lock);
    free(ranges->list);
    free(ranges);
}

bool ranges_take(struct ranges *ranges, struct range *range)
{
    pthread_mutex_lock(&ranges->lock);
    while (ranges->count == 0 && ranges->taken > 0 && !ranges->failed)
        pthread_cond_wait(&ranges->changed, &ranges->lock);
    bool found = ranges->count > 0 && !ranges->failed;
    if (found) {
        *range = ranges->list[0];
        ranges->count--;
        memmove(ranges->list, ranges->list + 1, ranges->count * sizeof *ranges->list);
        ranges->taken++;
    }
    pthread_mutex_unlock(&ranges->lock);
    return found;
}

static bool insert(struct ranges *ranges, struct range range)
{
    if (ranges->count == ranges->capacity) {
        size_t capacity = ranges->capacity == 0 ? 64 : 2 * ranges->capacity;
        struct range *list = realloc(ranges->list, capacity * sizeof *list);
        if (list == NULL)
            return false;
        ranges->list = list;
        ranges->capacity = capacity;
    }
    size_t at = ranges->count;
    while (at > 0 && ranges->list[at - 1].from > range.from)
        at--;
    memmove(ranges->list + at + 1, ranges->list + at, (ranges->count - at) * sizeof *ranges->list);
    ranges->list[at] = range;
    ranges->count++;
    return true;
}

bool ranges_put(struct ranges *ranges, struct range range)
{
    pthread_mutex_lock(&ranges->lock);
    bool good = insert(ranges, range);
    pthread_cond_signal(&ranges->changed);
    pthread_mutex_unlock(&ranges->lock);
    return good;
}

void ranges_done(struct ranges *ranges, bool good)
{
    pthread_mutex_lock(&ranges->lock);
    ranges->taken--;
    ranges->failed = ranges->failed || !good;
    pthread_cond_broadcast(&ranges->changed);
    pthread_mutex_unlock(&ranges->lock);
}
