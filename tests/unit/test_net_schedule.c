// SPDX-License-Identifier: GPL-2.0-or-later
// sources: tools/iotkeyd-net/schedule.c
/*
 * When iotkeyd-net tries again, and when it renews.
 */
#include "../../tools/iotkeyd-net/schedule.h"
#include "ktap.h"

#define DRAWS 2000

static void test_failed(void)
{
	unsigned int i, due, wait, least, most, last = 300;
	struct backoff backoff = { 0 };

	for (i = 0, due = BACKOFF_FIRST; i < 40; i++) {
		wait = schedule_failed(&backoff, last, 0);
		if (wait < due / 2 || wait > due)
			break;
		due = due * 2 > last ? last : due * 2;
	}
	ktap_ok(i == 40,
		"twice as long each time, of which a half is random, up to the last");

	for (i = 0, least = last, most = 0; i < DRAWS; i++) {
		wait = schedule_failed(&backoff, last, 0);
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	ktap_ok(least < last * 6 / 10 && most > last * 9 / 10, "they spread");

	backoff.failures = 0;
	wait = schedule_failed(&backoff, last, 60);
	ktap_ok(wait >= 60 && wait <= 66,
		"as long as the registrar asks for, and a little more");
	wait = schedule_failed(&backoff, last, UINT32_MAX);
	ktap_ok(wait >= 86400 && wait <= 95040, "up to a day");
	backoff.failures = 31;
	ktap_ok(schedule_failed(&backoff, last, 1) >= last / 2,
		"its own time where that is longer");
}

static void test_jitter(void)
{
	uint64_t least = UINT64_MAX, most = 0, at;
	int i;

	for (i = 0; i < DRAWS; i++) {
		at = schedule_jitter(86400);
		least = at < least ? at : least;
		most = at > most ? at : most;
	}
	ktap_ok(least >= 77760 && least < 79000 && most <= 95040 && most > 94000,
		"less or more by a tenth");
	ktap_ok(schedule_jitter(0) == 0, "nothing of nothing");
}

static void test_renewal(void)
{
	const int64_t from = 1700000000, life = 90 * 86400ll;

	ktap_ok(schedule_renewal(from, from + life, 0) == from + life / 3 * 2 - life / 20,
		"at the earliest");
	ktap_ok(schedule_renewal(from, from + life, UINT32_MAX) ==
			from + life / 3 * 2 - life / 20 + life / 10,
		"at the latest");
	ktap_ok(schedule_renewal(from, from + life, UINT32_MAX) < from + life,
		"within its time");
	ktap_ok(schedule_renewal(from, from - 1, 7) == from - 1,
		"a certificate without a time");
	ktap_ok(schedule_renewal(0, 253402300799, 7) > 253402300799 / 2, "one for ever");
}

int main(void)
{
	test_failed();
	test_jitter();
	test_renewal();
	return ktap_done();
}
