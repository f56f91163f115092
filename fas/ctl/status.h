/* What is wrong, in words, from the two status replies; pure, so that tests can ask. */
#ifndef FAS_CTL_STATUS_H
#define FAS_CTL_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define FINDINGS_MAX 64

struct finding {
	bool error; /* logons fail, now; else a warning: they will */
	char what[240];
	char remedy[240];
};

struct findings {
	size_t n, errors;
	struct finding items[FINDINGS_MAX];
};

/* Either reply may be NULL: that process does not answer. */
void status_judge(const json_t *signer, const json_t *fasd, int64_t now_s, struct findings *out);

#endif
