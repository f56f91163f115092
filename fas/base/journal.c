#include "fas/base/journal.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIELD_NAME_MAX 64 /* the journal takes no longer one */

bool
journal_is_stream(const char *variable, int fd)
{
	char own[64];
	struct stat st;
	if (!variable || fstat(fd, &st) != 0)
		return false;
	(void)snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(own, variable) == 0;
}

int
journal_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* Name, line feed, length as 64 bits little-endian, value, line feed: holds any value. */
void
journal_field(struct buf *entry, const char *name, const char *value)
{
	uint8_t length[8];
	size_t len = strlen(value);
	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)((uint64_t)len >> (8 * i));
	buf_text(entry, name);
	buf_text(entry, "\n");
	buf_append(entry, length, sizeof(length));
	buf_append(entry, value, len);
	buf_text(entry, "\n");
}

void
journal_member(struct buf *entry, const char *key, const char *value)
{
	char name[FIELD_NAME_MAX + 1] = "FAS_";
	size_t n = 4;
	for (; *key && n < FIELD_NAME_MAX; key++) {
		char c = *key;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		bool fits = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		name[n++] = fits ? c : '_';
	}
	name[n] = '\0';
	journal_field(entry, name, value);
}

bool
journal_send(int fd, const struct buf *entry)
{
	return !entry->failed &&
	       send(fd, entry->data, entry->len, MSG_NOSIGNAL) == (ssize_t)entry->len;
}
