// SPDX-License-Identifier: GPL-2.0-only
/*
 * The provider "tpm": the secret is a sealed data object under a storage key
 * of the TPM, bound to PCRs if wanted.  The provider's part of the blob is the
 * DER of a TSS2 PRIVATE KEY of type "sealed".
 *
 * TPM commands: create 1 (and 1 per 8 PCRs, and 4 when the parent is made too),
 * open 3 (5 with a policy), adopt as open, and 1 more for an importable key.
 */
#include <crypto/sha2.h>
#include <linux/bitops.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "root.h"
#include "notify.h"
#include "tpm.h"
#include "tss2.h"

#define ALG_SHA1	0x0004
#define ALG_SHA256	0x000b
#define ALG_SHA384	0x000c
#define RH_NULL		0x40000007
#define SE_POLICY	0x01
#define NONCE_SIZE	16
#define MAX_PCRS	24
#define MAX_PCR_DIGEST	48
#define SELECTION_SIZE	10	/* a TPML_PCR_SELECTION of one bank */

/* What is opened: an object, and the handle of its parent while loaded. */
struct object {
	struct tss2_key key;
	struct tss2_public pub;
	u32 parent;
	u32 parent_flush;	/* the same if it is ours to flush */
};

/* A PolicyPCR made here; the struct tss2_policy points into it. */
struct pcr_policy {
	u8 selection[SELECTION_SIZE];
	u8 pcr_digest[SHA256_DIGEST_SIZE];
	u8 digest[SHA256_DIGEST_SIZE];	/* the policy's */
	struct tss2_policy policy;
};

/*
 * TCG storage key template, ECC P-256 with empty unique fields: what TPM key
 * files mean by a permanent handle as parent (TPM 2.0 Provisioning Guidance,
 * EK Credential Profile's H-2 with the attributes of a storage key).
 */
static const u8 storage_template[] = {
	0x00, 0x23,		/* ECC */
	0x00, 0x0b,		/* name: SHA-256 */
	0x00, 0x03, 0x04, 0x72,	/* fixedTPM fixedParent sensitiveDataOrigin */
				/* userWithAuth noDA restricted decrypt */
	0x00, 0x00,		/* no policy */
	0x00, 0x06, 0x00, 0x80, 0x00, 0x43,	/* AES-128-CFB */
	0x00, 0x10,		/* no scheme */
	0x00, 0x03,		/* NIST P-256 */
	0x00, 0x10,		/* no KDF */
	0x00, 0x00, 0x00, 0x00,	/* x, y */
};

/* Parents */

static int create_primary(struct iot_tpm *t, u32 *handle)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_CREATE_PRIMARY,
		.handle = { TSS2_RH_OWNER },
		.handles = 1,
		.session = &iot_tpm_empty_auth,
		.gives = TPMBUF_TRANSIENT,
	};
	int ret;

	iot_tpm_begin(t);
	tpmbuf_put_u16(&t->in, 4);	/* sensitive: */
	tpmbuf_put_u16(&t->in, 0);	/* no password */
	tpmbuf_put_u16(&t->in, 0);	/* no data */
	tpmbuf_put_2b(&t->in, storage_template, sizeof(storage_template));
	tpmbuf_put_u16(&t->in, 0);	/* outside information */
	tpmbuf_put_u32(&t->in, 0);	/* creation PCRs */
	ret = iot_tpm_exec(t, &call);
	if (!ret)
		*handle = call.given;
	return ret;
}

static int make_persistent(struct iot_tpm *t, u32 transient, u32 persistent)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_EVICT_CONTROL,
		.handle = { TSS2_RH_OWNER, transient },
		.handles = 2,
		.session = &iot_tpm_empty_auth,
	};

	iot_tpm_begin(t);
	tpmbuf_put_u32(&t->in, persistent);
	return iot_tpm_exec(t, &call);
}

static int make_parent(struct iot_tpm *t, u32 handle)
{
	u32 primary;
	int ret;

	ret = create_primary(t, &primary);
	if (ret)
		return ret;
	ret = make_persistent(t, primary, handle);
	iot_tpm_flush(t, primary);
	return ret;
}

/* A persistent parent is used as it is, the owner's primary is made anew. */
static int get_parent(struct iot_tpm *t, struct object *o)
{
	int ret;

	o->parent = o->key.parent;
	if (o->key.parent >> 24 == TPMBUF_PERSISTENT)
		return 0;
	if (o->key.parent != TSS2_RH_OWNER)
		return -EINVAL;
	if (o->key.rsa_parent)
		return -EOPNOTSUPP;
	ret = create_primary(t, &o->parent);
	if (!ret)
		o->parent_flush = o->parent;
	return ret;
}

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
static int read_some_pcrs(struct iot_tpm *t, u16 bank, u32 *mask, u8 **at,
			  u32 *counter)
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
	ret = iot_tpm_exec(t, &call);
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
static int digest_pcrs(struct iot_tpm *t, u16 bank, u32 mask, u8 *digest)
{
	u32 counter = 0, first = 0;
	u8 *values, *at;
	int ret;

	values = kmalloc(MAX_PCRS * MAX_PCR_DIGEST, GFP_KERNEL);
	if (!values)
		return -ENOMEM;
	at = values;
	ret = read_some_pcrs(t, bank, &mask, &at, &first);
	while (!ret && mask) {
		ret = read_some_pcrs(t, bank, &mask, &at, &counter);
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
static int make_pcr_policy(struct iot_tpm *t, const struct iot_root_spec *spec,
			   struct pcr_policy *p)
{
	u8 text[SHA256_DIGEST_SIZE + 4 + SELECTION_SIZE + SHA256_DIGEST_SIZE];
	u8 *at = text + SHA256_DIGEST_SIZE;
	int ret;

	if (!spec->pcr_mask || spec->pcr_mask >> MAX_PCRS ||
	    !bank_size(spec->pcr_bank))
		return -EINVAL;
	ret = digest_pcrs(t, spec->pcr_bank, spec->pcr_mask, p->pcr_digest);
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

/* Hash algorithm as the object's name, for its policy is made with that. */
static int start_policy_session(struct iot_tpm *t, u16 hash, u32 *handle)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_START_AUTH_SESSION,
		.handle = { RH_NULL, RH_NULL },	/* not salted, not bound */
		.handles = 2,
		.gives = TPMBUF_POLICY_SESSION,
	};
	u8 nonce[NONCE_SIZE];
	int ret;

	get_random_bytes(nonce, sizeof(nonce));
	iot_tpm_begin(t);
	tpmbuf_put_2b(&t->in, nonce, sizeof(nonce));
	tpmbuf_put_u16(&t->in, 0);	/* no salt */
	tpmbuf_put_u8(&t->in, SE_POLICY);
	tpmbuf_put_u16(&t->in, TSS2_ALG_NULL);	/* no encryption */
	tpmbuf_put_u16(&t->in, hash);
	ret = iot_tpm_exec(t, &call);
	if (!ret)
		*handle = call.given;
	return ret;
}

static int play_policy(struct iot_tpm *t, u32 session,
		       const struct tss2_policy *policy)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_POLICY_PCR,
		.handle = { session },
		.handles = 1,
	};

	iot_tpm_begin(t);
	tpmbuf_put_2b(&t->in, policy->digest.p, policy->digest.len);
	tpmbuf_put(&t->in, policy->pcrs.p, policy->pcrs.len);
	return iot_tpm_exec(t, &call);
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

/* The TPM2_Create. On 0 the spans of @key point into the answer. */
static int seal(struct iot_tpm *t, u32 parent, const u8 *secret,
		const struct pcr_policy *p, struct tss2_key *key)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_CREATE,
		.handle = { parent },
		.handles = 1,
		.session = &iot_tpm_empty_auth,
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
	ret = iot_tpm_exec(t, &call);
	if (ret)
		return ret;
	key->priv = get_whole_2b(t);
	key->pub = get_whole_2b(t);
	/* is it the object that was ordered? */
	if (t->out.bad || key->pub.len < 2 + len ||
	    memcmp(key->pub.p + 2, t->in.data + public, len))
		return -EBADMSG;
	return 0;
}

static int seal_under(struct iot_tpm *t, const struct iot_root_spec *spec,
		      const u8 *secret, const struct pcr_policy *p,
		      struct tss2_key *key)
{
	int ret = seal(t, spec->parent, secret, p, key);

	if (ret != -ENXIO || !spec->mkparent)
		return ret;
	ret = make_parent(t, spec->parent);
	return ret ?: seal(t, spec->parent, secret, p, key);
}

/* Unsealing */

static int load(struct iot_tpm *t, const struct object *o, u32 *handle)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_LOAD,
		.handle = { o->parent },
		.handles = 1,
		.session = &iot_tpm_empty_auth,
		.gives = TPMBUF_TRANSIENT,
	};
	int ret;

	iot_tpm_begin(t);
	tpmbuf_put(&t->in, o->key.priv.p, o->key.priv.len);
	tpmbuf_put(&t->in, o->key.pub.p, o->key.pub.len);
	ret = iot_tpm_exec(t, &call);
	if (!ret)
		*handle = call.given;
	return ret;
}

static int unseal_loaded(struct iot_tpm *t, u32 handle,
			 const struct tpmbuf_session *session, u8 *secret)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_UNSEAL,
		.handle = { handle },
		.handles = 1,
		.session = session,
	};
	const u8 *data;
	size_t len;
	int ret;

	iot_tpm_begin(t);
	ret = iot_tpm_exec(t, &call);
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

static int load_and_unseal(struct iot_tpm *t, const struct object *o,
			   const struct tpmbuf_session *session, u8 *secret)
{
	u32 handle;
	int ret;

	ret = load(t, o, &handle);
	if (ret)
		return ret;
	ret = unseal_loaded(t, handle, session, secret);
	iot_tpm_flush(t, handle);
	return ret;
}

/* The policy comes first: where it fails the load is saved. */
static int unseal_by_policy(struct iot_tpm *t, const struct object *o,
			    u8 *secret)
{
	struct tpmbuf_session session = {};
	unsigned int i;
	int ret;

	ret = start_policy_session(t, o->pub.name_alg, &session.handle);
	if (ret)
		return ret;
	for (i = 0; !ret && i < o->key.policies; i++)
		ret = play_policy(t, session.handle, &o->key.policy[i]);
	if (!ret)
		ret = load_and_unseal(t, o, &session, secret);
	/* Not to be continued, so it is gone with a successful unseal. */
	if (ret)
		iot_tpm_flush(t, session.handle);
	return ret;
}

static int unseal(struct iot_tpm *t, const struct object *o, u8 *secret)
{
	if (o->key.policies)
		return unseal_by_policy(t, o, secret);
	return load_and_unseal(t, o, &iot_tpm_empty_auth, secret);
}

/* TPM2_Import: on 0 the private part is in @priv, which the caller frees. */
static int import(struct iot_tpm *t, const struct object *o,
		  struct iot_bytes *priv)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_IMPORT,
		.handle = { o->parent },
		.handles = 1,
		.session = &iot_tpm_empty_auth,
	};
	struct tss2_span s;
	int ret;

	iot_tpm_begin(t);
	tpmbuf_put_u16(&t->in, 0);	/* no key of an inner wrapper */
	tpmbuf_put(&t->in, o->key.pub.p, o->key.pub.len);
	tpmbuf_put(&t->in, o->key.priv.p, o->key.priv.len);
	tpmbuf_put(&t->in, o->key.secret.p, o->key.secret.len);
	tpmbuf_put_u16(&t->in, TSS2_ALG_NULL);	/* no inner wrapper */
	ret = iot_tpm_exec(t, &call);
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

static int make_part(const struct tss2_key *key, struct iot_bytes *part)
{
	u8 *buf = kmalloc(TSS2_MAX, GFP_KERNEL);
	int len;

	if (!buf)
		return -ENOMEM;
	len = tss2_encode(key, buf, TSS2_MAX);
	if (len > 0) {
		part->data = kmemdup(buf, len, GFP_KERNEL);
		part->len = len;
		len = part->data ? 0 : -ENOMEM;
	}
	kfree(buf);
	return len;
}

static int create_with(struct iot_tpm *t, const struct iot_root_spec *spec,
		       const u8 *secret, struct iot_bytes *part)
{
	struct tss2_key key = {
		.type = TSS2_SEALED,
		.empty_auth = true,
		.parent = spec->parent,
	};
	struct pcr_policy policy;
	int ret;

	if (spec->pcr_bank) {
		ret = make_pcr_policy(t, spec, &policy);
		if (ret)
			return ret;
		key.policy[key.policies++] = policy.policy;
	}
	ret = seal_under(t, spec, secret, key.policies ? &policy : NULL, &key);
	return ret ?: make_part(&key, part);
}

static int root_tpm_create(const struct iot_root_spec *spec, u8 *secret,
			   struct iot_bytes *part)
{
	struct iot_tpm t;
	int ret;

	if (spec->parent >> 24 != TPMBUF_PERSISTENT)
		return -EINVAL;
	ret = get_random_bytes_wait(secret, IOT_SECRET_SIZE);
	if (ret)
		return ret;
	ret = iot_tpm_start(&t);
	if (!ret) {
		ret = create_with(&t, spec, secret, part);
		iot_tpm_stop(&t);
	}
	if (ret)
		memzero_explicit(secret, IOT_SECRET_SIZE);
	return ret;
}

static int open_object(struct iot_tpm *t, struct object *o, u8 *secret)
{
	int ret;

	ret = get_parent(t, o);
	if (ret)
		return ret;
	ret = unseal(t, o, secret);
	iot_tpm_flush(t, o->parent_flush);
	return ret;
}

static int parse_object(struct object *o, const u8 *der, size_t len)
{
	int ret;

	memset(o, 0, sizeof(*o));
	ret = tss2_parse(der, len, &o->key);
	return ret ?: tss2_sealed(&o->key, &o->pub);
}

static int root_tpm_open(const u8 *part, size_t len, u8 *secret)
{
	struct object o;
	struct iot_tpm t;
	int ret;

	ret = parse_object(&o, part, len);
	if (ret)
		return ret;
	if (o.key.type != TSS2_SEALED)
		return -EBADMSG;
	ret = iot_tpm_start(&t);
	if (ret)
		return ret;
	ret = open_object(&t, &o, secret);
	iot_tpm_stop(&t);
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

	ret = get_parent(t, o);
	if (ret)
		return ret;
	if (o->key.type == TSS2_IMPORTABLE) {
		ret = import(t, o, &priv);
		if (ret)
			goto out;
		o->key.priv = (struct tss2_span){ priv.data, priv.len };
	}
	ret = unseal(t, o, secret);
	if (ret)
		goto out;
	o->key.type = TSS2_SEALED;
	o->key.empty_auth = true;
	ret = make_part(&o->key, part);
	if (ret)
		memzero_explicit(secret, IOT_SECRET_SIZE);
out:
	kfree(priv.data);
	iot_tpm_flush(t, o->parent_flush);
	return ret;
}

static int root_tpm_adopt(const u8 *der, size_t len, u8 *secret,
			  struct iot_bytes *part)
{
	struct object o;
	struct iot_tpm t;
	int ret;

	ret = parse_object(&o, der, len);
	if (ret)
		return ret;
	ret = iot_tpm_start(&t);
	if (ret)
		return ret;
	ret = adopt_object(&t, &o, secret, part);
	iot_tpm_stop(&t);
	return ret;
}

static bool root_tpm_policy(const u8 *part, size_t len)
{
	struct tss2_key key;

	return !tss2_parse(part, len, &key) && key.policies;
}

const struct iot_root_ops iot_root_tpm_ops = {
	.provider = IOTKEY_PROVIDER_TPM,
	.name = "tpm",
	.create = root_tpm_create,
	.open = root_tpm_open,
	.adopt = root_tpm_adopt,
	.policy = root_tpm_policy,
};
