/* The process that waits beside the signer: it starts a worker for its token, and another when that one has ended. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/pkcs11_parts.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/sandbox.h"
#include "fas/base/wire.h"

#define PAUSE_MIN_MS 250
#define PAUSE_MAX_MS 2000
#define LIVED_LONG_US 1500000 /* it had its token: the next one begins at once */

struct child {
	const struct pkcs11_config *config;
	int door;
	struct fas_err *told; /* by the worker, in memory shared with it */
	struct fas_err why;   /* as it stands */
	struct secret pin, refused_pin;
	int pause_ms;
};

/* Whoever asks in the meantime is told why, at once. */
static void
refuse_for(struct child *c, int for_ms)
{
	int64_t until_us = clock_monotonic_us() + (int64_t)for_ms * 1000;
	for (;;) { /* ends with the time or the door */
		struct fas_err e = {0};
		OWN(fd) int fd = -1;
		int64_t left_us = until_us - clock_monotonic_us();
		if (left_us <= 0)
			return;
		enum fas_code rc = door_take(c->door, (int)(left_us / 1000) + 1, &fd, &e);
		if (rc == FAS_E_NOTFOUND)
			_exit(0);
		if (rc == FAS_OK)
			wire_refuse(fd, &c->why);
	}
}

/* The worker is foreign code's: its words are words, whatever bytes they are. */
static void
learn(struct child *c, enum fas_code fallback)
{
	struct fas_err told = *c->told;
	told.reason[sizeof(told.reason) - 1] = 0;
	told.message[sizeof(told.message) - 1] = 0;
	bool known =
	    strncmp(told.reason, "token_", 6) == 0 && strcmp(told.reason, "token_lost") != 0;
	fas_err_clear(&c->why);
	(void)fas_fail(&c->why, told.code == FAS_E_CONFIG ? FAS_E_CONFIG : fallback,
	    known ? told.reason : "token_away", "%s", told.message);
}

/* Said once, not with every try. */
static void
say(struct child *c, const struct fas_err *before)
{
	if (strcmp(before->reason, c->why.reason) != 0 ||
	    strcmp(before->message, c->why.message) != 0)
		log_error("token_away", &c->why, "token", c->config->name, NULL);
}

static void
note_end(struct child *c, int status)
{
	struct fas_err before = c->why;
	if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_DOOR_CLOSED)
		_exit(0);
	if (WIFSIGNALED(status)) {
		fas_err_clear(&c->why);
		(void)fas_fail(&c->why, FAS_E_UNAVAILABLE, "token_crashed",
		    "the module's process has ended by signal %d", WTERMSIG(status));
	} else {
		learn(c, FAS_E_UNAVAILABLE);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_PIN) {
		secret_done(&c->refused_pin);
		c->refused_pin = c->pin;
		c->pin = (struct secret){0};
	}
	say(c, &before);
}

/* One worker's whole life. */
static void
run_worker(struct child *c)
{
	int status = 0;
	int64_t begun_us = clock_monotonic_us();
	memset(c->told, 0, sizeof(*c->told));
	pid_t pid = fork();
	if (pid == 0)
		pkcs11_worker(c->config, c->door,
		    c->config->pin.kind == SECRET_NONE ? NULL : &c->pin, c->told);
	if (pid < 0)
		(void)fas_fail_errno(c->told, "fork");
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	note_end(c, pid > 0 ? status : WORKER_FAILED << 8);
	bool lived_long = clock_monotonic_us() - begun_us > LIVED_LONG_US;
	c->pause_ms = lived_long ? 0 : c->pause_ms * 2;
	if (!lived_long && c->pause_ms < PAUSE_MIN_MS)
		c->pause_ms = PAUSE_MIN_MS;
	if (c->pause_ms > PAUSE_MAX_MS)
		c->pause_ms = PAUSE_MAX_MS;
}

/* False: there is none to try, and why says so. */
static bool
read_pin(struct child *c)
{
	struct fas_err e = {0}, before = c->why;
	secret_done(&c->pin);
	if (c->config->pin.kind == SECRET_NONE)
		return true;
	if (secret_source_load(&c->config->pin, &c->pin, &e) == FAS_OK)
		return c->refused_pin.len == 0 ||
		       !secret_equal(&c->refused_pin, c->pin.data, c->pin.len);
	fas_err_clear(&c->why);
	(void)fas_fail(&c->why, FAS_E_UNAVAILABLE, "token_pin", "%s", e.message);
	say(c, &before);
	return false;
}

/* Locks are not inherited: the PIN is never swapped here either. */
static enum fas_code
enclose(const struct pkcs11_config *config, struct fas_err *e)
{
	if (sandbox_can_lock_memory() && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
		return fas_fail_errno(e, "mlockall");
	return pkcs11_child_confine(config, e);
}

void
pkcs11_child(const struct pkcs11_config *config, int door)
{
	struct child c = {.config = config, .door = door};
	struct fas_err e = {0};
	char name[16];
	(void)snprintf(name, sizeof(name), "fas-token:%.5s", config->name);
	(void)prctl(PR_SET_NAME, name);
	c.told =
	    mmap(NULL, sizeof(*c.told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c.told == MAP_FAILED)
		_exit(1);
	if (enclose(config, &e) != FAS_OK) {
		log_error("token_child", &e, "token", config->name, NULL);
		_exit(1);
	}
	for (;;) { /* ends with the signer */
		if (read_pin(&c))
			run_worker(&c);
		else
			c.pause_ms = PAUSE_MAX_MS;
		refuse_for(&c, c.pause_ms);
		secret_done(&c.pin);
	}
}
