// SPDX-License-Identifier: GPL-2.0-only
/*
 * The history of keys, measured: Documentation/iotkey.rst, "Measured history".
 *
 * Events are told under locks of ours and of the core's, and a measurement waits for
 * the TPM.  So an event only puts its record into a bounded queue, from where one work
 * takes it to IMA.  Records are numbered as they come; one that does not fit, or that
 * IMA does not take, leaves a gap in the numbers, and a record that says so is measured
 * in its place before any other.
 *
 * The work is freezable: IMA keeps what the TPM did not take, so that log and PCR would
 * not agree any more if it measured while the TPM is suspended.
 */
#include <linux/ima.h>
#include <linux/kfifo.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "clock.h"
#include "key.h"
#include "measure.h"
#include "notify.h"
#include "record.h"

#define LABEL		"iotkey"	/* of rules: func=CRITICAL_DATA label=iotkey */
#define QUEUE_SIZE	SZ_256K
#define BATCH		16		/* suspend waits for no more than these */

static const char *const choices[] = { "off", "life", "all" };

enum {
	OFF,
	LIFE,		/* all but rotations */
	ALL,
};

static int choice __ro_after_init;

static DEFINE_SPINLOCK(queue_lock);
static struct kfifo_rec_ptr_2 queue;
static void *queue_memory;
static u32 next_sequence;

/* What is not in the log yet, and why; only who takes from the queue knows. */
static u32 next_measured;
static int last_error;

static void measure_some(struct work_struct *work);
static DECLARE_WORK(measure_work, measure_some);

/* How the record is called in IMA's log. */
static const char *name_of(u8 event)
{
	switch (event) {
	case IOTKEY_EVENT_CREATED:
		return "iotkey-created";
	case IOTKEY_EVENT_LOADED:
		return "iotkey-loaded";
	case IOTKEY_EVENT_ROTATED:
		return "iotkey-rotated";
	case IOTKEY_EVENT_EXPIRED:
		return "iotkey-expired";
	case IOTKEY_EVENT_REVOKED:
		return "iotkey-revoked";
	case IOTKEY_EVENT_DESTROYED:
		return "iotkey-destroyed";
	case IOTKEY_EVENT_FAILED:
		return "iotkey-failed";
	case IOT_RECORD_BEGIN:
		return "iotkey-begin";
	case IOT_RECORD_END:
		return "iotkey-end";
	case IOT_RECORD_LOST:
		return "iotkey-lost";
	default:
		return NULL;
	}
}

static bool wanted(u8 event)
{
	return choice != OFF && name_of(event) &&
	       (choice == ALL || event != IOTKEY_EVENT_ROTATED);
}

/* Number the record and queue it, if there is room. */
static void enqueue(struct iot_record *r)
{
	u8 data[IOT_RECORD_MAX];
	size_t len;

	r->instance = iot_clock_instance();
	r->count = 1;
	spin_lock(&queue_lock);
	r->sequence = next_sequence++;
	len = iot_record_encode(r, data);
	if (!kfifo_in(&queue, data, len))
		atomic64_inc(&iot_stats.records_lost);
	spin_unlock(&queue_lock);
}

/**
 * iot_measure() - measure an event of a key, some time soon
 *
 * Does not sleep; whatever ik->lock and the core's locks guard is copied.
 */
void iot_measure(struct iot_key *ik, u8 event, int error)
{
	struct iot_snapshot snap;
	struct iot_record r = {};

	if (!wanted(event))
		return;
	iot_key_snapshot(ik, &snap);
	r.event = event;
	r.algorithm = snap.policy.algorithm;
	r.mode = snap.policy.mode;
	r.provider = iot_key_provider(ik);
	memcpy(r.id, ik->id, sizeof(r.id));
	if (ik->root)
		memcpy(r.root_id, ik->root->id, sizeof(r.root_id));
	r.version = snap.state.version;
	r.epoch = snap.state.epoch;
	r.time = snap.now;
	r.error = -error;
	r.flags = iot_key_flags(ik, &snap);
	r.name = ik->key->description;
	enqueue(&r);
	queue_work(system_freezable_wq, &measure_work);
}

/* An event of the history itself, on the wall clock. */
static void init_own(struct iot_record *r, u8 event, const char *name)
{
	memset(r, 0, sizeof(*r));
	r->event = event;
	r->time = ktime_get_real_seconds();
	r->name = name;
}

static int hand_to_ima(u8 event, const u8 *record, size_t len)
{
	int ret = ima_measure_critical_data(LABEL, name_of(event), record, len,
					    false, NULL, 0);

	if (ret >= 0) {
		last_error = 0;
		return 0;
	}
	last_error = -ret;
	pr_warn_once("iotkey: IMA took no record (error %d); is there a rule \"measure func=CRITICAL_DATA label=%s\"?\n",
		     ret, LABEL);
	return ret;
}

/* Admit that what should come before record number @sequence is missing. */
static int measure_gap(u32 sequence)
{
	u8 data[IOT_RECORD_MAX];
	struct iot_record r;
	int ret;

	init_own(&r, IOT_RECORD_LOST, "");
	r.instance = iot_clock_instance();
	r.sequence = next_measured;
	r.count = sequence - next_measured;
	r.error = last_error ?: ENOBUFS;
	ret = hand_to_ima(r.event, data, iot_record_encode(&r, data));
	if (!ret)
		next_measured = sequence;
	return ret;
}

/* Measure the first in the queue.  Return: was there one? */
static bool measure_next(void)
{
	u8 data[IOT_RECORD_MAX];
	unsigned int len;
	u32 sequence;
	int ret = 0;

	spin_lock(&queue_lock);
	len = kfifo_out(&queue, data, sizeof(data));
	sequence = len ? iot_record_sequence(data) : next_sequence;
	spin_unlock(&queue_lock);

	if (sequence != next_measured)
		ret = measure_gap(sequence);
	if (!len)
		return false;
	ret = ret ?: hand_to_ima(iot_record_event(data), data, len);
	if (ret) {
		atomic64_inc(&iot_stats.records_lost);
	} else {
		next_measured = sequence + 1;
		atomic64_inc(&iot_stats.records_measured);
	}
	return true;
}

static void measure_some(struct work_struct *work)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		if (!measure_next())
			return;
	}
	queue_work(system_freezable_wq, work);
}

static void measure_all(void)
{
	while (measure_next())
		cond_resched();
}

int __init iot_measure_init(void)
{
	struct iot_record r;

	if (choice == OFF)
		return 0;
	queue_memory = kvmalloc(QUEUE_SIZE, GFP_KERNEL);
	if (!queue_memory)
		return -ENOMEM;
	kfifo_init(&queue, queue_memory, QUEUE_SIZE);
	init_own(&r, IOT_RECORD_BEGIN, choices[choice]);
	enqueue(&r);
	queue_work(system_freezable_wq, &measure_work);
	return 0;
}

/* No key is left.  What they told goes into the log, and that this is the end of it. */
void iot_measure_exit(void)
{
	struct iot_record r;

	if (choice == OFF)
		return;
	cancel_work_sync(&measure_work);
	measure_all();
	init_own(&r, IOT_RECORD_END, "");
	enqueue(&r);
	measure_all();
	kvfree(queue_memory);
}

static int set_choice(const char *value, const struct kernel_param *param)
{
	int ret = sysfs_match_string(choices, value);

	if (ret < 0)
		return ret;
	choice = ret;
	return 0;
}

static int get_choice(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%s\n", choices[choice]);
}

static const struct kernel_param_ops choice_ops = {
	.set = set_choice,
	.get = get_choice,
};

/*
 * Not to be written at run time: what was measured until then would hide what came
 * after.
 */
module_param_cb(measure, &choice_ops, NULL, 0444);
MODULE_PARM_DESC(measure, "events of keys that IMA measures: off (default), life (no rotations), all");
