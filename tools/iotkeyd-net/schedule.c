// SPDX-License-Identifier: GPL-2.0-or-later
#include "schedule.h"

#include <sys/random.h>

#define AFTER_MAX 86400

uint32_t schedule_random(void)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return UINT32_MAX / 2;
	return random;
}

/* From 0 to @range */
static uint64_t part_of(uint64_t range, uint32_t random)
{
	return (uint64_t)((double)range * ((double)random / UINT32_MAX));
}

unsigned int schedule_failed(struct backoff *backoff, unsigned int last,
			     unsigned int after)
{
	uint64_t wait = BACKOFF_FIRST;
	unsigned int i;

	for (i = 0; i < backoff->failures && wait < last; i++)
		wait *= 2;
	if (wait > last)
		wait = last;
	if (backoff->failures < 32)
		backoff->failures++;
	wait = wait / 2 + part_of(wait - wait / 2, schedule_random());
	if (after > AFTER_MAX)
		after = AFTER_MAX;
	if (wait < after) /* and those who were told the same do not come together */
		wait = after + part_of(after / 10, schedule_random());
	return wait ? (unsigned int)wait : 1;
}

uint64_t schedule_jitter(uint64_t seconds)
{
	return seconds - seconds / 10 + part_of(seconds / 5, schedule_random());
}

int64_t schedule_renewal(int64_t not_before, int64_t not_after, uint32_t random)
{
	int64_t life = not_after - not_before;

	if (life <= 0)
		return not_after;
	return not_before + life / 3 * 2 - life / 20 +
	       (int64_t)part_of((uint64_t)(life / 10), random);
}
