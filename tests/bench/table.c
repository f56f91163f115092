#include "table.h"

#include <stdio.h>

#define ROWS_MAX 64

static struct row rows[ROWS_MAX];
static size_t n_rows;

static bool
is_met(const struct row *row)
{
	double have = row->of_value ? row->value : row->ratio;
	return row->at_least ? have >= row->goal : have <= row->goal;
}

void
table_add(const struct row *row)
{
	if (n_rows < ROWS_MAX)
		rows[n_rows++] = *row;
	(void)fprintf(stderr, "  %s: %.4g %s\n", row->name, row->value, row->unit);
}

static void
print_goal(const struct row *row)
{
	if (row->goal <= 0)
		(void)printf("  %12s  %s\n", "-", "reported");
	else
		(void)printf("  %s %6.4g %s  %s\n", row->at_least ? ">=" : "<=", row->goal,
		    row->of_value ? "val" : "rat", is_met(row) ? "met" : "MISSED");
}

void
table_print(void)
{
	(void)printf("%-44s %10s %-8s %-38s %10s %7s  %12s\n", "name", "value", "unit", "reference",
	    "value", "ratio", "goal");
	for (size_t i = 0; i < n_rows; i++) {
		const struct row *row = &rows[i];
		(void)printf("%-44s %10.4g %-8s %-38s ", row->name, row->value, row->unit,
		    row->reference ? row->reference : "-");
		if (row->reference)
			(void)printf("%10.4g ", row->reference_value);
		else
			(void)printf("%10s ", "-");
		if (row->ratio > 0)
			(void)printf("%7.3f", row->ratio);
		else
			(void)printf("%7s", "-");
		print_goal(row);
	}
}

size_t
table_missed(void)
{
	size_t missed = 0;
	for (size_t i = 0; i < n_rows; i++)
		missed += rows[i].goal > 0 && !is_met(&rows[i]);
	return missed;
}
