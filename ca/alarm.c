#include "ca/alarm.h"

#include "ca/crl.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"

struct reading {
	int64_t issuer;
	struct crl_row row;
};

static enum fas_code
read_crl(struct db *db, void *arg, struct fas_err *e)
{
	struct reading *r = arg;
	return store_crl_get(db, r->issuer, &r->row, e);
}

/* The list that is published for it, if there is one: its own, or its offline root's. */
static enum fas_code
visit_crl(struct ca *ca, const struct issuer *at, end_visit *visit, void *arg, struct fas_err *e)
{
	struct crl_facts given = {0};
	struct reading own = {.issuer = at->id};
	struct end end = {.what = at->kind == ISSUER_ROOT ? "root_crl" : "crl", .name = at->stem};
	enum fas_code rc = at->given_crl ? crl_read(at->given_crl, at->given_crl_len, &given, e)
					 : db_read(ca->db, read_crl, &own, e);
	if (rc != FAS_OK)
		return rc;
	end.from_s = at->given_crl ? given.this_update_s : own.row.this_update_s;
	end.to_s = at->given_crl ? given.next_update_s : own.row.next_update_s;
	if (end.to_s)
		visit(&end, arg);
	return FAS_OK;
}

static enum fas_code
visit_issuer(struct ca *ca, const struct issuer *at, end_visit *visit, void *arg, struct fas_err *e)
{
	static const char *const whats[] = {
	    [ISSUER_LOGON] = "authority", [ISSUER_ROOT] = "root", [ISSUER_SERVICE] = "service_ca"};
	const struct end end = {whats[at->kind], at->stem, at->not_before_s, at->not_after_s};
	bool publishes = authorities_publishes(&ca->authorities, at);
	if (publishes)
		visit(&end, arg);
	return publishes ? visit_crl(ca, at, visit, arg, e) : FAS_OK;
}

enum fas_code
alarm_each_end(struct ca *ca, end_visit *visit, void *arg, struct fas_err *e)
{
	struct issuer *all[ISSUERS_MAX];
	size_t n = authorities_all(&ca->authorities, all);
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < n; i++) {
		if (rc == FAS_OK)
			rc = visit_issuer(ca, all[i], visit, arg, e);
		issuer_unref(all[i]);
	}
	return rc;
}

static void
add(const struct end *end, void *arg)
{
	(void)json_array_append_new(arg, ends_describe(end, clock_now()));
}

enum fas_code
alarm_describe(struct ca *ca, json_t **out, struct fas_err *e)
{
	OWN(json) json_t *list = json_array();
	enum fas_code rc = list ? alarm_each_end(ca, add, list, e) : fas_fail_nomem(e);
	if (rc == FAS_OK)
		*out = TAKE(list);
	return rc;
}

static void
say(const struct end *end, void *arg)
{
	ends_log(arg, end, clock_now());
}

void
alarm_log(struct ca *ca, struct ends_said *said)
{
	struct fas_err e = {0};
	if (alarm_each_end(ca, say, said, &e) != FAS_OK)
		log_error("ends_unknown", &e, NULL);
}
