#include "fas/agent/pam/options.h"

#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>

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

/* WORD=/PATH; the path, or NULL. */
static const char *
path_of(const char *argument, const char *word)
{
	size_t len = strlen(word);
	return strncmp(argument, word, len) == 0 && argument[len] == '/' ? argument + len : NULL;
}

int
pam_options_read(pam_handle_t *pamh, int argc, const char **argv, struct pam_options *out)
{
	*out = (struct pam_options){0};
	for (int i = 0; i < argc; i++) {
		bool *flag = flag_of(out, argv[i]);
		const char *file = path_of(argv[i], "ticket_file=");
		const char *at = path_of(argv[i], "socket=");
		if (flag) {
			*flag = true;
		} else if (file) {
			out->ticket_file = file;
		} else if (at) {
			out->socket = at;
		} else {
			pam_syslog(pamh, LOG_ERR, "unknown option \"%s\": see pam_fas(8)", argv[i]);
			return PAM_SERVICE_ERR;
		}
	}
	return PAM_SUCCESS;
}
