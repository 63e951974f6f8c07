// SPDX-License-Identifier: GPL-2.0-only
/*
 * All live keys: by serial number for netlink, by identity so that one key lives
 * once. (Two live copies of a random key would each make their own next version,
 * and neither could read the other.)
 */
#include <linux/key.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include "key.h"
#include "notify.h"

static DEFINE_SPINLOCK(registry_lock);
static struct rb_root by_serial = RB_ROOT;
static struct rb_root by_id = RB_ROOT;

static int cmp_serial(struct rb_node *a, const struct rb_node *b)
{
	s32 left = rb_entry(a, struct iot_key, by_serial)->key->serial;
	s32 right = rb_entry(b, struct iot_key, by_serial)->key->serial;

	return left < right ? -1 : left > right;
}

static int cmp_id(struct rb_node *a, const struct rb_node *b)
{
	return memcmp(rb_entry(a, struct iot_key, by_id)->id,
		      rb_entry(b, struct iot_key, by_id)->id, IOT_ID_SIZE);
}

/* Nobody can use it any more, though destroy has not come by yet. */
static bool is_dead(const struct iot_key *ik)
{
	return !refcount_read(&ik->key->usage) ||
	       ik->key->flags & (BIT(KEY_FLAG_REVOKED) |
				 BIT(KEY_FLAG_INVALIDATED) |
				 BIT(KEY_FLAG_DEAD));
}

/**
 * iot_registry_add() - make a key known
 *
 * A dead key's identity may be taken over.  Of a resident key any number of copies may live:
 * there is no next version that they could disagree on.
 *
 * Return: 0, or -EEXIST while a live key has the same identity.
 */
int iot_registry_add(struct iot_key *ik)
{
	struct rb_node *twin = NULL;
	int ret = 0;

	RB_CLEAR_NODE(&ik->by_id);
	spin_lock(&registry_lock);
	if (!ik->resident)
		twin = rb_find_add(&ik->by_id, &by_id, cmp_id);
	if (twin) {
		struct iot_key *other = rb_entry(twin, struct iot_key, by_id);

		if (is_dead(other)) {
			rb_replace_node(twin, &ik->by_id, &by_id);
			RB_CLEAR_NODE(twin);
		} else {
			RB_CLEAR_NODE(&ik->by_id);
			ret = -EEXIST;
		}
	}
	if (!ret) {
		rb_find_add(&ik->by_serial, &by_serial, cmp_serial);
		atomic64_inc(iot_key_is_root(ik) ? &iot_stats.roots :
						   &iot_stats.keys);
	}
	spin_unlock(&registry_lock);
	return ret;
}

void iot_registry_del(struct iot_key *ik)
{
	spin_lock(&registry_lock);
	if (!RB_EMPTY_NODE(&ik->by_id))
		rb_erase(&ik->by_id, &by_id);
	rb_erase(&ik->by_serial, &by_serial);
	spin_unlock(&registry_lock);
	atomic64_dec(iot_key_is_root(ik) ? &iot_stats.roots : &iot_stats.keys);
}

/* The first node after @serial. */
static struct rb_node *after(s32 serial)
{
	struct rb_node *node = by_serial.rb_node, *found = NULL;

	while (node) {
		if (rb_entry(node, struct iot_key, by_serial)->key->serial >
		    serial) {
			found = node;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/* Nodes that are looked at before the lock is dropped: many keys may die at once. */
#define BATCH	64

/* The next key of a batch; @serial moves on, to 0 behind the last node. */
static struct key *next_of_batch(s32 *serial)
{
	struct key *key = NULL;
	struct rb_node *node;
	int left = BATCH;

	spin_lock(&registry_lock);
	for (node = after(*serial); node && left--; node = rb_next(node)) {
		struct key *k = rb_entry(node, struct iot_key, by_serial)->key;

		*serial = k->serial;
		if (key_is_positive(k) && refcount_inc_not_zero(&k->usage)) {
			key = k;
			break;
		}
	}
	if (!node)
		*serial = 0;
	spin_unlock(&registry_lock);
	return key;
}

/**
 * iot_registry_next() - the live key with the next higher serial number
 *
 * A key is shown only once the core has it as instantiated: until then its making
 * may still fail.
 *
 * Return: a key with a reference, or NULL.
 */
struct key *iot_registry_next(s32 serial)
{
	struct key *key;

	do {
		key = next_of_batch(&serial);
		cond_resched();
	} while (!key && serial);
	return key;
}
