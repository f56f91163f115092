#include "fas/saml/when.h"

#include <string.h>

#include "fas/base/macros.h"
#include "fas/saml/xml.h"

#define FRACTION_MAX 18 /* digits */
#define DURATION_MAX_S (INT64_C(3650) * 86400)

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

/* One part "12H" of a duration at *at, which goes behind it; false: it is another unit's, or none. */
static bool
take_part(const char **at, char unit, int64_t unit_s, int64_t *sum_s)
{
	size_t n = strspn(*at, "0123456789");
	int64_t value = 0;
	const char *end = *at + n;
	if (unit == 'S' && *end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (n == 0 || *end != unit)
		return false;
	for (size_t i = 0; i < n && value <= DURATION_MAX_S; i++)
		value = value * 10 + ((*at)[i] - '0');
	*sum_s += value > DURATION_MAX_S ? DURATION_MAX_S + 1 : value * unit_s;
	*at = end + 1;
	return true;
}

bool
when_duration_parse(const char *text, int64_t *out_s)
{
	static const struct {
		char unit;
		int64_t s;
	} units[] = {{'Y', 31536000}, {'M', 2592000}, {'D', 86400}, {'T', 0}, {'H', 3600},
	    {'M', 60}, {'S', 1}};
	int64_t sum_s = 0;
	size_t parts = 0;
	bool in_time = false;
	if (*text++ != 'P')
		return false;
	for (size_t i = 0; i < NELEMS(units); i++) {
		if (units[i].unit == 'T') {
			in_time = *text == 'T';
			text += in_time;
			parts = in_time ? 0 : parts;
		} else if (in_time || i < 3) {
			parts += take_part(&text, units[i].unit, units[i].s, &sum_s);
		}
	}
	*out_s = sum_s;
	return parts > 0 && *text == 0 && sum_s <= DURATION_MAX_S;
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
