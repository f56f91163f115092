#include "fas/front/rate.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define WAYS 8 /* places that one key can have */
#define MINUTE_US 60000000
#define HASH_START 14695981039346656037U /* FNV-1a */
#define HASH_PRIME 1099511628211U

struct bucket {
	uint64_t key;    /* 0 = free */
	int64_t full_us; /* when it will be full again: the later, the emptier it is */
};

struct rate {
	pthread_mutex_t lock;
	uint64_t seed; /* else whoever knows the hash could choose whose place he takes */
	int64_t each_us, burst_us;
	size_t sets;
	struct bucket buckets[];
};

enum fas_code
rate_new(unsigned per_minute, size_t places, struct rate **out, struct fas_err *e)
{
	size_t sets = places / WAYS ? places / WAYS : 1;
	struct rate *rate = calloc(1, sizeof(*rate) + sets * WAYS * sizeof(rate->buckets[0]));
	if (!rate)
		return fas_fail_nomem(e);
	rate->sets = sets;
	rate->each_us = MINUTE_US / (int64_t)per_minute;
	rate->burst_us = rate->each_us * (int64_t)per_minute;
	if (getrandom(&rate->seed, sizeof(rate->seed), 0) != (ssize_t)sizeof(rate->seed)) {
		free(rate);
		return fas_fail_errno(e, "random bytes");
	}
	pthread_mutex_init(&rate->lock, NULL);
	*out = rate;
	return FAS_OK;
}

void
rate_free(struct rate *rate)
{
	if (!rate)
		return;
	pthread_mutex_destroy(&rate->lock);
	free(rate);
}

static uint64_t
hash(const struct rate *rate, const char *key)
{
	uint64_t h = HASH_START ^ rate->seed;
	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * HASH_PRIME;
	return h ? h : 1;
}

/* Its own place, a free one, or that of whoever is nearest to a full bucket. */
static struct bucket *
find_place(struct rate *rate, uint64_t key)
{
	struct bucket *set = &rate->buckets[key % rate->sets * WAYS], *best = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].full_us < best->full_us)
			best = &set[i];
	}
	*best = (struct bucket){.key = key};
	return best;
}

unsigned
rate_take(struct rate *rate, const char *key, int64_t now_us)
{
	int64_t wait_us = 0;
	if (!rate)
		return 0;
	pthread_mutex_lock(&rate->lock);
	struct bucket *b = find_place(rate, hash(rate, key));
	int64_t full_us = (b->full_us > now_us ? b->full_us : now_us) + rate->each_us;
	if (full_us - now_us > rate->burst_us)
		wait_us = full_us - now_us - rate->burst_us;
	else
		b->full_us = full_us;
	pthread_mutex_unlock(&rate->lock);
	return wait_us > 0 ? (unsigned)(wait_us / 1000000) + 1 : 0;
}

const char *
rate_address_key(const char *address, char out[RATE_KEY_MAX])
{
	struct in6_addr v6;
	char network[INET6_ADDRSTRLEN];
	(void)snprintf(out, RATE_KEY_MAX, "%s", address);
	if (inet_pton(AF_INET6, address, &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6))
		return out;
	memset(&v6.s6_addr[8], 0, 8);
	if (inet_ntop(AF_INET6, &v6, network, sizeof(network)))
		(void)snprintf(out, RATE_KEY_MAX, "%s/64", network);
	return out;
}
