// SPDX-License-Identifier: GPL-2.0-only
#include "key.h"
#include "measure.h"
#include "netlink.h"
#include "notify.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

struct iot_stats iot_stats;

void iot_stats_tpm(bool failed)
{
	atomic64_inc(&iot_stats.tpm_commands);
	if (failed)
		atomic64_inc(&iot_stats.tpm_errors);
}

void iot_stats_unseal(void)
{
	atomic64_inc(&iot_stats.unseals);
}

void iot_trace_tpm(u32 command_code, u32 rc, u64 nanoseconds)
{
	trace_tpm(command_code, rc, nanoseconds);
}

void iot_trace_wakeup(unsigned int keys)
{
	trace_wakeup(keys);
}

/* Count and trace a refusal; returns @error, so that it can stand in a return. */
int iot_refuse(s32 serial, int error)
{
	atomic64_inc(&iot_stats.refusals);
	trace_refused(serial, error, -1);
	return error;
}

/* As above, for a payload text: @where is the offset of the word refused. */
int iot_refuse_text(size_t where, int error)
{
	atomic64_inc(&iot_stats.refusals);
	trace_refused(0, error, where);
	return error;
}

/* Tell of a change; a key that nobody can see yet has nothing to tell. */
void iot_notify(struct iot_key *ik, u8 event, int error)
{
	if (!ik->key)
		return;
	trace_state(ik->key->serial, event, ik->state.version, ik->state.epoch,
		    error);
	iot_netlink_notify(ik, event, error);
	iot_measure(ik, event, error);
}
