/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module tells the world: counters, tracepoints, events. A leaf. */
#ifndef _IOT_NOTIFY_H
#define _IOT_NOTIFY_H

#include <linux/atomic.h>
#include "policy.h"

struct iot_key;

/* Since the module was loaded. */
struct iot_stats {
	atomic64_t keys;
	atomic64_t roots;
	atomic64_t rotations;
	atomic64_t wakeups;
	atomic64_t operations;
	atomic64_t refusals;
	atomic64_t tpm_commands;
	atomic64_t tpm_errors;
	atomic64_t unseals;
	atomic64_t scheduled;
	atomic64_t records_measured;
	atomic64_t records_lost;
};

extern struct iot_stats iot_stats;

void iot_stats_tpm(bool failed);
void iot_stats_unseal(void);
void iot_trace_tpm(u32 command_code, u32 rc, u64 nanoseconds);
void iot_trace_wakeup(unsigned int keys);
int iot_refuse(s32 serial, int error);
int iot_refuse_text(size_t where, int error);
void iot_notify(struct iot_key *ik, u8 event, int error);

#endif /* _IOT_NOTIFY_H */
