/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured of an event: its bytes.  Pure. */
#ifndef _IOT_RECORD_H
#define _IOT_RECORD_H

#include "policy.h"

#define IOT_RECORD_HEADER	81
#define IOT_RECORD_MAX		(IOT_RECORD_HEADER + IOT_NAME_MAX)

/* Events of the history itself; those of keys are enum iotkey_event. */
enum iot_record_event {
	IOT_RECORD_BEGIN = 128,
	IOT_RECORD_END,
	IOT_RECORD_LOST,
};

struct iot_record {
	u8 event;
	u8 algorithm;
	u8 mode;
	u8 provider;
	u64 instance;
	u32 sequence;
	u32 count;		/* of the numbers that the record stands for */
	u8 id[IOT_ID_SIZE];
	u8 root_id[IOT_ID_SIZE];
	u32 version;
	u32 epoch;
	s64 time;
	u32 error;
	u32 flags;
	const char *name;
};

size_t iot_record_encode(const struct iot_record *r, u8 *out);
u8 iot_record_event(const u8 *record);
u32 iot_record_sequence(const u8 *record);

#endif /* _IOT_RECORD_H */
