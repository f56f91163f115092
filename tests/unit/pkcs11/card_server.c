#include "tests/unit/pkcs11/card_server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define OPS_MAX 64
#define BACKLOG 128

struct card {
	uint32_t id; /* 0 = none */
	char label[CARD_LABEL_MAX + 1];
	uint64_t generation;
	const struct card_key *keys[SERVER_KEYS_MAX];
	size_t n;
};

struct card_server {
	int listener;
	char path[108];
	pthread_t acceptor;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* anything below */
	bool stopping, hold, hang;
	enum card_status refuse;
	uint64_t generation;
	uint32_t last_id, first_serial;
	struct card cards[SERVER_CARDS_MAX];
	size_t counts[OPS_MAX], held, connections;
	int fds[CONNECTIONS_MAX];
};

/* One connection, with the hash that was begun on it. */
struct peer {
	struct card_server *server;
	int fd;
	EVP_MD_CTX *hash;
	enum card_hash hash_kind;
	struct card_message request;
	uint8_t in[CARD_MESSAGE_MAX], out[CARD_MESSAGE_MAX];
};

/* ---- replies; the lock is held ---- */

static size_t
refuse(struct peer *p, enum card_status status)
{
	return card_write_refusal(
	    p->out, sizeof(p->out), status, card_status_name(status), "Not now.", "c0ffee");
}

static size_t
done(struct peer *p)
{
	struct card_writer w;
	card_write_begin(&w, p->out, sizeof(p->out), CARD_STATUS_OK);
	return card_write_end(&w);
}

static struct card *
find_card(struct card_server *s, uint32_t id)
{
	for (size_t i = 0; id != 0 && i < SERVER_CARDS_MAX; i++)
		if (s->cards[i].id == id)
			return &s->cards[i];
	return NULL;
}

static size_t
answer_cards(struct peer *p)
{
	struct card_writer w;
	card_write_begin(&w, p->out, sizeof(p->out), CARD_STATUS_OK);
	card_write_number(&w, CARD_TAG_GENERATION, p->server->generation);
	for (size_t i = 0; i < SERVER_CARDS_MAX; i++) {
		const struct card *card = &p->server->cards[i];
		char serial[CARD_SERIAL_MAX + 1];
		if (card->id == 0)
			continue;
		(void)snprintf(serial, sizeof(serial), "%08x", p->server->first_serial + card->id);
		card_write_open(&w, CARD_TAG_CARD);
		card_write_number(&w, CARD_TAG_CARD_ID, card->id);
		card_write_text(&w, CARD_TAG_LABEL, card->label);
		card_write_text(&w, CARD_TAG_SERIAL, serial);
		card_write_number(&w, CARD_TAG_GENERATION, card->generation);
		card_write_close(&w);
	}
	return card_write_end(&w);
}

static size_t
answer_objects(struct peer *p)
{
	struct card_writer w;
	const struct card *card =
	    find_card(p->server, (uint32_t)card_number(&p->request, CARD_TAG_CARD_ID));
	if (!card)
		return refuse(p, CARD_STATUS_CARD_GONE);
	card_write_begin(&w, p->out, sizeof(p->out), CARD_STATUS_OK);
	card_write_number(&w, CARD_TAG_GENERATION, card->generation);
	for (size_t i = 0; i < card->n; i++) {
		card_write_open(
		    &w, card->keys[i]->purpose == 0 ? CARD_TAG_ISSUER_CERT : CARD_TAG_KEY);
		card_key_write(&w, card->keys[i]);
		card_write_close(&w);
	}
	return card_write_end(&w);
}

static size_t
answer_hash_begin(struct peer *p)
{
	p->hash_kind = (enum card_hash)card_number(&p->request, CARD_TAG_HASH);
	EVP_MD_CTX_free(p->hash);
	p->hash = EVP_MD_CTX_new();
	must(p->hash && EVP_DigestInit_ex(p->hash, card_md(p->hash_kind), NULL), "hash");
	return done(p);
}

static size_t
answer_hash_update(struct peer *p)
{
	size_t len = 0;
	const uint8_t *data = card_bytes(&p->request, CARD_TAG_DATA, &len);
	if (!p->hash)
		return refuse(p, CARD_STATUS_DATA);
	must(EVP_DigestUpdate(p->hash, data, len), "hash");
	return done(p);
}

static void
hold(struct card_server *s)
{
	s->held++;
	(void)pthread_cond_broadcast(&s->changed);
	while (s->hold && !s->stopping)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	s->held--;
}

static const struct card_key *
find_key(const struct card *card, const struct card_message *request)
{
	size_t len = 0;
	uint8_t id[CARD_KEY_ID_BYTES];
	const uint8_t *want = card_bytes(request, CARD_TAG_KEY_ID, &len);
	for (size_t i = 0; i < card->n; i++) {
		card_key_id(card->keys[i], id);
		if (card->keys[i]->purpose != 0 && memcmp(id, want, sizeof(id)) == 0)
			return card->keys[i];
	}
	return NULL;
}

static size_t
sign(struct peer *p, struct card_sign_request *r)
{
	struct card_server *s = p->server;
	struct card_writer w;
	uint8_t signature[1024];
	size_t len = sizeof(signature);
	if (s->hold)
		hold(s);
	const struct card *card =
	    find_card(s, (uint32_t)card_number(&p->request, CARD_TAG_CARD_ID));
	if (s->refuse != CARD_STATUS_OK)
		return refuse(p, s->refuse);
	if (!card)
		return refuse(p, CARD_STATUS_CARD_GONE);
	const struct card_key *key = find_key(card, &p->request);
	r->mechanism = (enum card_mechanism)card_number(&p->request, CARD_TAG_MECHANISM);
	r->mgf = (enum card_hash)card_number(&p->request, CARD_TAG_MGF_HASH);
	r->salt_len = (uint16_t)card_number(&p->request, CARD_TAG_SALT_LEN);
	enum card_status rc = key ? card_key_sign(key, r, signature, &len) : CARD_STATUS_KEY_GONE;
	if (rc != CARD_STATUS_OK)
		return refuse(p, rc);
	card_write_begin(&w, p->out, sizeof(p->out), CARD_STATUS_OK);
	card_write_bytes(&w, CARD_TAG_SIGNATURE, signature, len);
	return card_write_end(&w);
}

static size_t
answer_sign(struct peer *p)
{
	struct card_sign_request r = {
	    .hash = (enum card_hash)card_number(&p->request, CARD_TAG_HASH)};
	r.data = card_bytes(&p->request, CARD_TAG_DATA, &r.len);
	return sign(p, &r);
}

static size_t
answer_sign_hashed(struct peer *p)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	if (!p->hash)
		return refuse(p, CARD_STATUS_DATA);
	must(EVP_DigestFinal_ex(p->hash, digest, &len), "hash");
	EVP_MD_CTX_free(p->hash);
	p->hash = NULL;
	struct card_sign_request r = {
	    .hash = p->hash_kind, .data = digest, .len = len, .hashed = true};
	return sign(p, &r);
}

static size_t
answer_wait(struct peer *p)
{
	struct card_server *s = p->server;
	struct card_writer w;
	struct timespec until;
	uint64_t known = card_number(&p->request, CARD_TAG_GENERATION);
	uint64_t ms = card_number(&p->request, CARD_TAG_TIMEOUT);
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += (time_t)(ms / 1000) + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (s->generation == known && !s->stopping)
		if (pthread_cond_timedwait(&s->changed, &s->lock, &until) != 0)
			break;
	card_write_begin(&w, p->out, sizeof(p->out), CARD_STATUS_OK);
	card_write_number(&w, CARD_TAG_GENERATION, s->generation);
	return card_write_end(&w);
}

static size_t (*const answers[OPS_MAX])(struct peer *) = {
    [CARD_OP_CARDS] = answer_cards,
    [CARD_OP_OBJECTS] = answer_objects,
    [CARD_OP_SIGN] = answer_sign,
    [CARD_OP_HASH_BEGIN] = answer_hash_begin,
    [CARD_OP_HASH_UPDATE] = answer_hash_update,
    [CARD_OP_SIGN_HASHED] = answer_sign_hashed,
    [CARD_OP_WAIT] = answer_wait,
};

/* ---- connections ---- */

static size_t
answer(struct peer *p, size_t len)
{
	struct card_server *s = p->server;
	if (!card_read_request(p->in, len, &p->request))
		return refuse(p, CARD_STATUS_MALFORMED);
	(void)pthread_mutex_lock(&s->lock);
	s->counts[p->request.code]++;
	(void)pthread_cond_broadcast(&s->changed);
	while (s->hang && !s->stopping)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	len =
	    answers[p->request.code] ? answers[p->request.code](p) : refuse(p, CARD_STATUS_DENIED);
	(void)pthread_mutex_unlock(&s->lock);
	must(len > 0, "a reply that does not fit");
	return len;
}

static void
leave(struct peer *p)
{
	struct card_server *s = p->server;
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (s->fds[i] == p->fd)
			s->fds[i] = -1;
	(void)close(p->fd);
	s->connections--;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	EVP_MD_CTX_free(p->hash);
	free(p);
}

static void *
serve(void *arg)
{
	struct peer *p = arg;
	for (;;) {
		ssize_t got = recv(p->fd, p->in, sizeof(p->in), 0);
		if (got <= 0)
			break;
		size_t len = answer(p, (size_t)got);
		if (send(p->fd, p->out, len, MSG_NOSIGNAL) != (ssize_t)len)
			break;
	}
	leave(p);
	return NULL;
}

/* false: stopping, or too many. */
static bool
enter(struct card_server *s, int fd)
{
	bool entered = false;
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < CONNECTIONS_MAX && !s->stopping && !entered; i++) {
		if (s->fds[i] >= 0)
			continue;
		s->fds[i] = fd;
		s->connections++;
		entered = true;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return entered;
}

static void *
accept_all(void *arg)
{
	struct card_server *s = arg;
	pthread_t thread;
	for (;;) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && errno == EINTR)
			continue;
		if (fd < 0)
			return NULL;
		if (!enter(s, fd)) {
			(void)close(fd);
			continue;
		}
		struct peer *p = calloc(1, sizeof(*p));
		must(p != NULL, "memory");
		p->server = s;
		p->fd = fd;
		must(pthread_create(&thread, NULL, serve, p) == 0, "thread");
		(void)pthread_detach(thread);
	}
}

struct card_server *
card_server_start(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct card_server *s = calloc(1, sizeof(*s));
	must(s && strlen(path) < sizeof(s->path), "path");
	memcpy(s->path, path, strlen(path) + 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		s->fds[i] = -1;
	s->generation = 1;
	must(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->changed, NULL) == 0,
	    "lock");
	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	(void)unlink(path);
	must(bind(s->listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		 listen(s->listener, BACKLOG) == 0,
	    path);
	must(pthread_create(&s->acceptor, NULL, accept_all, s) == 0, "thread");
	return s;
}

void
card_server_stop(struct card_server *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->stopping = true;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (s->fds[i] >= 0)
			(void)shutdown(s->fds[i], SHUT_RDWR);
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	(void)shutdown(s->listener, SHUT_RDWR);
	(void)pthread_join(s->acceptor, NULL);
	(void)close(s->listener);
	(void)pthread_mutex_lock(&s->lock);
	while (s->connections > 0)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	(void)pthread_mutex_unlock(&s->lock);
	(void)unlink(s->path);
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- what a test does to it ---- */

static void
change(struct card_server *s)
{
	s->generation++;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

static void
fill(struct card *card, const struct card_key *const *keys, size_t n)
{
	must(n <= SERVER_KEYS_MAX, "too many keys");
	card->generation++;
	card->n = n;
	for (size_t i = 0; i < n; i++)
		card->keys[i] = keys[i];
}

uint32_t
card_server_insert(
    struct card_server *s, const char *label, const struct card_key *const *keys, size_t n)
{
	(void)pthread_mutex_lock(&s->lock);
	size_t i = 0;
	while (i < SERVER_CARDS_MAX && s->cards[i].id != 0)
		i++;
	must(i < SERVER_CARDS_MAX, "too many cards");
	s->cards[i] = (struct card){.id = ++s->last_id};
	(void)snprintf(s->cards[i].label, sizeof(s->cards[i].label), "%s", label);
	fill(&s->cards[i], keys, n);
	uint32_t id = s->cards[i].id;
	change(s);
	return id;
}

void
card_server_remove(struct card_server *s, uint32_t id)
{
	(void)pthread_mutex_lock(&s->lock);
	struct card *card = find_card(s, id);
	if (card)
		*card = (struct card){.id = 0};
	change(s);
}

void
card_server_renew(struct card_server *s, uint32_t id, const struct card_key *const *keys, size_t n)
{
	(void)pthread_mutex_lock(&s->lock);
	struct card *card = find_card(s, id);
	must(card != NULL, "no such card");
	fill(card, keys, n);
	change(s);
}

void
card_server_name_serials(struct card_server *s, uint32_t first)
{
	(void)pthread_mutex_lock(&s->lock);
	s->first_serial = first;
	(void)pthread_mutex_unlock(&s->lock);
}

void
card_server_refuse(struct card_server *s, enum card_status status)
{
	(void)pthread_mutex_lock(&s->lock);
	s->refuse = status;
	(void)pthread_mutex_unlock(&s->lock);
}

void
card_server_hold(struct card_server *s, bool on)
{
	(void)pthread_mutex_lock(&s->lock);
	s->hold = on;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

void
card_server_hang(struct card_server *s, bool on)
{
	(void)pthread_mutex_lock(&s->lock);
	s->hang = on;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

void
card_server_await_held(struct card_server *s, size_t n)
{
	(void)pthread_mutex_lock(&s->lock);
	while (s->held < n)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	(void)pthread_mutex_unlock(&s->lock);
}

size_t
card_server_count(struct card_server *s, enum card_op op)
{
	(void)pthread_mutex_lock(&s->lock);
	size_t n = s->counts[op];
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

void
card_server_await(struct card_server *s, enum card_op op, size_t n)
{
	(void)pthread_mutex_lock(&s->lock);
	while (s->counts[op] < n)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	(void)pthread_mutex_unlock(&s->lock);
}
