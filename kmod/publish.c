// SPDX-License-Identifier: GPL-2.0-only
/*
 * Logon keys that a kdf key publishes, for who takes keys of that type: dm-crypt, AF_ALG.
 *
 * The kdf key holds a reference to each, no link: they are in the keyring of who asked. They
 * follow its versions, or stay with one epoch, and end with it. What guards the list is the
 * semaphore of the kdf key (key->sem), which the core holds for writing around update and
 * revoke; destroy has the key for itself. Inside it come the semaphores of keyrings and of
 * the published keys; ik->lock is never held over them.
 */
#include <keys/user-type.h>
#include <linux/cred.h>
#include <linux/key-type.h>
#include <linux/key.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "crypto.h"
#include "key.h"
#include "main.h"
#include "payload.h"

#define PUBLISHED_MAX	16

/* Not WRITE: what it holds is our affair.  Its payload cannot be read anyway. */
#define PERM	(KEY_POS_VIEW | KEY_POS_SEARCH | KEY_POS_LINK | \
		 KEY_POS_SETATTR | KEY_USR_VIEW | KEY_USR_SEARCH)

/* What hangs on a kdf key from its first publication to its end. */
struct iot_publisher {
	struct iot_key *ik;
	struct list_head published;	/* key->sem */
	struct work_struct work;
	bool follow;		/* ik->lock: something may be published */
};

struct published {
	struct list_head node;
	struct key *key;	/* a reference */
	u32 version;		/* that it was derived from */
	u8 size;
	bool pinned;		/* to that version */
};

/* ik->lock held, and the key settled. */
static int derive(struct iot_key *ik, u32 version, const char *name, u8 *out,
		  u8 size)
{
	u8 context[1 + IOT_NAME_MAX];
	u8 secret[IOT_SECRET_SIZE];
	size_t len = strlen(name);
	int ret;

	ret = iot_secret_of(ik, version, secret);
	if (ret)
		return ret;
	context[0] = size;
	memcpy(context + 1, name, len);
	iot_kdf(secret, "iotkey/1 publish", context, 1 + len, out, size);
	memzero_explicit(secret, sizeof(secret));
	return 0;
}

/* Settles the key. ik->lock held. */
static int may_publish(struct iot_key *ik)
{
	return iot_settle(ik) ?: iot_may_begin(ik);
}

/* A derive key computes any epoch again; no other mode can promise that. */
static int choose_version(const struct iot_key *ik, const struct iot_payload *p,
			  u32 *version)
{
	*version = ik->state.version;
	if (!(p->given & BIT(IOT_OPT_EPOCH)))
		return 0;
	if (ik->policy.mode != IOTKEY_MODE_DERIVE)
		return -EINVAL;
	if (p->number > ik->state.epoch)
		return -ETIME;
	*version = p->number + 1;
	return 0;
}

/* From here on a rotation looks after what is published. */
static int begin(struct iot_key *ik, const struct iot_payload *p,
		 const char *name, u32 *version, u8 *out)
{
	int ret;

	mutex_lock(&ik->lock);
	ret = may_publish(ik);
	if (!ret)
		ret = choose_version(ik, p, version);
	if (!ret)
		ret = derive(ik, *version, name, out, p->size);
	if (!ret)
		ik->publisher->follow = true;
	mutex_unlock(&ik->lock);
	return ret;
}

static void follow(struct work_struct *work);

static void retire(struct published *pub)
{
	key_revoke(pub->key);
	list_del(&pub->node);
	key_put(pub->key);
	kfree(pub);
}

/* Nobody has it any more but us, or somebody ended it. */
static bool is_over(const struct key *key)
{
	return refcount_read(&key->usage) == 1 || key_validate(key);
}

/*
 * Forget what is over, and count the rest. It is revoked, as a timeout that has passed can
 * still be moved by whoever found the key just before: nobody would end it then.
 */
static unsigned int tidy(struct iot_key *ik)
{
	struct published *pub, *next;
	unsigned int count = 0;

	list_for_each_entry_safe(pub, next, &ik->publisher->published, node) {
		if (is_over(pub->key))
			retire(pub);
		else
			count++;
	}
	return count;
}

/* Other bytes into a published key; key_update() would want WRITE permission. */
static int rewrite(struct key *key, const u8 *bytes, size_t size)
{
	struct key_preparsed_payload prep = {
		.data = bytes,
		.datalen = size,
	};
	int ret;

	ret = user_preparse(&prep);
	if (ret)
		return ret;
	down_write(&key->sem);
	ret = key_validate(key);
	if (!ret) {
		prep.expiry = key->expiry;	/* whoever set it means it */
		ret = user_update(key, &prep);
	}
	up_write(&key->sem);
	user_free_preparse(&prep);
	return ret;
}

/* The caller's session keyring, or its user keyring without one; it must be his to change. */
static struct key *callers_keyring(void)
{
	const struct cred *cred = current_cred();
	struct key *ring = cred->session_keyring;
	char name[24];
	int ret;

	if (ring) {
		key_get(ring);
	} else {
		snprintf(name, sizeof(name), "_uid.%u",
			 from_kuid_munged(cred->user_ns, cred->uid));
		ring = request_key(&key_type_keyring, name, NULL);
	}
	if (IS_ERR(ring))
		return ring;
	ret = key_task_permission(make_key_ref(ring, true), cred,
				  KEY_NEED_WRITE);
	if (ret) {
		key_put(ring);
		return ERR_PTR(ret);
	}
	return ring;
}

static struct published *find(struct iot_key *ik, const char *name)
{
	struct published *pub;

	list_for_each_entry(pub, &ik->publisher->published, node) {
		if (!strcmp(pub->key->description, name) &&
		    uid_eq(pub->key->uid, current_fsuid()))
			return pub;
	}
	return NULL;
}

/* A logon key that somebody else put there is not ours to displace. */
static int check_place(struct key *ring, const char *name,
		       const struct published *pub)
{
	key_ref_t found = keyring_search(make_key_ref(ring, true),
					 &key_type_logon, name, false);
	bool ours;

	if (IS_ERR(found))
		return PTR_ERR(found) == -ENOMEM ? -ENOMEM : 0;
	ours = pub && key_ref_to_ptr(found) == pub->key;
	key_ref_put(found);
	return ours ? 0 : -EEXIST;
}

static int publish_new(struct iot_key *ik, struct key *ring, const char *name,
		       const u8 *bytes, size_t size, struct published **new)
{
	struct published *pub;
	int ret;

	pub = kzalloc(sizeof(*pub), GFP_KERNEL);
	if (!pub)
		return -ENOMEM;
	pub->key = key_alloc(&key_type_logon, name, current_fsuid(),
			     current_fsgid(), current_cred(), PERM,
			     KEY_ALLOC_IN_QUOTA, NULL);
	if (IS_ERR(pub->key)) {
		ret = PTR_ERR(pub->key);
		kfree(pub);
		return ret;
	}
	ret = key_instantiate_and_link(pub->key, bytes, size, ring, NULL);
	if (ret) {
		key_put(pub->key);
		kfree(pub);
		return ret;
	}
	list_add_tail(&pub->node, &ik->publisher->published);
	*new = pub;
	return 0;
}

static int publish_in(struct iot_key *ik, struct key *ring, const char *name,
		      const u8 *bytes, size_t size, struct published **pub)
{
	unsigned int count = tidy(ik);
	int ret;

	*pub = find(ik, name);
	ret = check_place(ring, name, *pub);
	if (ret)
		return ret;
	if (*pub)
		return key_link(ring, (*pub)->key) ?:
		       rewrite((*pub)->key, bytes, size);
	if (count == PUBLISHED_MAX)
		return -EDQUOT;
	return publish_new(ik, ring, name, bytes, size, pub);
}

/* Most kdf keys of a fleet never publish, and no other key does. */
static int make_publisher(struct iot_key *ik)
{
	struct iot_publisher *p;

	if (ik->publisher)
		return 0;
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->ik = ik;
	INIT_LIST_HEAD(&p->published);
	INIT_WORK(&p->work, follow);
	mutex_lock(&ik->lock);
	ik->publisher = p;
	mutex_unlock(&ik->lock);
	return 0;
}

/**
 * iot_publish() - "publish NAME [size=N] [epoch=N]"
 *
 * Makes a logon key of that name in the caller's keyring, or renews the one that is there
 * already. key->sem held for writing.
 *
 * Return: 0; -EOPNOTSUPP, it is no kdf key; -EEXIST, that keyring has another key of this
 * name; -EDQUOT, too many; and what forbids any use of the key.
 */
int iot_publish(struct iot_key *ik, const struct iot_payload *p)
{
	struct published *pub;
	u8 bytes[IOT_PUBLISH_MAX];
	struct key *ring;
	u32 version;
	char *name;
	int ret;

	if (ik->policy.algorithm != IOTKEY_ALGORITHM_KDF)
		return -EOPNOTSUPP;
	ret = make_publisher(ik);
	if (ret)
		return ret;
	name = kmemdup_nul(p->name.p, p->name.len, GFP_KERNEL);
	if (!name)
		return -ENOMEM;
	ret = begin(ik, p, name, &version, bytes);
	if (ret)
		goto out;
	ring = callers_keyring();
	ret = PTR_ERR_OR_ZERO(ring);
	if (ret)
		goto out;
	ret = publish_in(ik, ring, name, bytes, p->size, &pub);
	if (!ret) {
		pub->version = version;
		pub->size = p->size;
		pub->pinned = p->given & BIT(IOT_OPT_EPOCH);
	}
	key_put(ring);
out:
	memzero_explicit(bytes, sizeof(bytes));
	kfree(name);
	return ret;
}

/* To the current version, if it is not there or pinned: 0, or why it cannot be. */
static int renew(struct iot_key *ik, struct published *pub)
{
	u8 bytes[IOT_PUBLISH_MAX];
	bool stays;
	u32 version;
	int ret;

	mutex_lock(&ik->lock);
	ret = may_publish(ik);
	version = ik->state.version;
	stays = pub->pinned || pub->version == version;
	if (!ret && !stays)
		ret = derive(ik, version, pub->key->description, bytes,
			     pub->size);
	mutex_unlock(&ik->lock);
	if (!ret && !stays) {
		ret = rewrite(pub->key, bytes, pub->size);
		pub->version = version;
	}
	memzero_explicit(bytes, sizeof(bytes));
	return ret;
}

static void follow(struct work_struct *work)
{
	struct iot_publisher *p = container_of(work, struct iot_publisher,
					       work);
	struct published *pub, *next;
	struct iot_key *ik = p->ik;
	struct key *key = ik->key;

	down_write(&key->sem);
	tidy(ik);
	list_for_each_entry_safe(pub, next, &p->published, node) {
		/* better none than one that is past its time */
		if (renew(ik, pub))
			retire(pub);
	}
	if (list_empty(&p->published)) {
		mutex_lock(&ik->lock);
		p->follow = false;
		mutex_unlock(&ik->lock);
	}
	up_write(&key->sem);
	key_put(key);
}

/**
 * iot_publish_follow() - the current version is another, or there is none any more
 *
 * A worker brings it to the published keys. ik->lock held.
 */
void iot_publish_follow(struct iot_key *ik)
{
	if (!ik->publisher || !ik->publisher->follow)
		return;
	if (!refcount_inc_not_zero(&ik->key->usage))
		return;		/* destroy is on its way */
	if (!queue_work(iot_wq, &ik->publisher->work))
		key_put(ik->key);
}

/* The key is at its end, and so are these. key->sem held for writing, or in destroy. */
void iot_publish_retire(struct iot_key *ik)
{
	struct published *pub, *next;

	if (!ik->publisher)
		return;
	list_for_each_entry_safe(pub, next, &ik->publisher->published, node)
		retire(pub);
}

/* Of a key that was retired, or never published. */
void iot_publish_free(struct iot_key *ik)
{
	kfree(ik->publisher);
}
