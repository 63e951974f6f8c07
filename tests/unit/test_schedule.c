// SPDX-License-Identifier: GPL-2.0-or-later
/* Epochs, windows, states and deadlines, against their definitions. */
#include <stdlib.h>
#include "ktap.h"
#include "schedule.h"

#define T0 1000000

static const struct iot_policy hourly = {
	.algorithm = IOTKEY_ALGORITHM_AES_256_GCM,
	.mode = IOTKEY_MODE_DERIVE,
	.usage = IOT_USAGE_ENCRYPT | IOT_USAGE_DECRYPT,
	.rotate = 3600,
	.overlap = 600,
	.ahead = 60,
	.lifetime = 86400,
	.start = T0,
};

static struct iot_state state_of(const struct iot_policy *p, u32 epoch)
{
	struct iot_state s = {
		.created = T0,
		.version = epoch + 1,
		.newest = epoch + 1,
		.epoch = epoch,
	};

	s.activated = iot_schedule_begin(p, epoch);
	return s;
}

static void test_epochs(void)
{
	struct iot_state s = state_of(&hourly, 0);
	struct iot_moment m;

	iot_schedule_at(&hourly, &s, T0, &m);
	ktap_ok(!m.rotate && m.epoch == 0 && m.state == IOTKEY_STATE_ACTIVE,
		"epoch 0 begins at the start");
	iot_schedule_at(&hourly, &s, T0 + 3599, &m);
	ktap_ok(!m.rotate, "epoch 0 lasts to its last second");
	iot_schedule_at(&hourly, &s, T0 + 3600, &m);
	ktap_ok(m.rotate && m.epoch == 1 && m.activation == T0 + 3600,
		"epoch 1 begins exactly then");
	iot_schedule_at(&hourly, &s, T0 + 5 * 3600 + 7, &m);
	ktap_ok(m.epoch == 5 && m.activation == T0 + 5 * 3600,
		"a derive key goes straight to the present epoch");
	iot_schedule_at(&hourly, &s, T0 - 1, &m);
	ktap_ok(!m.rotate && m.state == IOTKEY_STATE_PENDING, "before the start");

	s = state_of(&hourly, 7);
	iot_schedule_at(&hourly, &s, T0 + 3600, &m);
	ktap_ok(!m.rotate && m.epoch == 7, "an epoch never goes back");
}

static void test_random(void)
{
	struct iot_policy p = hourly;
	struct iot_state s = state_of(&p, 2);
	struct iot_moment m;

	p.mode = IOTKEY_MODE_RANDOM;
	iot_schedule_at(&p, &s, T0 + 9 * 3600, &m);
	ktap_ok(m.rotate && m.epoch == 9 && m.activation == T0 + 3 * 3600,
		"a late random version ends when the schedule said");
}

static void test_extremes(void)
{
	struct iot_policy p = {
		.algorithm = 1, .mode = IOTKEY_MODE_DERIVE, .rotate = 1, .start = 1
	};
	struct iot_state s = state_of(&p, 0);
	struct iot_moment m;

	iot_schedule_at(&p, &s, 2 * IOT_START_MAX, &m);
	ktap_ok(m.rotate && m.epoch == IOT_EPOCH_MAX, "epochs are bounded");
	s = state_of(&p, IOT_EPOCH_MAX);
	iot_schedule_at(&p, &s, 2 * IOT_START_MAX, &m);
	ktap_ok(!m.rotate && iot_schedule_rotates(&p, &s) == IOT_NEVER,
		"the last epoch has no end");
	p.rotate = IOT_ROTATE_MAX;
	ktap_ok(iot_schedule_begin(&p, IOT_EPOCH_MAX) > 0, "no overflow at the far end");
	p.rotate = 0;
	s = state_of(&p, 0);
	iot_schedule_at(&p, &s, 1 << 30, &m);
	ktap_ok(!m.rotate && iot_schedule_rotates(&p, &s) == IOT_NEVER &&
			iot_schedule_deadline(&p, &s, 1 << 30) == IOT_NEVER,
		"a key without a period never rotates");
}

static void test_states(void)
{
	static const struct {
		s64 at;
		u8 state;
	} rows[] = {
		{ T0, IOTKEY_STATE_ACTIVE },
		{ T0 + 86400 - 3601, IOTKEY_STATE_ACTIVE },
		{ T0 + 86400 - 3600, IOTKEY_STATE_EXPIRING },
		{ T0 + 86400 - 1, IOTKEY_STATE_EXPIRING },
		{ T0 + 86400, IOTKEY_STATE_EXPIRED },
		{ T0 + 864000, IOTKEY_STATE_EXPIRED },
	};
	struct iot_state s = state_of(&hourly, 0);
	struct iot_policy p = hourly;
	struct iot_moment m;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		iot_schedule_at(&hourly, &s, rows[i].at, &m);
		ktap_ok(m.state == rows[i].state, "state at T0 + %lld is %s",
			(long long)rows[i].at - T0, iot_state_name(rows[i].state));
	}
	p.rotate = 0;
	p.ahead = 0;
	iot_schedule_at(&p, &s, T0 + 86400 - 8640, &m);
	ktap_ok(m.state == IOTKEY_STATE_EXPIRING, "a tenth of the life is notice");
	iot_schedule_at(&p, &s, T0 + 86400 - 8641, &m);
	ktap_ok(m.state == IOTKEY_STATE_ACTIVE, "and no more");
}

/* [a(v) - ahead, a(v+1) + overlap), second by second around every edge */
static void test_windows(void)
{
	bool ok = true;
	u32 v;
	s64 now;

	for (now = T0 + 2 * 3600; now < T0 + 4 * 3600; now++) {
		u32 epoch = (now - T0) / 3600;
		struct iot_state s = state_of(&hourly, epoch);

		for (v = 1; v < 8; v++) {
			s64 from = iot_schedule_begin(&hourly, v - 1) - hourly.ahead;
			s64 to = iot_schedule_begin(&hourly, v) + hourly.overlap;
			int want = now < from ? -ETIME : now >= to ? -EKEYEXPIRED : 0;

			ok &= iot_schedule_window(&hourly, &s, v, now) == want;
		}
	}
	ktap_ok(ok, "windows, each second of two hours");
}

static void test_deadlines(void)
{
	struct iot_state s = state_of(&hourly, 3);
	s64 begin = T0 + 3 * 3600;
	struct iot_policy p = hourly;

	ktap_ok(iot_schedule_deadline(&hourly, &s, begin) == begin + 600,
		"first the overlap ends");
	ktap_ok(iot_schedule_deadline(&hourly, &s, begin + 600) == begin + 3600,
		"then the period");
	s = state_of(&hourly, 23);
	ktap_ok(iot_schedule_deadline(&hourly, &s, T0 + 86000) == T0 + 86400,
		"then the life");
	ktap_ok(iot_schedule_deadline(&hourly, &s, T0 + 86400) == IOT_NEVER,
		"then nothing");
	s = state_of(&hourly, 3);
	s.overdue = true;
	p.lifetime = 0;
	ktap_ok(iot_schedule_deadline(&p, &s, begin + 7200) == IOT_NEVER,
		"an overdue key waits for news, not for time");
	p.start = T0 + 500;
	s = state_of(&p, 0);
	ktap_ok(iot_schedule_deadline(&p, &s, T0) == T0 + 500,
		"a pending key waits for its start");
}

/* A slot never takes more than a sixth of any span that ends, and slots nest. */
static void test_slots(void)
{
	struct iot_policy p = {};
	struct iot_state s = state_of(&p, 0);
	s64 now = s.activated;
	bool ok = true;
	u32 last = 1;

	for (p.rotate = 1; p.rotate < 100000; p.rotate++) {
		u32 slot = iot_schedule_slot(&p, &s, now);

		ok &= slot == 1 || slot <= p.rotate / 6;
		ok &= slot % last == 0;
		last = slot;
	}
	ktap_ok(ok, "slots fit and nest");
	p.rotate = 3600;
	ktap_ok(86400 / iot_schedule_slot(&p, &s, now) <= 200,
		"hourly keys cost at most 200 wake-ups a day");
	p.overlap = 60;
	ktap_ok(iot_schedule_slot(&p, &s, now) == 10,
		"an overlap of a minute is over 10 s later at most");
	ktap_ok(iot_schedule_slot(&p, &s, now + 60) == 600, "after it the period counts");
	p.overlap = 4;
	ktap_ok(iot_schedule_slot(&p, &s, now) == 1, "one of 4 s is over at once");
	p.mode = IOTKEY_MODE_DERIVE;
	ktap_ok(iot_schedule_slot(&p, &s, now) == 600,
		"where nothing is held it may wait");
	p.overlap = 0;
	p.lifetime = 60;
	ktap_ok(iot_schedule_slot(&p, &s, now) == 10, "so is a short life");
}

int main(void)
{
	test_epochs();
	test_random();
	test_extremes();
	test_states();
	test_windows();
	test_deadlines();
	test_slots();
	return ktap_done();
}
