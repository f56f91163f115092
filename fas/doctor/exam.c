#include "fas/doctor/exam.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "fas/base/clock.h"

#define THREADS_MAX 8

/* ---- side by side ---- */

struct crew {
	void (*run)(void *arg, size_t i);
	void *arg;
	size_t n;
	_Atomic size_t next;
};

static void *
work(void *arg)
{
	struct crew *crew = arg;
	size_t i;
	while ((i = atomic_fetch_add(&crew->next, 1)) < crew->n)
		crew->run(crew->arg, i);
	return NULL;
}

void
exam_side_by_side(void run(void *arg, size_t i), void *arg, size_t n)
{
	struct crew crew = {.run = run, .arg = arg, .n = n};
	pthread_t threads[THREADS_MAX];
	size_t started = 0;
	while (started < THREADS_MAX && started + 1 < n &&
	       pthread_create(&threads[started], NULL, work, &crew) == 0)
		started++;
	(void)work(&crew);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}

/* ---- the whole ---- */

struct round {
	struct exam *exam;
	const struct exam_question *question;
};

/* Domains, then places, then the accounts: none needs another. */
static void
first(void *arg, size_t i)
{
	const struct round *round = arg;
	struct exam *exam = round->exam;
	struct directory *directory = round->question->directory;
	if (i < exam->n_domains)
		exam_domain(exam, i, directory);
	else if (i < exam->n_domains + exam->n_places)
		exam_place(
		    &exam->places[i - exam->n_domains], round->question->watchdog, directory);
	else if (i == exam->n_domains + exam->n_places)
		exam_accounts(exam, directory);
	else
		exam_controller(&exam->controllers[i - exam->n_domains - exam->n_places - 1]);
}

static void
second(void *arg, size_t i)
{
	const struct round *round = arg;
	exam_binding(&round->exam->controllers[i], round->question->folder);
}

static void
add_controllers(struct exam *exam, struct directory *directory, size_t i)
{
	struct dc_target targets[SURVEY_TARGETS_MAX];
	struct exam_domain *domain = &exam->domains[i];
	survey_wake(directory, i, &domain->targets_why);
	size_t n = survey_targets(directory, i, targets, NELEMS(targets));
	for (size_t k = 0; k < n && exam->n_controllers < EXAM_CONTROLLERS_MAX; k++)
		exam->controllers[exam->n_controllers++] =
		    (struct exam_controller){.target = targets[k], .domain = domain};
}

/* What runs the domain, by what any of its controllers says. */
static void
find_vendors(struct exam *exam)
{
	for (size_t i = 0; i < exam->n_controllers; i++) {
		const struct exam_controller *c = &exam->controllers[i];
		struct exam_domain *domain = &exam->domains[c->domain - exam->domains];
		if (c->root_why.code == FAS_OK)
			domain->vendor = c->root.is_samba ? VENDOR_SAMBA : VENDOR_WINDOWS;
	}
}

enum fas_code
exam_make(const struct exam_question *question, struct exam **out, struct fas_err *e)
{
	OWN(exam) struct exam *exam = calloc(1, sizeof(*exam));
	if (!exam)
		return fas_fail_nomem(e);
	struct round round = {.exam = exam, .question = question};
	exam->now_s = clock_now();
	exam->skew_s = question->skew_s;
	exam->policy = question->policy ? policy_ref(question->policy) : NULL;
	if (published_ask(question->signer, &exam->published, &exam->authorities_why) == FAS_OK)
		exam_authorities(exam, &exam->published);
	exam->n_domains = directory_count(question->directory);
	for (size_t i = 0; i < exam->n_domains; i++)
		add_controllers(exam, question->directory, i);
	exam_side_by_side(
	    first, &round, exam->n_domains + exam->n_places + 1 + exam->n_controllers);
	find_vendors(exam);
	exam_side_by_side(second, &round, exam->n_controllers);
	*out = TAKE(exam);
	return FAS_OK;
}

static void
free_domain(struct exam_domain *domain)
{
	survey_done(&domain->survey);
	own_x509_stack(&domain->ntauth);
	own_x509_stack(&domain->roots);
	own_x509_stack(&domain->intermediates);
	survey_upns_done(&domain->upns);
	survey_list_done(&domain->mappings);
}

void
exam_free(struct exam *exam)
{
	if (!exam)
		return;
	for (size_t i = 0; i < exam->n_domains; i++)
		free_domain(&exam->domains[i]);
	for (size_t i = 0; i < exam->n_controllers; i++)
		own_x509_stack(&exam->controllers[i].chain);
	published_done(&exam->published);
	for (size_t i = 0; i < exam->n_accounts; i++) {
		free(exam->accounts[i].name);
		free(exam->accounts[i].dn);
	}
	policy_unref(exam->policy);
	free(exam);
}
