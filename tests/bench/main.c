/*
 * fas-bench [LOGONS | logons | sessions | refill | crl | start | hostile]: every goal of speed that is due, in one interleaved run, as
 * one table; with a number, CPU by stage of that many logons, for a profiler to look at meanwhile; with a word, that part
 * alone.  Started by tests/bench/run.
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
measure_all(const struct lab *lab, const struct material *material, const struct bare_server *bare,
    const struct bare_server *bare_logons)
{
	measure_certificate(lab);
	measure_saml(lab, material);
	measure_hostile();
	measure_store(lab);
	measure_connection(lab, bare);
	measure_logon(lab, material, bare_logons);
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
	struct bare_server bare, bare_logons;
	struct lab lab;
	struct material material;
	log_set_level(LOG_LEVEL_WARNING);
	if (argc > 1 && strcmp(argv[1], "hostile") == 0)
		return run_hostile();
	lab_open(&lab);
	bare_server_start(&bare);
	bare_server_start_logons(&bare_logons);
	lab_check(saml_init(&e), &e);
	material_open(&material);
	if (argc > 1 && strcmp(argv[1], "sessions") == 0)
		measure_session(&lab, &material);
	else if (argc > 1 && strcmp(argv[1], "logons") == 0)
		measure_logon(&lab, &material, &bare_logons);
	else if (argc > 1 && strcmp(argv[1], "start") == 0)
		measure_start(&lab);
	else if (argc > 1 && strcmp(argv[1], "refill") == 0)
		measure_refill(&lab, &material);
	else if (argc > 1 && strcmp(argv[1], "crl") == 0)
		measure_crl(&lab, &material);
	else if (argc > 1)
		measure_stages(&lab, &material, (size_t)atoi(argv[1]));
	else
		measure_all(&lab, &material, &bare, &bare_logons);
	bare_server_stop(&bare);
	bare_server_stop(&bare_logons);
	table_print();
	material_close(&material);
	lab_close(&lab);
	saml_done();
	size_t missed = table_missed();
	(void)printf("\n%zu goal%s missed\n", missed, missed == 1 ? "" : "s");
	return missed == 0 ? 0 : 1;
}
