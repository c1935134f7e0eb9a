/* SPDX-License-Identifier: MIT */
#include "idle.h"

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>

struct idles {
    struct pool *pool;
    pthread_rwlock_t lock; /* guards what follows */
    struct pool_index *index;
    GPtrArray *list;
};

static void free_idle(gpointer data)
{
    struct idle *idle = data;
    pooled_free((struct pooled *)(uintptr_t)idle->pooled);
    g_free(idle);
}

struct idles *idles_open(struct pool *pool)
{
    struct idles *idles = calloc(1, sizeof *idles);
    if (idles == NULL)
        return NULL;
    idles->pool = pool;
    idles->index = pool_index_open(pool);
    if (idles->index == NULL) {
        free(idles);
        return NULL;
    }
    idles->list = g_ptr_array_new_with_free_func(free_idle);
    pthread_rwlock_init(&idles->lock, NULL);
    return idles;
}

void idles_close(struct idles *idles)
{
    if (idles == NULL)
        return;
    pool_index_close(idles->index);
    g_ptr_array_free(idles->list, TRUE);
    pthread_rwlock_destroy(&idles->lock);
    free(idles);
}

const struct idle *idles_find(struct idles *idles, const struct arrays *state)
{
    static const struct wild none;
    const struct idle *found = NULL;
    pthread_rwlock_rdlock(&idles->lock);
    size_t number = pool_index_find(idles->index, state, &none);
    if (number != SIZE_MAX)
        found = g_ptr_array_index(idles->list, number);
    pthread_rwlock_unlock(&idles->lock);
    return found;
}

bool idles_add(struct idles *idles, const struct representative *begin, const struct session_result *result,
               uint64_t trace)
{
    struct pooled *pooled = pool_keep(idles->pool, begin);
    if (pooled == NULL)
        return false;
    struct idle *idle = g_new(struct idle, 1);
    *idle = (struct idle){*result, trace, pooled};
    pthread_rwlock_wrlock(&idles->lock);
    pool_index_add(idles->index, pooled, idles->list->len);
    g_ptr_array_add(idles->list, idle);
    pthread_rwlock_unlock(&idles->lock);
    return true;
}
