/* SPDX-License-Identifier: GPL-2.0-only */
/* When a version begins and ends. All times are key times in seconds. Pure. */
#ifndef _IOT_SCHEDULE_H
#define _IOT_SCHEDULE_H

#include "policy.h"

#define IOT_NEVER	S64_MAX

/* What a moment asks for; see iot_schedule_at(). */
struct iot_moment {
	u8 state;		/* enum iotkey_state, never REVOKED */
	bool rotate;		/* a new version is due */
	u32 epoch;		/* its epoch */
	s64 activation;		/* its beginning */
};

void iot_schedule_at(const struct iot_policy *p, const struct iot_state *s,
		     s64 now, struct iot_moment *m);
int iot_schedule_window(const struct iot_policy *p, const struct iot_state *s,
			u32 version, s64 now);
s64 iot_schedule_rotates(const struct iot_policy *p, const struct iot_state *s);
s64 iot_schedule_deadline(const struct iot_policy *p,
			  const struct iot_state *s, s64 now);
s64 iot_schedule_expires(const struct iot_policy *p, const struct iot_state *s);
s64 iot_schedule_begin(const struct iot_policy *p, u32 epoch);
u32 iot_schedule_slot(const struct iot_policy *p, const struct iot_state *s,
		      s64 now);

#endif /* _IOT_SCHEDULE_H */
