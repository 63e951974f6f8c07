// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is due is enforced where a key is used; this queue only sees to it that
 * secrets past their time are erased and events are told although nobody looks.
 * So a deadline may be rounded up: every key gives it a slot (schedule.c), and keys
 * that share a slot share a wake-up.
 */
#include <linux/hrtimer.h>
#include <linux/key.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/timerqueue.h>
#include <linux/workqueue.h>
#include "clock.h"
#include "deadline.h"
#include "key.h"
#include "main.h"
#include "notify.h"
#include "schedule.h"

static DEFINE_SPINLOCK(queue_lock);
static struct timerqueue_head queue;
static struct hrtimer timer;
static void expire(struct work_struct *work);
static DECLARE_WORK(expire_work, expire);
static void reconsider(struct work_struct *work);
static DECLARE_WORK(reconsider_work, reconsider);
static bool stopping;

static enum hrtimer_restart fire(struct hrtimer *unused)
{
	queue_work(iot_wq, &expire_work);
	return HRTIMER_NORESTART;
}

/* Queue lock held: make the timer fire at the first deadline. */
static void set_timer(void)
{
	struct timerqueue_node *first = timerqueue_getnext(&queue);

	if (first && !stopping)
		hrtimer_start(&timer, first->expires, HRTIMER_MODE_ABS);
}

/* Queue lock held: take the key off, if it is on. */
static void dequeue(struct iot_key *ik)
{
	if (RB_EMPTY_NODE(&ik->due.node))
		return;
	timerqueue_del(&queue, &ik->due);
	atomic64_dec(&iot_stats.scheduled);
}

/* The key's next deadline in boot time, rounded up to its slot. */
static s64 deadline_ns(const struct iot_key *ik, s64 now)
{
	s64 at = iot_schedule_deadline(&ik->policy, &ik->state, now);
	u32 slot = iot_schedule_slot(&ik->policy, &ik->state, now);
	u64 boot;

	if (at == IOT_NEVER)
		return IOT_NEVER;
	at = at * NSEC_PER_SEC - ik->offset;
	if (at < 0)
		at = 0;
	boot = DIV_ROUND_UP_ULL((u64)at, NSEC_PER_SEC);
	boot = DIV_ROUND_UP_ULL(boot, slot) * slot;
	return boot * NSEC_PER_SEC;
}

/**
 * iot_deadline_arm() - queue the key for its next deadline, if it has one
 *
 * ik->lock held, and the key settled.  A revoked key has no deadline, and one that
 * is not instantiated yet is armed when it is.
 */
void iot_deadline_arm(struct iot_key *ik)
{
	s64 at;

	if (!ik->key)
		return;
	at = ik->bits & BIT(IOT_KEY_REVOKED) ? IOT_NEVER :
					       deadline_ns(ik, iot_key_now(ik));

	spin_lock(&queue_lock);
	dequeue(ik);
	if (at != IOT_NEVER) {
		ik->due.expires = ns_to_ktime(at);
		atomic64_inc(&iot_stats.scheduled);
		if (timerqueue_add(&queue, &ik->due))
			set_timer();
	}
	spin_unlock(&queue_lock);
}

void iot_deadline_cancel(struct iot_key *ik)
{
	spin_lock(&queue_lock);
	dequeue(ik);
	spin_unlock(&queue_lock);
}

/*
 * Take the first key off the queue, if it is due. One whose last reference is gone is
 * only taken off: destroy is on its way.
 *
 * Return: is there more to do? If so, @key has a reference, or is NULL.
 */
static bool take_due(struct key **key)
{
	struct timerqueue_node *node;
	struct iot_key *ik = NULL;

	*key = NULL;
	spin_lock(&queue_lock);
	node = stopping ? NULL : timerqueue_getnext(&queue);
	if (node && ktime_to_ns(node->expires) <= ktime_get_boottime_ns()) {
		ik = container_of(node, struct iot_key, due);
		dequeue(ik);
		if (refcount_inc_not_zero(&ik->key->usage))
			*key = ik->key;
	}
	spin_unlock(&queue_lock);
	return ik;
}

static void settle(struct key *key)
{
	struct iot_key *ik = iot_key_of(key);

	mutex_lock(&ik->lock);
	iot_settle(ik);
	iot_deadline_arm(ik);
	mutex_unlock(&ik->lock);
}

static void expire(struct work_struct *work)
{
	unsigned int count = 0;
	struct key *key;

	while (take_due(&key)) {
		if (key) {
			settle(key);
			key_put(key);
			count++;
		}
		cond_resched();
	}
	if (count) {
		atomic64_inc(&iot_stats.wakeups);
		iot_trace_wakeup(count);
	}
	spin_lock(&queue_lock);
	set_timer();
	spin_unlock(&queue_lock);
}

/* Time may have jumped for every key. */
static void reconsider(struct work_struct *work)
{
	s32 serial = 0;
	struct key *key;

	while (!READ_ONCE(stopping) && (key = iot_registry_next(serial))) {
		serial = key->serial;
		settle(key);
		key_put(key);
		cond_resched();
	}
}

void iot_deadline_reconsider(void)
{
	spin_lock(&queue_lock);
	if (iot_wq && !stopping)
		queue_work(iot_wq, &reconsider_work);
	spin_unlock(&queue_lock);
}

/* A timer on boot time: what came due during suspend fires on resume. */
void iot_deadline_init(void)
{
	timerqueue_init_head(&queue);
	hrtimer_init(&timer, CLOCK_BOOTTIME, HRTIMER_MODE_ABS);
	timer.function = fire;
}

/* No key is left, or none will be armed again. */
void iot_deadline_exit(void)
{
	spin_lock(&queue_lock);
	stopping = true;
	spin_unlock(&queue_lock);
	hrtimer_cancel(&timer);
	cancel_work_sync(&expire_work);
	cancel_work_sync(&reconsider_work);
}
