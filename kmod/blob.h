/* SPDX-License-Identifier: GPL-2.0-only */
/* The wrapped form of a key or root, byte by byte. Pure. */
#ifndef _IOT_BLOB_H
#define _IOT_BLOB_H

#include "policy.h"

#define IOT_BLOB_HEADER		148
#define IOT_BLOB_BODY_MAX	4096
#define IOT_BLOB_NONCE		24
#define IOT_BLOB_TAG		16
#define IOT_BLOB_MAC		32
#define IOT_BLOB_MAX		(IOT_BLOB_HEADER + 2 * IOT_NAME_MAX + \
				 IOT_LABEL_MAX + IOT_BLOB_BODY_MAX)

enum iot_blob_kind {
	IOT_BLOB_ROOT = 1,
	IOT_BLOB_KEY = 2,
};

/* Everything before the body. The names are not terminated. */
struct iot_blob {
	u8 kind;
	u8 provider;
	u8 name_len;
	u8 root_len;
	u8 label_len;
	u8 id[IOT_ID_SIZE];
	u8 root_id[IOT_ID_SIZE];
	struct iot_policy policy;
	struct iot_state state;
	s64 saved;
	u64 instance;		/* of the module that saved it */
	s64 lead;		/* ns from its boot time to key time */
	const char *name;
	const char *root;
	const char *label;
	const u8 *body;
	size_t body_len;
};

/* The table of secrets inside a key's body. */
enum iot_role {
	IOT_ROLE_PREVIOUS,
	IOT_ROLE_CURRENT,
	IOT_ROLE_NEXT,
	IOT_ROLE_CHAIN,
	IOT_ROLES
};

#define IOT_TABLE_ENTRY		(1 + 4 + IOT_SECRET_SIZE)
#define IOT_TABLE_MAX		(1 + 3 * IOT_TABLE_ENTRY)

/* Secrets by role; version 0: absent. */
struct iot_table {
	u32 version[IOT_ROLES];
	u8 secret[IOT_ROLES][IOT_SECRET_SIZE];
};

size_t iot_blob_head_size(const struct iot_blob *b);
size_t iot_blob_encode(const struct iot_blob *b, u8 *out);
int iot_blob_decode(struct iot_blob *b, const u8 *in, size_t len);
size_t iot_table_size(const struct iot_table *t);
size_t iot_table_encode(const struct iot_table *t, u8 *out);
int iot_table_decode(struct iot_table *t, const u8 *in, size_t len);

#endif /* _IOT_BLOB_H */
