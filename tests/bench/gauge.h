/* What is measured with: CPU clocks of processes and threads, memory, order statistics. */
#ifndef FAS_BENCH_GAUGE_H
#define FAS_BENCH_GAUGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GAUGE_ROLES 16

/* Nanoseconds. */
int64_t gauge_wall(void);
int64_t gauge_thread_cpu(void);
/* Of a whole process, its ended threads included (clock_getcpuclockid); ends the bench when there is none. */
int64_t gauge_process_cpu(pid_t pid);

/* CPU of a process by the names of its threads, a trailing number cut off. */
struct gauge_role {
	char name[16];
	int64_t cpu_ns;
};
struct gauge_threads {
	struct gauge_role roles[GAUGE_ROLES];
	size_t n;
};
void gauge_threads(pid_t pid, struct gauge_threads *out);
/* 0 when there is no such thread. */
int64_t gauge_role(const struct gauge_threads *threads, const char *name);
/* The id of the first thread of that name; 0 when there is none. */
pid_t gauge_find_thread(pid_t pid, const char *name);

/* Resident bytes that are the process's own: RssAnon. */
int64_t gauge_memory(pid_t pid);

/* The most that this process has of its own between begin and end, looked at each half millisecond. */
void gauge_watch_begin(void);
int64_t gauge_watch_end(void);

/* Sorts values. */
double gauge_median(double *values, size_t n);
double gauge_quantile(double *values, size_t n, double q);

#endif
