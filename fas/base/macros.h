/* Attributes that the house uses; the one place for compiler extensions. */
#ifndef FAS_BASE_MACROS_H
#define FAS_BASE_MACROS_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define SENTINEL __attribute__((sentinel))
#define NELEMS(array) (sizeof(array) / sizeof((array)[0]))

#endif
