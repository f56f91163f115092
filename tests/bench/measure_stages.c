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

#define LOGONS 1200
#define STAGES_MAX 16

struct stage {
	const char *name;
	double us;
};

static double
since(const struct gauge_threads *after, const struct gauge_threads *before, const char *name)
{
	return (double)(gauge_role(after, name) - gauge_role(before, name)) / 1e3 / LOGONS;
}

static double
all(const struct gauge_threads *after, const struct gauge_threads *before)
{
	double sum = 0;
	for (size_t i = 0; i < after->n; i++)
		sum += since(after, before, after->roles[i].name);
	return sum;
}

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

struct picture {
	struct gauge_threads fasd, signer;
};

static void
look(const struct lab *lab, struct picture *out)
{
	gauge_threads(lab->fasd, &out->fasd);
	gauge_threads(lab->signer, &out->signer);
}

void
measure_stages(const struct lab *lab, const struct material *material)
{
	struct picture a, b;
	double saml = measure_one_saml(material) / 1e3, csr = measure_one_csr(material) / 1e3;
	double certificate = measure_one_certificate() / 1e3, raw = measure_raw_signature() / 1e3;
	look(lab, &a);
	run_logons(lab, material, LOGONS);
	look(lab, &b);
	double workers = since(&b.fasd, &a.fasd, "work"),
	       events = since(&b.fasd, &a.fasd, "MHD-worker");
	double store =
	    since(&b.fasd, &a.fasd, "db-write") + since(&b.fasd, &a.fasd, "db-checkpoint");
	double ledger =
	    since(&b.signer, &a.signer, "db-write") + since(&b.signer, &a.signer, "db-checkpoint");
	double issue = since(&b.signer, &a.signer, "issue");
	const struct stage stages[] = {{"TLS and HTTP", events}, {"SAML", saml}, {"CSR", csr},
	    {"directory, policy, JSON", workers - saml - csr}, {"fas.db", store},
	    {"certificate", certificate}, {"signer's messages", issue - certificate},
	    {"ca.db", ledger},
	    {"the rest", all(&b.fasd, &a.fasd) + all(&b.signer, &a.signer) - events - workers -
			     store - issue - ledger}};
	for (size_t i = 0; i < NELEMS(stages); i++)
		table_add(&(struct row){.name = stages[i].name,
		    .value = stages[i].us,
		    .unit = "us CPU",
		    .reference = "raw RSA-2048 signature",
		    .reference_value = raw,
		    .ratio = stages[i].us / raw});
	write_stages(lab, stages, NELEMS(stages));
}
