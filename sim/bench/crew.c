/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define TICK_MS 200

struct member {
    struct crew *crew;
    unsigned number;
    pthread_t thread;
    bool asked; /* to do its own item of crew_each */
};

struct crew {
    pthread_mutex_t lock; /* guards all of it */
    pthread_cond_t work, done;
    struct member *members;
    unsigned count;
    crew_job_fn *job;
    void *context;
    size_t next, items, busy;
    bool ending;
};

/* What the member shall do; false when there is nothing. */
static bool take(struct member *member, size_t *item)
{
    struct crew *crew = member->crew;
    if (member->asked) {
        member->asked = false;
        *item = member->number;
        return true;
    }
    if (crew->next == crew->items)
        return false;
    *item = crew->next++;
    return true;
}

static void *live(void *context)
{
    struct member *member = context;
    struct crew *crew = member->crew;
    size_t item = 0;
    pthread_mutex_lock(&crew->lock);
    while (!crew->ending) {
        if (!take(member, &item)) {
            pthread_cond_wait(&crew->work, &crew->lock);
            continue;
        }
        crew->busy++;
        pthread_mutex_unlock(&crew->lock);
        crew->job(crew->context, member->number, item);
        pthread_mutex_lock(&crew->lock);
        crew->busy--;
        pthread_cond_signal(&crew->done);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

struct crew *crew_open(unsigned count)
{
    struct crew *crew = calloc(1, sizeof *crew);
    if (crew == NULL || (crew->members = calloc(count, sizeof *crew->members)) == NULL) {
        free(crew);
        return NULL;
    }
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->work, NULL);
    pthread_cond_init(&crew->done, NULL);
    pthread_mutex_lock(&crew->lock);
    for (; crew->count < count; crew->count++) {
        struct member *member = &crew->members[crew->count];
        *member = (struct member){.crew = crew, .number = crew->count};
        if (pthread_create(&member->thread, NULL, live, member) != 0)
            break;
    }
    pthread_mutex_unlock(&crew->lock);
    if (crew->count > 0)
        return crew;
    crew_close(crew);
    return NULL;
}

static bool at_work(const struct crew *crew)
{
    bool asked = false;
    for (unsigned i = 0; i < crew->count; i++)
        asked = asked || crew->members[i].asked;
    return asked || crew->next < crew->items || crew->busy > 0;
}

static void wait_for_all(struct crew *crew, crew_tick_fn *tick)
{
    while (at_work(crew)) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&crew->done, &crew->lock, &until);
        if (tick == NULL)
            continue;
        pthread_mutex_unlock(&crew->lock);
        tick(crew->context);
        pthread_mutex_lock(&crew->lock);
    }
}

void crew_do(struct crew *crew, size_t count, crew_job_fn *job, crew_tick_fn *tick, void *context)
{
    pthread_mutex_lock(&crew->lock);
    crew->job = job;
    crew->context = context;
    crew->next = 0;
    crew->items = count;
    pthread_cond_broadcast(&crew->work);
    wait_for_all(crew, tick);
    pthread_mutex_unlock(&crew->lock);
}

void crew_each(struct crew *crew, crew_job_fn *job, void *context)
{
    pthread_mutex_lock(&crew->lock);
    crew->job = job;
    crew->context = context;
    crew->next = crew->items = 0;
    for (unsigned i = 0; i < crew->count; i++)
        crew->members[i].asked = true;
    pthread_cond_broadcast(&crew->work);
    wait_for_all(crew, NULL);
    pthread_mutex_unlock(&crew->lock);
}

void crew_close(struct crew *crew)
{
    if (crew == NULL)
        return;
    pthread_mutex_lock(&crew->lock);
    crew->ending = true;
    pthread_cond_broadcast(&crew->work);
    pthread_mutex_unlock(&crew->lock);
    for (unsigned i = 0; i < crew->count; i++)
        pthread_join(crew->members[i].thread, NULL);
    pthread_cond_destroy(&crew->done);
    pthread_cond_destroy(&crew->work);
    pthread_mutex_destroy(&crew->lock);
    free(crew->members);
    free(crew);
}
