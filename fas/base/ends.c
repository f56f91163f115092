#include "fas/base/ends.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fas/base/log.h"
#include "fas/base/text.h"

#define DAY_S ((int64_t)86400)

enum ends_alarm
ends_judge(const struct end *end, int64_t now_s)
{
	static const int64_t thresholds[] = {[ENDS_IN_90_DAYS] = 90 * DAY_S,
	    [ENDS_IN_30_DAYS] = 30 * DAY_S,
	    [ENDS_IN_7_DAYS] = 7 * DAY_S};
	int64_t life_s = end->to_s - end->from_s, left_s = end->to_s - now_s;
	if (left_s <= 0)
		return ENDS_OVER;
	for (int i = ENDS_IN_7_DAYS; i >= ENDS_IN_90_DAYS; i--) {
		if (left_s <= thresholds[i] && thresholds[i] <= life_s / 2)
			return (enum ends_alarm)i;
	}
	return thresholds[ENDS_IN_7_DAYS] > life_s / 2 && left_s <= life_s / 4 ? ENDS_IN_7_DAYS
									       : ENDS_FAR;
}

json_t *
ends_describe(const struct end *end, int64_t now_s)
{
	return json_pack("{s:s, s:s, s:I, s:i}", "what", end->what, "name", end->name, "not_after",
	    (json_int_t)end->to_s, "alarm", (int)ends_judge(end, now_s));
}

/* Its place in what was said, a new one if need be; n of them when there is no room: then it is said each time. */
static size_t
find(struct ends_said *said, const struct end *end)
{
	char of[sizeof(said->items[0].of)];
	size_t i = 0;
	(void)snprintf(of, sizeof(of), "%s %s", end->what, end->name);
	while (i < said->n && strcmp(said->items[i].of, of) != 0)
		i++;
	if (i == said->n && i < ENDS_SAID_MAX) {
		memset(&said->items[i], 0, sizeof(said->items[i]));
		memcpy(said->items[i].of, of, sizeof(of));
		said->n++;
	}
	return i;
}

static void
say(const struct end *end, enum ends_alarm alarm, int64_t now_s)
{
	char when[TIME_TEXT_MAX], days[24];
	(void)snprintf(days, sizeof(days), "%" PRId64, (end->to_s - now_s) / DAY_S);
	log_event(alarm == ENDS_OVER ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
	    alarm == ENDS_OVER ? "ended" : "ends_soon", "what", end->what, "name", end->name,
	    "not_after", time_format(end->to_s, when), "days_left",
	    alarm == ENDS_OVER ? NULL : days, NULL);
}

void
ends_log(struct ends_said *said, const struct end *end, int64_t now_s)
{
	enum ends_alarm alarm = ends_judge(end, now_s);
	size_t i = find(said, end);
	bool known = i < ENDS_SAID_MAX;
	if (known && alarm == said->items[i].alarm &&
	    (alarm == ENDS_FAR || now_s - said->items[i].time_s < DAY_S))
		return;
	if (alarm != ENDS_FAR)
		say(end, alarm, now_s);
	if (!known)
		return;
	said->items[i].alarm = alarm;
	said->items[i].time_s = now_s;
}
