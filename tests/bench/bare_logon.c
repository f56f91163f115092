#include "bare_logon.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "ca/csr.h"
#include "ca/pem.h"
#include "fas/base/clock.h"
#include "fas/base/db.h"
#include "fas/base/json.h"
#include "fas/saml/saml.h"
#include "lab.h"
#include "ldap/directory.h"
#include "measure.h"

#define RESPONSE_MAX 65536
#define CSR_TEXT_MAX 8192
#define READERS 4
#define WHAT_MAX 256

/* Narrow rows of one table; what a commit costs beyond its pages is the same as in fas.db. */
static const char *const migrations[] = {"CREATE TABLE steps(id INTEGER PRIMARY KEY, logon INTEGER "
					 "NOT NULL, what TEXT NOT NULL) STRICT;"};

static struct {
	struct directory *directory;
	struct db_pool *db;
} bare;

/* The directory's password is for fasd's user alone: so this process becomes it, with a folder of its own. */
static void
become_fasd(char folder[PATH_MAX])
{
	uid_t uid = (uid_t)atoi(lab_variable("BENCH_FASD_UID"));
	(void)snprintf(folder, PATH_MAX, "%s/bare", lab_variable("BENCH_SCRATCH"));
	if (mkdir(folder, 0700) != 0 || chown(folder, uid, uid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		lab_die("the bare logons cannot have fasd's user");
}

static void
open_directory(char home[PATH_MAX])
{
	struct fas_err e = {0};
	const char *path = lab_variable("FAS_CONFIG");
	OWN(text) char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
	OWN(yaml) struct yaml_doc *doc = NULL;
	lab_check(yaml_load(path, &doc, &e), &e);
	const struct yaml_node *root = yaml_root(doc), *domains = NULL;
	for (size_t i = 0; i < root->n; i++) {
		if (strcmp(root->items[i]->key, "domains") == 0)
			domains = root->items[i];
	}
	if (!folder || !domains)
		lab_die("%s has no domains", path);
	become_fasd(home);
	lab_check(directory_new(domains, folder, &bare.directory, &e), &e);
}

void
bare_logon_open(void)
{
	static const struct db_migrations schema = {migrations, NELEMS(migrations)};
	char folder[PATH_MAX], path[PATH_MAX + sizeof("/steps.db")];
	struct fas_err e = {0};
	lab_check(saml_init(&e), &e);
	measure_open_saml();
	measure_open_certificate();
	open_directory(folder);
	(void)snprintf(path, sizeof(path), "%s/steps.db", folder);
	lab_check(db_pool_open(path, &schema, READERS, &bare.db, &e), &e);
}

/* ---- the steps ---- */

struct step {
	int64_t id, logon; /* id: made; logon: 0 = its own */
	char what[WHAT_MAX];
	const char *more; /* kept in place of what; or NULL */
};

static enum fas_code
insert_step(struct db *db, void *arg, struct fas_err *e)
{
	struct step *step = arg;
	OWN(query)
	struct db_query q = db_query(db, "INSERT INTO steps(logon,what) VALUES(?1,?2)", e);
	db_bind_int(&q, 1, step->logon);
	db_bind_text(&q, 2, step->more ? step->more : step->what);
	enum fas_code rc = db_run(&q);
	step->id = db_last_id(db);
	return rc;
}

static enum fas_code
find_step(struct db *db, void *arg, struct fas_err *e)
{
	struct step *step = arg;
	bool row = false;
	OWN(query) struct db_query q = db_query(db, "SELECT what FROM steps WHERE id=?1", e);
	db_bind_int(&q, 1, step->id);
	enum fas_code rc = db_step(&q, &row);
	if (rc == FAS_OK && row)
		db_column_copy(&q, 0, step->what, sizeof(step->what));
	return rc;
}

static void
keep(struct step *step)
{
	struct fas_err e = {0};
	lab_check(db_write(bare.db, insert_step, step, &e), &e);
}

static void
find_account(const struct directory_claims *claims)
{
	struct fas_err e = {0};
	OWN(account) struct account *account = NULL;
	lab_check(directory_find(bare.directory, claims, clock_now(), &account, &e), &e);
	lab_check(account_check(account, &e), &e);
	lab_check(account_match(account, claims, &e), &e);
}

static char *
start(const char *body, size_t len)
{
	char *answer = NULL;
	struct fas_err e = {0};
	struct step step = {0};
	size_t xml_len = 0;
	OWN(json_reader) struct json_reader in = {0};
	OWN(assertion) struct saml_assertion *assertion = NULL;
	(void)json_open(&in, body, len, &e);
	OWN(bytes) uint8_t *xml = json_need_base64(&in, "saml_response", RESPONSE_MAX, &xml_len);
	(void)json_need_text(&in, "host", 1, HOSTNAME_MAX);
	lab_check(json_finish(&in), &e);
	measure_step_saml(xml, xml_len, &assertion);
	const struct directory_claims claims = {
	    .sid = &assertion->sid, .upn = assertion->upn, .guid = &assertion->guid};
	find_account(&claims);
	(void)sid_format(&assertion->sid, step.what);
	keep(&step);
	if (asprintf(&answer, "{\"ticket\":\"%lld\"}", (long long)step.id) < 0)
		lab_die("out of memory");
	return answer;
}

static char *
finish(const char *body, size_t len)
{
	struct fas_err e = {0};
	struct sid sid;
	size_t der_len = 0;
	OWN(json_reader) struct json_reader in = {0};
	(void)json_open(&in, body, len, &e);
	struct step ticket = {.id = atoll(json_need_text(&in, "ticket", 1, WHAT_MAX))};
	const char *csr = json_need_lines(&in, "csr", 1, CSR_TEXT_MAX);
	lab_check(json_finish(&in), &e);
	measure_step_csr(csr);
	lab_check(db_read(bare.db, find_step, &ticket, &e), &e);
	lab_check(sid_parse(ticket.what, &sid, &e), &e);
	const struct directory_claims claims = {.sid = &sid};
	find_account(&claims);
	keep(&(struct step){.logon = ticket.id, .what = "used"});
	OWN(bytes) uint8_t *der = measure_step_certificate(&der_len);
	OWN(text) char *pem = pem_encode("CERTIFICATE", der, der_len);
	keep(&(struct step){.logon = ticket.id, .more = pem});
	OWN(json) json_t *answer = json_pack("{s:s}", "certificate", pem);
	char *text = answer ? json_text(answer, JSON_COMPACT) : NULL;
	if (!text)
		lab_die("out of memory");
	return text;
}

char *
bare_logon_answer(const char *path, const char *body, size_t len)
{
	return strcmp(path, "/v1/logons") == 0 ? start(body, len) : finish(body, len);
}
