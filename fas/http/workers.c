#include "fas/http/workers.h"

#include <pthread.h>
#include <stdlib.h>

struct workers {
	workers_fn *fn;
	size_t n_threads, queue_max;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	size_t reserved; /* places promised, pushed or not yet */
	size_t busy;
	size_t first, n_jobs; /* ring of jobs that wait */
	size_t room;
	void **jobs;
	bool stopping;
	pthread_t threads[];
};

/* Called with the lock held. */
static void *
take_job(struct workers *w)
{
	void *job = w->jobs[w->first];
	w->first = (w->first + 1) % w->room;
	w->n_jobs--;
	w->reserved--;
	w->busy++;
	return job;
}

static void *
run(void *arg)
{
	struct workers *w = arg;
	(void)pthread_setname_np(pthread_self(), "work");
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (w->n_jobs == 0 && !w->stopping)
			pthread_cond_wait(&w->wake, &w->lock);
		if (w->n_jobs == 0)
			break;
		void *job = take_job(w);
		pthread_mutex_unlock(&w->lock);
		w->fn(job);
		pthread_mutex_lock(&w->lock);
		w->busy--;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void
release(struct workers *w)
{
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w->jobs);
	free(w);
}

enum fas_code
workers_start(size_t n, size_t queue_max, workers_fn *fn, struct workers **out, struct fas_err *e)
{
	struct workers *w = calloc(1, sizeof(*w) + n * sizeof(w->threads[0]));
	if (!w)
		return fas_fail_nomem(e);
	/* A job that a free thread will take at once does not count as waiting: room for those too. */
	w->room = queue_max + n;
	w->jobs = calloc(w->room, sizeof(w->jobs[0]));
	w->queue_max = queue_max;
	w->fn = fn;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	if (!w->jobs) {
		release(w);
		return fas_fail_nomem(e);
	}
	for (; w->n_threads < n; w->n_threads++) {
		if (pthread_create(&w->threads[w->n_threads], NULL, run, w) != 0) {
			fas_fail(e, FAS_E_IO, "io_error", "thread %zu of %zu cannot be made",
			    w->n_threads + 1, n);
			workers_stop(w);
			return FAS_E_IO;
		}
	}
	*out = w;
	return FAS_OK;
}

bool
workers_reserve(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	size_t idle = w->n_threads - w->busy;
	bool fits = !w->stopping && w->reserved < w->queue_max + idle;
	if (fits)
		w->reserved++;
	pthread_mutex_unlock(&w->lock);
	return fits;
}

void
workers_push(struct workers *w, void *job)
{
	pthread_mutex_lock(&w->lock);
	w->jobs[(w->first + w->n_jobs) % w->room] = job;
	w->n_jobs++;
	pthread_mutex_unlock(&w->lock);
	pthread_cond_signal(
	    &w->wake); /* behind the unlock: the thread that wakes needs the lock at once */
}

void
workers_stop(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i], NULL);
	release(w);
}

struct workers_load
workers_load(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	struct workers_load load = {w->n_threads, w->busy, w->n_jobs, w->queue_max};
	pthread_mutex_unlock(&w->lock);
	return load;
}
