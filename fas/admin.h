/*
 * fasd's admin socket (docs/PROTOCOL.md): for root and the administrators' group, known by the kernel's word.
 * What changes something, and what reads a person's account, is on record with the operator's uid and login uid.
 */
#ifndef FAS_ADMIN_H
#define FAS_ADMIN_H

#include "fas/base/wire.h"
#include "fas/config.h"
#include "fas/ops.h"
#include "fas/refusals.h"
#include "fas/reload.h"

/* What looks after published objects, for an administrator who asks for it by hand.  Each gives a new reference. */
struct admin_places {
	void *arg;
	enum fas_code (*look)(void *arg, json_t **seen, struct fas_err *e);
	enum fas_code (*publish)(void *arg, json_t **seen, struct fas_err *e);
	enum fas_code (*ldif)(void *arg, json_t **reply, struct fas_err *e);
};

struct question; /* admin_question.h */

/* All borrowed. */
struct admin_config {
	const struct config *config;
	struct service *service;
	struct ops *ops;
	struct reloader *reloader;
	struct refusals *refusals;
	const struct admin_places *places;
	/* The operation "doctor"; NULL: there is none. */
	enum fas_code (*doctor)(const struct question *q, json_t **reply, struct fas_err *e);
};

struct admin;

MUST_CHECK enum fas_code admin_start(
    const struct admin_config *config, struct admin **out, struct fas_err *e);
void admin_stop(struct admin *admin);

DEFINE_OWN(admin, struct admin *, admin_stop);

/* ---- the operations (admin_ops.c) ---- */

#define OPERATOR_TEXT_MAX 48

/* One message of an operator ("uid:0", "uid:0/login:1000"); the reply, also of an error, is a new reference. */
json_t *admin_answer(const struct admin_config *config, const char *operator_text, json_t *message);
/* The same for an operation that may answer with a file: *file is the caller's, -1 when there is none. */
json_t *admin_answer_file(
    const struct admin_config *config, const char *operator_text, json_t *message, int *file);
/* "uid:0/login:1000"; returns out. */
const char *admin_operator(const struct wire_peer *peer, char out[OPERATOR_TEXT_MAX]);

#endif
