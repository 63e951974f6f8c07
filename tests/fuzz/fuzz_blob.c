// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any blob: no crash; what is taken lies within it, obeys the rules, encodes to the very
 * same bytes, and has a schedule that keeps its promises at the moment it was saved.
 *
 * covers: kmod/blob.c kmod/policy.c kmod/schedule.c
 */
#include <errno.h>
#include "blob.h"
#include "fuzz.h"
#include "schedule.h"

#define FAR BIT_ULL(42) /* later than any moment of a key */

static void check_window(const struct iot_blob *b, s64 now)
{
	const struct iot_state *s = &b->state;
	u32 version;
	int ret;

	must(!iot_schedule_window(&b->policy, s, s->version, now));
	for (version = 1; version; version *= 2) {
		ret = iot_schedule_window(&b->policy, s, version, now);
		must(!ret || ret == -ETIME || ret == -EKEYEXPIRED);
		must(ret != -ETIME || version > s->version);
		must(ret != -EKEYEXPIRED || version < s->version);
	}
}

/* Nothing may change before the moment that the schedule names as the next. */
static void check_deadline(const struct iot_blob *b, s64 now)
{
	const struct iot_policy *p = &b->policy;
	const struct iot_state *s = &b->state;
	s64 next = iot_schedule_deadline(p, s, now), before;
	struct iot_moment m, n;

	must(next > now);
	before = next == IOT_NEVER ? now + (s64)FAR : next - 1;
	iot_schedule_at(p, s, now, &m);
	iot_schedule_at(p, s, before, &n);
	must(m.state == n.state);
	must(m.rotate == n.rotate || m.state == IOTKEY_STATE_EXPIRED);
	if (s->version > 1 && m.state != IOTKEY_STATE_EXPIRED)
		must(iot_schedule_window(p, s, s->version - 1, now) ==
		     iot_schedule_window(p, s, s->version - 1, before));
}

static bool fits(u32 slot, u32 span)
{
	return !span || slot == 1 || slot <= span / 6;
}

static void check_schedule(const struct iot_blob *b)
{
	const struct iot_state *s = &b->state;
	u32 slot = iot_schedule_slot(&b->policy, s, b->saved);
	struct iot_moment m;

	iot_schedule_at(&b->policy, s, b->saved, &m);
	must(iot_state_name(m.state) && m.state != IOTKEY_STATE_REVOKED);
	must(m.rotate ? m.epoch > s->epoch : m.epoch == s->epoch);
	must(!m.rotate || m.activation <= b->saved);
	must(slot && fits(slot, b->policy.rotate) && fits(slot, b->policy.lifetime));
	must(b->policy.mode == IOTKEY_MODE_DERIVE ||
	     b->saved >= s->activated + (s64)b->policy.overlap ||
	     fits(slot, b->policy.overlap));
	check_window(b, b->saved);
	check_deadline(b, b->saved);
}

static void check_names(const struct iot_blob *b, const u8 *data, size_t size)
{
	must(lies_in(b->name, b->name_len, data, size));
	must(lies_in(b->root, b->root_len, data, size));
	must(lies_in(b->label, b->label_len, data, size));
	must(lies_in(b->body, b->body_len, data, size));
	must(b->body + b->body_len == data + size);
	must(iot_name_ok(b->name, b->name_len));
	must(!b->root_len || iot_name_ok(b->root, b->root_len));
	must(!b->label_len || iot_name_ok(b->label, b->label_len));
	must(b->label_len <= IOT_LABEL_MAX);
}

static void check(const struct iot_blob *b, const u8 *data, size_t size)
{
	bool root = b->kind == IOT_BLOB_ROOT;
	size_t len = iot_blob_head_size(b);
	u8 *again;

	must(root || b->kind == IOT_BLOB_KEY);
	check_names(b, data, size);
	must(!iot_policy_check(&b->policy));
	must(root == !b->policy.algorithm && root == !b->root_len);
	must(root == !!iot_provider_name(b->provider));
	must(root == !b->state.version);

	must(len + b->body_len == size);
	again = room(len);
	must(iot_blob_encode(b, again) == len && !memcmp(again, data, len));
	free(again);
	if (!root)
		check_schedule(b);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct iot_blob b;
	int ret;

	memset(&b, 0xff, sizeof(b));
	ret = iot_blob_decode(&b, data, size);
	must(!ret || ret == -EBADMSG || ret == -EPROTONOSUPPORT);
	if (!ret)
		check(&b, data, size);
	return 0;
}
