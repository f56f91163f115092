/* Long files in pieces: their PEM, the reader of a file that is replaced, and the pauses between pieces. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/pem.h>

#include "ca/give_way.h"
#include "ca/pem_file.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"

#define LABEL "X509 CRL"
#define LONG ((size_t)3 << 20)
#define PIECE ((size_t)2048 * 48) /* of a PEM: what is read at once */

static char folder[64];

static const char *
path_of(const char *name)
{
	static char path[2][PATH_MAX];
	static unsigned turn;
	char *out = path[turn++ % 2];
	(void)snprintf(out, PATH_MAX, "%s/%s", folder, name);
	return out;
}

static uint8_t *
make_octets(size_t len)
{
	uint8_t *octets = malloc(len + 1);
	assert_non_null(octets);
	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(i * 2654435761U >> 24);
	return octets;
}

static void
write_file(const char *name, const uint8_t *octets, size_t len)
{
	struct fas_err e = {0};
	if (file_write_atomic(path_of(name), octets, len, 0600, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

/* As the library writes the same octets. */
static void
assert_pem_of(size_t len)
{
	struct fas_err e = {0};
	size_t have_len = 0;
	char *want = NULL;
	OWN(text) char *have = NULL;
	OWN(bytes) uint8_t *octets = make_octets(len);
	BIO *bio = BIO_new(BIO_s_mem());
	write_file("list.crl", octets, len);
	if (pem_file_write(path_of("list.crl"), path_of("list.pem"), LABEL, &e) != FAS_OK ||
	    file_read(path_of("list.pem"), 2 * len + 1000, &have, &have_len, &e) != FAS_OK)
		fail_msg("%s", e.message);
	assert_true(PEM_write_bio(bio, LABEL, "", octets, (long)len) > 0);
	assert_int_equal(BIO_get_mem_data(bio, &want), have_len);
	assert_memory_equal(have, want, have_len);
	BIO_free(bio);
}

static void
a_pem_is_the_librarys_whatever_its_length(void **state)
{
	static const size_t lengths[] = {
	    1, 47, 48, 49, 96, PIECE - 1, PIECE, PIECE + 1, PIECE + 48, 2 * PIECE, 5 * PIECE + 17};
	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		assert_pem_of(lengths[i]);
}

static void
a_reader_has_the_whole_of_a_file_that_is_replaced(void **state)
{
	OWN(bytes) uint8_t *before = make_octets(LONG);
	OWN(bytes) uint8_t *read_back = malloc(LONG);
	(void)state;
	write_file("long", before, LONG);
	OWN(fd) int reader = open(path_of("long"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(reader, read_back, 1000, 0), 1000);
	write_file("long", (const uint8_t *)"short", 5);
	assert_int_equal(pread(reader, read_back, LONG, 0), LONG);
	assert_memory_equal(read_back, before, LONG);
}

static void
a_file_that_trickles_is_what_was_written(void **state)
{
	struct fas_err e = {0};
	OWN(bytes) uint8_t *octets = make_octets(LONG);
	OWN(text) char *have = NULL;
	OWN(file_beside) struct file_beside file = {.fd = -1};
	size_t have_len = 0;
	(void)state;
	assert_int_equal(file_begin(path_of("trickled"), 0600, &file, &e), FAS_OK);
	for (size_t at = 0; at < LONG; at += LONG / 8) {
		assert_int_equal(
		    file_write_at(file.fd, "trickled", octets + at, LONG / 8, (int64_t)at, &e),
		    FAS_OK);
		file_trickle(file.fd, (int64_t)at, LONG / 8);
	}
	file_trickle(file.fd, (int64_t)LONG, 0);
	assert_int_equal(file_commit(&file, &e), FAS_OK);
	assert_int_equal(file_read(path_of("trickled"), LONG, &have, &have_len, &e), FAS_OK);
	assert_int_equal(have_len, LONG);
	assert_memory_equal(have, octets, LONG);
}

/* ---- pauses ---- */

static void
stay_on_one_processor(void)
{
	cpu_set_t all, one;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (size_t i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &all)) {
			CPU_SET(i, &one);
			break;
		}
	}
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void *
work_on(void *arg)
{
	atomic_bool *over = arg;
	while (!atomic_load(over))
		continue;
	return NULL;
}

static void
work_for(int64_t us)
{
	int64_t until = clock_monotonic_us() + us;
	while (clock_monotonic_us() < until)
		continue;
}

/* How long the pause behind a piece of 100 ms is: beyond what the scheduler makes of it, since another works meanwhile. */
static int64_t
pause_us(struct give_way *way)
{
	work_for(100000);
	int64_t begun = clock_monotonic_us();
	give_way(way);
	return clock_monotonic_us() - begun;
}

static void
who_is_wanted_away_sleeps_longer(void **state)
{
	atomic_bool over = false;
	pthread_t other;
	struct give_way way = {0};
	(void)state;
	stay_on_one_processor();
	give_way(&way);
	assert_true(way.since_us > 0);
	assert_int_equal(pthread_create(&other, NULL, work_on, &over), 0);
	int64_t long_us = pause_us(&way);
	atomic_store(&over, true);
	(void)pthread_join(other, NULL);
	assert_true(long_us >= 20000); /* LONGEST_US */
}

static int
make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/fas-pieces.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_folder(void **state)
{
	static const char *const names[] = {"list.crl", "list.pem", "long", "trickled"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		(void)unlink(path_of(names[i]));
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_pem_is_the_librarys_whatever_its_length),
	    cmocka_unit_test(a_reader_has_the_whole_of_a_file_that_is_replaced),
	    cmocka_unit_test(a_file_that_trickles_is_what_was_written),
	    cmocka_unit_test(who_is_wanted_away_sleeps_longer),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
