/*
 * CPU of one logon by stage: the services' threads by their names, and within them the pieces that the same code needs
 * in this process.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "gauge.h"
#include "measure.h"
#include "table.h"

#define STAGES_MAX 16

struct stage {
	const char *name;
	double us;
};

static void
write_stages(const struct lab *lab, const struct stage *stages, size_t n)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/stages.dat", lab->scratch);
	FILE *f = fopen(path, "we");
	if (!f)
		lab_die("%s cannot be written", path);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(f, "\"%s\" %.1f\n", stages[i].name, stages[i].us);
	(void)fclose(f);
}

/* Threads of both services before and after. */
struct picture {
	struct gauge_threads fasd, signer;
};

static void
look(const struct lab *lab, struct picture *out)
{
	gauge_threads(lab->fasd, &out->fasd);
	gauge_threads(lab->signer, &out->signer);
}

static void
subtract(struct gauge_threads *after, const struct gauge_threads *before, size_t n)
{
	for (size_t i = 0; i < after->n; i++) {
		struct gauge_role *role = &after->roles[i];
		role->cpu_ns = (role->cpu_ns - gauge_role(before, role->name)) / (int64_t)n;
	}
}

static double
us(const struct gauge_threads *threads, const char *name)
{
	return (double)gauge_role(threads, name) / 1e3;
}

static double
all(const struct gauge_threads *threads)
{
	double sum = 0;
	for (size_t i = 0; i < threads->n; i++)
		sum += (double)threads->roles[i].cpu_ns / 1e3;
	return sum;
}

/* What n logons cost a thread of each name, for one. */
static void
spend(const struct lab *lab, const struct material *material, size_t n, struct picture *out)
{
	struct picture before;
	look(lab, &before);
	run_logons(lab, material, n);
	look(lab, out);
	subtract(&out->fasd, &before.fasd, n);
	subtract(&out->signer, &before.signer, n);
}

void
measure_stages(const struct lab *lab, const struct material *material, size_t n)
{
	struct picture p;
	double saml = measure_one_saml(material) / 1e3, csr = measure_one_csr(material) / 1e3;
	double certificate = measure_one_certificate() / 1e3, raw = measure_raw_signature() / 1e3;
	spend(lab, material, n, &p);
	double events = us(&p.fasd, "MHD-worker"), workers = us(&p.fasd, "work");
	double store = us(&p.fasd, "db-write") + us(&p.fasd, "db-checkpoint");
	double ledger = us(&p.signer, "db-write") + us(&p.signer, "db-checkpoint");
	double issue = us(&p.signer, "issue"), whole = all(&p.fasd) + all(&p.signer);
	const struct stage stages[] = {{"TLS and HTTP", events}, {"SAML", saml}, {"CSR", csr},
	    {"directory, policy, JSON", workers - saml - csr}, {"fas.db", store},
	    {"certificate", certificate}, {"signer's messages", issue - certificate},
	    {"ca.db", ledger}, {"the rest", whole - events - workers - store - issue - ledger},
	    {"all stages", whole}};
	for (size_t i = 0; i < NELEMS(stages); i++)
		table_add(&(struct row){.name = stages[i].name,
		    .value = stages[i].us,
		    .unit = "us CPU",
		    .reference = "raw RSA-2048 signature",
		    .reference_value = raw,
		    .ratio = stages[i].us / raw});
	write_stages(lab, stages, NELEMS(stages) - 1);
}
