// SPDX-License-Identifier: GPL-2.0-only
/*
 * The provider "tpm": the secret is a sealed data object under a storage key
 * of the TPM, bound to PCRs if wanted.  The provider's part of the blob is the
 * parent's public area, which pins it, and the DER of a TSS2 PRIVATE KEY of type "sealed".
 *
 * Every command that has a part in this is in a session that is salted to the parent: it
 * is authentic both ways, and what is secret in it is encrypted.
 *
 * TPM commands: create 4 (and 1 per 8 PCRs, and 4 when the parent is made too),
 * open 4 (6 with a policy), adopt as open and 2 more, and 1 more for an importable key.
 */
#include <crypto/sha2.h>
#include <linux/bitops.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "root.h"
#include "notify.h"
#include "tpm_parent.h"
#include "tss2.h"

#define ALG_SHA1	0x0004
#define ALG_SHA256	0x000b
#define ALG_SHA384	0x000c
#define MAX_PCRS	24
#define MAX_PCR_DIGEST	48
#define SELECTION_SIZE	10	/* a TPML_PCR_SELECTION of one bank */

/* The session goes on; it ends with success; both for what is secret both ways. */
#define GO_ON		TPMBUF_SA_CONTINUE
#define END		0
#define SECRET		(TPMBUF_SA_DECRYPT | TPMBUF_SA_ENCRYPT)

/* An object, its parent, and the session with it. */
struct object {
	struct tss2_key key;
	struct tss2_public pub;
	struct iot_parent parent;
	struct iot_session session;
};

/* An object in the TPM; its name, as the TPM says in the session. */
struct loaded {
	u32 handle;
	u8 name[TPMBUF_NAME_MAX];
	size_t name_len;
};

/* A PolicyPCR made here; the struct tss2_policy points into it. */
struct pcr_policy {
	u8 selection[SELECTION_SIZE];
	u8 pcr_digest[SHA256_DIGEST_SIZE];
	u8 digest[SHA256_DIGEST_SIZE];	/* the policy's */
	struct tss2_policy policy;
};

/* PCR policy */

static size_t bank_size(u16 bank)
{
	switch (bank) {
	case ALG_SHA1:
		return 20;
	case ALG_SHA256:
		return 32;
	case ALG_SHA384:
		return 48;
	}
	return 0;
}

/* @mask as a TPML_PCR_SELECTION of one bank */
static void put_selection(u8 selection[SELECTION_SIZE], u16 bank, u32 mask)
{
	put_unaligned_be32(1, selection);
	put_unaligned_be16(bank, selection + 4);
	selection[6] = MAX_PCRS / 8;
	selection[7] = mask;
	selection[8] = mask >> 8;
	selection[9] = mask >> 16;
}

static u32 get_selection(struct tpmbuf_reader *r, u16 bank)
{
	u32 mask = 0;
	const u8 *p;
	size_t n, i;
	u16 alg;

	if (!tpmbuf_get_u32(r))
		return 0;	/* some TPMs leave an unknown bank out */
	alg = tpmbuf_get_u16(r);
	n = tpmbuf_get_u8(r);
	p = tpmbuf_get(r, n);
	if (!p || alg != bank || n > sizeof(mask)) {
		r->bad = true;
		return 0;
	}
	for (i = 0; i < n; i++)
		mask |= (u32)p[i] << (8 * i);
	return mask;
}

/*
 * One TPM2_PCR_Read: as many of the PCRs of *mask as the TPM cares to answer,
 * lowest first; they leave *mask, their values are appended to *at.
 */
static int read_some_pcrs(struct iot_tpm *t, struct iot_session *s, u16 bank,
			  u32 *mask, u8 **at, u32 *counter)
{
	struct tpmbuf_call call = { .cc = TPMBUF_CC_PCR_READ };
	u8 selection[SELECTION_SIZE];
	const u8 *value;
	u32 got, count;
	size_t len;
	int ret;

	put_selection(selection, bank, *mask);
	iot_tpm_begin(t);
	tpmbuf_put(&t->in, selection, sizeof(selection));
	/* nothing to encrypt, so the session must audit it */
	ret = iot_tpm_exec_in(t, &call, s, GO_ON | TPMBUF_SA_AUDIT);
	if (ret)
		return ret;
	*counter = tpmbuf_get_u32(&t->out);
	got = get_selection(&t->out, bank);
	count = tpmbuf_get_u32(&t->out);
	if (t->out.bad || got & ~*mask || count != hweight32(got))
		return -EBADMSG;
	if (!got)
		return -EINVAL;		/* no such bank or PCR */
	*mask &= ~got;
	if (*mask && __fls(got) > __ffs(*mask))
		return -EBADMSG;
	for (; count; count--, *at += len) {
		value = tpmbuf_get_2b(&t->out, &len);
		if (!value || len != bank_size(bank))
			return -EBADMSG;
		memcpy(*at, value, len);
	}
	return 0;
}

/* SHA-256 of the values of the PCRs of @mask, all of one moment. */
static int digest_pcrs(struct iot_tpm *t, struct iot_session *s, u16 bank,
		       u32 mask, u8 *digest)
{
	u32 counter = 0, first = 0;
	u8 *values, *at;
	int ret;

	values = kmalloc(MAX_PCRS * MAX_PCR_DIGEST, GFP_KERNEL);
	if (!values)
		return -ENOMEM;
	at = values;
	ret = read_some_pcrs(t, s, bank, &mask, &at, &first);
	while (!ret && mask) {
		ret = read_some_pcrs(t, s, bank, &mask, &at, &counter);
		if (!ret && counter != first)
			ret = -EBUSY;	/* a PCR was extended meanwhile */
	}
	if (!ret)
		sha256(values, at - values, digest);
	kfree(values);
	return ret;
}

/*
 * The policy is computed here and not by a trial session: that costs more
 * commands, and silently drops the PCRs of a bank that the TPM does not have.
 */
static int make_pcr_policy(struct iot_tpm *t, struct iot_session *s,
			   const struct iot_root_spec *spec,
			   struct pcr_policy *p)
{
	u8 text[SHA256_DIGEST_SIZE + 4 + SELECTION_SIZE + SHA256_DIGEST_SIZE];
	u8 *at = text + SHA256_DIGEST_SIZE;
	int ret;

	if (!spec->pcr_mask || spec->pcr_mask >> MAX_PCRS ||
	    !bank_size(spec->pcr_bank))
		return -EINVAL;
	ret = digest_pcrs(t, s, spec->pcr_bank, spec->pcr_mask, p->pcr_digest);
	if (ret)
		return ret;
	put_selection(p->selection, spec->pcr_bank, spec->pcr_mask);
	p->policy.pcrs = (struct tss2_span){ p->selection, SELECTION_SIZE };
	p->policy.digest =
		(struct tss2_span){ p->pcr_digest, sizeof(p->pcr_digest) };

	memset(text, 0, SHA256_DIGEST_SIZE);	/* the policy before */
	put_unaligned_be32(TPMBUF_CC_POLICY_PCR, at);
	memcpy(at + 4, p->selection, SELECTION_SIZE);
	memcpy(at + 4 + SELECTION_SIZE, p->pcr_digest, SHA256_DIGEST_SIZE);
	sha256(text, sizeof(text), p->digest);
	return 0;
}

/* Plays @policy in the policy session @handle, under the protection of @s. */
static int play_policy(struct iot_tpm *t, struct iot_session *s, u32 handle,
		       const struct tss2_policy *policy)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_POLICY_PCR,
		.handle = { handle },
		.handles = 1,
	};

	iot_tpm_begin(t);
	tpmbuf_put_2b(&t->in, policy->digest.p, policy->digest.len);
	tpmbuf_put(&t->in, policy->pcrs.p, policy->pcrs.len);
	return iot_tpm_exec_in(t, &call, s, GO_ON | TPMBUF_SA_DECRYPT);
}

/* Sealing */

/* The whole TPM2B, size and all, at the head of the last answer's rest. */
static struct tss2_span get_whole_2b(struct iot_tpm *t)
{
	struct tss2_span s = { t->out.p, 0 };

	if (tpmbuf_get_2b(&t->out, &s.len))
		s.len += 2;
	return s;
}

/*
 * The public area of a sealed data object, except for its last field. Without
 * a policy the (empty) password opens it; with one only the policy does.
 */
static void put_public(struct tpmbuf_writer *w, const struct pcr_policy *p)
{
	u32 attributes = TSS2_OA_FIXED_TPM | TSS2_OA_FIXED_PARENT |
			 TSS2_OA_NO_DA;

	tpmbuf_put_u16(w, TSS2_ALG_KEYEDHASH);
	tpmbuf_put_u16(w, TSS2_ALG_SHA256);
	if (p) {
		tpmbuf_put_u32(w, attributes);
		tpmbuf_put_2b(w, p->digest, sizeof(p->digest));
	} else {
		tpmbuf_put_u32(w, attributes | TSS2_OA_USER_WITH_AUTH);
		tpmbuf_put_u16(w, 0);
	}
	tpmbuf_put_u16(w, TSS2_ALG_NULL);	/* no scheme */
}

/* The TPM2_Create. On 0 the spans of @o->key point into the answer. */
static int seal(struct iot_tpm *t, struct object *o, const u8 *secret,
		const struct pcr_policy *p)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_CREATE,
		.handle = { o->parent.handle },
		.name = { iot_parent_name(&o->parent) },
		.handles = 1,
	};
	size_t begin, public, len;
	int ret;

	iot_tpm_begin(t);
	begin = tpmbuf_begin_2b(&t->in);
	tpmbuf_put_u16(&t->in, 0);	/* no password */
	tpmbuf_put_2b(&t->in, secret, IOT_SECRET_SIZE);
	tpmbuf_end_2b(&t->in, begin);
	public = tpmbuf_begin_2b(&t->in);
	put_public(&t->in, p);
	len = t->in.len - public;
	tpmbuf_put_u16(&t->in, 0);	/* unique */
	tpmbuf_end_2b(&t->in, public);
	tpmbuf_put_u16(&t->in, 0);	/* outside information */
	tpmbuf_put_u32(&t->in, 0);	/* creation PCRs */
	ret = iot_tpm_exec_in(t, &call, &o->session, END | SECRET);
	if (ret)
		return ret;
	o->key.priv = get_whole_2b(t);
	o->key.pub = get_whole_2b(t);
	/* is it the object that was ordered, and one that will open again? */
	if (t->out.bad || o->key.pub.len < 2 + len ||
	    memcmp(o->key.pub.p + 2, t->in.data + public, len) ||
	    tss2_sealed(&o->key, &o->pub))
		return -EBADMSG;
	return 0;
}

/* Unsealing */

/* @session_end: nothing follows in the session with the parent */
static int load(struct iot_tpm *t, struct object *o, u8 session_end,
		struct loaded *l)
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
	ret = iot_tpm_exec_in(t, &call, &o->session, session_end | SECRET);
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

static int unseal_loaded(struct iot_tpm *t, const struct loaded *l,
			 struct iot_session *session, u8 *secret)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_UNSEAL,
		.handle = { l->handle },
		.name = { { l->name, l->name_len } },
		.handles = 1,
	};
	const u8 *data;
	size_t len;
	int ret;

	iot_tpm_begin(t);
	ret = iot_tpm_exec_in(t, &call, session, END | TPMBUF_SA_ENCRYPT);
	if (ret)
		return ret;
	data = tpmbuf_get_2b(&t->out, &len);
	if (!data || t->out.left)
		return -EBADMSG;
	if (len != IOT_SECRET_SIZE)
		return -EINVAL;
	memcpy(secret, data, len);
	iot_stats_unseal();
	return 0;
}

/* The policy comes first: where it fails the load is saved. */
static int unseal_by_policy(struct iot_tpm *t, struct object *o, u8 *secret)
{
	struct iot_session policy;
	struct loaded l;
	unsigned int i;
	int ret;

	/* a policy is made with the hash of the object's name */
	if (o->pub.name_alg != ALG_SHA256)
		return -EOPNOTSUPP;
	ret = iot_session_start(t, &o->parent, IOT_SE_POLICY, &o->session,
				&policy);
	if (ret)
		return ret;
	for (i = 0; !ret && i < o->key.policies; i++)
		ret = play_policy(t, &o->session, policy.handle,
				  &o->key.policy[i]);
	if (ret)
		goto out;
	ret = load(t, o, END, &l);
	if (ret)
		goto out;
	ret = unseal_loaded(t, &l, &policy, secret);
	iot_tpm_flush(t, l.handle);
out:
	iot_session_end(t, &policy);
	return ret;
}

static int unseal(struct iot_tpm *t, struct object *o, u8 *secret)
{
	struct loaded l;
	int ret;

	if (o->key.policies)
		return unseal_by_policy(t, o, secret);
	ret = load(t, o, GO_ON, &l);
	if (ret)
		return ret;
	ret = unseal_loaded(t, &l, &o->session, secret);
	iot_tpm_flush(t, l.handle);
	return ret;
}

/* TPM2_Import: on 0 the private part is in @priv, which the caller frees. */
static int import(struct iot_tpm *t, struct object *o, struct iot_bytes *priv)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_IMPORT,
		.handle = { o->parent.handle },
		.name = { iot_parent_name(&o->parent) },
		.handles = 1,
	};
	struct tss2_span s;
	int ret;

	iot_tpm_begin(t);
	tpmbuf_put_u16(&t->in, 0);	/* no key of an inner wrapper */
	tpmbuf_put(&t->in, o->key.pub.p, o->key.pub.len);
	tpmbuf_put(&t->in, o->key.priv.p, o->key.priv.len);
	tpmbuf_put(&t->in, o->key.secret.p, o->key.secret.len);
	tpmbuf_put_u16(&t->in, TSS2_ALG_NULL);	/* no inner wrapper */
	ret = iot_tpm_exec_in(t, &call, &o->session, GO_ON | SECRET);
	if (ret)
		return ret;
	s = get_whole_2b(t);
	if (t->out.bad || t->out.left)
		return -EBADMSG;
	priv->data = kmemdup(s.p, s.len, GFP_KERNEL);
	if (!priv->data)
		return -ENOMEM;
	priv->len = s.len;
	return 0;
}

/* The operations */

/* Persistent, or the owner's primary, which is made anew. */
static int check_parent(const struct tss2_key *key)
{
	if (key->parent >> 24 == TPMBUF_PERSISTENT)
		return 0;
	if (key->parent != TSS2_RH_OWNER)
		return -EINVAL;
	return key->rsa_parent ? -EOPNOTSUPP : 0;
}

static int parse_object(struct object *o, const u8 *der, size_t len)
{
	int ret;

	ret = tss2_parse(der, len, &o->key);
	ret = ret ?: tss2_sealed(&o->key, &o->pub);
	return ret ?: check_parent(&o->key);
}

/* The parent's public area, then the DER. */
static int make_part(const struct object *o, struct iot_bytes *part)
{
	size_t head = o->parent.public_len;
	u8 *buf = kmalloc(head + TSS2_MAX, GFP_KERNEL);
	int len, ret;

	if (!buf)
		return -ENOMEM;
	memcpy(buf, o->parent.public, head);
	len = tss2_encode(&o->key, buf + head, TSS2_MAX);
	if (len < 0) {		/* no TPM's object is that large */
		ret = -EBADMSG;
		goto out;
	}
	part->data = kmemdup(buf, head + len, GFP_KERNEL);
	part->len = head + len;
	ret = part->data ? 0 : -ENOMEM;
out:
	kfree(buf);
	return ret;
}

/* Takes a part apart: the parent's public area, and the DER. */
static int split_part(const u8 *part, size_t len, struct tpmbuf_span *pinned,
		      struct tpmbuf_span *der)
{
	struct tpmbuf_reader r = { part, len };
	size_t n;

	if (!tpmbuf_get_2b(&r, &n))
		return -EBADMSG;
	*pinned = (struct tpmbuf_span){ part, 2 + n };
	*der = (struct tpmbuf_span){ r.p, r.left };
	return 0;
}

static int learn_or_make_parent(struct iot_tpm *t,
				const struct iot_root_spec *spec,
				struct object *o)
{
	int ret;

	ret = iot_parent_learn(t, spec->parent, &o->parent, &o->session);
	if (ret != -ENXIO || !spec->mkparent)
		return ret;
	ret = iot_parent_make(t, spec->parent);
	return ret ?: iot_parent_learn(t, spec->parent, &o->parent,
				       &o->session);
}

static int create_object(struct iot_tpm *t, const struct iot_root_spec *spec,
			 struct object *o, const u8 *secret,
			 struct iot_bytes *part)
{
	struct pcr_policy policy;
	int ret;

	ret = learn_or_make_parent(t, spec, o);
	if (ret)
		return ret;
	if (spec->pcr_bank) {
		ret = make_pcr_policy(t, &o->session, spec, &policy);
		if (ret)
			return ret;
		o->key.policy[o->key.policies++] = policy.policy;
	}
	ret = seal(t, o, secret, o->key.policies ? &policy : NULL);
	return ret ?: make_part(o, part);
}

static int root_tpm_create(const struct iot_root_spec *spec, u8 *secret,
			   struct iot_bytes *part)
{
	struct object *o;
	struct iot_tpm t;
	int ret;

	if (spec->parent >> 24 != TPMBUF_PERSISTENT)
		return -EINVAL;
	ret = get_random_bytes_wait(secret, IOT_SECRET_SIZE);
	if (ret)
		return ret;
	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return -ENOMEM;
	o->key.type = TSS2_SEALED;
	o->key.empty_auth = true;
	o->key.parent = spec->parent;
	ret = iot_tpm_start(&t);
	if (!ret) {
		ret = create_object(&t, spec, o, secret, part);
		iot_parent_close(&t, &o->parent, &o->session);
		iot_tpm_stop(&t);
	}
	kfree_sensitive(o);
	return ret;
}

static int root_tpm_open(const u8 *part, size_t len, u8 *secret)
{
	struct tpmbuf_span pinned, der;
	struct object *o;
	struct iot_tpm t;
	int ret;

	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return -ENOMEM;
	ret = split_part(part, len, &pinned, &der);
	ret = ret ?: parse_object(o, der.p, der.len);
	if (!ret && o->key.type != TSS2_SEALED)
		ret = -EBADMSG;
	if (ret)
		goto out;
	ret = iot_tpm_start(&t);
	if (ret)
		goto out;
	ret = iot_parent_open(&t, o->key.parent, pinned, &o->parent,
			      &o->session);
	ret = ret ?: unseal(&t, o, secret);
	if (ret)
		ret = iot_parent_why(&t, &o->parent, &o->session, ret);
	iot_parent_close(&t, &o->parent, &o->session);
	iot_tpm_stop(&t);
out:
	kfree_sensitive(o);
	return ret;
}

/*
 * What is kept is always of type "sealed" and known to need no password. An
 * imported key keeps its new private part, which only this TPM can load.
 */
static int adopt_object(struct iot_tpm *t, struct object *o, u8 *secret,
			struct iot_bytes *part)
{
	struct iot_bytes priv = {};
	int ret;

	ret = iot_parent_learn(t, o->key.parent, &o->parent, &o->session);
	if (ret)
		return ret;
	if (o->key.type == TSS2_IMPORTABLE) {
		ret = import(t, o, &priv);
		if (ret)
			return ret;
		o->key.priv = (struct tss2_span){ priv.data, priv.len };
	}
	ret = unseal(t, o, secret);
	if (!ret) {
		o->key.type = TSS2_SEALED;
		o->key.empty_auth = true;
		ret = make_part(o, part);
	}
	kfree(priv.data);
	return ret;
}

static int root_tpm_adopt(const u8 *der, size_t len, u8 *secret,
			  struct iot_bytes *part)
{
	struct object *o;
	struct iot_tpm t;
	int ret;

	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return -ENOMEM;
	ret = parse_object(o, der, len);
	if (ret)
		goto out;
	ret = iot_tpm_start(&t);
	if (ret)
		goto out;
	ret = adopt_object(&t, o, secret, part);
	iot_parent_close(&t, &o->parent, &o->session);
	iot_tpm_stop(&t);
out:
	kfree_sensitive(o);
	return ret;
}

static bool root_tpm_policy(const u8 *part, size_t len)
{
	struct tpmbuf_span pinned, der;
	struct tss2_key key;

	return !split_part(part, len, &pinned, &der) &&
	       !tss2_parse(der.p, der.len, &key) && key.policies;
}

const struct iot_root_ops iot_root_tpm_ops = {
	.provider = IOTKEY_PROVIDER_TPM,
	.name = "tpm",
	.create = root_tpm_create,
	.open = root_tpm_open,
	.adopt = root_tpm_adopt,
	.policy = root_tpm_policy,
};
