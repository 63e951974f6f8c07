/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One key of type iot: what hangs off struct key from instantiate to destroy.
 *
 * Lock order:
 *
 *   key->sem (the core's)  ->  iot_key::lock  ->  registry lock, deadline lock
 *   key->sem of a kdf key  ->  those of keyrings and of the keys it publishes
 *   iot_root::lock is taken with none of these held, or inside key->sem;
 *   a conversation with the TPM (tpm.h) is begun with none of them held
 *
 * The object is freed only by destroy, after the last reference to the struct
 * key is gone, so whoever holds such a reference may use it without more ado.
 */
#ifndef _IOT_KEY_H
#define _IOT_KEY_H

#include <linux/key.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/seqlock.h>
#include <linux/timerqueue.h>
#include "blob.h"
#include "crypto.h"
#include "policy.h"
#include "resident.h"
#include "root.h"
#include "schedule.h"

struct kernel_pkey_params;
struct kernel_pkey_query;

/* Which secrets are held; a derive key computes all but the current. */
enum iot_slot {
	IOT_SLOT_PREVIOUS,
	IOT_SLOT_CURRENT,
	IOT_SLOT_AHEAD,		/* next version (random) or chain (ratchet) */
	IOT_SLOTS
};

enum iot_key_bits {
	IOT_KEY_REVOKED,
	IOT_KEY_TOLD_EXPIRING,
	IOT_KEY_TOLD_EXPIRED,
	IOT_KEY_TOLD_OVERDUE,
};

struct iot_key {
	struct key *key;		/* no reference; set by instantiate */
	struct rb_node by_serial;	/* registry lock */
	struct rb_node by_id;		/* registry lock */
	struct timerqueue_node due;	/* deadline lock */
	struct list_head sibling;	/* root->lock */

	/* fixed before the key is seen by others */
	struct iot_root *root;		/* a root's own, else the parent; NULL if resident */
	struct iot_resident *resident;	/* of a key in the TPM, else NULL */
	char *label;			/* of a derive key, else NULL */
	u8 id[IOT_ID_SIZE];

	struct mutex lock;		/* guards all below */
	seqcount_t seq;			/* so that policy and state can be read without */
	unsigned int bits;		/* BIT(enum iot_key_bits) */
	s64 offset;			/* ns from boot time to key time; only grows */
	struct iot_policy policy;
	struct iot_state state;
	u64 counter;			/* of nonces under this version */
	u8 salt[IOT_NONCE_SIZE - sizeof(u64)];
	u8 held;			/* BIT(enum iot_slot) */
	u8 secret[IOT_SLOTS][IOT_SECRET_SIZE];
	struct iot_publisher *publisher;	/* of a key that has published, else NULL */
};

/* A consistent copy of what may be shown. */
struct iot_snapshot {
	struct iot_policy policy;
	struct iot_state state;
	struct iot_moment moment;
	unsigned int bits;
	s64 now;
};

static inline bool iot_key_is_root(const struct iot_key *ik)
{
	return ik->policy.algorithm == IOTKEY_ALGORITHM_NONE;
}

/* Does it hang under a root? */
static inline bool iot_key_is_child(const struct iot_key *ik)
{
	return ik->root && !iot_key_is_root(ik);
}

static inline bool iot_key_root_revoked(const struct iot_key *ik)
{
	return ik->root && iot_root_is_revoked(ik->root);
}

static inline bool iot_key_unsafe(const struct iot_key *ik)
{
	return ik->root && ik->root->unsafe;
}

static inline u8 iot_key_provider(const struct iot_key *ik)
{
	return ik->root ? ik->root->ops->provider : IOTKEY_PROVIDER_TPM;
}

static inline struct iot_key *iot_key_of(const struct key *key)
{
	return key->payload.data[0];
}

/* key.c */
int iot_key_init(void);
void iot_key_exit(void);
struct iot_key *iot_key_new_root(const struct iot_payload *p, const char *name);
struct iot_key *iot_key_new(const struct iot_payload *p, const char *name);
struct iot_key *iot_key_load(const struct iot_payload *p, const char *name,
			     char **found_name);
void iot_key_free(struct iot_key *ik);
int iot_key_approve(struct iot_key *ik, const struct iot_payload *p);
long iot_key_read(struct iot_key *ik, char *buffer, size_t size);
void iot_key_snapshot(struct iot_key *ik, struct iot_snapshot *snap);
u32 iot_key_flags(const struct iot_key *ik, const struct iot_snapshot *snap);
s64 iot_key_now(const struct iot_key *ik);
bool iot_key_unstored(const struct iot_policy *p, const struct iot_state *s);

/* registry.c */
int iot_registry_add(struct iot_key *ik);
void iot_registry_del(struct iot_key *ik);
struct key *iot_registry_next(s32 serial);

/* rotation.c: all with ik->lock held */
int iot_settle(struct iot_key *ik);
int iot_may_begin(const struct iot_key *ik);
int iot_rotate_by_hand(struct iot_key *ik);
void iot_rotate_to_news(struct iot_key *ik, u32 version);
int iot_stored(struct iot_key *ik, u32 version);
int iot_mix(struct iot_key *ik, const u8 *fresh, size_t len);
int iot_epoch(struct iot_key *ik, u32 epoch);
int iot_set(struct iot_key *ik, const struct iot_payload *p);
void iot_start_versions(struct iot_key *ik);
s64 iot_jitter(const struct iot_policy *p);
int iot_resume_versions(struct iot_key *ik, const struct iot_table *table);
void iot_save_versions(const struct iot_key *ik, struct iot_table *table);
int iot_secret_of(struct iot_key *ik, u32 version, u8 *secret);
void iot_erase(struct iot_key *ik);

/* publish.c */
int iot_publish(struct iot_key *ik, const struct iot_payload *p);
void iot_publish_follow(struct iot_key *ik);
void iot_publish_retire(struct iot_key *ik);
void iot_publish_free(struct iot_key *ik);

/* use.c */
int iot_may_use(struct iot_key *ik, u8 usage);
int iot_use_query(const struct kernel_pkey_params *params,
		  struct kernel_pkey_query *info);
int iot_use_eds(struct kernel_pkey_params *params, const void *in,
		void *out);
int iot_use_verify(struct kernel_pkey_params *params, const void *in,
		   const void *in2);

/* use_resident.c */
int iot_resident_query(struct iot_key *ik,
		       const struct kernel_pkey_params *params,
		       struct kernel_pkey_query *info);
long iot_resident_eds(struct iot_key *ik,
		      const struct kernel_pkey_params *params, const u8 *in,
		      u8 *out);
int iot_resident_check(struct iot_key *ik,
		       const struct kernel_pkey_params *params, const u8 *in,
		       const u8 *in2);

#endif /* _IOT_KEY_H */
