/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iotkey

#if !defined(_IOT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _IOT_TRACE_H

#include <linux/tracepoint.h>

#define show_event(e)							\
	__print_symbolic(e,						\
			 { IOTKEY_EVENT_CREATED, "created" },		\
			 { IOTKEY_EVENT_LOADED, "loaded" },		\
			 { IOTKEY_EVENT_ROTATED, "rotated" },		\
			 { IOTKEY_EVENT_EXPIRING, "expiring" },		\
			 { IOTKEY_EVENT_EXPIRED, "expired" },		\
			 { IOTKEY_EVENT_REVOKED, "revoked" },		\
			 { IOTKEY_EVENT_DESTROYED, "destroyed" },	\
			 { IOTKEY_EVENT_FAILED, "failed" })

TRACE_EVENT(state,
	TP_PROTO(s32 serial, u8 event, u32 version, u32 epoch, int error),
	TP_ARGS(serial, event, version, epoch, error),
	TP_STRUCT__entry(
		__field(s32, serial)
		__field(u8, event)
		__field(u32, version)
		__field(u32, epoch)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->serial = serial;
		__entry->event = event;
		__entry->version = version;
		__entry->epoch = epoch;
		__entry->error = error;
	),
	TP_printk("key=%d event=%s version=%u epoch=%u error=%d",
		  __entry->serial, show_event(__entry->event),
		  __entry->version, __entry->epoch, __entry->error)
);

TRACE_EVENT(tpm,
	TP_PROTO(u32 command, u32 rc, u64 nanoseconds),
	TP_ARGS(command, rc, nanoseconds),
	TP_STRUCT__entry(
		__field(u32, command)
		__field(u32, rc)
		__field(u64, nanoseconds)
	),
	TP_fast_assign(
		__entry->command = command;
		__entry->rc = rc;
		__entry->nanoseconds = nanoseconds;
	),
	TP_printk("command=0x%03x rc=0x%03x ns=%llu", __entry->command,
		  __entry->rc, __entry->nanoseconds)
);

TRACE_EVENT(refused,
	TP_PROTO(s32 serial, int error, int where),
	TP_ARGS(serial, error, where),
	TP_STRUCT__entry(
		__field(s32, serial)
		__field(int, error)
		__field(int, where)
	),
	TP_fast_assign(
		__entry->serial = serial;
		__entry->error = error;
		__entry->where = where;
	),
	TP_printk("key=%d error=%d where=%d", __entry->serial, __entry->error,
		  __entry->where)
);

TRACE_EVENT(wakeup,
	TP_PROTO(unsigned int keys),
	TP_ARGS(keys),
	TP_STRUCT__entry(
		__field(unsigned int, keys)
	),
	TP_fast_assign(
		__entry->keys = keys;
	),
	TP_printk("keys=%u", __entry->keys)
);

#endif /* _IOT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
