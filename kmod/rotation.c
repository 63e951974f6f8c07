// SPDX-License-Identifier: GPL-2.0-only
/*
 * How versions come and go. Everything here runs under ik->lock.
 *
 * Nothing waits for a timer: whoever uses a key settles it first, so what a user
 * sees is exact even if the deadline queue is late or the machine slept.
 */
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "aead.h"
#include "clock.h"
#include "deadline.h"
#include "key.h"
#include "notify.h"
#include "schedule.h"

/* How far a ratchet follows a message, and how far its own clock. */
#define RATCHET_NEWS_MAX	65536
#define RATCHET_STEPS_MAX	BIT(22)

/* Changes to what a snapshot shows go between these two. */
static void begin_change(struct iot_key *ik)
{
	preempt_disable();
	write_seqcount_begin(&ik->seq);
}

static void end_change(struct iot_key *ik)
{
	write_seqcount_end(&ik->seq);
	preempt_enable();
}

static void put_state(struct iot_key *ik, const struct iot_state *state)
{
	begin_change(ik);
	ik->state = *state;
	end_change(ik);
}

static void hold(struct iot_key *ik, enum iot_slot slot, const u8 *secret)
{
	memcpy(ik->secret[slot], secret, IOT_SECRET_SIZE);
	ik->held |= BIT(slot);
}

static void drop(struct iot_key *ik, enum iot_slot slot)
{
	memzero_explicit(ik->secret[slot], IOT_SECRET_SIZE);
	ik->held &= ~BIT(slot);
	iot_aead_forget(ik);
}

/* Drop every secret; the key is at its end. */
void iot_erase(struct iot_key *ik)
{
	memzero_explicit(ik->secret, sizeof(ik->secret));
	memzero_explicit(ik->salt, sizeof(ik->salt));
	WRITE_ONCE(ik->held, 0);
	iot_aead_forget(ik);
}

/* Nonces of this version start from a fresh random value, also after a reload. */
static void fresh_nonces(struct iot_key *ik)
{
	get_random_bytes(ik->salt, sizeof(ik->salt));
	ik->counter = 0;
}

static void derive_secret(const struct iot_key *ik, u32 epoch, u8 *secret)
{
	u8 context[2 + IOT_NAME_MAX + 4];
	size_t len = strlen(ik->label);

	context[0] = ik->policy.algorithm;
	context[1] = len;
	memcpy(context + 2, ik->label, len);
	put_unaligned_be32(epoch, context + 2 + len);
	iot_kdf(ik->root->secret, "iotkey/1 derive", context, 2 + len + 4,
		secret, IOT_SECRET_SIZE);
}

static void ratchet_use(const struct iot_key *ik, const u8 *chain, u8 *secret)
{
	iot_kdf(chain, "iotkey/1 use", &ik->policy.algorithm, 1, secret,
		IOT_SECRET_SIZE);
}

static void ratchet_step(u8 *chain)
{
	iot_kdf(chain, "iotkey/1 step", NULL, 0, chain, IOT_SECRET_SIZE);
}

/*
 * Walk the chain on from version @from, which is the current one if any is held, to
 * @version.  What was current stays as the previous, and is not computed again from a
 * chain that may have been mixed since.
 */
static void ratchet_to(struct iot_key *ik, u32 from, u32 version)
{
	bool passed = !(ik->held & BIT(IOT_SLOT_CURRENT));
	u8 *current_secret = ik->secret[IOT_SLOT_CURRENT];
	u8 *chain = ik->secret[IOT_SLOT_AHEAD];

	for (; from + 1 < version; from++) {
		ratchet_step(chain);
		passed = true;
		cond_resched();
	}
	if (from < version) {
		if (passed)
			ratchet_use(ik, chain, current_secret);
		hold(ik, IOT_SLOT_PREVIOUS, current_secret);
		ratchet_step(chain);
	}
	ratchet_use(ik, chain, current_secret);
	ik->held |= BIT(IOT_SLOT_CURRENT);
}

/* The next version becomes the current, and one after it is made. */
static void random_next(struct iot_key *ik)
{
	if (ik->held & BIT(IOT_SLOT_CURRENT))
		hold(ik, IOT_SLOT_PREVIOUS, ik->secret[IOT_SLOT_CURRENT]);
	hold(ik, IOT_SLOT_CURRENT, ik->secret[IOT_SLOT_AHEAD]);
	get_random_bytes(ik->secret[IOT_SLOT_AHEAD], IOT_SECRET_SIZE);
}

/*
 * The one place where a version becomes current: of @epoch, from the key time
 * @activation on.
 */
static void rotate(struct iot_key *ik, u32 epoch, s64 activation)
{
	struct iot_state s = ik->state;

	switch (ik->policy.mode) {
	case IOTKEY_MODE_RANDOM:
		random_next(ik);
		s.version++;
		s.newest = s.version + 1;
		s.needs = s.version;
		break;
	case IOTKEY_MODE_DERIVE:
		drop(ik, IOT_SLOT_PREVIOUS);
		s.version = epoch + 1;
		s.newest = s.version;
		derive_secret(ik, epoch, ik->secret[IOT_SLOT_CURRENT]);
		break;
	case IOTKEY_MODE_RATCHET:
		ratchet_to(ik, s.version, epoch + 1);
		s.version = epoch + 1;
		s.newest = s.version;
		break;
	}
	s.epoch = epoch;
	s.activated = activation;
	s.ops = 0;
	s.overdue = false;
	fresh_nonces(ik);
	put_state(ik, &s);
	ik->bits &= ~BIT(IOT_KEY_TOLD_OVERDUE);
	iot_aead_forget(ik);
	iot_publish_follow(ik);

	atomic64_inc(&iot_stats.rotations);
	iot_notify(ik, IOTKEY_EVENT_ROTATED, 0);
}

/* Has the version after the current one a blob to come back from? */
static bool may_follow(const struct iot_key *ik)
{
	return ik->policy.mode != IOTKEY_MODE_RANDOM ||
	       ik->state.stored > ik->state.version;
}

static void tell_once(struct iot_key *ik, enum iot_key_bits bit, u8 event,
		      int error)
{
	if (ik->bits & BIT(bit))
		return;
	ik->bits |= BIT(bit);
	iot_notify(ik, event, error);
}

/* The wall clock, where trusted, only ever moves a key forward. */
static void follow_clock(struct iot_key *ik)
{
	s64 lead = iot_clock_floor();

	if (lead > ik->offset) {
		begin_change(ik);
		ik->offset = lead;
		end_change(ik);
	}
}

static int settle_schedule(struct iot_key *ik)
{
	struct iot_moment m;
	s64 now;

	follow_clock(ik);
	now = iot_key_now(ik);
	iot_schedule_at(&ik->policy, &ik->state, now, &m);

	if (m.state == IOTKEY_STATE_EXPIRED) {
		iot_erase(ik);
		iot_publish_follow(ik);
		tell_once(ik, IOT_KEY_TOLD_EXPIRED, IOTKEY_EVENT_EXPIRED, 0);
		return -EKEYEXPIRED;
	}
	if (ik->policy.mode == IOTKEY_MODE_RATCHET &&
	    m.epoch - ik->state.epoch > RATCHET_STEPS_MAX)
		return -EOVERFLOW;
	if (m.rotate && may_follow(ik)) {
		rotate(ik, m.epoch, ik->state.overdue ? now : m.activation);
	} else if (m.rotate) {
		struct iot_state s = ik->state;

		s.overdue = true;
		put_state(ik, &s);
		tell_once(ik, IOT_KEY_TOLD_OVERDUE, IOTKEY_EVENT_FAILED,
			  -EAGAIN);
	}
	if (ik->held & BIT(IOT_SLOT_PREVIOUS) &&
	    now >= ik->state.activated + (s64)ik->policy.overlap)
		drop(ik, IOT_SLOT_PREVIOUS);
	if (m.state == IOTKEY_STATE_EXPIRING)
		tell_once(ik, IOT_KEY_TOLD_EXPIRING, IOTKEY_EVENT_EXPIRING, 0);
	return 0;
}

/**
 * iot_settle() - bring a key up to the present
 *
 * Rotates what is due, erases what is past, tells both.
 *
 * Return: 0; -EKEYREVOKED or -EKEYEXPIRED when the key is no longer of use;
 * -EOVERFLOW when the clock went further than a ratchet follows.
 */
int iot_settle(struct iot_key *ik)
{
	u32 version = ik->state.version;
	int ret;

	if (ik->bits & BIT(IOT_KEY_REVOKED) || iot_key_root_revoked(ik))
		return -EKEYREVOKED;
	if (!iot_key_is_child(ik))
		return 0;
	ret = settle_schedule(ik);
	if (ik->state.version != version)
		iot_deadline_arm(ik);
	return ret;
}

/**
 * iot_may_begin() - may a settled key's current version be put to new use?
 *
 * Return: 0; -ETIME before its start; -EAGAIN while a crash would lose it.
 */
int iot_may_begin(const struct iot_key *ik)
{
	if (iot_key_now(ik) < ik->policy.start)
		return -ETIME;
	return ik->state.stored < ik->state.needs ? -EAGAIN : 0;
}

/* Not by the schedule but at this moment. */
static void rotate_now(struct iot_key *ik, u32 epoch)
{
	rotate(ik, epoch, iot_key_now(ik));
	iot_deadline_arm(ik);
}

/* "rotate": the next version now. */
int iot_rotate_by_hand(struct iot_key *ik)
{
	int ret = iot_settle(ik);
	u32 epoch = ik->state.epoch;

	if (ret)
		return ret;
	if (!may_follow(ik))
		return -EAGAIN;
	if (ik->policy.mode != IOTKEY_MODE_RANDOM && ++epoch > IOT_EPOCH_MAX)
		return -EOVERFLOW;
	rotate_now(ik, epoch);
	return 0;
}

/* Move the key's clock on to @at, if that is ahead. */
static void advance_clock(struct iot_key *ik, s64 at)
{
	s64 ahead = at - iot_key_now(ik);

	if (ahead > 0) {
		begin_change(ik);
		ik->offset += ahead * NSEC_PER_SEC;
		end_change(ik);
	}
}

/**
 * iot_rotate_to_news() - a message of a later version was authentic
 *
 * The caller found out with iot_secret_of(), which said that this may be.
 */
void iot_rotate_to_news(struct iot_key *ik, u32 version)
{
	u32 epoch = version - 1;

	if (version <= ik->state.version)
		return;
	if (ik->policy.mode == IOTKEY_MODE_RANDOM)
		epoch = ik->state.epoch + !!ik->policy.rotate;
	if (ik->policy.rotate)
		advance_clock(ik, iot_schedule_begin(&ik->policy, epoch));
	rotate_now(ik, epoch);
}

/* "epoch=N": authenticated news through user space. */
int iot_epoch(struct iot_key *ik, u32 epoch)
{
	int ret = iot_settle(ik);

	if (ret)
		return ret;
	if (ik->policy.mode == IOTKEY_MODE_RANDOM || epoch > IOT_EPOCH_MAX)
		return -EINVAL;
	if (epoch <= ik->state.epoch)
		return 0;
	if (ik->policy.mode == IOTKEY_MODE_RATCHET &&
	    epoch - ik->state.epoch > RATCHET_NEWS_MAX)
		return -EINVAL;
	if (ik->policy.rotate && !iot_clock_trusted())
		advance_clock(ik, iot_schedule_begin(&ik->policy, epoch));
	rotate_now(ik, epoch);
	return 0;
}

/* "stored=N": what was held back may go on. */
int iot_stored(struct iot_key *ik, u32 version)
{
	int ret = iot_settle(ik);
	struct iot_state s = ik->state;

	if (ret)
		return ret;
	if (version > s.newest)
		return -EINVAL;
	if (version > s.stored) {
		s.stored = version;
		put_state(ik, &s);
	}
	ret = iot_settle(ik);
	iot_deadline_arm(ik);
	return ret;
}

/* "mix=HEX": the chain goes on from more than it was. */
int iot_mix(struct iot_key *ik, const u8 *fresh, size_t len)
{
	u8 *chain = ik->secret[IOT_SLOT_AHEAD];
	struct iot_state s;
	int ret;

	if (ik->policy.mode != IOTKEY_MODE_RATCHET)
		return -EOPNOTSUPP;
	ret = iot_settle(ik);
	if (ret)
		return ret;
	if (ik->state.epoch >= IOT_EPOCH_MAX)
		return -EOVERFLOW;

	iot_kdf(chain, "iotkey/1 mix", fresh, len, chain, IOT_SECRET_SIZE);
	s = ik->state;
	s.stored = 0;
	s.needs = s.version + 1;
	put_state(ik, &s);
	rotate_now(ik, s.epoch + 1);
	return 0;
}

/* How much earlier than others of its kind this key rotates, in seconds. */
s64 iot_jitter(const struct iot_policy *p)
{
	return get_random_u32() % (p->jitter + 1);
}

/*
 * "set": @p holds the new values of the options that were given. A new period
 * starts with the current version.
 */
int iot_set(struct iot_key *ik, const struct iot_payload *p)
{
	struct iot_policy n;
	struct iot_state s;
	int ret = iot_settle(ik);

	if (ret)
		return ret;
	n = ik->policy;
	s = ik->state;
	if (p->given & (BIT(IOT_OPT_ROTATE) | BIT(IOT_OPT_JITTER))) {
		if (n.mode != IOTKEY_MODE_RANDOM)
			return -EINVAL;
		if (p->given & BIT(IOT_OPT_ROTATE))
			n.rotate = p->policy.rotate;
		if (p->given & BIT(IOT_OPT_JITTER))
			n.jitter = p->policy.jitter;
		n.start = max_t(s64, s.activated - iot_jitter(&n), 0);
		s.epoch = 0;
	}
	if (p->given & BIT(IOT_OPT_OVERLAP))
		n.overlap = p->policy.overlap;
	if (p->given & BIT(IOT_OPT_AHEAD))
		n.ahead = p->policy.ahead;
	if (p->given & BIT(IOT_OPT_LIFETIME))
		n.lifetime = p->policy.lifetime;
	if (p->given & BIT(IOT_OPT_MAX_OPS))
		n.max_ops = p->policy.max_ops;
	if (p->given & BIT(IOT_OPT_USAGE)) {
		if (p->policy.usage & ~n.usage)
			return -EINVAL;
		n.usage = p->policy.usage;
	}
	ret = iot_policy_check(&n);
	if (ret)
		return ret;
	if (iot_schedule_expires(&n, &s) <= iot_key_now(ik))
		return -EINVAL;

	begin_change(ik);
	ik->policy = n;
	ik->state = s;
	end_change(ik);
	ik->bits &= ~BIT(IOT_KEY_TOLD_EXPIRING);
	ret = iot_settle(ik);
	iot_deadline_arm(ik);
	return ret;
}

/* The first version of a new key; its policy and times are set. */
void iot_start_versions(struct iot_key *ik)
{
	struct iot_state *s = &ik->state;
	struct iot_moment m;

	iot_schedule_at(&ik->policy, s, iot_key_now(ik), &m);
	s->epoch = m.epoch;
	s->activated = iot_schedule_begin(&ik->policy, m.epoch);
	s->version = 1;
	s->stored = 0;
	s->needs = 1;

	switch (ik->policy.mode) {
	case IOTKEY_MODE_RANDOM:
		get_random_bytes(ik->secret[IOT_SLOT_AHEAD], IOT_SECRET_SIZE);
		random_next(ik);
		ik->held = BIT(IOT_SLOT_CURRENT) | BIT(IOT_SLOT_AHEAD);
		s->newest = 2;
		break;
	case IOTKEY_MODE_DERIVE:
		s->version = s->epoch + 1;
		s->newest = s->version;
		s->needs = 0;
		derive_secret(ik, s->epoch, ik->secret[IOT_SLOT_CURRENT]);
		ik->held = BIT(IOT_SLOT_CURRENT);
		break;
	case IOTKEY_MODE_RATCHET:
		get_random_bytes(ik->secret[IOT_SLOT_AHEAD], IOT_SECRET_SIZE);
		s->version = s->epoch + 1;
		s->newest = s->version;
		s->needs = s->version;
		ik->held = BIT(IOT_SLOT_AHEAD);
		ratchet_to(ik, s->version, s->version);
		break;
	}
	fresh_nonces(ik);
}

static bool take(struct iot_key *ik, const struct iot_table *table,
		 enum iot_role role, u32 version, enum iot_slot slot)
{
	if (table->version[role] != version)
		return false;
	hold(ik, slot, table->secret[role]);
	return true;
}

/**
 * iot_resume_versions() - versions from a blob's table
 *
 * The state comes from the blob, unsettled.
 *
 * Return: 0, or -EBADMSG when the table is not what state and mode call for.
 */
int iot_resume_versions(struct iot_key *ik, const struct iot_table *table)
{
	struct iot_state *s = &ik->state;
	bool ok = true;

	take(ik, table, IOT_ROLE_PREVIOUS, s->version - 1, IOT_SLOT_PREVIOUS);
	switch (ik->policy.mode) {
	case IOTKEY_MODE_RANDOM:
		ok = take(ik, table, IOT_ROLE_CURRENT, s->version,
			  IOT_SLOT_CURRENT) &&
		     take(ik, table, IOT_ROLE_NEXT, s->version + 1,
			  IOT_SLOT_AHEAD) && s->newest == s->version + 1;
		s->needs = s->version;
		break;
	case IOTKEY_MODE_DERIVE:
		drop(ik, IOT_SLOT_PREVIOUS);
		derive_secret(ik, s->epoch, ik->secret[IOT_SLOT_CURRENT]);
		ik->held = BIT(IOT_SLOT_CURRENT);
		break;
	case IOTKEY_MODE_RATCHET:
		ok = take(ik, table, IOT_ROLE_CHAIN, s->version,
			  IOT_SLOT_AHEAD);
		if (ok)
			ratchet_to(ik, s->version, s->version);
		break;
	}
	fresh_nonces(ik);
	return ok ? 0 : -EBADMSG;
}

static void give(const struct iot_key *ik, struct iot_table *table,
		 enum iot_role role, u32 version, enum iot_slot slot)
{
	if (!(ik->held & BIT(slot)))
		return;
	table->version[role] = version;
	memcpy(table->secret[role], ik->secret[slot], IOT_SECRET_SIZE);
}

/* What a blob must hold; @table is secret. */
void iot_save_versions(const struct iot_key *ik, struct iot_table *table)
{
	u32 version = ik->state.version;

	memset(table, 0, sizeof(*table));
	if (version > 1)
		give(ik, table, IOT_ROLE_PREVIOUS, version - 1,
		     IOT_SLOT_PREVIOUS);
	switch (ik->policy.mode) {
	case IOTKEY_MODE_RANDOM:
		give(ik, table, IOT_ROLE_CURRENT, version, IOT_SLOT_CURRENT);
		give(ik, table, IOT_ROLE_NEXT, version + 1, IOT_SLOT_AHEAD);
		break;
	case IOTKEY_MODE_RATCHET:
		give(ik, table, IOT_ROLE_CHAIN, version, IOT_SLOT_AHEAD);
		break;
	}
}

static int copy_held(const struct iot_key *ik, enum iot_slot slot, u8 *secret,
		     int otherwise)
{
	if (!(ik->held & BIT(slot)))
		return otherwise;
	memcpy(secret, ik->secret[slot], IOT_SECRET_SIZE);
	return 0;
}

/**
 * iot_secret_of() - the secret of a version, whatever its window
 * @version: the current, the previous, or a later one
 *
 * Return: 0; -EKEYEXPIRED (no longer held), -ETIME (cannot be reached from here).
 */
int iot_secret_of(struct iot_key *ik, u32 version, u8 *secret)
{
	u32 current_version = ik->state.version;

	if (version == current_version)
		return copy_held(ik, IOT_SLOT_CURRENT, secret, -EKEYEXPIRED);

	switch (ik->policy.mode) {
	case IOTKEY_MODE_DERIVE:
		if (version > IOT_EPOCH_MAX)
			return -ETIME;
		derive_secret(ik, version - 1, secret);
		return 0;
	case IOTKEY_MODE_RATCHET:
		if (version < current_version)
			return copy_held(ik, IOT_SLOT_PREVIOUS, secret,
					 -EKEYEXPIRED);
		if (version > IOT_EPOCH_MAX ||
		    version - current_version > RATCHET_NEWS_MAX)
			return -ETIME;
		memcpy(secret, ik->secret[IOT_SLOT_AHEAD], IOT_SECRET_SIZE);
		for (; current_version < version; current_version++)
			ratchet_step(secret);
		ratchet_use(ik, secret, secret);
		return 0;
	default:
		if (version < current_version)
			return copy_held(ik, IOT_SLOT_PREVIOUS, secret,
					 -EKEYEXPIRED);
		if (version > current_version + 1 ||
		    ik->state.stored < version)
			return -ETIME;
		return copy_held(ik, IOT_SLOT_AHEAD, secret, -ETIME);
	}
}
