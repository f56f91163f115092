/* The signer's pool of keys made ahead (RSA-2048), as the bench wants it: full, at rest, or being refilled. */
#ifndef FAS_BENCH_KEYS_H
#define FAS_BENCH_KEYS_H

#include <stdbool.h>

#include "lab.h"

/* Have the pool filled with n keys more than it has, or with what takes it so many milliseconds; returns at once. */
void keys_want(size_t n);
void keys_want_for(double ms);
/* Is one being made? */
bool keys_are_made(void);
/* Wait until none is: what is left is made at ordinary priority, since the bench is not to wait for an idle machine. */
void keys_await(const struct lab *lab);

#endif
