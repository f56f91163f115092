/*
 * fas-bench [LOGONS | sessions | refill | crl | hostile]: every goal of speed that is due, in one interleaved run, as one table; with a number, CPU
 * by stage of that many logons, or only what live sessions ask for, or logons beside the making of keys, for a profiler to look at meanwhile.  Started by tests/bench/run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/log.h"
#include "fas/saml/saml.h"
#include "measure.h"
#include "table.h"

#define STAGED 2000

static void
measure_all(const struct lab *lab, const struct material *material, const struct bare_server *bare)
{
	measure_certificate(lab);
	measure_saml(lab, material);
	measure_hostile();
	measure_store(lab);
	measure_connection(lab, bare);
	measure_logon(lab, material);
	measure_stages(lab, material, STAGED);
	measure_session(lab, material);
	measure_refill(lab, material);
	measure_crl(lab, material);
	measure_growth(lab, material);
	measure_agent();
	measure_start(lab);
}

/* Needs no lab. */
static int
run_hostile(void)
{
	struct fas_err e = {0};
	lab_check(saml_init(&e), &e);
	measure_hostile();
	saml_done();
	table_print();
	return table_missed() == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct fas_err e = {0};
	struct bare_server bare;
	struct lab lab;
	struct material material;
	log_set_level(LOG_LEVEL_WARNING);
	if (argc > 1 && strcmp(argv[1], "hostile") == 0)
		return run_hostile();
	lab_open(&lab);
	bare_server_start(&bare);
	lab_check(saml_init(&e), &e);
	material_open(&material);
	if (argc > 1 && strcmp(argv[1], "sessions") == 0)
		measure_session(&lab, &material);
	else if (argc > 1 && strcmp(argv[1], "start") == 0)
		measure_start(&lab);
	else if (argc > 1 && strcmp(argv[1], "refill") == 0)
		measure_refill(&lab, &material);
	else if (argc > 1 && strcmp(argv[1], "crl") == 0)
		measure_crl(&lab, &material);
	else if (argc > 1)
		measure_stages(&lab, &material, (size_t)atoi(argv[1]));
	else
		measure_all(&lab, &material, &bare);
	bare_server_stop(&bare);
	table_print();
	material_close(&material);
	lab_close(&lab);
	saml_done();
	size_t missed = table_missed();
	(void)printf("\n%zu goal%s missed\n", missed, missed == 1 ? "" : "s");
	return missed == 0 ? 0 : 1;
}
