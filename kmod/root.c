// SPDX-License-Identifier: GPL-2.0-only
/* What every root does, whoever keeps its secret. */
#include <crypto/algapi.h>
#include <crypto/chacha20poly1305.h>
#include <linux/key.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "compat.h"
#include "crypto.h"
#include "key.h"
#include "keytype.h"
#include "main.h"
#include "notify.h"
#include "root.h"

static const struct iot_root_ops *const providers[] = {
	&iot_root_tpm_ops,
	&iot_root_key_ops,
	&iot_root_soft_ops,
};

static const struct iot_root_ops *provider_of(u8 provider)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(providers); i++) {
		if (providers[i]->provider == provider)
			return providers[i];
	}
	return NULL;
}

static void unlink_parts(struct iot_root *root)
{
	unsigned int i;

	for (i = 0; i < root->n_parts; i++) {
		struct iot_root_link *link = &root->parts[i];

		mutex_lock(&link->part->lock);
		list_del_init(&link->node);
		mutex_unlock(&link->part->lock);
		iot_root_put(link->part);
	}
}

static void free_root(struct iot_root *root)
{
	unlink_parts(root);
	iot_bytes_free(&root->part);
	kfree(root->name);
	kfree_sensitive(root);
}

static void release_root(struct kref *ref)
{
	free_root(container_of(ref, struct iot_root, ref));
}

static void get_root(struct iot_root *root)
{
	kref_get(&root->ref);
}

/* May sleep. */
void iot_root_put(struct iot_root *root)
{
	kref_put(&root->ref, release_root);
}

/*
 * Children follow one by one: each is revoked with none of our locks held, as
 * key_revoke() takes the key's semaphore and comes back to us.
 */
static struct key *take_child(struct iot_root *root)
{
	struct key *key = NULL;

	mutex_lock(&root->lock);
	while (!key && !list_empty(&root->children)) {
		struct iot_key *child = list_first_entry(&root->children,
							 struct iot_key,
							 sibling);

		list_del_init(&child->sibling);
		if (refcount_inc_not_zero(&child->key->usage))
			key = child->key;
	}
	mutex_unlock(&root->lock);
	return key;
}

static void revoke_children(struct iot_root *root)
{
	struct key *key;

	while ((key = take_child(root))) {
		key_revoke(key);
		key_put(key);
		cond_resched();
	}
}

/* A combined root that hangs on this one, with a reference. */
static struct iot_root *take_whole(struct iot_root *part)
{
	struct iot_root *whole = NULL;

	mutex_lock(&part->lock);
	while (!whole && !list_empty(&part->wholes)) {
		struct iot_root_link *link;

		link = list_first_entry(&part->wholes, struct iot_root_link,
					node);
		list_del_init(&link->node);
		if (kref_get_unless_zero(&link->whole->ref))
			whole = link->whole;
	}
	mutex_unlock(&part->lock);
	return whole;
}

static void revoke_all_under(struct work_struct *work)
{
	struct iot_root *root = container_of(work, struct iot_root,
					     revoke_work);
	struct iot_root *whole;

	revoke_children(root);
	while ((whole = take_whole(root))) {
		WRITE_ONCE(whole->revoked, true);
		revoke_children(whole);
		iot_root_put(whole);
	}
	iot_root_put(root);
}

/* A combined root is dead as soon as one of its parts is, before the worker comes by. */
bool iot_root_is_revoked(const struct iot_root *root)
{
	bool revoked = READ_ONCE(root->revoked);
	unsigned int i;

	for (i = 0; i < root->n_parts; i++)
		revoked |= READ_ONCE(root->parts[i].part->revoked);
	return revoked;
}

/**
 * iot_root_revoke() - the root and all under it are dead from here on
 *
 * Uses of a child that begin after this returns fail; the children's secrets go
 * as soon as the worker comes to them. Called once, and never for a combined root.
 */
void iot_root_revoke(struct iot_root *root)
{
	WRITE_ONCE(root->revoked, true);
	get_root(root);
	queue_work(iot_wq, &root->revoke_work);
}

static struct iot_root *alloc_root(const struct iot_root_ops *ops,
				   const char *name, size_t len,
				   unsigned int n_parts)
{
	struct iot_root *root = kzalloc(struct_size(root, parts, n_parts),
					GFP_KERNEL);

	if (!root)
		return NULL;
	kref_init(&root->ref);
	mutex_init(&root->lock);
	INIT_LIST_HEAD(&root->children);
	INIT_LIST_HEAD(&root->wholes);
	INIT_WORK(&root->revoke_work, revoke_all_under);
	root->ops = ops;
	root->unsafe = ops->unsafe;
	root->name = kmemdup_nul(name, len, GFP_KERNEL);
	if (!root->name) {
		kfree(root);
		return NULL;
	}
	return root;
}

/* The secret is known: what follows from it. */
static struct iot_root *finish(struct iot_root *root, int ret)
{
	if (!ret && root->part.len > IOT_BLOB_BODY_MAX - IOT_BLOB_MAC)
		ret = -EINVAL;
	if (ret) {	/* a combined one may have been seen by a worker */
		iot_root_put(root);
		return ERR_PTR(ret);
	}
	iot_kdf(root->secret, "iotkey/1 id", NULL, 0, root->id,
		sizeof(root->id));
	if (root->ops->policy)
		root->policy = root->ops->policy(root->part.data,
						 root->part.len);
	return root;
}

struct iot_root *iot_root_create(const struct iot_root_spec *spec,
				 const char *name)
{
	const struct iot_root_ops *ops = provider_of(spec->provider);
	struct iot_root *root;

	if (!ops)
		return ERR_PTR(-EOPNOTSUPP);
	root = alloc_root(ops, name, strlen(name), 0);
	if (!root)
		return ERR_PTR(-ENOMEM);
	return finish(root, ops->create(spec, root->secret, &root->part));
}

/* The MAC covers everything before it. */
static int check_mac(const struct iot_root *root, const struct iot_blob *b)
{
	const u8 *start = (const u8 *)b->name - IOT_BLOB_HEADER;
	size_t len = b->body + b->body_len - IOT_BLOB_MAC - start;
	u8 mac[IOT_BLOB_MAC];

	iot_root_mac(root, start, len, mac);
	return crypto_memneq(mac, start + len, sizeof(mac)) ? -EBADMSG : 0;
}

/**
 * iot_root_open() - a root from its blob
 *
 * Return: the root, or -EBADMSG when the blob is damaged, -EKEYREJECTED when it
 * is another TPM's or key's, or what the provider says.
 */
struct iot_root *iot_root_open(const struct iot_blob *b)
{
	const struct iot_root_ops *ops = provider_of(b->provider);
	struct iot_root *root;
	int ret;

	if (!ops)
		return ERR_PTR(-EOPNOTSUPP);
	if (b->body_len <= IOT_BLOB_MAC)
		return ERR_PTR(-EBADMSG);
	root = alloc_root(ops, b->name, b->name_len, 0);
	if (!root)
		return ERR_PTR(-ENOMEM);

	root->part.len = b->body_len - IOT_BLOB_MAC;
	root->part.data = kmemdup(b->body, root->part.len, GFP_KERNEL);
	ret = root->part.data ? 0 : -ENOMEM;
	if (!ret)
		ret = ops->open(root->part.data, root->part.len, root->secret);
	root = finish(root, ret);
	if (IS_ERR(root))
		return root;
	ret = memcmp(root->id, b->id, sizeof(root->id)) ? -EKEYREJECTED :
							  check_mac(root, b);
	if (ret) {
		free_root(root);
		return ERR_PTR(ret);
	}
	return root;
}

/* A root from a TSS2 PRIVATE KEY that somebody else made. */
struct iot_root *iot_root_adopt(const u8 *der, size_t len, const char *name)
{
	const struct iot_root_ops *ops = &iot_root_tpm_ops;
	struct iot_root *root = alloc_root(ops, name, strlen(name), 0);

	if (!root)
		return ERR_PTR(-ENOMEM);
	return finish(root, ops->adopt(der, len, root->secret, &root->part));
}

static struct iot_root *find_one(const char *name, size_t len)
{
	struct iot_root *root;
	struct key *key;
	char *copy;

	copy = kmemdup_nul(name, len, GFP_KERNEL);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	key = request_key(&iot_key_type, copy, NULL);
	kfree(copy);
	if (IS_ERR(key))
		return ERR_CAST(key);

	root = ERR_PTR(key_validate(key));
	if (!root) {
		struct iot_key *ik = iot_key_of(key);

		root = ik->root;
		if (!iot_key_is_root(ik))
			root = ERR_PTR(-EKEYREJECTED);
		else if (iot_root_is_revoked(root))
			root = ERR_PTR(-EKEYREVOKED);
		else
			get_root(root);
	}
	key_put(key);
	return root;
}

/* Finds the parts of "a+b": their number, or an error, and then none is held. */
static int find_parts(const char *name, size_t len, struct iot_root **parts)
{
	int n = 0, ret = 0;
	size_t at = 0;

	while (!ret && at <= len) {
		size_t from = at;
		size_t part_len = iot_root_next_part(name, len, &at);
		struct iot_root *part = find_one(name + from, part_len);

		if (IS_ERR(part))
			ret = PTR_ERR(part);
		else
			parts[n++] = part;
	}
	while (ret && n)
		iot_root_put(parts[--n]);
	return ret ?: n;
}

/* Return: 0, or -EKEYREVOKED: then the link is not in the part's list. */
static int link_part(struct iot_root *whole, struct iot_root_link *link)
{
	struct iot_root *part = link->part;
	int ret = 0;

	link->whole = whole;
	mutex_lock(&part->lock);
	if (iot_root_is_revoked(part))
		ret = -EKEYREVOKED;
	else
		list_add_tail(&link->node, &part->wholes);
	mutex_unlock(&part->lock);
	return ret;
}

/*
 * A combined root belongs to the one key that it is made for: two that name the same parts
 * have the same secret, and so the same identity.
 */
static struct iot_root *combine(const char *name, size_t len)
{
	struct iot_root *parts[IOT_PARTS_MAX];
	struct iot_root *root = NULL;
	int n = iot_root_parts(name, len);
	int i, ret = 0;

	if (n > 0)
		n = find_parts(name, len, parts);
	if (n < 0)
		return ERR_PTR(n);
	iot_root_sort(parts, n);
	/* one key has one name; a root that came back may still live under its old one */
	for (i = 1; i < n; i++) {
		if (!memcmp(parts[i]->id, parts[i - 1]->id, IOT_ID_SIZE))
			ret = -EINVAL;
	}
	if (!ret)
		root = alloc_root(&iot_root_combined_ops, name, len, n);
	if (!root) {
		while (n)
			iot_root_put(parts[--n]);
		return ERR_PTR(ret ?: -ENOMEM);
	}

	root->n_parts = n;
	for (i = 0; i < n; i++) {
		root->parts[i].part = parts[i];
		INIT_LIST_HEAD(&root->parts[i].node);
		root->unsafe |= parts[i]->unsafe;
	}
	for (i = 0; i < n && !ret; i++)
		ret = link_part(root, &root->parts[i]);
	if (!ret)
		iot_root_mix(parts, n, root->secret);
	return finish(root, ret);
}

/**
 * iot_root_find() - the root of that name in the caller's keyrings, or the combined one
 *
 * Return: the root with a reference; -ENOKEY; -EKEYREVOKED and the like when it, or a part
 * of it, is dead; -EKEYREJECTED when a key of that name is no root; -EACCES; -EINVAL when
 * two parts are one root.
 */
struct iot_root *iot_root_find(const char *name, size_t len)
{
	return memchr(name, '+', len) ? combine(name, len) :
					find_one(name, len);
}

/* Return: 0 or -EKEYREVOKED: a revoked root gets no more children. */
int iot_root_add_child(struct iot_root *root, struct iot_key *child)
{
	int ret = 0;

	mutex_lock(&root->lock);
	if (iot_root_is_revoked(root))
		ret = -EKEYREVOKED;
	else
		list_add_tail(&child->sibling, &root->children);
	mutex_unlock(&root->lock);
	return ret;
}

void iot_root_del_child(struct iot_root *root, struct iot_key *child)
{
	mutex_lock(&root->lock);
	list_del_init(&child->sibling);
	mutex_unlock(&root->lock);
}

/**
 * iot_root_approve() - the part of a root with other approvals of its signed policy
 * @der: SEQUENCE OF TPMAuthPolicy
 * @part: to take the place of root->part
 *
 * The caller sees to it that root->part stays meanwhile.
 *
 * Return: 0; -EOPNOTSUPP without a signed policy; -EKEYREJECTED when one is not approved by
 * its key; -EINVAL; -EBADMSG; or what the TPM makes of it.
 */
int iot_root_approve(struct iot_root *root, const u8 *der, size_t len,
		     struct iot_bytes *part)
{
	int ret;

	if (!root->ops->approve)
		return -EOPNOTSUPP;
	ret = root->ops->approve(&root->part, der, len, part);
	if (ret || part->len <= IOT_BLOB_BODY_MAX - IOT_BLOB_MAC)
		return ret;
	iot_bytes_free(part);
	return -EINVAL;
}

/* Authenticates a root's blob. */
void iot_root_mac(const struct iot_root *root, const u8 *data, size_t len,
		  u8 mac[IOT_BLOB_MAC])
{
	struct iot_part part = { data, len };
	u8 key[IOT_SECRET_SIZE];

	iot_kdf(root->secret, "iotkey/1 blob", NULL, 0, key, sizeof(key));
	iot_hmac_sha256(key, sizeof(key), &part, 1, mac);
	memzero_explicit(key, sizeof(key));
}

/**
 * iot_root_wrap() - write a key's body
 * @head: all of the blob before the body; authenticated
 * @body: room for nonce, table and tag
 */
void iot_root_wrap(const struct iot_root *root, const struct iot_table *table,
		   const u8 *head, size_t head_len, u8 *body)
{
	u8 text[IOT_TABLE_MAX];
	u8 key[IOT_SECRET_SIZE];
	size_t len = iot_table_encode(table, text);

	get_random_bytes(body, IOT_BLOB_NONCE);
	iot_kdf(root->secret, "iotkey/1 wrap", NULL, 0, key, sizeof(key));
	xchacha20poly1305_encrypt(body + IOT_BLOB_NONCE, text, len, head,
				  head_len, body, key);
	memzero_explicit(key, sizeof(key));
	memzero_explicit(text, sizeof(text));
}

/* Return: 0 or -EBADMSG; @table holds secrets on success. */
int iot_root_unwrap(const struct iot_root *root, struct iot_table *table,
		    const u8 *head, size_t head_len, const u8 *body,
		    size_t body_len)
{
	size_t overhead = IOT_BLOB_NONCE + IOT_BLOB_TAG;
	u8 text[IOT_TABLE_MAX];
	u8 key[IOT_SECRET_SIZE];
	int ret = -EBADMSG;

	if (body_len < overhead || body_len - overhead > sizeof(text))
		return -EBADMSG;
	iot_kdf(root->secret, "iotkey/1 wrap", NULL, 0, key, sizeof(key));
	if (xchacha20poly1305_decrypt(text, body + IOT_BLOB_NONCE,
				      body_len - IOT_BLOB_NONCE, head, head_len,
				      body, key))
		ret = iot_table_decode(table, text, body_len - overhead);
	memzero_explicit(key, sizeof(key));
	memzero_explicit(text, sizeof(text));
	return ret;
}
