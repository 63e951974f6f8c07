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
 * open 4 (6 with a policy of PCRs, 10 with a signed one, and 1 for each set of PCRs that is
 * not it), adopt as open and 2 more, and 1 more for an importable key; approve 2, and 3 for
 * each alternative.
 */
#include <crypto/sha2.h>
#include <linux/bitops.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "root.h"
#include "notify.h"
#include "tpm_policy.h"

#define ALG_SHA1	0x0004
#define ALG_SHA256	0x000b
#define ALG_SHA384	0x000c
#define MAX_PCRS	24
#define MAX_PCR_DIGEST	48
#define SELECTION_SIZE	10	/* a TPML_PCR_SELECTION of one bank */

/* A PolicyPCR made here; a struct tss2_policy points into it. */
struct pcr_policy {
	u8 selection[SELECTION_SIZE];
	u8 pcr_digest[SHA256_DIGEST_SIZE];
	u8 digest[SHA256_DIGEST_SIZE];	/* the policy's */
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
	ret = iot_tpm_exec_in(t, &call, s, IOT_GO_ON | TPMBUF_SA_AUDIT);
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

/* The PCRs as they are now, as the policy @b. */
static int make_pcr_policy(struct iot_tpm *t, struct iot_session *s,
			   const struct iot_root_spec *spec,
			   struct pcr_policy *p, struct tss2_branch *b)
{
	int ret;

	if (!spec->pcr_mask || spec->pcr_mask >> MAX_PCRS ||
	    !bank_size(spec->pcr_bank))
		return -EINVAL;
	ret = digest_pcrs(t, s, spec->pcr_bank, spec->pcr_mask, p->pcr_digest);
	if (ret)
		return ret;
	put_selection(p->selection, spec->pcr_bank, spec->pcr_mask);
	b->policies = 1;
	b->policy[0].pcrs = (struct tpmbuf_span){ p->selection, SELECTION_SIZE };
	b->policy[0].digest =
		(struct tpmbuf_span){ p->pcr_digest, sizeof(p->pcr_digest) };
	iot_policy_digest(b, p->digest);
	return 0;
}

/* Sealing */

/*
 * The public area of a sealed data object, except for its last field. Without
 * a policy the (empty) password opens it; with one only the policy does.
 */
static void fill_template(struct iot_template *tpl, const struct pcr_policy *p)
{
	u32 attributes = TSS2_OA_FIXED_TPM | TSS2_OA_FIXED_PARENT |
			 TSS2_OA_NO_DA;
	struct tpmbuf_writer w = {
		.data = tpl->area,
		.size = sizeof(tpl->area),
	};

	tpmbuf_put_u16(&w, TSS2_ALG_KEYEDHASH);
	tpmbuf_put_u16(&w, TSS2_ALG_SHA256);
	if (p) {
		tpmbuf_put_u32(&w, attributes);
		tpmbuf_put_2b(&w, p->digest, sizeof(p->digest));
	} else {
		tpmbuf_put_u32(&w, attributes | TSS2_OA_USER_WITH_AUTH);
		tpmbuf_put_u16(&w, 0);
	}
	tpmbuf_put_u16(&w, TSS2_ALG_NULL);	/* no scheme */
	tpl->len = w.len;
	tpl->unique = 2;
}

/* On 0 the spans of @o->key point into the answer. */
static int seal(struct iot_tpm *t, struct iot_object *o, const u8 *secret,
		const struct pcr_policy *p)
{
	struct tpmbuf_span data = { secret, IOT_SECRET_SIZE };
	struct iot_template tpl;
	int ret;

	fill_template(&tpl, p);
	ret = iot_object_create(t, o, data, &tpl);
	if (ret)
		return ret;
	/* is it one that will open again? */
	return tss2_sealed(&o->key, &o->pub) ? -EBADMSG : 0;
}

/* Unsealing */

static int unseal_loaded(struct iot_tpm *t, const struct iot_loaded *l,
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
	ret = iot_tpm_exec_in(t, &call, session, IOT_END | TPMBUF_SA_ENCRYPT);
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
static int unseal_by_policy(struct iot_tpm *t, struct iot_object *o, u8 *secret)
{
	struct iot_session policy;
	struct iot_loaded l;
	int ret;

	/* a policy is made with the hash of the object's name */
	if (o->pub.name_alg != ALG_SHA256)
		return -EOPNOTSUPP;
	ret = iot_session_start(t, &o->parent, IOT_SE_POLICY, &o->session,
				&policy);
	if (ret)
		return ret;
	ret = iot_policy_play(t, o, policy.handle);
	if (ret)
		goto out;
	ret = iot_object_load(t, o, IOT_END, &l);
	if (ret)
		goto out;
	ret = unseal_loaded(t, &l, &policy, secret);
	iot_tpm_flush(t, l.handle);
out:
	iot_session_end(t, &policy);
	return ret;
}

static int unseal(struct iot_tpm *t, struct iot_object *o, u8 *secret)
{
	struct iot_loaded l;
	int ret;

	if (tss2_has_policy(&o->key))
		return unseal_by_policy(t, o, secret);
	ret = iot_object_load(t, o, IOT_GO_ON, &l);
	if (ret)
		return ret;
	ret = unseal_loaded(t, &l, &o->session, secret);
	iot_tpm_flush(t, l.handle);
	return ret;
}

/* The operations */

static int parse_object(struct iot_object *o, const u8 *der, size_t len)
{
	int ret;

	ret = tss2_parse(der, len, &o->key);
	ret = ret ?: tss2_sealed(&o->key, &o->pub);
	return ret ?: iot_object_check_parent(&o->key);
}

/* The parent's public area, then the DER. */
static int make_part(const struct iot_object *o, struct iot_bytes *part)
{
	struct tpmbuf_span pinned = { o->parent.public, o->parent.public_len };

	return iot_object_encode(&o->key, pinned, part);
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

static int create_object(struct iot_tpm *t, const struct iot_root_spec *spec,
			 struct iot_object *o, const u8 *secret,
			 struct iot_bytes *part)
{
	struct pcr_policy policy;
	int ret;

	ret = iot_object_meet_parent(t, o, spec->mkparent);
	if (ret)
		return ret;
	if (spec->pcr_bank) {
		ret = make_pcr_policy(t, &o->session, spec, &policy,
				      &o->key.own);
		if (ret)
			return ret;
	}
	ret = seal(t, o, secret, o->key.own.policies ? &policy : NULL);
	return ret ?: make_part(o, part);
}

static int root_tpm_create(const struct iot_root_spec *spec, u8 *secret,
			   struct iot_bytes *part)
{
	struct iot_object *o;
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
	struct iot_object *o;
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
static int adopt_object(struct iot_tpm *t, struct iot_object *o, u8 *secret,
			struct iot_bytes *part)
{
	struct iot_bytes priv = {};
	int ret;

	ret = iot_object_meet_parent(t, o, false);
	if (ret)
		return ret;
	if (o->key.type == TSS2_IMPORTABLE) {
		ret = iot_object_import(t, o, &priv);
		if (ret)
			return ret;
		o->key.priv = (struct tpmbuf_span){ priv.data, priv.len };
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
	struct iot_object *o;
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

/* The same object with other approvals, which are worth something from the next open on. */
static int root_tpm_approve(const struct iot_bytes *part, const u8 *der,
			    size_t len, struct iot_bytes *out)
{
	struct tpmbuf_span pinned, object;
	struct iot_object *o;
	struct iot_tpm t;
	int ret;

	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return -ENOMEM;
	ret = split_part(part->data, part->len, &pinned, &object);
	ret = ret ?: parse_object(o, object.p, object.len);
	if (!ret && !tss2_is_signed(&o->key))
		ret = -EOPNOTSUPP;
	ret = ret ?: tss2_alternatives(der, len, &o->key);
	if (ret)
		goto out;
	ret = iot_tpm_start(&t);
	if (ret)
		goto out;
	ret = iot_parent_open(&t, o->key.parent, pinned, &o->parent,
			      &o->session);
	ret = ret ?: iot_policy_verify(&t, o);
	if (ret)
		ret = iot_parent_why(&t, &o->parent, &o->session, ret);
	else
		ret = make_part(o, out);
	iot_parent_close(&t, &o->parent, &o->session);
	iot_tpm_stop(&t);
out:
	kfree_sensitive(o);
	return ret;
}

static u32 root_tpm_policy(const u8 *part, size_t len)
{
	struct tpmbuf_span pinned, der;
	struct tss2_key key;

	if (split_part(part, len, &pinned, &der) ||
	    tss2_parse(der.p, der.len, &key) || !tss2_has_policy(&key))
		return 0;
	return IOTKEY_FLAG_PCR_POLICY |
	       (tss2_is_signed(&key) ? IOTKEY_FLAG_SIGNED_POLICY : 0);
}

const struct iot_root_ops iot_root_tpm_ops = {
	.provider = IOTKEY_PROVIDER_TPM,
	.name = "tpm",
	.create = root_tpm_create,
	.open = root_tpm_open,
	.adopt = root_tpm_adopt,
	.approve = root_tpm_approve,
	.policy = root_tpm_policy,
};
