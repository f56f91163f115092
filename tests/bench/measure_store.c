/* The one writer: a durable audit record against fdatasync on the same disk; sixteen waiters against one. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/audit.h"
#include "fas/service.h"
#include "gauge.h"
#include "measure.h"
#include "table.h"

#define COMMITS 200
#define WAITERS 16
#define ROUNDS_MAX 64
#define PAGE 4096

static double
sync_p50(const char *scratch)
{
	static const char page[PAGE] = {1};
	char path[PATH_MAX];
	double us[COMMITS];
	(void)snprintf(path, sizeof(path), "%s/fdatasync", scratch);
	OWN(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (int i = 0; i < COMMITS; i++) {
		int64_t begun = gauge_wall();
		if (pwrite(fd, page, PAGE, (off_t)i * PAGE) != PAGE || fdatasync(fd) != 0)
			lab_die("%s cannot be written", path);
		us[i] = (double)(gauge_wall() - begun) / 1e3;
	}
	return gauge_median(us, COMMITS);
}

static void
commit(struct db_pool *pool)
{
	struct fas_err e = {0};
	const struct audit_record record = {.event = "bench",
	    .outcome = "done",
	    .correlation_id = "0123456789abcdef0123456789abcdef",
	    .upn = "alice@corp.example.com",
	    .host = "vda1.vdi.corp.example.com"};
	lab_check(audit_write(pool, &record, &e), &e);
}

static double
commit_p50(struct db_pool *pool)
{
	double us[COMMITS];
	for (int i = 0; i < COMMITS; i++) {
		int64_t begun = gauge_wall();
		commit(pool);
		us[i] = (double)(gauge_wall() - begun) / 1e3;
	}
	return gauge_median(us, COMMITS);
}

static void *
waiter_main(void *arg)
{
	for (int i = 0; i < COMMITS; i++)
		commit(arg);
	return NULL;
}

/* Commits per second. */
static double
commit_rate(struct db_pool *pool, unsigned waiters)
{
	pthread_t threads[WAITERS];
	int64_t begun = gauge_wall();
	for (unsigned i = 0; i < waiters; i++) {
		if (pthread_create(&threads[i], NULL, waiter_main, pool) != 0)
			lab_die("no thread");
	}
	for (unsigned i = 0; i < waiters; i++)
		(void)pthread_join(threads[i], NULL);
	return (double)waiters * COMMITS * 1e9 / (double)(gauge_wall() - begun);
}

static void
measure_commit(const struct lab *lab, struct db_pool *pool)
{
	double bare[ROUNDS_MAX], whole[ROUNDS_MAX], ratio[ROUNDS_MAX];
	for (unsigned i = 0; i < lab->rounds; i++) {
		bare[i] = sync_p50(lab->scratch);
		whole[i] = commit_p50(pool);
		ratio[i] = whole[i] / bare[i];
	}
	table_add(&(struct row){.name = "durable commit, p50",
	    .value = gauge_median(whole, lab->rounds),
	    .unit = "us",
	    .reference = "write and fdatasync of a page, p50",
	    .reference_value = gauge_median(bare, lab->rounds),
	    .ratio = gauge_median(ratio, lab->rounds),
	    .goal = 3});
}

void
measure_store(const struct lab *lab)
{
	char path[PATH_MAX];
	struct db_pool *pool = NULL;
	struct fas_err e = {0};
	double one[ROUNDS_MAX], many[ROUNDS_MAX], ratio[ROUNDS_MAX];
	(void)snprintf(path, sizeof(path), "%s/store.db", lab->scratch);
	lab_check(db_pool_open(path, &fas_migrations, 1, &pool, &e), &e);
	measure_commit(lab, pool);
	for (unsigned i = 0; i < lab->rounds; i++) {
		one[i] = commit_rate(pool, 1);
		many[i] = commit_rate(pool, WAITERS);
		ratio[i] = many[i] / one[i];
	}
	db_pool_close(pool);
	table_add(&(struct row){.name = "durable commits, 16 waiters",
	    .value = gauge_median(many, lab->rounds),
	    .unit = "1/s",
	    .reference = "one waiter",
	    .reference_value = gauge_median(one, lab->rounds),
	    .ratio = gauge_median(ratio, lab->rounds),
	    .goal = 3,
	    .at_least = true});
}
