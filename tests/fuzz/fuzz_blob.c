// SPDX-License-Identifier: GPL-2.0-or-later
/* Any blob: no crash, and what is taken encodes to the very same bytes. */
#include <stdlib.h>
#include <string.h>
#include "blob.h"
#include "schedule.h"

static void use_schedule(const struct iot_blob *b)
{
	struct iot_moment m;
	u32 version;

	iot_schedule_at(&b->policy, &b->state, b->saved, &m);
	iot_schedule_deadline(&b->policy, &b->state, b->saved);
	for (version = 1; version; version *= 2)
		iot_schedule_window(&b->policy, &b->state, version, b->saved);
	iot_schedule_slot(&b->policy);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static u8 again[IOT_BLOB_MAX];
	struct iot_blob b;
	struct iot_table t;
	size_t len;

	if (!iot_blob_decode(&b, data, size)) {
		len = iot_blob_encode(&b, again);
		if (len + b.body_len != size || memcmp(again, data, len))
			abort();
		if (b.kind == IOT_BLOB_KEY)
			use_schedule(&b);
	}
	if (!iot_table_decode(&t, data, size) &&
	    (iot_table_encode(&t, again) != size || memcmp(again, data, size)))
		abort();
	return 0;
}
