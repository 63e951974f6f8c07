// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies of objects, played in a policy session under the protection of the session with
 * the parent.
 *
 * TPM commands: each set of PCRs 1; an alternative that fits 4 more; what an alternative
 * that fits in parts leaves behind 1.
 */
#include <linux/string.h>
#include "tpm_policy.h"

#define ST_VERIFIED	0x8022

/* The name of a key that verifies signatures, and what the TPM says when it has. */
struct verified {
	u8 name[2 + IOT_SHA256_SIZE];
	u8 ticket[2 + 4 + 2 + TSS2_MAX_DIGEST];	/* TPMT_TK_VERIFIED */
	size_t ticket_len;
};

/* What a policy session holds after a command. */
static void extend(u8 digest[IOT_SHA256_SIZE], u32 cc, struct tpmbuf_span a,
		   struct tpmbuf_span b)
{
	u8 be[4];
	struct iot_part parts[] = {
		{ digest, IOT_SHA256_SIZE }, { be, sizeof(be) },
		{ a.p, a.len }, { b.p, b.len },
	};

	put_unaligned_be32(cc, be);
	iot_sha256(parts, ARRAY_SIZE(parts), digest);
}

/**
 * iot_policy_digest() - the policy of the PCRs of @b, all of which have a digest
 *
 * This is computed here and not by a trial session: that costs more commands, and
 * silently drops the PCRs of a bank that the TPM does not have.
 */
void iot_policy_digest(const struct tss2_branch *b, u8 digest[IOT_SHA256_SIZE])
{
	unsigned int i;

	memset(digest, 0, IOT_SHA256_SIZE);
	for (i = 0; i < b->policies; i++)
		extend(digest, TPMBUF_CC_POLICY_PCR, b->policy[i].pcrs,
		       b->policy[i].digest);
}

/* Is the approver of @b, who is now known by name, the one whom @o names in its policy? */
static bool is_of(const struct iot_object *o, const struct tss2_branch *b,
		  struct verified *v)
{
	const struct tss2_approval *a = &b->approval;
	struct iot_part area = { a->key.p + 2, a->key.len - 2 };
	u8 digest[IOT_SHA256_SIZE] = {};
	struct iot_part parts[] = {
		{ digest, sizeof(digest) }, { a->ref.p, a->ref.len },
	};

	put_unaligned_be16(TSS2_ALG_SHA256, v->name);
	iot_sha256(&area, 1, v->name + 2);
	extend(digest, TPMBUF_CC_POLICY_AUTHORIZE,
	       (struct tpmbuf_span){ v->name, sizeof(v->name) },
	       (struct tpmbuf_span){});
	iot_sha256(parts, ARRAY_SIZE(parts), digest);
	return o->pub.policy.len == sizeof(digest) &&
	       !memcmp(o->pub.policy.p, digest, sizeof(digest));
}

static int load_external(struct iot_tpm *t, struct iot_object *o,
			 struct tpmbuf_span public, const struct verified *v,
			 u32 *handle)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_LOAD_EXTERNAL,
		.gives = TPMBUF_TRANSIENT,
	};
	const u8 *name;
	size_t len;
	int ret;

	iot_tpm_begin(t);
	tpmbuf_put_u16(&t->in, 0);	/* no private part */
	tpmbuf_put(&t->in, public.p, public.len);
	tpmbuf_put_u32(&t->in, TSS2_RH_OWNER);	/* who vouches for the ticket */
	ret = iot_tpm_exec_in(t, &call, &o->session,
			      IOT_GO_ON | TPMBUF_SA_ENCRYPT);
	if (ret)
		return ret;
	*handle = call.given;
	name = tpmbuf_get_2b(&t->out, &len);
	if (name && !t->out.left && len == sizeof(v->name) &&
	    !memcmp(name, v->name, len))
		return 0;
	iot_tpm_flush(t, *handle);
	return -EBADMSG;
}

static int verify_signature(struct iot_tpm *t, struct iot_object *o,
			    u32 handle, const u8 digest[IOT_SHA256_SIZE],
			    struct tpmbuf_span signature, struct verified *v)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_VERIFY_SIGNATURE,
		.handle = { handle },
		.name = { { v->name, sizeof(v->name) } },
		.handles = 1,
	};
	struct tpmbuf_span ticket;
	size_t len;
	u16 tag;
	int ret;

	iot_tpm_begin(t);
	tpmbuf_put_2b(&t->in, digest, IOT_SHA256_SIZE);
	tpmbuf_put(&t->in, signature.p, signature.len);
	ret = iot_tpm_exec_in(t, &call, &o->session,
			      IOT_GO_ON | TPMBUF_SA_DECRYPT);
	if (ret)
		return ret;
	ticket = (struct tpmbuf_span){ t->out.p, t->out.left };
	tag = tpmbuf_get_u16(&t->out);
	tpmbuf_get_u32(&t->out);	/* its hierarchy */
	tpmbuf_get_2b(&t->out, &len);
	if (t->out.bad || t->out.left || tag != ST_VERIFIED ||
	    ticket.len > sizeof(v->ticket))
		return -EBADMSG;
	memcpy(v->ticket, ticket.p, ticket.len);
	v->ticket_len = ticket.len;
	return 0;
}

/* Has the approver, whom @v names, signed the policy @digest? */
static int verify(struct iot_tpm *t, struct iot_object *o,
		  const struct tss2_approval *a,
		  const u8 digest[IOT_SHA256_SIZE], struct verified *v)
{
	struct iot_part parts[] = {
		{ digest, IOT_SHA256_SIZE }, { a->ref.p, a->ref.len },
	};
	u8 signed_digest[IOT_SHA256_SIZE];
	u32 handle;
	int ret;

	ret = load_external(t, o, a->key, v, &handle);
	if (ret)
		return ret;
	iot_sha256(parts, ARRAY_SIZE(parts), signed_digest);
	ret = verify_signature(t, o, handle, signed_digest, a->signature, v);
	iot_tpm_flush(t, handle);
	return ret;
}

/* A command for the policy session @handle, whose parameters are in t->in. */
static int exec_policy(struct iot_tpm *t, struct iot_object *o, u32 handle,
		       u32 cc, u8 attributes)
{
	struct tpmbuf_call call = {
		.cc = cc,
		.handle = { handle },
		.handles = 1,
	};

	return iot_tpm_exec_in(t, &call, &o->session, IOT_GO_ON | attributes);
}

/* *@played says afterwards whether the policy session is what it was before. */
static int play_pcrs(struct iot_tpm *t, struct iot_object *o, u32 handle,
		     const struct tss2_branch *b, bool *played)
{
	const struct tss2_policy *p = b->policy;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < b->policies; i++, p++) {
		iot_tpm_begin(t);
		tpmbuf_put_2b(&t->in, p->digest.p, p->digest.len);
		tpmbuf_put(&t->in, p->pcrs.p, p->pcrs.len);
		ret = exec_policy(t, o, handle, TPMBUF_CC_POLICY_PCR,
				  TPMBUF_SA_DECRYPT);
		if (!ret)
			*played = true;
	}
	return ret;
}

static int play_approval(struct iot_tpm *t, struct iot_object *o, u32 handle,
			 const struct tss2_branch *b, struct verified *v)
{
	u8 digest[IOT_SHA256_SIZE];
	int ret;

	iot_policy_digest(b, digest);
	ret = verify(t, o, &b->approval, digest, v);
	if (ret)
		return ret;
	iot_tpm_begin(t);
	tpmbuf_put_2b(&t->in, digest, sizeof(digest));
	tpmbuf_put_2b(&t->in, b->approval.ref.p, b->approval.ref.len);
	tpmbuf_put_2b(&t->in, v->name, sizeof(v->name));
	tpmbuf_put(&t->in, v->ticket, v->ticket_len);
	return exec_policy(t, o, handle, TPMBUF_CC_POLICY_AUTHORIZE,
			   TPMBUF_SA_DECRYPT);
}

/* The PCRs come first: where they differ the rest is saved. */
static int play_branch(struct iot_tpm *t, struct iot_object *o, u32 handle,
		       const struct tss2_branch *b, bool *played)
{
	struct verified v;
	int ret;

	if (!is_of(o, b, &v))
		return -EKEYREJECTED;
	if (*played) {	/* what the one before has left there */
		iot_tpm_begin(t);
		/* nothing to encrypt, so the session must audit it */
		ret = exec_policy(t, o, handle, TPMBUF_CC_POLICY_RESTART,
				  TPMBUF_SA_AUDIT);
		if (ret)
			return ret;
		*played = false;
	}
	ret = play_pcrs(t, o, handle, b, played);
	return ret ?: play_approval(t, o, handle, b, &v);
}

/* Does another alternative have a chance, after this? */
static bool may_go_on(int error)
{
	return error == -EPERM || error == -EKEYREJECTED ||
	       error == -EOPNOTSUPP || error == -EINVAL;
}

/* That PCRs differ is what is told last. */
static int play_signed(struct iot_tpm *t, struct iot_object *o, u32 handle)
{
	struct tpmbuf_span list = o->key.alternatives;
	struct tss2_branch branch;
	int ret = -EPERM, error;
	bool played = false;

	if (tss2_is_complete(&o->key.own))
		ret = play_branch(t, o, handle, &o->key.own, &played);
	while (may_go_on(ret) && list.len) {
		error = ret;
		ret = tss2_next_alternative(&o->key, &list, &branch);
		ret = ret ?: play_branch(t, o, handle, &branch, &played);
		if (may_go_on(ret) && error != -EPERM)
			ret = error;
	}
	return ret;
}

/**
 * iot_policy_play() - satisfy the policy of @o
 * @handle: of a policy session
 *
 * The alternatives of a signed policy are tried in their order.
 *
 * Return: 0; -EPERM when the PCRs are others; -EKEYREJECTED when an approval is not signed
 * by the policy's key; -EOPNOTSUPP, -EINVAL of an alternative that this TPM cannot play; or
 * another error, which ends it.
 */
int iot_policy_play(struct iot_tpm *t, struct iot_object *o, u32 handle)
{
	bool played;

	if (tss2_is_signed(&o->key))
		return play_signed(t, o, handle);
	return play_pcrs(t, o, handle, &o->key.own, &played);
}

/**
 * iot_policy_verify() - are all alternatives approved by the policy's key?
 *
 * Return: 0; -EKEYREJECTED when one is not.
 */
int iot_policy_verify(struct iot_tpm *t, struct iot_object *o)
{
	struct tpmbuf_span list = o->key.alternatives;
	u8 digest[IOT_SHA256_SIZE];
	struct tss2_branch branch;
	struct verified v;
	int ret = 0;

	while (!ret && list.len) {
		ret = tss2_next_alternative(&o->key, &list, &branch);
		if (ret)
			break;
		iot_policy_digest(&branch, digest);
		ret = is_of(o, &branch, &v) ? 0 : -EKEYREJECTED;
		ret = ret ?: verify(t, o, &branch.approval, digest, &v);
	}
	return ret;
}
