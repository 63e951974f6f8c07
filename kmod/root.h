/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Roots: a 256-bit secret that wraps and derives keys, and the providers that
 * keep it. A root outlives its key in the keyring for as long as it has children.
 */
#ifndef _IOT_ROOT_H
#define _IOT_ROOT_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include "blob.h"
#include "bytes.h"
#include "payload.h"

struct iot_key;

/*
 * A provider. All three calls come from preparse: they may sleep and hold no
 * lock of ours. On an error nothing is left behind.
 */
struct iot_root_ops {
	u8 provider;		/* enum iotkey_provider */
	const char *name;
	bool unsafe;

	/* A fresh (or derived) secret, and the provider's part of the blob. */
	int (*create)(const struct iot_root_spec *spec, u8 *secret,
		      struct iot_bytes *part);
	/* The secret again, from that part. */
	int (*open)(const u8 *part, size_t len, u8 *secret);
	/* A foreign TSS2 PRIVATE KEY (DER); tpm only. */
	int (*adopt)(const u8 *der, size_t len, u8 *secret,
		     struct iot_bytes *part);
	/* That part with other approvals of a signed policy; tpm only. */
	int (*approve)(const struct iot_bytes *part, const u8 *der, size_t len,
		       struct iot_bytes *out);
	/* To what the secret is bound: flags of enum iotkey_flags. May be NULL. */
	u32 (*policy)(const u8 *part, size_t len);
};

extern const struct iot_root_ops iot_root_tpm_ops;
extern const struct iot_root_ops iot_root_key_ops;
extern const struct iot_root_ops iot_root_soft_ops;
extern const struct iot_root_ops iot_root_combined_ops;

/* A combined root hangs on each of its parts, and holds a reference to it. */
struct iot_root_link {
	struct iot_root *part;
	struct iot_root *whole;
	struct list_head node;	/* part->lock */
};

struct iot_root {
	struct kref ref;
	const struct iot_root_ops *ops;
	bool revoked;		/* set once, read without a lock */
	bool unsafe;
	u32 policy;		/* flags of enum iotkey_flags */
	u8 id[IOT_ID_SIZE];
	u8 secret[IOT_SECRET_SIZE];
	struct iot_bytes part;	/* iot_key::lock of its key */
	char *name;
	struct mutex lock;	/* guards children and wholes */
	struct list_head children;	/* iot_key::sibling */
	struct list_head wholes;	/* iot_root_link::node */
	struct work_struct revoke_work;
	unsigned int n_parts;		/* of a combined root, else 0 */
	struct iot_root_link parts[];	/* by identity */
};

struct iot_root *iot_root_create(const struct iot_root_spec *spec,
				 const char *name);
struct iot_root *iot_root_open(const struct iot_blob *blob);
struct iot_root *iot_root_adopt(const u8 *der, size_t len, const char *name);
struct iot_root *iot_root_find(const char *name, size_t len);
void iot_root_put(struct iot_root *root);
bool iot_root_is_revoked(const struct iot_root *root);
int iot_root_add_child(struct iot_root *root, struct iot_key *child);
void iot_root_del_child(struct iot_root *root, struct iot_key *child);
void iot_root_revoke(struct iot_root *root);
int iot_root_approve(struct iot_root *root, const u8 *der, size_t len,
		     struct iot_bytes *part);
void iot_root_mac(const struct iot_root *root, const u8 *data, size_t len,
		  u8 mac[IOT_BLOB_MAC]);
void iot_root_wrap(const struct iot_root *root, const struct iot_table *table,
		   const u8 *head, size_t head_len, u8 *body);
int iot_root_unwrap(const struct iot_root *root, struct iot_table *table,
		    const u8 *head, size_t head_len, const u8 *body,
		    size_t body_len);

/* root_combined.c */
void iot_root_sort(struct iot_root **parts, unsigned int n);
void iot_root_mix(struct iot_root *const *parts, unsigned int n, u8 *secret);

#endif /* _IOT_ROOT_H */
