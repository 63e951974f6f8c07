// SPDX-License-Identifier: GPL-2.0-only
/*
 * DER of the TSS2 PRIVATE KEY.  Input is hostile: DER (but for the value of a
 * BOOLEAN), every length is checked against what holds it, nothing recurses.
 *
 *	TPMKey ::= SEQUENCE {
 *		type		OBJECT IDENTIFIER
 *		emptyAuth	[0] EXPLICIT BOOLEAN OPTIONAL
 *		policy		[1] EXPLICIT SEQUENCE OF TPMPolicy OPTIONAL
 *		secret		[2] EXPLICIT OCTET STRING OPTIONAL
 *		authPolicy	[3] EXPLICIT SEQUENCE OF TPMAuthPolicy OPTIONAL
 *		description	[4] EXPLICIT UTF8String OPTIONAL
 *		rsaParent	[5] EXPLICIT BOOLEAN OPTIONAL
 *		parentName	[6] EXPLICIT OCTET STRING OPTIONAL
 *		parent		INTEGER
 *		pubkey		OCTET STRING
 *		privkey		OCTET STRING
 *	}
 *	TPMPolicy ::= SEQUENCE {
 *		commandCode	[0] EXPLICIT INTEGER
 *		commandPolicy	[1] EXPLICIT OCTET STRING
 *	}
 *	TPMAuthPolicy ::= SEQUENCE {
 *		name		[0] EXPLICIT UTF8String OPTIONAL
 *		policy		[1] EXPLICIT SEQUENCE OF TPMPolicy
 *	}
 */
#include "pure.h"
#include "tss2.h"

#define DER_BOOLEAN	0x01
#define DER_INTEGER	0x02
#define DER_OCTETS	0x04
#define DER_OID		0x06
#define DER_UTF8	0x0c
#define DER_SEQUENCE	0x30
#define DER_CONTEXT(n)	(0xa0 + (n))

#define RSA_SIZE	256	/* octets of an RSA-2048 modulus */

/* Banks in one TPML_PCR_SELECTION, octets of one bank's bitmap. */
#define MAX_BANKS	16
#define MAX_SELECT	4

/* 2.23.133.10.1, the last arc follows. */
static const u8 oid_prefix[] = { 0x67, 0x81, 0x05, 0x0a, 0x01 };

/* Reading: a cursor that eats one element at a time. */

static int der_length(struct tpmbuf_span *in, size_t *len)
{
	size_t n, octets;

	if (!in->len)
		return -EBADMSG;
	n = in->p[0];
	octets = 0;
	if (n == 0x81)
		octets = 1;
	else if (n == 0x82)
		octets = 2;
	else if (n >= 0x80)
		return -EBADMSG;
	if (in->len < 1 + octets)
		return -EBADMSG;
	if (octets == 1)
		n = in->p[1];
	else if (octets == 2)
		n = get_unaligned_be16(in->p + 1);
	/* DER: the shortest form only */
	if ((octets == 1 && n < 0x80) || (octets == 2 && n < 0x100))
		return -EBADMSG;
	in->p += 1 + octets;
	in->len -= 1 + octets;
	*len = n;
	return 0;
}

/* Eats one element with this tag from @in; its content is @out. */
static int der_eat(struct tpmbuf_span *in, u8 tag, struct tpmbuf_span *out)
{
	size_t len;
	int ret;

	if (!in->len || in->p[0] != tag)
		return -EBADMSG;
	in->p++;
	in->len--;
	ret = der_length(in, &len);
	if (ret)
		return ret;
	if (len > in->len)
		return -EBADMSG;
	out->p = in->p;
	out->len = len;
	in->p += len;
	in->len -= len;
	return 0;
}

/* As der_eat(), and nothing may follow. */
static int der_only(struct tpmbuf_span in, u8 tag, struct tpmbuf_span *out)
{
	int ret = der_eat(&in, tag, out);

	if (!ret && in.len)
		ret = -EBADMSG;
	return ret;
}

/* BER's, where all but 0 is true: tpm2-openssl and tpm2-tools write 1. */
static int der_boolean(struct tpmbuf_span in, bool *value)
{
	struct tpmbuf_span v;
	int ret = der_only(in, DER_BOOLEAN, &v);

	if (ret)
		return ret;
	if (v.len != 1)
		return -EBADMSG;
	*value = v.p[0];
	return 0;
}

/* A non-negative INTEGER of at most 32 bits. */
static int der_u32(struct tpmbuf_span *in, u32 *value)
{
	struct tpmbuf_span v;
	u32 n = 0;
	int ret;

	ret = der_eat(in, DER_INTEGER, &v);
	if (ret)
		return ret;
	if (!v.len || v.len > 5 || v.p[0] & 0x80)
		return -EBADMSG;
	if (v.len > 1 && !v.p[0] && !(v.p[1] & 0x80))
		return -EBADMSG;
	if (v.len == 5 && v.p[0])
		return -EBADMSG;
	for (; v.len; v.p++, v.len--)
		n = n << 8 | v.p[0];
	*value = n;
	return 0;
}

/* Is this exactly one TPM2B? */
static bool is_2b(struct tpmbuf_span s)
{
	return s.len >= 2 && s.len - 2 == get_unaligned_be16(s.p);
}

/* Size of the TPML_PCR_SELECTION at the head of @in, 0 if there is none. */
static size_t pcrs_size(struct tpmbuf_span in)
{
	size_t at = 4, n;
	u32 banks;

	if (in.len < 4)
		return 0;
	banks = get_unaligned_be32(in.p);
	if (!banks || banks > MAX_BANKS)
		return 0;
	for (; banks; banks--) {
		if (in.len - at < 3)
			return 0;
		n = in.p[at + 2];
		at += 3;
		if (!n || n > MAX_SELECT || in.len - at < n)
			return 0;
		at += n;
	}
	return at;
}

/* The head that all public areas have; what follows stays in @r. */
static int parse_public(struct tpmbuf_span in, struct tss2_public *pub,
			struct tpmbuf_reader *r)
{
	*r = (struct tpmbuf_reader){ .p = in.p, .left = in.len };
	tpmbuf_get_u16(r);	/* its size, which is right */
	pub->type = tpmbuf_get_u16(r);
	pub->name_alg = tpmbuf_get_u16(r);
	pub->attributes = tpmbuf_get_u32(r);
	pub->policy.p = tpmbuf_get_2b(r, &pub->policy.len);
	return r->bad || pub->policy.len > TSS2_MAX_DIGEST ? -EBADMSG : 0;
}

/* A coordinate, which an old TPM may give without its leading zeroes. */
static void get_coordinate(struct tpmbuf_reader *r, u8 out[TSS2_POINT / 2])
{
	size_t len;
	const u8 *p = tpmbuf_get_2b(r, &len);

	if (!p || !len || len > TSS2_POINT / 2) {
		r->bad = true;
		return;
	}
	memset(out, 0, TSS2_POINT / 2 - len);
	memcpy(out + TSS2_POINT / 2 - len, p, len);
}

/* TPMS_ECC_PARMS and the point. */
static int parse_ecc(struct tpmbuf_reader *r, struct tss2_public *pub)
{
	u16 symmetric, scheme, hash = TSS2_ALG_SHA256, curve, kdf;

	symmetric = tpmbuf_get_u16(r);
	if (!r->bad && symmetric != TSS2_ALG_NULL)
		return -EINVAL;		/* a storage key */
	scheme = tpmbuf_get_u16(r);
	if (scheme == TSS2_ALG_ECDSA)
		hash = tpmbuf_get_u16(r);
	else if (!r->bad && scheme != TSS2_ALG_NULL)
		return -EOPNOTSUPP;
	curve = tpmbuf_get_u16(r);
	kdf = tpmbuf_get_u16(r);
	if (!r->bad && (hash != TSS2_ALG_SHA256 || curve != TSS2_ECC_P256 ||
			kdf != TSS2_ALG_NULL))
		return -EOPNOTSUPP;
	get_coordinate(r, pub->point);
	get_coordinate(r, pub->point + TSS2_POINT / 2);
	if (r->bad || r->left)
		return -EBADMSG;
	/* by the specification a restricted key has a scheme, and one purpose */
	if (pub->attributes & TSS2_OA_RESTRICTED &&
	    (scheme == TSS2_ALG_NULL || pub->attributes & TSS2_OA_DECRYPT))
		return -EBADMSG;
	return 0;
}

/* TPMS_RSA_PARMS and the modulus. */
static int parse_rsa(struct tpmbuf_reader *r)
{
	u16 symmetric, scheme, hash = TSS2_ALG_SHA256, bits;
	size_t len;

	symmetric = tpmbuf_get_u16(r);
	scheme = tpmbuf_get_u16(r);
	if (scheme == TSS2_ALG_RSASSA || scheme == TSS2_ALG_RSAPSS)
		hash = tpmbuf_get_u16(r);
	else if (!r->bad && scheme != TSS2_ALG_NULL)
		return -EOPNOTSUPP;
	bits = tpmbuf_get_u16(r);
	tpmbuf_get_u32(r);		/* exponent */
	if (!r->bad && (symmetric != TSS2_ALG_NULL ||
			hash != TSS2_ALG_SHA256 || bits != 8 * RSA_SIZE))
		return -EOPNOTSUPP;
	tpmbuf_get_2b(r, &len);
	return r->bad || r->left || len != RSA_SIZE ? -EBADMSG : 0;
}

/* A key that verifies signatures: RSA-2048 or ECC P-256, with SHA-256. */
static int parse_signer(struct tpmbuf_span in)
{
	struct tss2_public pub;
	struct tpmbuf_reader r;
	int ret;

	ret = parse_public(in, &pub, &r);
	if (ret)
		return ret;
	if (pub.name_alg != TSS2_ALG_SHA256 || !(pub.attributes & TSS2_OA_SIGN))
		return -EOPNOTSUPP;
	if (pub.type == TSS2_ALG_RSA)
		return parse_rsa(&r);
	if (pub.type == TSS2_ALG_ECC)
		return parse_ecc(&r, &pub);
	return -EOPNOTSUPP;
}

/* A TPMT_SIGNATURE with SHA-256. */
static int parse_signature(struct tpmbuf_span in)
{
	struct tpmbuf_reader r = { .p = in.p, .left = in.len };
	size_t len, max = RSA_SIZE;
	u16 alg, hash;

	alg = tpmbuf_get_u16(&r);
	hash = tpmbuf_get_u16(&r);
	if (r.bad)
		return -EBADMSG;
	if (hash != TSS2_ALG_SHA256)
		return -EOPNOTSUPP;
	if (alg == TSS2_ALG_ECDSA) {
		max = TSS2_POINT / 2;
		tpmbuf_get_2b(&r, &len);
		if (len > max)
			return -EBADMSG;
	} else if (alg != TSS2_ALG_RSASSA && alg != TSS2_ALG_RSAPSS) {
		return -EOPNOTSUPP;
	}
	tpmbuf_get_2b(&r, &len);
	return r.bad || r.left || len > max ? -EBADMSG : 0;
}

/*
 * The draft and GRUB write the command's parameters as the TPM takes them:
 * TPM2B_DIGEST, TPML_PCR_SELECTION.  openssl_tpm2_engine writes the selection
 * and then the bare digest.  No text can be both: the upper half of a bank
 * count is 0, and what would follow an empty digest is then no bank count.
 */
static int parse_policy_pcr(struct tpmbuf_span body, struct tss2_policy *policy)
{
	struct tpmbuf_span rest;
	size_t n;

	n = pcrs_size(body);
	if (n) {
		policy->pcrs.p = body.p;
		policy->pcrs.len = n;
		policy->digest.p = body.p + n;
		policy->digest.len = body.len - n;
		if (!policy->digest.len || policy->digest.len > TSS2_MAX_DIGEST)
			return -EBADMSG;
		return 0;
	}
	if (body.len < 2)
		return -EBADMSG;
	n = get_unaligned_be16(body.p);
	if (n > TSS2_MAX_DIGEST || n > body.len - 2)
		return -EBADMSG;
	rest.p = body.p + 2 + n;
	rest.len = body.len - 2 - n;
	if (!rest.len || pcrs_size(rest) != rest.len)
		return -EBADMSG;
	policy->digest.p = body.p + 2;
	policy->digest.len = n;
	policy->pcrs = rest;
	return 0;
}

/*
 * TPM2B_PUBLIC keySign, TPM2B_DIGEST policyRef, TPMT_SIGNATURE.  In the element policy there
 * is no signature: it says whose are good.  In an alternative key and policyRef may be empty:
 * they are those of the element policy then.
 */
static int parse_approval(struct tpmbuf_span body, struct tss2_approval *a)
{
	struct tpmbuf_reader r = { .p = body.p, .left = body.len };
	size_t len;
	int ret = 0;

	tpmbuf_get_2b(&r, &len);
	if (len)
		a->key = (struct tpmbuf_span){ body.p, 2 + len };
	a->ref.p = tpmbuf_get_2b(&r, &a->ref.len);
	if (r.bad || a->ref.len > TSS2_MAX_DIGEST)
		return -EBADMSG;
	if (r.left == 2 && get_unaligned_be16(r.p) == TSS2_ALG_NULL)
		r.left = 0;
	if (a->key.len)
		ret = parse_signer(a->key);
	if (ret || !r.left)
		return ret;
	a->signature = (struct tpmbuf_span){ r.p, r.left };
	return parse_signature(a->signature);
}

static int parse_policy(struct tpmbuf_span in, struct tss2_branch *b)
{
	struct tpmbuf_span code, wrapped, body;
	u32 cc;
	int ret;

	ret = der_eat(&in, DER_CONTEXT(0), &code);
	if (!ret)
		ret = der_u32(&code, &cc);
	if (!ret && code.len)
		ret = -EBADMSG;
	if (!ret)
		ret = der_only(in, DER_CONTEXT(1), &wrapped);
	if (!ret)
		ret = der_only(wrapped, DER_OCTETS, &body);
	if (ret)
		return ret;
	if (b->authorized)	/* what is not approved */
		return -EOPNOTSUPP;
	if (cc == TPMBUF_CC_POLICY_AUTHORIZE) {
		b->authorized = true;
		return parse_approval(body, &b->approval);
	}
	if (cc != TPMBUF_CC_POLICY_PCR || b->policies == TSS2_MAX_POLICIES)
		return -EOPNOTSUPP;
	return parse_policy_pcr(body, &b->policy[b->policies++]);
}

static int parse_policies(struct tpmbuf_span in, struct tss2_branch *b)
{
	struct tpmbuf_span list, one;
	int ret;

	ret = der_only(in, DER_SEQUENCE, &list);
	while (!ret && list.len) {
		ret = der_eat(&list, DER_SEQUENCE, &one);
		if (!ret)
			ret = parse_policy(one, b);
	}
	return ret;
}

static int parse_alternative(struct tpmbuf_span in, struct tss2_branch *b)
{
	struct tpmbuf_span name, commands;
	int ret = 0;

	if (in.len && in.p[0] == DER_CONTEXT(0)) {
		ret = der_eat(&in, DER_CONTEXT(0), &name);
		if (!ret)
			ret = der_only(name, DER_UTF8, &name);
	}
	if (!ret)
		ret = der_only(in, DER_CONTEXT(1), &commands);
	return ret ?: parse_policies(commands, b);
}

/* What was approved can be told without the TPM: each digest of PCRs is there. */
bool tss2_is_complete(const struct tss2_branch *b)
{
	unsigned int i;

	for (i = 0; i < b->policies; i++) {
		if (!b->policy[i].digest.len)
			return false;
	}
	return i && b->approval.key.len && b->approval.signature.len;
}

/**
 * tss2_next_alternative() - take the next of a list of alternatives
 * @key: whose they are: key and policyRef may be there
 * @list: key->alternatives to begin with; not empty
 * @out: PCRs and a signature of them
 *
 * Return: 0, -EOPNOTSUPP for one that cannot be played, -EBADMSG, and then the list is
 * spoilt.
 */
int tss2_next_alternative(const struct tss2_key *key, struct tpmbuf_span *list,
			  struct tss2_branch *out)
{
	struct tss2_approval *a = &out->approval;
	struct tpmbuf_span one;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = der_eat(list, DER_SEQUENCE, &one);
	if (!ret)
		ret = parse_alternative(one, out);
	if (ret)
		return ret;
	if (!a->key.len) {
		a->key = key->own.approval.key;
		if (!a->ref.len)
			a->ref = key->own.approval.ref;
	}
	return tss2_is_complete(out) ? 0 : -EOPNOTSUPP;
}

/* One that cannot be played is in nobody's way, unless @strict. */
static int check_alternatives(const struct tss2_key *key, bool strict)
{
	struct tpmbuf_span list = key->alternatives;
	struct tss2_branch branch;
	unsigned int n;
	int ret;

	for (n = 0; list.len; n++) {
		if (n == TSS2_MAX_ALTERNATIVES)
			return -EOPNOTSUPP;
		ret = tss2_next_alternative(key, &list, &branch);
		if (ret == -EBADMSG || (ret && strict))
			return ret;
	}
	return 0;
}

/**
 * tss2_alternatives() - other alternatives for a key
 * @der: SEQUENCE OF TPMAuthPolicy, which must outlive @key
 *
 * Return: 0, -EBADMSG, -EOPNOTSUPP for one that cannot be played or too many, -EINVAL for
 * none or too much.
 */
int tss2_alternatives(const u8 *der, size_t len, struct tss2_key *key)
{
	struct tpmbuf_span in = { der, len };
	int ret;

	if (len > TSS2_MAX_APPROVALS)
		return -EINVAL;
	ret = der_only(in, DER_SEQUENCE, &key->alternatives);
	if (!ret && !key->alternatives.len)
		ret = -EINVAL;
	return ret ?: check_alternatives(key, true);
}

/* Is the policy somebody's approval, and not PCRs alone? */
bool tss2_is_signed(const struct tss2_key *key)
{
	return key->own.authorized ||
	       (!key->own.policies && key->alternatives.len);
}

bool tss2_has_policy(const struct tss2_key *key)
{
	return key->own.policies || tss2_is_signed(key);
}

/* The content of the optional element [n]. */
static int parse_option(unsigned int n, struct tpmbuf_span in,
			struct tss2_key *key)
{
	struct tpmbuf_span skipped;

	switch (n) {
	case 0:
		return der_boolean(in, &key->empty_auth);
	case 1:
		return parse_policies(in, &key->own);
	case 2:
		return der_only(in, DER_OCTETS, &key->secret);
	case 3:		/* behind the policy, which may hold a part of them */
		return der_only(in, DER_SEQUENCE, &key->alternatives) ?:
		       check_alternatives(key, false);
	case 4:
		return der_only(in, DER_UTF8, &skipped);
	case 5:
		return der_boolean(in, &key->rsa_parent);
	default:
		return der_only(in, DER_OCTETS, &skipped);
	}
}

static int parse_options(struct tpmbuf_span *in, struct tss2_key *key)
{
	struct tpmbuf_span one;
	unsigned int n;
	int ret;

	for (n = 0; n <= 6; n++) {
		if (!in->len || in->p[0] != DER_CONTEXT(n))
			continue;
		ret = der_eat(in, DER_CONTEXT(n), &one);
		if (!ret)
			ret = parse_option(n, one, key);
		if (ret)
			return ret;
	}
	/* a later edition of the draft? */
	if (in->len && in->p[0] > DER_CONTEXT(6) && in->p[0] < 0xc0)
		return -EPROTONOSUPPORT;
	return 0;
}

static int parse_type(struct tpmbuf_span *in, struct tss2_key *key)
{
	struct tpmbuf_span oid;
	int ret;

	ret = der_eat(in, DER_OID, &oid);
	if (ret)
		return ret;
	if (oid.len != sizeof(oid_prefix) + 1 ||
	    memcmp(oid.p, oid_prefix, sizeof(oid_prefix)))
		return -EPROTONOSUPPORT;
	switch (oid.p[sizeof(oid_prefix)]) {
	case TSS2_LOADABLE:
		key->type = TSS2_LOADABLE;
		return 0;
	case TSS2_IMPORTABLE:
		key->type = TSS2_IMPORTABLE;
		return 0;
	case TSS2_SEALED:
		key->type = TSS2_SEALED;
		return 0;
	}
	return -EPROTONOSUPPORT;
}

/**
 * tss2_parse() - read the DER of a TSS2 PRIVATE KEY
 * @der: the bytes, which must outlive @key
 * @len: how many
 * @key: the result, valid only if 0 is returned
 *
 * Return: 0, -EBADMSG if it is not DER of that shape,
 * -EPROTONOSUPPORT for a type or element this module does not know,
 * -EOPNOTSUPP for a policy it cannot play.
 */
int tss2_parse(const u8 *der, size_t len, struct tss2_key *key)
{
	struct tpmbuf_span in = { der, len };
	int ret;

	memset(key, 0, sizeof(*key));
	if (len > TSS2_MAX)
		return -EBADMSG;
	ret = der_only(in, DER_SEQUENCE, &in);
	if (!ret)
		ret = parse_type(&in, key);
	if (!ret)
		ret = parse_options(&in, key);
	if (!ret)
		ret = der_u32(&in, &key->parent);
	if (!ret)
		ret = der_eat(&in, DER_OCTETS, &key->pub);
	if (!ret)
		ret = der_only(in, DER_OCTETS, &key->priv);
	if (ret)
		return ret;
	if (!is_2b(key->pub) || !is_2b(key->priv))
		return -EBADMSG;
	if (key->type == TSS2_IMPORTABLE ? !is_2b(key->secret) : !!key->secret.p)
		return -EBADMSG;
	return 0;
}

/*
 * Writing: from the end of the buffer to its beginning, so that each length
 * is known when its header is written.  An overflow sticks.
 */
struct der_writer {
	u8 *buf;
	size_t at;	/* first byte written, SIZE_MAX after an overflow */
};

static void put(struct der_writer *w, const void *data, size_t len)
{
	if (w->at == SIZE_MAX || len > w->at) {
		w->at = SIZE_MAX;
		return;
	}
	w->at -= len;
	if (len)
		memcpy(w->buf + w->at, data, len);
}

static void put_u8(struct der_writer *w, u8 v)
{
	put(w, &v, 1);
}

static void put_span(struct der_writer *w, struct tpmbuf_span s)
{
	put(w, s.p, s.len);
}

/* The header of what was written since the writer stood at @end. */
static void put_header(struct der_writer *w, u8 tag, size_t end)
{
	size_t len = end - w->at;
	u8 be[2];

	if (w->at == SIZE_MAX)
		return;
	if (len < 0x80) {
		put_u8(w, len);
	} else if (len < 0x100) {
		put_u8(w, len);
		put_u8(w, 0x81);
	} else {
		put_unaligned_be16(len, be);
		put(w, be, 2);
		put_u8(w, 0x82);
	}
	put_u8(w, tag);
}

static void put_octets(struct der_writer *w, struct tpmbuf_span s)
{
	size_t end = w->at;

	put_span(w, s);
	put_header(w, DER_OCTETS, end);
}

static void put_integer(struct der_writer *w, u32 v)
{
	size_t end = w->at;
	u8 low;

	do {
		low = v & 0xff;
		put_u8(w, low);
		v >>= 8;
	} while (v);
	if (low & 0x80)
		put_u8(w, 0);
	put_header(w, DER_INTEGER, end);
}

static void put_2b(struct der_writer *w, struct tpmbuf_span s)
{
	u8 be[2];

	put_span(w, s);
	put_unaligned_be16(s.len, be);
	put(w, be, 2);
}

/* The TPMPolicy around a command's parameters, which were written since @end. */
static void put_command(struct der_writer *w, u32 cc, size_t end)
{
	size_t inner;

	put_header(w, DER_OCTETS, end);
	put_header(w, DER_CONTEXT(1), end);
	inner = w->at;
	put_integer(w, cc);
	put_header(w, DER_CONTEXT(0), inner);
	put_header(w, DER_SEQUENCE, end);
}

static void put_approval(struct der_writer *w, const struct tss2_approval *a)
{
	static const u8 none[] = { 0, TSS2_ALG_NULL };
	struct tpmbuf_span no_signature = { none, 2 };
	size_t end = w->at;

	put_span(w, a->signature.len ? a->signature : no_signature);
	put_2b(w, a->ref);
	if (a->key.len)
		put_span(w, a->key);
	else
		put_2b(w, a->key);
	put_command(w, TPMBUF_CC_POLICY_AUTHORIZE, end);
}

static void put_policies(struct der_writer *w, const struct tss2_branch *b)
{
	size_t end = w->at, one;
	unsigned int i;

	if (b->authorized)
		put_approval(w, &b->approval);
	for (i = b->policies; i; i--) {
		one = w->at;
		put_span(w, b->policy[i - 1].pcrs);
		put_2b(w, b->policy[i - 1].digest);
		put_command(w, TPMBUF_CC_POLICY_PCR, one);
	}
	put_header(w, DER_SEQUENCE, end);
	put_header(w, DER_CONTEXT(1), end);
}

static void put_options(struct der_writer *w, const struct tss2_key *key)
{
	size_t end;

	if (key->alternatives.len) {
		end = w->at;
		put_span(w, key->alternatives);
		put_header(w, DER_SEQUENCE, end);
		put_header(w, DER_CONTEXT(3), end);
	}
	if (key->type == TSS2_IMPORTABLE) {
		end = w->at;
		put_octets(w, key->secret);
		put_header(w, DER_CONTEXT(2), end);
	}
	if (key->own.policies || key->own.authorized)
		put_policies(w, &key->own);
	/* the draft wants "false" to be said by absence */
	if (key->empty_auth) {
		end = w->at;
		put_u8(w, 0xff);
		put_header(w, DER_BOOLEAN, end);
		put_header(w, DER_CONTEXT(0), end);
	}
}

/**
 * tss2_encode() - write a key as DER
 * @key: the key; rsa_parent is not written
 * @buf: where to; no span of @key may lie in it
 * @size: its size
 *
 * Return: the length, or -EINVAL if it is more than @size or TSS2_MAX.
 */
int tss2_encode(const struct tss2_key *key, u8 *buf, size_t size)
{
	struct der_writer w = { buf, size < TSS2_MAX ? size : TSS2_MAX };
	size_t end = w.at;

	put_octets(&w, key->priv);
	put_octets(&w, key->pub);
	put_integer(&w, key->parent);
	put_options(&w, key);
	put_u8(&w, key->type);
	put(&w, oid_prefix, sizeof(oid_prefix));
	put_u8(&w, sizeof(oid_prefix) + 1);
	put_u8(&w, DER_OID);
	put_header(&w, DER_SEQUENCE, end);
	if (w.at == SIZE_MAX)
		return -EINVAL;
	memmove(buf, buf + w.at, end - w.at);
	return end - w.at;
}

static int parse_sealed(struct tpmbuf_span in, struct tss2_public *pub)
{
	struct tpmbuf_reader r;
	size_t len;
	u16 scheme;
	int ret;

	ret = parse_public(in, pub, &r);
	if (ret)
		return ret;
	if (pub->type != TSS2_ALG_KEYEDHASH)
		return -EINVAL;
	scheme = tpmbuf_get_u16(&r);
	if (r.bad)
		return -EBADMSG;
	if (scheme != TSS2_ALG_NULL)
		return -EINVAL;
	tpmbuf_get_2b(&r, &len);	/* unique */
	return r.bad || r.left ? -EBADMSG : 0;
}

/*
 * What does not say that it has no password is not tried: a failed guess counts against the
 * TPM's dictionary attack limit.  Where it does not count, a loadable one is tried all the
 * same, for tpm2_encodeobject up to 5.7 writes emptyAuth the wrong way round.
 */
static bool wants_password(const struct tss2_key *key,
			   const struct tss2_public *pub)
{
	return !key->empty_auth && (key->type != TSS2_LOADABLE ||
				    !(pub->attributes & TSS2_OA_NO_DA));
}

/**
 * tss2_sealed() - is this a data object that this module can unseal?
 * @key: a parsed key
 * @pub: its public area; the policy span points into @key's
 *
 * Return: 0, -EBADMSG if the public area is damaged, -EINVAL if it is not of
 * a sealed data object, -EOPNOTSUPP if it wants a password or a policy that is
 * not there.
 */
int tss2_sealed(const struct tss2_key *key, struct tss2_public *pub)
{
	int ret = parse_sealed(key->pub, pub);

	if (ret)
		return ret;
	if (pub->attributes & (TSS2_OA_RESTRICTED | TSS2_OA_DECRYPT | TSS2_OA_SIGN))
		return -EINVAL;
	if (wants_password(key, pub))
		return -EOPNOTSUPP;
	if (!(pub->attributes & TSS2_OA_USER_WITH_AUTH) && !tss2_has_policy(key))
		return -EOPNOTSUPP;
	return 0;
}

/**
 * tss2_ecdsa() - is this a key with which this module can sign?
 * @key: a parsed key
 * @pub: its public area; the policy span points into @key's.  Whether the point is on the
 *	 curve is not looked at.
 *
 * Return: 0, -EBADMSG if the public area is damaged, -EINVAL if it is of no
 * signing key, -EOPNOTSUPP if it is not of P-256 with SHA-256 and ECDSA or no scheme, or
 * wants a password or a policy.
 */
int tss2_ecdsa(const struct tss2_key *key, struct tss2_public *pub)
{
	struct tpmbuf_reader r;
	int ret;

	ret = parse_public(key->pub, pub, &r);
	if (ret)
		return ret;
	if (pub->type != TSS2_ALG_ECC || !(pub->attributes & TSS2_OA_SIGN) ||
	    key->type == TSS2_SEALED)
		return -EINVAL;
	if (pub->name_alg != TSS2_ALG_SHA256)
		return -EOPNOTSUPP;
	ret = parse_ecc(&r, pub);
	if (ret)
		return ret;
	if (wants_password(key, pub) || tss2_has_policy(key) ||
	    !(pub->attributes & TSS2_OA_USER_WITH_AUTH))
		return -EOPNOTSUPP;
	return 0;
}

/* Is it a TSS2 PRIVATE KEY of an ECC key, whatever else may be wrong with it? */
bool tss2_is_ecc(const u8 *der, size_t len)
{
	struct tss2_public pub;
	struct tpmbuf_reader r;
	struct tss2_key key;

	return !tss2_parse(der, len, &key) &&
	       !parse_public(key.pub, &pub, &r) && pub.type == TSS2_ALG_ECC;
}
