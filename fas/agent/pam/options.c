#include "fas/agent/pam/options.h"

#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>

#define FILE_WORD "ticket_file="

static bool *
flag_of(struct pam_options *o, const char *word)
{
	const struct {
		const char *word;
		bool *flag;
	} flags[] = {{"try_first_pass", &o->try_first_pass}, {"use_first_pass", &o->use_first_pass},
	    {"unlock", &o->unlock}, {"quiet", &o->quiet}};
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(flags[i].word, word) == 0)
			return flags[i].flag;
	}
	return NULL;
}

int
pam_options_read(pam_handle_t *pamh, int argc, const char **argv, struct pam_options *out)
{
	*out = (struct pam_options){0};
	for (int i = 0; i < argc; i++) {
		bool *flag = flag_of(out, argv[i]);
		if (flag) {
			*flag = true;
		} else if (strncmp(argv[i], FILE_WORD, sizeof(FILE_WORD) - 1) == 0 &&
			   argv[i][sizeof(FILE_WORD) - 1] == '/') {
			out->ticket_file = argv[i] + sizeof(FILE_WORD) - 1;
		} else {
			pam_syslog(pamh, LOG_ERR, "unknown option \"%s\": see pam_fas(8)", argv[i]);
			return PAM_SERVICE_ERR;
		}
	}
	return PAM_SUCCESS;
}
