/* CRLs and CA certificates over plain HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/publisher.h"
#include "harness.h"

static char folder[] = "/tmp/fas-publisher-XXXXXX";
static struct publisher publisher;
static struct harness h;

static void
path_of(char out[128], const char *name)
{
	(void)snprintf(out, 128, "%s/%s", folder, name);
}

static void
put(const char *name, const char *text)
{
	char path[128];
	struct fas_err e = {0};
	path_of(path, name);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, &e), FAS_OK);
}

static int
set_up(void **state)
{
	char path[128];
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	path_of(path, "crl");
	(void)mkdir(path, 0755);
	path_of(path, "ca");
	(void)mkdir(path, 0755);
	publisher.folder = folder;
	harness_start(&h,
	    &(struct http_server_config){
		.routes = publisher_routes, .n_routes = publisher_n_routes, .app = &publisher},
	    0, 0);
	return 0;
}

static int
tear_down(void **state)
{
	char command[160];
	(void)state;
	harness_stop(&h);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void
a_crl_is_served_with_its_headers(void **state)
{
	struct client c;
	char text[256];
	(void)state;
	put("crl/main-1.crl", "the list");
	client_init(&c, h.port, NULL, NULL);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/crl/main-1.crl"}), 200);
	assert_string_equal(buf_str(&c.body), "the list");
	assert_string_equal(client_header(&c, "Content-Type", text), "application/pkix-crl");
	assert_string_equal(client_header(&c, "Cache-Control", text), "public, max-age=60");
	assert_string_equal(client_header(&c, "Content-Length", text), "8");
	assert_non_null(strstr(client_header(&c, "Last-Modified", text), " GMT"));
	assert_int_equal(client_header(&c, "ETag", text)[0], '"');
	client_done(&c);
}

static void
a_ca_certificate_is_served(void **state)
{
	struct client c;
	char text[256];
	(void)state;
	put("ca/main-1-root.cer", "root");
	client_init(&c, h.port, NULL, NULL);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/ca/main-1-root.cer"}), 200);
	assert_string_equal(buf_str(&c.body), "root");
	assert_string_equal(client_header(&c, "Content-Type", text), "application/pkix-cert");
	assert_int_equal(
	    client_ask(&c, &(struct ask){.method = "HEAD", .path = "/ca/main-1-root.cer"}), 200);
	assert_int_equal(c.body.len, 0);
	assert_string_equal(client_header(&c, "Content-Length", text), "4");
	client_done(&c);
}

static void
pem_is_served_under_its_own_name(void **state)
{
	static const struct {
		const char *file, *path, *cache;
	} cases[] = {{"crl/main-1.pem", "/crl/main-1.pem", "public, max-age=60"},
	    {"ca/main-1.pem", "/ca/main-1.pem", "public, max-age=3600"}};
	struct client c;
	char text[256];
	(void)state;
	client_init(&c, h.port, NULL, NULL);
	for (size_t i = 0; i < NELEMS(cases); i++) {
		put(cases[i].file, "-----BEGIN");
		assert_int_equal(client_ask(&c, &(struct ask){.path = cases[i].path}), 200);
		assert_string_equal(buf_str(&c.body), "-----BEGIN");
		assert_string_equal(
		    client_header(&c, "Content-Type", text), "application/x-pem-file");
		assert_string_equal(client_header(&c, "Cache-Control", text), cases[i].cache);
		assert_int_equal(client_header(&c, "ETag", text)[0], '"');
	}
	client_done(&c);
}

static void
a_large_crl_is_whole(void **state)
{
	struct client c;
	size_t len = 3 * 1024 * 1024;
	char *text = malloc(len + 1);
	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i * 7 % 26);
	text[len] = 0;
	put("crl/large.crl", text);
	client_init(&c, h.port, NULL, NULL);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/crl/large.crl"}), 200);
	assert_int_equal(c.body.len, len);
	assert_memory_equal(c.body.data, text, len);
	client_done(&c);
	free(text);
}

static void
other_names_do_not_exist(void **state)
{
	static const char *const paths[] = {"/crl/none.crl", "/crl/main-1.cer", "/crl/.crl",
	    "/crl/..crl", "/crl/../crl/main-1.crl", "/crl/Main-1.crl", "/crl/main-1.crl.crl",
	    "/crl/main_1.crl", "/crl/main-1", "/crl/%2e%2e", "/crl/", "/ca/main-1.crl",
	    "/crl/main-1.crl/", "/secret.crl",
	    "/crl/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.crl"};
	struct client c;
	(void)state;
	put("crl/main-1.crl", "the list");
	put("secret.crl", "secret");
	put("crl/Main-1.crl", "upper");
	client_init(&c, h.port, NULL, NULL);
	for (size_t i = 0; i < NELEMS(paths); i++)
		assert_int_equal(client_ask(&c, &(struct ask){.path = paths[i]}), 404);
	client_done(&c);
}

static void
links_and_folders_are_not_followed(void **state)
{
	struct client c;
	char path[128], target[128];
	(void)state;
	put("secret.crl", "secret");
	path_of(target, "secret.crl");
	path_of(path, "crl/link.crl");
	assert_int_equal(symlink(target, path), 0);
	path_of(path, "crl/dir.crl");
	assert_int_equal(mkdir(path, 0755), 0);
	path_of(path, "crl/pipe.crl");
	assert_int_equal(mkfifo(path, 0644), 0);
	client_init(&c, h.port, NULL, NULL);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/crl/link.crl"}), 404);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/crl/dir.crl"}), 404);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/crl/pipe.crl"}), 404);
	client_done(&c);
}

static void
an_unchanged_object_is_304(void **state)
{
	struct client c;
	char etag[256], date[256], header[600];
	(void)state;
	put("crl/main-1.crl", "the list");
	client_init(&c, h.port, NULL, NULL);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/crl/main-1.crl"}), 200);
	client_header(&c, "ETag", etag);
	client_header(&c, "Last-Modified", date);
	static const char *const before[] = {"", "W/", "\"x\", ", "\"x\",W/"};
	for (size_t i = 0; i < NELEMS(before); i++) {
		(void)snprintf(header, sizeof(header), "If-None-Match: %s%s", before[i], etag);
		assert_int_equal(
		    client_ask(&c, &(struct ask){.path = "/crl/main-1.crl", .header = header}),
		    304);
		assert_int_equal(c.body.len, 0);
	}
	assert_int_equal(
	    client_ask(&c, &(struct ask){.path = "/crl/main-1.crl", .header = "If-None-Match: *"}),
	    304);
	(void)snprintf(header, sizeof(header), "If-Modified-Since: %s", date);
	assert_int_equal(
	    client_ask(&c, &(struct ask){.path = "/crl/main-1.crl", .header = header}), 304);
	client_done(&c);
}

static void
a_changed_object_is_sent_at_once(void **state)
{
	struct client c;
	char etag[256], header[600];
	(void)state;
	put("crl/main-1.crl", "one");
	client_init(&c, h.port, NULL, NULL);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/crl/main-1.crl"}), 200);
	(void)snprintf(
	    header, sizeof(header), "If-None-Match: %s", client_header(&c, "ETag", etag));
	put("crl/main-1.crl", "two");
	assert_int_equal(
	    client_ask(&c, &(struct ask){.path = "/crl/main-1.crl", .header = header}), 200);
	assert_string_equal(buf_str(&c.body), "two");
	assert_int_equal(
	    client_ask(&c, &(struct ask){.path = "/crl/main-1.crl",
			       .header = "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"}),
	    200);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/crl/main-1.crl",
					    .header = "If-Modified-Since: yesterday"}),
	    200);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/crl/main-1.crl",
					    .header = "If-None-Match: \"1-2\""}),
	    200);
	client_done(&c);
}

static void
a_folder_that_is_not_there_yet_is_404(void **state)
{
	struct client c;
	(void)state;
	publisher.folder = "/nonexistent/public";
	client_init(&c, h.port, NULL, NULL);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/crl/main-1.crl"}), 404);
	publisher.folder = folder;
	client_done(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_crl_is_served_with_its_headers),
	    cmocka_unit_test(a_ca_certificate_is_served),
	    cmocka_unit_test(pem_is_served_under_its_own_name),
	    cmocka_unit_test(a_large_crl_is_whole),
	    cmocka_unit_test(other_names_do_not_exist),
	    cmocka_unit_test(links_and_folders_are_not_followed),
	    cmocka_unit_test(an_unchanged_object_is_304),
	    cmocka_unit_test(a_changed_object_is_sent_at_once),
	    cmocka_unit_test(a_folder_that_is_not_there_yet_is_404),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
