/* SPDX-License-Identifier: GPL-2.0-only */
/* What a key is allowed and when: shared by the text, the blob and the schedule. */
#ifndef _IOT_POLICY_H
#define _IOT_POLICY_H

#include "pure.h"
#include <linux/iotkey.h>

#define IOT_SECRET_SIZE		32
#define IOT_ID_SIZE		16
#define IOT_NAME_MAX		255
#define IOT_LABEL_MAX		64
#define IOT_PARTS_MAX		8
#define IOT_PUBLISH_MIN		16
#define IOT_PUBLISH_MAX		64
#define IOT_PUBLISH_SIZE	32	/* where nothing is said */
#define IOT_MIX_MIN		16
#define IOT_MIX_MAX		64

#define IOT_DAY			86400U
#define IOT_YEAR		(365U * IOT_DAY)
#define IOT_ROTATE_MAX		(10U * IOT_YEAR)
#define IOT_LIFETIME_MAX	(100U * IOT_YEAR)
#define IOT_OPS_MAX		BIT_ULL(48)
#define IOT_START_MAX		((s64)BIT_ULL(40))
#define IOT_EPOCH_MAX		(U32_MAX - 16)

enum iot_usage {
	IOT_USAGE_ENCRYPT = 1,
	IOT_USAGE_DECRYPT = 2,
	IOT_USAGE_SIGN = 4,
	IOT_USAGE_VERIFY = 8,
};

/* Fixed when the key is made, but for what the "set" verb may change. */
struct iot_policy {
	u8 algorithm;		/* enum iotkey_algorithm, NONE for a root */
	u8 mode;		/* enum iotkey_mode, NONE for a root */
	u8 usage;		/* bits of enum iot_usage */
	u32 jitter;		/* seconds, as are all of these */
	u32 rotate;		/* 0: only by hand */
	u32 overlap;
	u32 ahead;
	u32 lifetime;		/* 0: no end */
	s64 start;		/* key time at which epoch 0 begins */
	u64 max_ops;		/* 0: no limit */
};

/* Where a key is on its way; saved in the blob. Times are key times. */
struct iot_state {
	s64 created;
	s64 activated;		/* beginning of the current version */
	u64 ops;		/* encryptions or signatures of the current version */
	u32 version;		/* current; the first is 1 */
	u32 newest;		/* highest version that a blob made now would hold */
	u32 stored;		/* highest version known to be safe on disk */
	u32 needs;		/* stored version without which the current is lost in a crash */
	u32 epoch;		/* of the current version */
	bool overdue;		/* a due rotation waits for "stored" */
};

/* policy.c */
u8 iot_algorithm_usage(u8 algorithm);
const char *iot_algorithm_name(u8 algorithm);
const char *iot_mode_name(u8 mode);
const char *iot_provider_name(u8 provider);
const char *iot_state_name(u8 state);
bool iot_name_ok(const char *name, size_t len);
size_t iot_root_next_part(const char *name, size_t len, size_t *at);
int iot_root_parts(const char *name, size_t len);
int iot_policy_check(const struct iot_policy *p);

#endif /* _IOT_POLICY_H */
