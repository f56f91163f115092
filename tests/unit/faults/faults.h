/*
 * Every error path is an input: the n-th allocation, or the n-th system call, fails; n runs from the first to the one
 * behind the last, once alone and once with all that follow it.
 *
 * What fails: malloc and its relatives wherever this project's code calls them (linked with --wrap), those that jansson makes through
 * fas/base/json.c, and SQLite's; and open, write, fsync, rename and their relatives in this project's code and in SQLite.  OpenSSL, libxml2,
 * xmlsec and libyaml keep their memory.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fas/base/err.h"

enum fault_kind { FAULT_MEMORY, FAULT_SYSTEM };

/* Once, before SQLite is used. */
void faults_init(void);
/* What a played part of the world does never fails; calls nest, and hold for this thread. */
void faults_pause(void);
void faults_resume(void);

typedef enum fas_code fault_run(void *arg, struct fas_err *e);

struct fault_case {
	void (*before)(void *arg); /* or NULL; nothing fails yet */
	fault_run *run;
	/* or NULL; nothing fails any more.  rc may be FAS_OK: then all that was promised has to be there. */
	void (*check)(void *arg, enum fas_code rc, const struct fas_err *e);
	/* Calls that are not needed for the result may fail unseen; without it a fault has to be told. */
	bool may_survive;
};

/*
 * Run with every fault.  Each must end in FAS_OK or in an error that blames nobody: FAS_E_NOMEM, FAS_E_IO,
 * FAS_E_UNAVAILABLE, FAS_E_CRYPTO or FAS_E_INTERNAL, and with a reason.  Returns how many faults there were.
 */
unsigned faults_each(enum fault_kind kind, const struct fault_case *c, void *arg);

#endif
