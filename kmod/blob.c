// SPDX-License-Identifier: GPL-2.0-only
/* Documentation/iotkey.rst, "Blob". Pure. */
#include "blob.h"

#define MAGIC		"IOTK"
#define FORMAT		1

/* Offsets of the header's fields. */
enum {
	AT_MAGIC = 0,
	AT_FORMAT = 4,
	AT_KIND = 5,
	AT_ALGORITHM = 6,
	AT_MODE = 7,
	AT_PROVIDER = 8,
	AT_ZERO0 = 9,
	AT_USAGE = 10,
	AT_ZERO1 = 11,
	AT_JITTER = 12,
	AT_ID = 16,
	AT_ROOT_ID = 32,
	AT_START = 48,
	AT_ROTATE = 56,
	AT_OVERLAP = 60,
	AT_AHEAD = 64,
	AT_LIFETIME = 68,
	AT_MAX_OPS = 72,
	AT_CREATED = 80,
	AT_SAVED = 88,
	AT_ACTIVATED = 96,
	AT_OPS = 104,
	AT_VERSION = 112,
	AT_NEWEST = 116,
	AT_EPOCH = 120,
	AT_NAME_LEN = 124,
	AT_ROOT_LEN = 125,
	AT_LABEL_LEN = 126,
	AT_ZERO2 = 127,
	AT_BODY_LEN = 128,
	AT_ZERO3 = 130,
	AT_INSTANCE = 132,
	AT_LEAD = 140,
};

/* Bytes before the body. */
size_t iot_blob_head_size(const struct iot_blob *b)
{
	return IOT_BLOB_HEADER + b->name_len + b->root_len + b->label_len;
}

/**
 * iot_blob_encode() - write all but the body
 * @b: what to write, with body_len
 * @out: room for iot_blob_head_size()
 *
 * Return: bytes written.
 */
size_t iot_blob_encode(const struct iot_blob *b, u8 *out)
{
	const struct iot_policy *p = &b->policy;
	const struct iot_state *s = &b->state;
	u8 *names = out + IOT_BLOB_HEADER;

	memset(out, 0, IOT_BLOB_HEADER);
	memcpy(out + AT_MAGIC, MAGIC, 4);
	out[AT_FORMAT] = FORMAT;
	out[AT_KIND] = b->kind;
	out[AT_ALGORITHM] = p->algorithm;
	out[AT_MODE] = p->mode;
	out[AT_PROVIDER] = b->provider;
	out[AT_USAGE] = p->usage;
	put_unaligned_be32(p->jitter, out + AT_JITTER);
	memcpy(out + AT_ID, b->id, IOT_ID_SIZE);
	memcpy(out + AT_ROOT_ID, b->root_id, IOT_ID_SIZE);
	put_unaligned_be64(p->start, out + AT_START);
	put_unaligned_be32(p->rotate, out + AT_ROTATE);
	put_unaligned_be32(p->overlap, out + AT_OVERLAP);
	put_unaligned_be32(p->ahead, out + AT_AHEAD);
	put_unaligned_be32(p->lifetime, out + AT_LIFETIME);
	put_unaligned_be64(p->max_ops, out + AT_MAX_OPS);
	put_unaligned_be64(s->created, out + AT_CREATED);
	put_unaligned_be64(b->saved, out + AT_SAVED);
	put_unaligned_be64(s->activated, out + AT_ACTIVATED);
	put_unaligned_be64(s->ops, out + AT_OPS);
	put_unaligned_be32(s->version, out + AT_VERSION);
	put_unaligned_be32(s->newest, out + AT_NEWEST);
	put_unaligned_be32(s->epoch, out + AT_EPOCH);
	out[AT_NAME_LEN] = b->name_len;
	out[AT_ROOT_LEN] = b->root_len;
	out[AT_LABEL_LEN] = b->label_len;
	put_unaligned_be16(b->body_len, out + AT_BODY_LEN);
	put_unaligned_be64(b->instance, out + AT_INSTANCE);
	put_unaligned_be64(b->lead, out + AT_LEAD);

	memcpy(names, b->name, b->name_len);
	if (b->root_len)
		memcpy(names + b->name_len, b->root, b->root_len);
	if (b->label_len)
		memcpy(names + b->name_len + b->root_len, b->label,
		       b->label_len);
	return iot_blob_head_size(b);
}

static bool time_ok(s64 t)
{
	return t >= 0 && t <= 2 * IOT_START_MAX;
}

static int check_state(const struct iot_blob *b)
{
	const struct iot_policy *p = &b->policy;
	const struct iot_state *s = &b->state;

	if (!time_ok(s->created) || !time_ok(b->saved) ||
	    !time_ok(s->activated) || s->epoch > IOT_EPOCH_MAX)
		return -EINVAL;
	if (b->kind == IOT_BLOB_ROOT)
		return s->version || s->newest || s->epoch || s->ops ?
		       -EINVAL : 0;
	if (!s->version || s->newest < s->version ||
	    s->newest - s->version > 1)
		return -EINVAL;
	if (p->mode != IOTKEY_MODE_RANDOM && s->version != s->epoch + 1)
		return -EINVAL;
	return 0;
}

static int check_kind(const struct iot_blob *b)
{
	bool root = b->policy.algorithm == IOTKEY_ALGORITHM_NONE;

	if (b->policy.algorithm == IOTKEY_ALGORITHM_ECDSA_P256)
		return -EINVAL;		/* has no blob */
	if (b->kind == IOT_BLOB_ROOT)
		return root && iot_provider_name(b->provider) &&
		       b->provider != IOTKEY_PROVIDER_COMBINED &&
		       iot_root_parts(b->name, b->name_len) == 1 &&
		       !b->root_len && !b->label_len ? 0 : -EINVAL;
	if (b->kind == IOT_BLOB_KEY)
		return !root && !b->provider && b->root_len ? 0 : -EINVAL;
	return -EINVAL;
}

/**
 * iot_blob_decode() - check and take apart a blob
 * @b: what it says; its pointers are into @in
 * @in: the blob, not yet authenticated
 * @len: its length, which must be exact
 *
 * Return: 0, -EBADMSG (not a blob, or damaged), -EPROTONOSUPPORT (a format of
 * another time).
 */
int iot_blob_decode(struct iot_blob *b, const u8 *in, size_t len)
{
	struct iot_policy *p = &b->policy;
	struct iot_state *s = &b->state;

	memset(b, 0, sizeof(*b));
	if (len < IOT_BLOB_HEADER || len > IOT_BLOB_MAX ||
	    memcmp(in + AT_MAGIC, MAGIC, 4))
		return -EBADMSG;
	if (in[AT_FORMAT] != FORMAT)
		return -EPROTONOSUPPORT;
	if (in[AT_ZERO0] || in[AT_ZERO1] || in[AT_ZERO2] || in[AT_ZERO3] ||
	    in[AT_ZERO3 + 1])
		return -EBADMSG;

	b->kind = in[AT_KIND];
	p->algorithm = in[AT_ALGORITHM];
	p->mode = in[AT_MODE];
	b->provider = in[AT_PROVIDER];
	p->usage = in[AT_USAGE];
	p->jitter = get_unaligned_be32(in + AT_JITTER);
	memcpy(b->id, in + AT_ID, IOT_ID_SIZE);
	memcpy(b->root_id, in + AT_ROOT_ID, IOT_ID_SIZE);
	p->start = get_unaligned_be64(in + AT_START);
	p->rotate = get_unaligned_be32(in + AT_ROTATE);
	p->overlap = get_unaligned_be32(in + AT_OVERLAP);
	p->ahead = get_unaligned_be32(in + AT_AHEAD);
	p->lifetime = get_unaligned_be32(in + AT_LIFETIME);
	p->max_ops = get_unaligned_be64(in + AT_MAX_OPS);
	s->created = get_unaligned_be64(in + AT_CREATED);
	b->saved = get_unaligned_be64(in + AT_SAVED);
	s->activated = get_unaligned_be64(in + AT_ACTIVATED);
	s->ops = get_unaligned_be64(in + AT_OPS);
	s->version = get_unaligned_be32(in + AT_VERSION);
	s->newest = get_unaligned_be32(in + AT_NEWEST);
	s->stored = s->newest;
	s->epoch = get_unaligned_be32(in + AT_EPOCH);
	b->name_len = in[AT_NAME_LEN];
	b->root_len = in[AT_ROOT_LEN];
	b->label_len = in[AT_LABEL_LEN];
	b->body_len = get_unaligned_be16(in + AT_BODY_LEN);
	b->instance = get_unaligned_be64(in + AT_INSTANCE);
	b->lead = get_unaligned_be64(in + AT_LEAD);

	if (b->body_len > IOT_BLOB_BODY_MAX ||
	    iot_blob_head_size(b) + b->body_len != len)
		return -EBADMSG;
	b->name = (const char *)in + IOT_BLOB_HEADER;
	b->root = b->name + b->name_len;
	b->label = b->root + b->root_len;
	b->body = (const u8 *)b->label + b->label_len;

	if (!iot_name_ok(b->name, b->name_len) ||
	    (b->root_len && iot_root_parts(b->root, b->root_len) < 0) ||
	    (b->label_len && (b->label_len > IOT_LABEL_MAX ||
			      !iot_name_ok(b->label, b->label_len))))
		return -EBADMSG;
	if (check_kind(b) || iot_policy_check(p) || check_state(b))
		return -EBADMSG;
	return 0;
}

/* How many bytes iot_table_encode() writes. */
size_t iot_table_size(const struct iot_table *t)
{
	unsigned int role, entries = 0;

	for (role = 0; role < IOT_ROLES; role++)
		entries += !!t->version[role];
	return 1 + entries * IOT_TABLE_ENTRY;
}

/* Writes the entries that are there, in the order of their roles. */
size_t iot_table_encode(const struct iot_table *t, u8 *out)
{
	u8 *o = out + 1;
	unsigned int role;

	out[0] = 0;
	for (role = 0; role < IOT_ROLES; role++) {
		if (!t->version[role])
			continue;
		out[0]++;
		*o = role;
		put_unaligned_be32(t->version[role], o + 1);
		memcpy(o + 5, t->secret[role], IOT_SECRET_SIZE);
		o += IOT_TABLE_ENTRY;
	}
	return o - out;
}

/* Return: 0 or -EBADMSG; roles must ascend. @t holds secrets either way. */
int iot_table_decode(struct iot_table *t, const u8 *in, size_t len)
{
	int last = -1;
	unsigned int i;

	memset(t, 0, sizeof(*t));
	if (!len || len > IOT_TABLE_MAX ||
	    len != 1 + (size_t)in[0] * IOT_TABLE_ENTRY)
		return -EBADMSG;
	for (i = 0; i < in[0]; i++) {
		const u8 *e = in + 1 + i * IOT_TABLE_ENTRY;

		if (e[0] >= IOT_ROLES || e[0] <= last)
			return -EBADMSG;
		last = e[0];
		t->version[last] = get_unaligned_be32(e + 1);
		if (!t->version[last])
			return -EBADMSG;
		memcpy(t->secret[last], e + 5, IOT_SECRET_SIZE);
	}
	return 0;
}
