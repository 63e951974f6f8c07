// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects under a parent.
 *
 * TPM commands: create, import and load 1 each, besides those of the parent.
 */
#include <linux/slab.h>
#include <linux/string.h>
#include "tpm_object.h"

#define MAX_PRIVATE	2048	/* those of RSA 4096 are shorter */

/* Persistent, or the owner's primary, which is made anew. */
int iot_object_check_parent(const struct tss2_key *key)
{
	if (key->parent >> 24 == TPMBUF_PERSISTENT)
		return 0;
	if (key->parent != TSS2_RH_OWNER)
		return -EINVAL;
	return key->rsa_parent ? -EOPNOTSUPP : 0;
}

/**
 * iot_object_meet_parent() - learn the parent that o->key names
 * @make: make it first, if there is none
 *
 * iot_parent_close() is due, whatever is returned, which is as of iot_parent_learn().
 */
int iot_object_meet_parent(struct iot_tpm *t, struct iot_object *o, bool make)
{
	int ret;

	ret = iot_parent_learn(t, o->key.parent, &o->parent, &o->session);
	if (ret != -ENXIO || !make)
		return ret;
	ret = iot_parent_make(t, o->key.parent);
	return ret ?: iot_parent_learn(t, o->key.parent, &o->parent,
				       &o->session);
}

/* The whole TPM2B, size and all, at the head of the last answer's rest. */
static struct tpmbuf_span get_whole_2b(struct iot_tpm *t)
{
	struct tpmbuf_span s = { t->out.p, 0 };

	if (tpmbuf_get_2b(&t->out, &s.len))
		s.len += 2;
	return s;
}

/* None is empty, nor so long that TPM2_Load would have no room for it. */
static struct tpmbuf_span get_private(struct iot_tpm *t)
{
	struct tpmbuf_span s = get_whole_2b(t);

	if (s.len <= 2 || s.len > MAX_PRIVATE)
		t->out.bad = true;
	return s;
}

/**
 * iot_object_create() - the TPM2_Create
 * @secret: data to seal, or nothing where the TPM makes the secret itself
 *
 * On 0 the spans of @o->key point into the answer, and it is an object of that
 * template.  Its password is empty.
 */
int iot_object_create(struct iot_tpm *t, struct iot_object *o,
		      struct tpmbuf_span secret, const struct iot_template *tpl)
{
	static const u8 unique[4];
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_CREATE,
		.handle = { o->parent.handle },
		.name = { iot_parent_name(&o->parent) },
		.handles = 1,
	};
	size_t begin;
	int ret;

	iot_tpm_begin(t);
	begin = tpmbuf_begin_2b(&t->in);
	tpmbuf_put_u16(&t->in, 0);	/* no password */
	tpmbuf_put_2b(&t->in, secret.p, secret.len);
	tpmbuf_end_2b(&t->in, begin);
	begin = tpmbuf_begin_2b(&t->in);
	tpmbuf_put(&t->in, tpl->area, tpl->len);
	tpmbuf_put(&t->in, unique, tpl->unique);
	tpmbuf_end_2b(&t->in, begin);
	tpmbuf_put_u16(&t->in, 0);	/* outside information */
	tpmbuf_put_u32(&t->in, 0);	/* creation PCRs */
	ret = iot_tpm_exec_in(t, &call, &o->session, IOT_END | IOT_SECRET);
	if (ret)
		return ret;
	o->key.priv = get_private(t);
	o->key.pub = get_whole_2b(t);
	/* is it the object that was ordered? */
	if (t->out.bad || o->key.pub.len < 2 + tpl->len ||
	    memcmp(o->key.pub.p + 2, tpl->area, tpl->len))
		return -EBADMSG;
	return 0;
}

/**
 * iot_object_import() - the TPM2_Import
 * @priv: the private part that this TPM loads, which the caller frees
 */
int iot_object_import(struct iot_tpm *t, struct iot_object *o,
		      struct iot_bytes *priv)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_IMPORT,
		.handle = { o->parent.handle },
		.name = { iot_parent_name(&o->parent) },
		.handles = 1,
	};
	struct tpmbuf_span s;
	int ret;

	iot_tpm_begin(t);
	tpmbuf_put_u16(&t->in, 0);	/* no key of an inner wrapper */
	tpmbuf_put(&t->in, o->key.pub.p, o->key.pub.len);
	tpmbuf_put(&t->in, o->key.priv.p, o->key.priv.len);
	tpmbuf_put(&t->in, o->key.secret.p, o->key.secret.len);
	tpmbuf_put_u16(&t->in, TSS2_ALG_NULL);	/* no inner wrapper */
	ret = iot_tpm_exec_in(t, &call, &o->session, IOT_GO_ON | IOT_SECRET);
	if (ret)
		return ret;
	s = get_private(t);
	if (t->out.bad || t->out.left)
		return -EBADMSG;
	priv->data = kmemdup(s.p, s.len, GFP_KERNEL);
	if (!priv->data)
		return -ENOMEM;
	priv->len = s.len;
	return 0;
}

/**
 * iot_object_load() - the TPM2_Load
 * @session_end: IOT_END if nothing follows in the session with the parent
 * @l: the object, to be flushed
 */
int iot_object_load(struct iot_tpm *t, struct iot_object *o, u8 session_end,
		    struct iot_loaded *l)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_LOAD,
		.handle = { o->parent.handle },
		.name = { iot_parent_name(&o->parent) },
		.handles = 1,
		.gives = TPMBUF_TRANSIENT,
	};
	const u8 *name;
	int ret;

	iot_tpm_begin(t);
	tpmbuf_put(&t->in, o->key.priv.p, o->key.priv.len);
	tpmbuf_put(&t->in, o->key.pub.p, o->key.pub.len);
	ret = iot_tpm_exec_in(t, &call, &o->session, session_end | IOT_SECRET);
	if (ret)
		return ret;
	l->handle = call.given;
	name = tpmbuf_get_2b(&t->out, &l->name_len);
	if (!name || t->out.left || l->name_len > sizeof(l->name)) {
		iot_tpm_flush(t, l->handle);
		return -EBADMSG;
	}
	memcpy(l->name, name, l->name_len);
	return 0;
}

/**
 * iot_object_encode() - the DER of a key behind @head, in memory of its own
 *
 * No span of @key may point into @out.
 */
int iot_object_encode(const struct tss2_key *key, struct tpmbuf_span head,
		      struct iot_bytes *out)
{
	u8 *buf = kmalloc(head.len + TSS2_MAX, GFP_KERNEL);
	int len, ret;

	if (!buf)
		return -ENOMEM;
	if (head.len)
		memcpy(buf, head.p, head.len);
	len = tss2_encode(key, buf + head.len, TSS2_MAX);
	if (len < 0) {		/* no TPM's object is that large */
		ret = -EBADMSG;
		goto out;
	}
	out->data = kmemdup(buf, head.len + len, GFP_KERNEL);
	out->len = head.len + len;
	ret = out->data ? 0 : -ENOMEM;
out:
	kfree(buf);
	return ret;
}
