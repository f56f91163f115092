#include "gauge.h"

#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fas/base/own.h"
#include "lab.h"

#define TASKS_MAX 4096

DEFINE_OWN(file, FILE *, (void)fclose);
DEFINE_OWN(folder, DIR *, (void)closedir);

static int64_t
read_clock(clockid_t id)
{
	struct timespec now = {0};
	if (clock_gettime(id, &now) != 0)
		lab_die("a CPU clock cannot be read");
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
gauge_wall(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
gauge_thread_cpu(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t
gauge_process_cpu(pid_t pid)
{
	clockid_t id;
	if (clock_getcpuclockid(pid, &id) != 0)
		lab_die("process %ld is gone", (long)pid);
	return read_clock(id);
}

/* First line of a file below /proc; "" when the thread has ended meanwhile. */
static void
read_line(const char *path, char *out, int size)
{
	OWN(file) FILE *f = fopen(path, "re");
	out[0] = 0;
	if (!f || !fgets(out, size, f))
		return;
	out[strcspn(out, "\n")] = 0;
}

static void
add_role(struct gauge_threads *out, const char *name, int64_t cpu_ns)
{
	size_t i = 0;
	while (i < out->n && strcmp(out->roles[i].name, name) != 0)
		i++;
	if (i == GAUGE_ROLES)
		i--;
	else if (i == out->n)
		(void)snprintf(out->roles[out->n++].name, sizeof(out->roles[i].name), "%s", name);
	out->roles[i].cpu_ns += cpu_ns;
}

static void
read_task(pid_t pid, const char *task, struct gauge_threads *out)
{
	char path[96], name[32], times[96];
	(void)snprintf(path, sizeof(path), "/proc/%ld/task/%.20s/comm", (long)pid, task);
	read_line(path, name, sizeof(name));
	(void)snprintf(path, sizeof(path), "/proc/%ld/task/%.20s/schedstat", (long)pid, task);
	read_line(path, times, sizeof(times));
	name[strcspn(name, "0123456789")] = 0;
	if (name[0])
		add_role(out, name, strtoll(times, NULL, 10));
}

void
gauge_threads(pid_t pid, struct gauge_threads *out)
{
	char path[48];
	(void)snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	OWN(folder) DIR *tasks = opendir(path);
	*out = (struct gauge_threads){0};
	for (size_t i = 0; tasks && i < TASKS_MAX; i++) {
		const struct dirent *task = readdir(tasks);
		if (!task)
			return;
		if (task->d_name[0] != '.')
			read_task(pid, task->d_name, out);
	}
}

pid_t
gauge_find_thread(pid_t pid, const char *name)
{
	char path[96], comm[32];
	(void)snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	OWN(folder) DIR *tasks = opendir(path);
	for (size_t i = 0; tasks && i < TASKS_MAX; i++) {
		const struct dirent *task = readdir(tasks);
		if (!task)
			return 0;
		(void)snprintf(
		    path, sizeof(path), "/proc/%ld/task/%.20s/comm", (long)pid, task->d_name);
		read_line(path, comm, sizeof(comm));
		if (strcmp(comm, name) == 0)
			return (pid_t)atoi(task->d_name);
	}
	return 0;
}

int64_t
gauge_role(const struct gauge_threads *threads, const char *name)
{
	for (size_t i = 0; i < threads->n; i++) {
		if (strcmp(threads->roles[i].name, name) == 0)
			return threads->roles[i].cpu_ns;
	}
	return 0;
}

int64_t
gauge_memory(pid_t pid)
{
	char path[48], line[128];
	long long kilobytes = 0;
	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	OWN(file) FILE *f = fopen(path, "re");
	for (size_t i = 0; f && i < 128 && fgets(line, sizeof(line), f); i++) {
		if (strncmp(line, "RssAnon:", 8) == 0)
			kilobytes = strtoll(line + 8, NULL, 10);
	}
	return kilobytes * 1024;
}

static struct {
	pthread_t thread;
	atomic_bool over;
	int64_t most;
} watch;

static void *
watch_main(void *arg)
{
	const struct timespec pause = {.tv_nsec = 500000};
	(void)arg;
	while (!atomic_load(&watch.over)) {
		int64_t now = gauge_memory(getpid());
		watch.most = now > watch.most ? now : watch.most;
		(void)nanosleep(&pause, NULL);
	}
	return NULL;
}

void
gauge_watch_begin(void)
{
	watch.most = 0;
	atomic_store(&watch.over, false);
	if (pthread_create(&watch.thread, NULL, watch_main, NULL) != 0)
		lab_die("no thread to watch the memory");
}

int64_t
gauge_watch_end(void)
{
	atomic_store(&watch.over, true);
	(void)pthread_join(watch.thread, NULL);
	return watch.most;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

double
gauge_quantile(double *values, size_t n, double q)
{
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(*values), compare);
	return values[(size_t)(q * (double)(n - 1) + 0.5)];
}

double
gauge_median(double *values, size_t n)
{
	return gauge_quantile(values, n, 0.5);
}
