/* The one table: each value beside what it was measured against in the same run. */
#ifndef FAS_BENCH_TABLE_H
#define FAS_BENCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct row {
	const char *name;
	double value;
	const char *unit;
	const char *reference; /* what it is compared with, or NULL */
	double reference_value;
	double ratio;  /* median of the rounds' ratios; 0 = none */
	double goal;   /* 0 = reported only */
	bool at_least; /* the goal is a floor */
	bool of_value; /* the goal is for the value, not for the ratio */
};

void table_add(const struct row *row);
void table_print(void);
/* How many goals are missed. */
size_t table_missed(void);

#endif
