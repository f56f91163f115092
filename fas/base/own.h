/*
 * Ownership that is visible where a thing is declared.
 *
 *     OWN(x509) X509 *cert = NULL;      freed at the end of the block, whichever way it is left
 *     *out = TAKE(cert);                handed over: cert is NULL from here on
 *
 * DEFINE_OWN(name, type, free_function) makes a type usable with OWN(name); free_function takes the
 * pointer itself.  A struct held in place uses DEFINE_OWN_IN_PLACE, whose function takes its
 * address.
 */
#ifndef FAS_BASE_OWN_H
#define FAS_BASE_OWN_H

#include <stdlib.h>
#include <unistd.h>

#define OWN(name) __attribute__((cleanup(own_##name)))

#define DEFINE_OWN(name, type, free_function)                                                      \
	static inline void own_##name(type *thing)                                                 \
	{                                                                                          \
		if (*thing)                                                                        \
			free_function(*thing);                                                     \
	}                                                                                          \
	struct own_##name##_needs_a_semicolon

#define DEFINE_OWN_IN_PLACE(name, type, done_function)                                             \
	static inline void own_##name(type *thing)                                                 \
	{                                                                                          \
		done_function(thing);                                                              \
	}                                                                                          \
	struct own_##name##_needs_a_semicolon

#define TAKE(pointer)                                                                              \
	__extension__({                                                                            \
		__typeof__(pointer) taken_ = (pointer);                                            \
		(pointer) = NULL;                                                                  \
		taken_;                                                                            \
	})

/* OWN(text) char *s: memory of malloc. */
DEFINE_OWN(text, char *, free);
/* OWN(bytes) uint8_t *p, and any other block of malloc through void. */
DEFINE_OWN(bytes, unsigned char *, free);

/* OWN(fd) int fd = -1. */
static inline void
own_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#endif
