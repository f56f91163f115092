#include "fas/saml/when.h"

#include <string.h>

#include "fas/base/macros.h"
#include "fas/saml/xml.h"

#define FRACTION_MAX 18 /* digits */

/* n digits at text as a number; -1 if one is none. */
static int
digits(const char *text, size_t n)
{
	int value = 0;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of January. */
static int64_t
days_before_year(int year)
{
	int64_t y = year - 1;
	return 365 * (y - 1969) + (y / 4 - 492) - (y / 100 - 19) + (y / 400 - 4);
}

static bool
is_end(const char *text)
{
	if (text[0] == '.') {
		size_t n = strspn(text + 1, "0123456789");
		if (n == 0 || n > FRACTION_MAX)
			return false;
		text += 1 + n;
	}
	return text[0] == 'Z' && text[1] == 0;
}

bool
when_parse(const char *text, int64_t *out_s)
{
	static const char shape[] = "....-..-..T..:..:..";
	if (strlen(text) < sizeof(shape))
		return false;
	for (size_t i = 0; shape[i]; i++) {
		if (shape[i] != '.' && shape[i] != text[i])
			return false;
	}
	int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
	int hour = digits(text + 11, 2), minute = digits(text + 14, 2),
	    second = digits(text + 17, 2);
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
		return false;
	if (!is_end(text + sizeof(shape) - 1))
		return false;
	int64_t days = days_before_year(year) + day - 1;
	for (int m = 1; m < month; m++)
		days += days_in_month(year, m);
	*out_s = ((days * 24 + hour) * 60 + minute) * 60 + second;
	return true;
}

enum fas_code
when_attr(const xmlNode *node, const char *name, int64_t absent, const char *clause,
    const char *reason, int64_t *out_s, struct fas_err *e)
{
	const char *text = xml_attr(node, name);
	*out_s = absent;
	if (!text || when_parse(text, out_s))
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, reason, "%s: %s is %.40s, want a time in UTC with Z", clause,
	    name, text);
}
