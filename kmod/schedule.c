// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arithmetic of epochs, windows and deadlines. Pure: it reads a policy, a
 * state and a moment, and changes nothing.
 *
 * Ranges (policy.h) keep every sum far inside 64 bits: times below 2^41, spans
 * below 2^32.
 */
#include "schedule.h"

/* The epoch that holds @now; 0 before the start, bounded for ever after. */
static u32 epoch_at(const struct iot_policy *p, s64 now)
{
	u64 epoch;

	if (!p->rotate || now < p->start)
		return 0;
	epoch = div64_u64(now - p->start, p->rotate);
	return epoch > IOT_EPOCH_MAX ? IOT_EPOCH_MAX : epoch;
}

/* When @epoch begins. */
s64 iot_schedule_begin(const struct iot_policy *p, u32 epoch)
{
	return p->start + (s64)((u64)epoch * p->rotate);
}

/* When the key dies, or IOT_NEVER. */
s64 iot_schedule_expires(const struct iot_policy *p, const struct iot_state *s)
{
	return p->lifetime ? s->created + p->lifetime : IOT_NEVER;
}

/* When "expiring" begins: one period, or a tenth of the life, before the end. */
static s64 expiring_at(const struct iot_policy *p, const struct iot_state *s)
{
	u32 notice = p->rotate ?: p->lifetime / 10;

	return p->lifetime ? iot_schedule_expires(p, s) - notice : IOT_NEVER;
}

/* When the next version is due, or IOT_NEVER. */
s64 iot_schedule_rotates(const struct iot_policy *p, const struct iot_state *s)
{
	if (!p->rotate || s->epoch >= IOT_EPOCH_MAX)
		return IOT_NEVER;
	return iot_schedule_begin(p, s->epoch + 1);
}

/**
 * iot_schedule_at() - what a moment asks of a key
 * @p: the key's policy
 * @s: its state, brought up to some earlier moment
 * @now: the moment
 * @m: the answer
 *
 * A version that "random" was late with (power off, or nothing stored) ends
 * when the schedule said, not when it was noticed.  The other modes name their
 * versions after epochs, so the new one begins with the epoch it is named after.
 */
void iot_schedule_at(const struct iot_policy *p, const struct iot_state *s,
		     s64 now, struct iot_moment *m)
{
	u32 epoch = epoch_at(p, now);

	if (now >= iot_schedule_expires(p, s))
		m->state = IOTKEY_STATE_EXPIRED;
	else if (now < p->start)
		m->state = IOTKEY_STATE_PENDING;
	else if (now >= expiring_at(p, s))
		m->state = IOTKEY_STATE_EXPIRING;
	else
		m->state = IOTKEY_STATE_ACTIVE;

	m->rotate = epoch > s->epoch;
	m->epoch = m->rotate ? epoch : s->epoch;
	if (p->mode == IOTKEY_MODE_RANDOM && m->rotate)
		m->activation = iot_schedule_begin(p, s->epoch + 1);
	else
		m->activation = iot_schedule_begin(p, m->epoch);
}

/**
 * iot_schedule_window() - may @version open or verify at @now?
 *
 * @s must be brought up to @now.
 *
 * Return: 0; -EKEYEXPIRED when it is past; -ETIME when it is not yet due.
 */
int iot_schedule_window(const struct iot_policy *p, const struct iot_state *s,
			u32 version, s64 now)
{
	s64 next = iot_schedule_rotates(p, s);

	if (version == s->version)
		return 0;
	if (version == s->version + 1)
		return next != IOT_NEVER && now >= next - (s64)p->ahead ?
		       0 : -ETIME;
	if (version > s->version)
		return -ETIME;
	if (version + 1 == s->version && now < s->activated + (s64)p->overlap)
		return 0;
	return -EKEYEXPIRED;
}

/* The earliest moment after @now at which something changes, or IOT_NEVER. */
s64 iot_schedule_deadline(const struct iot_policy *p,
			  const struct iot_state *s, s64 now)
{
	s64 moments[] = {
		p->start,
		s->activated + (s64)p->overlap,
		s->overdue ? IOT_NEVER : iot_schedule_rotates(p, s),
		expiring_at(p, s),
		iot_schedule_expires(p, s),
	};
	s64 first = IOT_NEVER;
	size_t i;

	if (now >= iot_schedule_expires(p, s))
		return IOT_NEVER;
	for (i = 0; i < ARRAY_SIZE(moments); i++) {
		if (moments[i] > now && moments[i] < first)
			first = moments[i];
	}
	return first;
}

/*
 * How coarsely a key's deadlines may be rounded up, in seconds, so that one
 * wake-up serves many keys: at most a sixth of its period, or of its life if that is
 * shorter; and while an overlap lasts at most a sixth of that, for the secret that
 * ends with it is in memory until the wake-up (but not a derive key's).
 * Each slot divides the next, so keys with different periods meet.
 */
u32 iot_schedule_slot(const struct iot_policy *p, const struct iot_state *s,
		      s64 now)
{
	static const u32 slots[] = { 3600, 600, 60, 10 };
	u32 span = min_not_zero(p->rotate, p->lifetime);
	size_t i;

	if (p->mode != IOTKEY_MODE_DERIVE &&
	    now < s->activated + (s64)p->overlap)
		span = min_not_zero(span, p->overlap);
	for (i = 0; i < ARRAY_SIZE(slots); i++) {
		if (span / 6 >= slots[i])
			return slots[i];
	}
	return 1;
}
