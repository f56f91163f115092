/* The users of each rule, judged as a logon would judge them. */
#include <string.h>

#include "fas/base/clock.h"
#include "fas/doctor/exam.h"

#define ALL_US (45 * INT64_C(1000000))

struct judge {
	struct exam *exam;
	struct directory *directory;
	int64_t last_us;
	struct policy_rule_view rule;
};

static enum fas_code
check_rule(const struct policy_rule_view *rule, const struct account *account, struct fas_err *e)
{
	bool suffix_listed = rule->n_upn_suffixes == 0;
	for (size_t i = 0; i < rule->n_upn_suffixes; i++)
		suffix_listed = suffix_listed ||
				hostname_equal(rule->upn_suffixes[i], upn_suffix(account->upn));
	if (!suffix_listed)
		return fas_fail(e, FAS_E_DENIED, "policy_no_rule",
		    "its UPN %.200s has a suffix that the rule does not list", account->upn);
	if (account->password_expired && !rule->allow_expired_password)
		return fas_fail(e, FAS_E_DENIED, "policy_password_expired",
		    "its password has expired, and the rule says `expired_password: deny`");
	return FAS_OK;
}

static void
note_account(struct judge *judge, const struct survey_member *member, const struct account *account,
    const struct fas_err *why)
{
	char text[SID_TEXT_MAX];
	struct exam *exam = judge->exam;
	if (exam->n_accounts == EXAM_ACCOUNTS_MAX) {
		exam->accounts_more = true;
		return;
	}
	struct exam_account *out = &exam->accounts[exam->n_accounts];
	out->rule = judge->rule.name;
	out->name = strdup(account ? account->sam_account_name : sid_format(&member->sid, text));
	out->dn = strdup(member->dn);
	out->why = *why;
	if (out->name && out->dn) {
		exam->n_accounts++;
		return;
	}
	free(out->name);
	free(out->dn);
	(void)fas_fail_nomem(&exam->accounts_why);
}

static void
judge_one(struct judge *judge, const struct survey_member *member)
{
	const struct sid *sid = &member->sid;
	struct fas_err why = {0};
	struct account *account = NULL;
	const struct directory_claims claims = {.sid = sid};
	enum fas_code rc =
	    directory_find(judge->directory, &claims, judge->exam->now_s, &account, &why);
	if (rc == FAS_OK)
		rc = account_check(account, &why);
	if (rc == FAS_OK)
		rc = check_rule(&judge->rule, account, &why);
	judge->exam->n_judged++;
	judge->exam->n_privileged += account && account->privileged;
	/* What is ambiguous has no account to be handed out: it is read once more for its name. */
	if (!account)
		(void)!directory_reread(judge->directory, sid, judge->exam->now_s, &account, NULL);
	if (rc != FAS_OK)
		note_account(judge, member, account, &why);
	account_free(account);
}

static void
judge_group(struct judge *judge, const struct sid *group)
{
	struct survey_members *members = calloc(1, sizeof(*members));
	if (!members) {
		(void)fas_fail_nomem(&judge->exam->accounts_why);
		return;
	}
	if (survey_members(judge->directory, group, members, &judge->exam->accounts_why) ==
	    FAS_OK) {
		judge->exam->accounts_more = judge->exam->accounts_more || members->more;
		for (size_t i = 0; i < members->n; i++) {
			if (clock_monotonic_us() >= judge->last_us) {
				judge->exam->accounts_more = true;
				break;
			}
			judge_one(judge, &members->items[i]);
		}
	}
	survey_members_done(members);
	free(members);
}

void
exam_accounts(struct exam *exam, struct directory *directory)
{
	struct judge judge = {
	    .exam = exam, .directory = directory, .last_us = clock_monotonic_us() + ALL_US};
	size_t n = exam->policy ? policy_rule_count(exam->policy) : 0;
	for (size_t i = 0; i < n; i++) {
		if (clock_monotonic_us() >= judge.last_us) {
			exam->accounts_more = true;
			return;
		}
		policy_rule_view(exam->policy, i, &judge.rule);
		for (size_t k = 0; !judge.rule.deny && k < judge.rule.n_groups; k++) {
			const struct sid *group = policy_rule_group(exam->policy, i, k);
			if (group)
				judge_group(&judge, group);
		}
	}
}
