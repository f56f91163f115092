#include "fas/agent/pam/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modutil.h>

#define NODE_MAX 16
#define DIGITS 26 /* base32 of 128 bits */

void
ticket_wipe(struct pam_ticket *ticket)
{
	explicit_bzero(ticket, sizeof(*ticket));
}

bool
ticket_has_form(const char *text)
{
	size_t node = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");
	if (node == 0 || node > NODE_MAX || text[node] != '-')
		return false;
	const char *digits = text + node + 1;
	return strspn(digits, "abcdefghijklmnopqrstuvwxyz234567") == DIGITS && !digits[DIGITS];
}

static int
keep(const char *text, struct pam_ticket *out)
{
	if (!ticket_has_form(text))
		return PAM_IGNORE;
	(void)snprintf(out->text, sizeof(out->text), "%s", text);
	return PAM_SUCCESS;
}

/* ---- the password ---- */

static int
from_password(pam_handle_t *pamh, const struct pam_options *options, struct pam_ticket *out)
{
	const void *given = NULL;
	const char *text = NULL;
	int rc = PAM_SUCCESS;
	if (options->use_first_pass || options->try_first_pass) {
		rc = pam_get_item(pamh, PAM_AUTHTOK, &given);
		text = given;
	}
	if (rc == PAM_SUCCESS && !text && !options->use_first_pass)
		rc = pam_get_authtok(pamh, PAM_AUTHTOK, &text, NULL);
	if (rc != PAM_SUCCESS)
		return rc;
	return text ? keep(text, out) : PAM_IGNORE;
}

/* ---- a file ---- */

/* PATH with the user's name for each "%u"; false when it does not fit, or the name could lead elsewhere. */
static bool
expand(const char *pattern, const char *user, char out[PATH_MAX])
{
	size_t n = 0;
	if (strchr(user, '/') || strcmp(user, ".") == 0 || strcmp(user, "..") == 0)
		return false;
	for (const char *at = pattern; *at; at++) {
		bool name = at[0] == '%' && at[1] == 'u';
		size_t len = name ? strlen(user) : 1;
		if (n + len >= PATH_MAX)
			return false;
		memcpy(out + n, name ? user : at, len);
		n += len;
		at += name ? 1 : 0;
	}
	out[n] = 0;
	return true;
}

/* Who may have written it, and that nobody else has read it. */
static bool
may_be_trusted(pam_handle_t *pamh, int fd, const char *user)
{
	struct stat st;
	const struct passwd *pw = pam_modutil_getpwnam(pamh, user);
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	       (st.st_mode & (S_IRWXG | S_IRWXO)) == 0 &&
	       (st.st_uid == 0 || (pw && st.st_uid == pw->pw_uid));
}

static int
read_all(int fd, struct pam_ticket *out)
{
	char text[CARD_TICKET_MAX + 2] = "";
	ssize_t got = pam_modutil_read(fd, text, (int)sizeof(text) - 1);
	if (got > 0 && text[got - 1] == '\n')
		text[got - 1] = 0;
	int rc = got > 0 ? keep(text, out) : PAM_IGNORE;
	explicit_bzero(text, sizeof(text));
	return rc;
}

static int
from_file(
    pam_handle_t *pamh, const struct pam_options *options, const char *user, struct pam_ticket *out)
{
	char path[PATH_MAX];
	if (!expand(options->ticket_file, user, path))
		return PAM_IGNORE;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return PAM_IGNORE;
	bool usable = fd >= 0 && may_be_trusted(pamh, fd, user);
	int rc = usable ? read_all(fd, out) : PAM_AUTHINFO_UNAVAIL;
	if (fd >= 0)
		(void)close(fd);
	(void)unlink(path);
	if (rc != PAM_SUCCESS)
		pam_syslog(pamh, LOG_WARNING, "%s: %s", path,
		    usable ? "holds no ticket"
			   : "not a file of root or of the user that nobody else may touch");
	return rc == PAM_SUCCESS ? PAM_SUCCESS : PAM_AUTHINFO_UNAVAIL;
}

int
ticket_get(
    pam_handle_t *pamh, const struct pam_options *options, const char *user, struct pam_ticket *out)
{
	return options->ticket_file ? from_file(pamh, options, user, out)
				    : from_password(pamh, options, out);
}
