#include "live.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/own.h"
#include "fas/base/text.h"
#include "gauge.h"
#include "load.h"

#define ID_MAX 64
#define WISH "{\"request_id\":\"bench-%zu-0123456789\"}"
#define DIGEST                                                                                     \
	"{\"mechanism\":\"rsa-pkcs1\",\"hash\":\"sha256\",\"digest\":"                             \
	"\"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\",\"program\":\"/usr/bin/curl\","          \
	"\"purpose\":\"tls\"}"

/* ---- sessions ---- */

static char *
format(const char *session, const char *rest, const char *body)
{
	OWN(text) char *path = NULL;
	if (asprintf(&path, "/v1/sessions/%s/%s", session, rest) < 0)
		lab_die("out of memory");
	return request_format(path, body);
}

static void
take_key(struct live *live, const char *session, size_t i)
{
	char key[ID_MAX], rest[ID_MAX + 16], wish[ID_MAX];
	(void)snprintf(wish, sizeof(wish), WISH, i);
	OWN(text) char *request = format(session, "certificates", wish);
	int status = client_ask(&live->host, request, strlen(request));
	if (status != 201)
		lab_die("status %d: %s", status, live->host.answer + live->host.body);
	client_member(&live->host, "key", key, sizeof(key));
	(void)snprintf(rest, sizeof(rest), "keys/%s/sign", key);
	live->sign = format(session, rest, DIGEST);
}

void
live_open(const struct lab *lab, const struct material *material, struct live *all, size_t n)
{
	struct lab there = *lab;
	struct requests logons;
	there.host = lab->keyless_host;
	there.host_name = lab->keyless_name;
	requests_make(material, &there, n, &logons);
	for (size_t i = 0; i < n; i++) {
		struct pair pair;
		char session[ID_MAX];
		pair_open(&pair, &there);
		pair_logon(&pair, material, logons.request[i]);
		client_member(&pair.host, "session_id", session, sizeof(session));
		all[i].host = pair.host;
		take_key(&all[i], session, i);
		all[i].lease = format(session, "lease", "{}");
		client_close(&pair.storefront);
	}
	requests_done(&logons);
}

void
live_close(struct live *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		client_close(&all[i].host);
		free(all[i].sign);
		free(all[i].lease);
	}
}

/* ---- what they ask for ---- */

struct asker {
	struct live_run *run;
	size_t number;
	pthread_t thread;
};

static void *
asker_main(void *arg)
{
	const struct asker *asker = arg;
	struct live_run *run = asker->run;
	struct live *live = &run->sessions[asker->number];
	const char *request = run->what == LIVE_SIGN ? live->sign : live->lease;
	size_t len = strlen(request);
	for (size_t i = 0; i < run->each; i++) {
		int64_t begun = gauge_wall();
		int status = client_ask(&live->host, request, len);
		run->us[asker->number * run->each + i] = (double)(gauge_wall() - begun) / 1e3;
		if (status != 200)
			lab_die("status %d: %s", status, live->host.answer + live->host.body);
	}
	return NULL;
}

void
live_run(const struct lab *lab, struct live_run *run)
{
	struct asker askers[LIVE_MAX];
	int64_t cpu = gauge_process_cpu(lab->fasd) + gauge_process_cpu(lab->signer);
	for (size_t i = 0; i < run->n; i++) {
		askers[i] = (struct asker){.run = run, .number = i};
		if (pthread_create(&askers[i].thread, NULL, asker_main, &askers[i]) != 0)
			lab_die("no thread");
	}
	for (size_t i = 0; i < run->n; i++)
		(void)pthread_join(askers[i].thread, NULL);
	cpu = gauge_process_cpu(lab->fasd) + gauge_process_cpu(lab->signer) - cpu;
	run->server_cpu_us = (double)cpu / 1e3 / (double)(run->n * run->each);
}
