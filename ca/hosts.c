#include "ca/hosts.h"

#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/text.h"

#define WAIT_MAX_MS 60000
#define PAGE 4000 /* entries; a page stays below the wire's 1 MiB */

static enum fas_code
read_generation(struct db *db, void *arg, struct fas_err *e)
{
	return store_generation(db, false, arg, e);
}

enum fas_code
hosts_init(struct host_table *hosts, struct db_pool *db, struct fas_err *e)
{
	*hosts = (struct host_table){0};
	(void)pthread_mutex_init(&hosts->lock, NULL);
	clock_cond_init(&hosts->changed);
	return db_read(db, read_generation, &hosts->generation, e);
}

void
hosts_done(struct host_table *hosts)
{
	(void)pthread_mutex_destroy(&hosts->lock);
	(void)pthread_cond_destroy(&hosts->changed);
}

void
hosts_changed(struct host_table *hosts, int64_t generation)
{
	(void)pthread_mutex_lock(&hosts->lock);
	if (generation > hosts->generation)
		hosts->generation = generation;
	(void)pthread_cond_broadcast(&hosts->changed);
	(void)pthread_mutex_unlock(&hosts->lock);
}

int64_t
hosts_generation(struct host_table *hosts)
{
	(void)pthread_mutex_lock(&hosts->lock);
	int64_t generation = hosts->generation;
	(void)pthread_mutex_unlock(&hosts->lock);
	return generation;
}

void
hosts_stop(struct host_table *hosts)
{
	(void)pthread_mutex_lock(&hosts->lock);
	hosts->stopping = true;
	(void)pthread_cond_broadcast(&hosts->changed);
	(void)pthread_mutex_unlock(&hosts->lock);
}

/* Until the generation is another one, or the time is over. */
static void
wait_for_change(struct host_table *hosts, int64_t generation, int64_t wait_ms)
{
	const struct timespec until = clock_deadline(wait_ms);
	(void)pthread_mutex_lock(&hosts->lock);
	while (wait_ms > 0 && hosts->generation == generation && !hosts->stopping) {
		if (pthread_cond_timedwait(&hosts->changed, &hosts->lock, &until) != 0)
			break;
	}
	(void)pthread_mutex_unlock(&hosts->lock);
}

struct page {
	json_t *hosts;
	bool with_dates;
	int64_t generation, now_s;
	uint8_t after[PROFILE_SERIAL_MAX];
	size_t after_len;
};

static enum fas_code
add_host(const struct certificate_row *row, void *arg, struct fas_err *e)
{
	struct page *page = arg;
	char serial[2 * PROFILE_SERIAL_MAX + 1];
	if (row->serial_len > PROFILE_SERIAL_MAX)
		return fas_fail(e, FAS_E_IO, "database_corrupt", "a serial number is too long");
	json_t *host = json_pack("{s:s,s:s,s:s,s:b,s:I}", "serial",
	    hex_encode(row->serial, row->serial_len, serial), "role", row->role, "name",
	    row->name ? row->name : "", "revoked", row->revoked_at_s != 0, "not_after",
	    (json_int_t)row->not_after_s);
	if (host && page->with_dates)
		(void)json_object_set_new(
		    host, "enrolled_at", json_integer(row->created_ms / 1000));
	return json_array_append_new(page->hosts, host) == 0 ? FAS_OK : fas_fail_nomem(e);
}

/* Generation and hosts of one snapshot: a change after it has a higher generation. */
static enum fas_code
read_page(struct db *db, void *arg, struct fas_err *e)
{
	struct page *page = arg;
	enum fas_code rc = store_generation(db, false, &page->generation, e);
	if (rc != FAS_OK)
		return rc;
	return store_machines_each(
	    db, page->now_s, page->after, page->after_len, PAGE, add_host, page, e);
}

static enum fas_code
answer_page(struct call *call, struct page *page, struct fas_err *e)
{
	page->now_s = clock_now();
	page->hosts = json_array();
	OWN(json) json_t *hosts = page->hosts;
	enum fas_code rc = hosts ? db_read(call->ca->db, read_page, page, e) : fas_fail_nomem(e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:I,s:O,s:b}", "generation", (json_int_t)page->generation,
	    "hosts", hosts, "more", json_array_size(hosts) == PAGE);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
read_after(struct json_reader *in, struct page *page, struct fas_err *e)
{
	const char *after = json_want_text(in, "after", 2, 2 * (size_t)PROFILE_SERIAL_MAX);
	enum fas_code rc = json_finish(in);
	if (rc != FAS_OK || !after)
		return rc;
	page->after_len = strlen(after) / 2;
	if (strlen(after) % 2 || !hex_decode(after, page->after, page->after_len))
		return fas_fail(e, FAS_E_INPUT, "member_invalid", "member \"after\" is no serial");
	return FAS_OK;
}

enum fas_code
op_hosts(struct call *call, struct fas_err *e)
{
	struct page page = {0};
	int64_t generation = json_need_int(&call->in, "generation", -1, INT64_MAX);
	int64_t wait_ms = json_need_int(&call->in, "wait_ms", 0, WAIT_MAX_MS);
	enum fas_code rc = read_after(&call->in, &page, e);
	if (rc != FAS_OK)
		return rc;
	wait_for_change(&call->ca->hosts, generation, wait_ms);
	return answer_page(call, &page, e);
}

enum fas_code
op_host_list(struct call *call, struct fas_err *e)
{
	struct page page = {.with_dates = true};
	enum fas_code rc = read_after(&call->in, &page, e);
	return rc == FAS_OK ? answer_page(call, &page, e) : rc;
}
