/* A long run: memory of live sessions, growth, binds to the directory. */
#include "gauge.h"
#include "load.h"
#include "measure.h"
#include "table.h"

#define CHUNK 1000 /* logons whose assertions are signed ahead */
#define THREADS 16
#define MEGABYTE 1048576.0

static double
memory(const struct lab *lab)
{
	return (double)(gauge_memory(lab->fasd) + gauge_memory(lab->signer)) / MEGABYTE;
}

static void
run_chunk(const struct lab *lab, const struct material *material, size_t n)
{
	struct requests requests;
	requests_make(material, lab, n, &requests);
	struct load load = {
	    .lab = lab, .material = material, .requests = &requests, .threads = THREADS};
	load_run(&load);
	load_done(&load);
	requests_done(&requests);
}

void
run_logons(const struct lab *lab, const struct material *material, size_t n)
{
	for (size_t done = 0; done < n; done += CHUNK)
		run_chunk(lab, material, n - done < CHUNK ? n - done : CHUNK);
}

void
measure_growth(const struct lab *lab, const struct material *material)
{
	double logons = (double)lab->logons;
	run_chunk(lab, material, CHUNK);
	double before = memory(lab), binds = lab_metric(lab, "fas_directory_binds_total");
	double searches = lab_metric(lab, "fas_directory_searches_total");
	run_logons(lab, material, lab->logons / 2);
	double half = memory(lab);
	run_logons(lab, material, lab->logons - lab->logons / 2);
	double after = memory(lab);
	binds = lab_metric(lab, "fas_directory_binds_total") - binds;
	searches = lab_metric(lab, "fas_directory_searches_total") - searches;
	table_add(&(struct row){.name = "memory per 10,000 live sessions",
	    .value = (after - before) * 10000 / logons,
	    .unit = "MB",
	    .goal = 40,
	    .of_value = true});
	measure_held(lab, (after - before) * 10000 / logons);
	table_add(&(struct row){.name = "memory behind the long run",
	    .value = after,
	    .unit = "MB",
	    .reference = "half way",
	    .reference_value = half,
	    .ratio = after / half,
	    .goal = 1.1});
	table_add(&(struct row){.name = "LDAP binds per 10,000 logons",
	    .value = binds * 10000 / logons,
	    .unit = "",
	    .goal = 10,
	    .of_value = true});
	table_add(&(struct row){
	    .name = "LDAP searches per logon", .value = searches / logons, .unit = ""});
}
