/* SPDX-License-Identifier: MIT
 *
 * Threads that live as long as a search and do one kind of work after the other: a machine dies
 * with the thread that started it.
 */
#ifndef MATTERHORN_BENCH_CREW_H
#define MATTERHORN_BENCH_CREW_H

#include <stddef.h>

struct crew;

/* Does item number `item` as worker number `worker`. */
typedef void crew_job_fn(void *context, unsigned worker, size_t item);
/* Called every so often from the thread that waits. */
typedef void crew_tick_fn(void *context);

/* NULL: not even one thread could be started. There may be fewer than `count`. */
struct crew *crew_open(unsigned count);
/* Does the items 0..count-1, each once, begun in order, and waits for them. */
void crew_do(struct crew *crew, size_t count, crew_job_fn *job, crew_tick_fn *tick, void *context);
/* Does item number w in worker number w, for each of them. */
void crew_each(struct crew *crew, crew_job_fn *job, void *context);
void crew_close(struct crew *crew);

#endif
