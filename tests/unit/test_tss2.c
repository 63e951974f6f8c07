// SPDX-License-Identifier: GPL-2.0-only
/* kmod/tss2.c and kmod/tpmbuf.c, on the host. */
#include <stdio.h>
#include <stdlib.h>
#include "../../kmod/tss2.h"
#include "../../kmod/tpmbuf.h"
#include "ktap.h"

/* A public area as TPM2_Create gave it, and stand-ins for the rest. */
static const u8 pub[] = {
	0x00, 0x2e, 0x00, 0x08, 0x00, 0x0b, 0x00, 0x00, 0x04, 0x52, 0x00, 0x00,
	0x00, 0x10, 0x00, 0x20, 0x5a, 0xbf, 0x44, 0xb2, 0xe6, 0xc7, 0x34, 0x22,
	0x6f, 0x1f, 0x9b, 0x45, 0x08, 0x68, 0x43, 0x58, 0x56, 0xc2, 0x49, 0xdc,
	0x50, 0xb6, 0x5b, 0x94, 0xd4, 0xf0, 0xa5, 0xa9, 0x30, 0x81, 0x63, 0x5b,
};

static const u8 priv[] = { 0x00, 0x03, 'p', 'r', 'v' };
static const u8 seed[] = { 0x00, 0x02, 's', 'd' };
static const u8 pcrs[] = { 0, 0, 0, 1, 0, 0x0b, 3, 0x81, 0, 1 };
static const u8 digest[32] = { 0xd1, 0x9e };

#define SPAN(a) ((struct tpmbuf_span){ (a), sizeof(a) })

static bool same(struct tpmbuf_span a, struct tpmbuf_span b)
{
	return a.len == b.len && !memcmp(a.p, b.p, a.len);
}

static struct tss2_key sealed_key(void)
{
	return (struct tss2_key){
		.type = TSS2_SEALED,
		.empty_auth = true,
		.parent = 0x81000001,
		.pub = SPAN(pub),
		.priv = SPAN(priv),
	};
}

/*
 * DER by hand: parts are appended as they are, then wrapped. An oversized
 * text is a mistake in the test.
 */
struct text {
	u8 data[TSS2_MAX + 64];
	size_t len;
};

static void add(struct text *t, const void *data, size_t len)
{
	if (len > sizeof(t->data) - t->len)
		abort();
	if (len)
		memcpy(t->data + t->len, data, len);
	t->len += len;
}

static void add_tlv(struct text *t, u8 tag, const void *data, size_t len)
{
	u8 head[4] = { tag, 0x82, len >> 8, len & 0xff };

	if (len < 0x80)
		add(t, (u8[]){ tag, len }, 2);
	else if (len < 0x100)
		add(t, (u8[]){ tag, 0x81, len }, 3);
	else
		add(t, head, 4);
	add(t, data, len);
}

static void wrap(struct text *t, u8 tag)
{
	struct text inner = *t;

	t->len = 0;
	add_tlv(t, tag, inner.data, inner.len);
}

static void add_type(struct text *t, u8 arc)
{
	u8 oid[] = { 0x06, 6, 0x67, 0x81, 0x05, 0x0a, 0x01, arc };

	add(t, oid, sizeof(oid));
}

static void add_tail(struct text *t)
{
	static const u8 parent[] = { 0x02, 5, 0x00, 0x81, 0x00, 0x00, 0x01 };

	add(t, parent, sizeof(parent));
	add_tlv(t, 0x04, pub, sizeof(pub));
	add_tlv(t, 0x04, priv, sizeof(priv));
}

/* A sealed key with these options between its type and its parent. */
static struct text with_options(u8 arc, const void *options, size_t len)
{
	struct text t = {};

	add_type(&t, arc);
	add(&t, options, len);
	add_tail(&t);
	wrap(&t, 0x30);
	return t;
}

static int parse(const struct text *t, struct tss2_key *key)
{
	return tss2_parse(t->data, t->len, key);
}

/* One policy element around @body. */
static struct text with_policy(u32 cc, const void *body, size_t len)
{
	struct text p = {};
	u8 code[] = { 0xa0, 4, 0x02, 2, cc >> 8, cc & 0xff };
	struct text octets = {};

	add(&p, code, sizeof(code));
	add_tlv(&octets, 0x04, body, len);
	add_tlv(&p, 0xa1, octets.data, octets.len);
	wrap(&p, 0x30);
	wrap(&p, 0x30);
	wrap(&p, 0xa1);
	return with_options(TSS2_SEALED, p.data, p.len);
}

static void test_round_trips(void)
{
	struct tss2_key in = sealed_key(), out;
	struct tss2_public p;
	u8 buf[TSS2_MAX];
	int len, shorter;

	len = tss2_encode(&in, buf, sizeof(buf));
	ktap_ok(len > 0 && !tss2_parse(buf, len, &out) && out.type == TSS2_SEALED &&
			out.empty_auth && out.parent == in.parent && !out.own.policies &&
			!out.secret.p && same(out.pub, in.pub) && same(out.priv, in.priv),
		"a sealed key comes back");
	ktap_ok(!tss2_sealed(&out, &p) && p.name_alg == TSS2_ALG_SHA256 &&
			p.attributes == 0x452 && !p.policy.len,
		"and its public area is read");
	for (shorter = 0; shorter < len; shorter++)
		if (tss2_encode(&in, buf, shorter) != -EINVAL)
			break;
	ktap_ok(shorter == len, "no smaller buffer takes it");

	in.own.policies = 2;
	in.own.policy[0].pcrs = SPAN(pcrs);
	in.own.policy[0].digest = SPAN(digest);
	in.own.policy[1].pcrs = SPAN(pcrs);
	len = tss2_encode(&in, buf, sizeof(buf));
	ktap_ok(len > 0 && !tss2_parse(buf, len, &out) && out.own.policies == 2 &&
			same(out.own.policy[0].digest, SPAN(digest)) &&
			same(out.own.policy[0].pcrs, SPAN(pcrs)) &&
			!out.own.policy[1].digest.len &&
			same(out.own.policy[1].pcrs, SPAN(pcrs)),
		"two policies come back, with and without a digest");

	in = sealed_key();
	in.type = TSS2_IMPORTABLE;
	in.secret = SPAN(seed);
	in.empty_auth = false;
	in.parent = TSS2_RH_OWNER;
	len = tss2_encode(&in, buf, sizeof(buf));
	ktap_ok(len > 0 && !tss2_parse(buf, len, &out) && out.type == TSS2_IMPORTABLE &&
			!out.empty_auth && out.parent == TSS2_RH_OWNER &&
			same(out.secret, SPAN(seed)),
		"an importable key comes back");
}

/* Bytes are pinned: a change of the encoder must not change blobs. */
static void test_golden(void)
{
	static const u8 head[] = {
		0x30, 0x4d, 0x06, 0x06, 0x67, 0x81, 0x05, 0x0a, 0x01, 0x05, 0xa0, 0x03,
		0x01, 0x01, 0xff, 0x02, 0x05, 0x00, 0x81, 0x00, 0x00, 0x01, 0x04, 0x30,
	};
	struct tss2_key key = sealed_key();
	u8 buf[TSS2_MAX], big[2 + 0x300] = { 0x03, 0x00 };
	struct tss2_key out;
	int len;

	len = tss2_encode(&key, buf, sizeof(buf));
	ktap_ok(len == 0x4f && !memcmp(buf, head, sizeof(head)),
		"the encoding is the documented one");
	key.priv = SPAN(big);
	len = tss2_encode(&key, buf, sizeof(buf));
	ktap_ok(len > 0 && buf[1] == 0x82 && !tss2_parse(buf, len, &out) &&
			same(out.priv, SPAN(big)),
		"long lengths");
}

static void test_options(void)
{
	static const u8 no[] = { 0xa0, 3, 0x01, 1, 0x00 };
	static const u8 later[] = {
		0xa0, 3, 0x01, 1, 0xff,	      /* emptyAuth */
		0xa3, 2, 0x30, 0,	      /* authPolicy */
		0xa4, 4, 0x0c, 2, 'h',	'i',  /* description */
		0xa5, 3, 0x01, 1, 0xff,	      /* rsaParent */
		0xa6, 4, 0x04, 2, 0x00, 0x0b, /* parentName */
	};
	static const u8 disorder[] = {
		0xa4, 4, 0x0c, 2, 'h', 'i', 0xa0, 3, 0x01, 1, 0xff,
	};
	static const u8 twice[] = { 0xa0, 3, 1, 1, 0xff, 0xa0, 3, 1, 1, 0xff };
	static const u8 unknown[] = { 0xa7, 3, 0x01, 1, 0xff };
	static const u8 ber_true[] = { 0xa0, 3, 0x01, 1, 0x01 };
	static const u8 two[] = { 0xa0, 4, 0x01, 2, 0xff, 0xff };
	static const u8 stuffed[] = { 0xa0, 4, 0x01, 1, 0xff, 0x00 };
	static const u8 secret[] = { 0xa2, 6, 0x04, 4, 0x00, 0x02, 's', 'd' };
	struct tss2_key key;
	struct text t;

	t = with_options(TSS2_LOADABLE, no, sizeof(no));
	ktap_ok(!parse(&t, &key) && key.type == TSS2_LOADABLE && !key.empty_auth,
		"emptyAuth may say no");
	t = with_options(TSS2_SEALED, later, sizeof(later));
	ktap_ok(!parse(&t, &key) && key.empty_auth && key.rsa_parent,
		"what else the draft has is skipped or read");
	t = with_options(TSS2_SEALED, disorder, sizeof(disorder));
	ktap_ok(parse(&t, &key) == -EBADMSG, "options out of order");
	t = with_options(TSS2_SEALED, twice, sizeof(twice));
	ktap_ok(parse(&t, &key) == -EBADMSG, "an option twice");
	t = with_options(TSS2_SEALED, unknown, sizeof(unknown));
	ktap_ok(parse(&t, &key) == -EPROTONOSUPPORT, "an option of the future");
	t = with_options(TSS2_SEALED, ber_true, sizeof(ber_true));
	ktap_ok(!parse(&t, &key) && key.empty_auth, "TRUE as tpm2-openssl writes it");
	t = with_options(TSS2_SEALED, two, sizeof(two));
	ktap_ok(parse(&t, &key) == -EBADMSG, "a truth of two octets");
	t = with_options(TSS2_SEALED, stuffed, sizeof(stuffed));
	ktap_ok(parse(&t, &key) == -EBADMSG, "bytes after an option's value");
	t = with_options(TSS2_SEALED, secret, sizeof(secret));
	ktap_ok(parse(&t, &key) == -EBADMSG, "a seed in a sealed key");
	t = with_options(TSS2_IMPORTABLE, NULL, 0);
	ktap_ok(parse(&t, &key) == -EBADMSG, "no seed in an importable key");
	t = with_options(2, NULL, 0);
	ktap_ok(parse(&t, &key) == -EPROTONOSUPPORT, "an unknown type");
}

static void test_policies(void)
{
	u8 engine[sizeof(pcrs) + sizeof(digest)];
	u8 draft[2 + sizeof(digest) + sizeof(pcrs)] = { 0, sizeof(digest) };
	u8 empty[2 + sizeof(pcrs)] = { 0, 0 };
	struct tss2_key key;
	struct text t;

	memcpy(engine, pcrs, sizeof(pcrs));
	memcpy(engine + sizeof(pcrs), digest, sizeof(digest));
	memcpy(draft + 2, digest, sizeof(digest));
	memcpy(draft + 2 + sizeof(digest), pcrs, sizeof(pcrs));
	memcpy(empty + 2, pcrs, sizeof(pcrs));

	t = with_policy(0x17f, draft, sizeof(draft));
	ktap_ok(!parse(&t, &key) && key.own.policies == 1 &&
			same(key.own.policy[0].digest, SPAN(digest)) &&
			same(key.own.policy[0].pcrs, SPAN(pcrs)),
		"PolicyPCR of the draft");
	t = with_policy(0x17f, engine, sizeof(engine));
	ktap_ok(!parse(&t, &key) && key.own.policies == 1 &&
			same(key.own.policy[0].digest, SPAN(digest)) &&
			same(key.own.policy[0].pcrs, SPAN(pcrs)),
		"PolicyPCR of openssl_tpm2_engine");
	t = with_policy(0x17f, empty, sizeof(empty));
	ktap_ok(!parse(&t, &key) && !key.own.policy[0].digest.len &&
			same(key.own.policy[0].pcrs, SPAN(pcrs)),
		"PolicyPCR, no digest");
	t = with_policy(0x17f, pcrs, sizeof(pcrs));
	ktap_ok(parse(&t, &key) == -EBADMSG, "a selection alone");
	t = with_policy(0x17f, draft, sizeof(draft) - 1);
	ktap_ok(parse(&t, &key) == -EBADMSG, "a selection cut short");
	t = with_policy(0x17f, draft, 2 + sizeof(digest));
	ktap_ok(parse(&t, &key) == -EBADMSG, "a digest alone");
	t = with_policy(0x17f, "", 0);
	ktap_ok(parse(&t, &key) == -EBADMSG, "an empty PolicyPCR");
	t = with_policy(0x16b, "", 0);
	ktap_ok(parse(&t, &key) == -EOPNOTSUPP, "PolicyAuthValue");
}

/* A policy key of P-256, or RSA-2048, and signatures, as to their form. */
static struct text ecc_signer(u8 curve)
{
	u8 head[] = { 0x00, 0x56, 0x00, 0x23, 0x00, 0x0b, 0x00, 0x04,  0x00, 0x40,
		      0,    0,	  0x00, 0x10, 0x00, 0x10, 0x00, curve, 0x00, 0x10 };
	struct text t = {};
	u8 coordinate[34] = { 0, 32, 7 };

	add(&t, head, sizeof(head));
	add(&t, coordinate, sizeof(coordinate));
	add(&t, coordinate, sizeof(coordinate));
	return t;
}

static struct text rsa_signer(u8 bits)
{
	u8 head[] = { 0x01, 0x16, 0x00, 0x01, 0x00, 0x0b, 0x00, 0x04, 0x00, 0x40, 0, 0,
		      0x00, 0x10, 0x00, 0x10, bits, 0x00, 0,	0,    0,    0,	  1, 0 };
	struct text t = {};
	u8 modulus[256] = { 0xc1 };

	add(&t, head, sizeof(head));
	add(&t, modulus, sizeof(modulus));
	return t;
}

static const u8 ecdsa_sig[] = { 0, 0x18, 0, 0x0b, 0, 2, 'r', 'r', 0, 2, 's', 's' };
static const u8 no_sig[] = { 0, 0x10 };
static const u8 ref[] = { 'r', 'e', 'f' };

static struct text step(u32 cc, const struct text *body)
{
	struct text p = {}, octets = {};
	u8 code[] = { 0xa0, 4, 0x02, 2, cc >> 8, cc & 0xff };

	add(&p, code, sizeof(code));
	add_tlv(&octets, 0x04, body->data, body->len);
	add_tlv(&p, 0xa1, octets.data, octets.len);
	wrap(&p, 0x30);
	return p;
}

static struct text authorize(const struct text *signer, const void *sig, size_t len)
{
	struct text body = {};

	if (signer)
		add(&body, signer->data, signer->len);
	else
		add(&body, "\0", 2);
	if (signer)
		add(&body, (u8[]){ 0, sizeof(ref), 'r', 'e', 'f' }, 5);
	else
		add(&body, "\0", 2);
	add(&body, sig, len);
	return step(0x16a, &body);
}

/* A TPMAuthPolicy: PCRs @n times, and that. */
static struct text alternative(unsigned int n, const struct text *end, bool named)
{
	static const u8 name[] = { 0xa0, 5, 0x0c, 3, 'o', 'n', 'e' };
	struct text body = {}, list = {}, whole = {}, one;

	add(&body, (u8[]){ 0, sizeof(digest) }, 2);
	add(&body, digest, sizeof(digest));
	add(&body, pcrs, sizeof(pcrs));
	one = step(0x17f, &body);
	for (; n; n--)
		add(&list, one.data, one.len);
	add(&list, end->data, end->len);
	wrap(&list, 0x30);
	wrap(&list, 0xa1);
	if (named)
		add(&whole, name, sizeof(name));
	add(&whole, list.data, list.len);
	wrap(&whole, 0x30);
	return whole;
}

/* A sealed key with a policy (or NULL), and @n times that alternative. */
static struct text with_alternatives(const struct text *policy, const struct text *one,
				     unsigned int n)
{
	struct text options = {}, element = {};

	if (policy) {
		element = *policy;
		wrap(&element, 0x30);
		wrap(&element, 0xa1);
		add(&options, element.data, element.len);
	}
	element.len = 0;
	for (; n; n--)
		add(&element, one->data, one->len);
	wrap(&element, 0x30);
	wrap(&element, 0xa3);
	add(&options, element.data, element.len);
	return with_options(TSS2_SEALED, options.data, options.len);
}

/* What is to be said of the one alternative that the key has. */
static int first(const struct text *t, struct tss2_key *key, struct tss2_branch *branch)
{
	struct tpmbuf_span list;
	int ret = parse(t, key);

	list = key->alternatives;
	return ret ?: tss2_next_alternative(key, &list, branch);
}

static void test_approvals(void)
{
	struct text signer = ecc_signer(3), rsa = rsa_signer(8), one, end, t, again = {};
	struct text template = authorize(&signer, no_sig, sizeof(no_sig));
	u8 rsa_sig[6 + 256] = { 0, 0x16, 0, 0x0b, 1, 0 };
	struct tpmbuf_span list;
	struct tss2_branch b;
	struct tss2_key key;
	int len;

	end = authorize(&signer, ecdsa_sig, sizeof(ecdsa_sig));
	one = alternative(1, &end, true);
	t = with_alternatives(&template, &one, 2);
	ktap_ok(!first(&t, &key, &b) && b.policies == 1 &&
			same(b.policy[0].pcrs, SPAN(pcrs)) &&
			same(b.policy[0].digest, SPAN(digest)) &&
			b.approval.key.len == signer.len &&
			!memcmp(b.approval.key.p, signer.data, signer.len) &&
			same(b.approval.ref, SPAN(ref)) &&
			same(b.approval.signature, SPAN(ecdsa_sig)),
		"an alternative with a name");
	ktap_ok(tss2_is_signed(&key) && tss2_has_policy(&key) && key.own.authorized &&
			!key.own.approval.signature.len && !tss2_is_complete(&key.own),
		"the policy names the key and approves nothing");
	list = key.alternatives;
	ktap_ok(!tss2_next_alternative(&key, &list, &b) &&
			!tss2_next_alternative(&key, &list, &b) && !list.len,
		"there are two");
	len = tss2_encode(&key, again.data, sizeof(again.data));
	ktap_ok(len == (int)t.len && !memcmp(again.data, t.data, t.len),
		"all of it is written as it was read");

	one = alternative(1, &end, false);
	t = with_alternatives(NULL, &one, 1);
	ktap_ok(!first(&t, &key, &b) && tss2_is_signed(&key),
		"without a name nor a policy");
	end = authorize(NULL, ecdsa_sig, sizeof(ecdsa_sig));
	one = alternative(1, &end, true);
	t = with_alternatives(&template, &one, 1);
	ktap_ok(!first(&t, &key, &b) && b.approval.key.len == signer.len &&
			same(b.approval.ref, SPAN(ref)),
		"key and policyRef are the policy's");
	t = with_alternatives(NULL, &one, 1);
	ktap_ok(first(&t, &key, &b) == -EOPNOTSUPP, "nobody's key");
	end = authorize(&rsa, rsa_sig, sizeof(rsa_sig));
	one = alternative(4, &end, true);
	t = with_alternatives(&template, &one, 1);
	ktap_ok(!first(&t, &key, &b) && b.policies == 4,
		"RSA-2048, RSAPSS, four sets of PCRs");
	one = alternative(5, &end, true);
	t = with_alternatives(&template, &one, 1);
	ktap_ok(first(&t, &key, &b) == -EOPNOTSUPP, "five");
	one = alternative(0, &end, true);
	t = with_alternatives(&template, &one, 1);
	ktap_ok(first(&t, &key, &b) == -EOPNOTSUPP, "none");

	rsa_sig[3] = 0x04;
	end = authorize(&rsa, rsa_sig, sizeof(rsa_sig));
	one = alternative(1, &end, true);
	t = with_alternatives(&template, &one, 1);
	ktap_ok(first(&t, &key, &b) == -EOPNOTSUPP, "a signature of SHA-1");
	rsa = rsa_signer(4);
	end = authorize(&rsa, ecdsa_sig, sizeof(ecdsa_sig));
	one = alternative(1, &end, true);
	t = with_alternatives(&template, &one, 1);
	ktap_ok(first(&t, &key, &b) == -EOPNOTSUPP, "RSA-1024");
	signer = ecc_signer(4);
	end = authorize(&signer, ecdsa_sig, sizeof(ecdsa_sig));
	one = alternative(1, &end, true);
	t = with_alternatives(&template, &one, 1);
	ktap_ok(first(&t, &key, &b) == -EOPNOTSUPP, "P-384");
	signer = ecc_signer(3);
	end = authorize(&signer, no_sig, sizeof(no_sig));
	one = alternative(1, &end, true);
	t = with_alternatives(&template, &one, 1);
	ktap_ok(first(&t, &key, &b) == -EOPNOTSUPP, "no signature");
	end = authorize(&signer, ecdsa_sig, sizeof(ecdsa_sig) - 1);
	one = alternative(1, &end, true);
	t = with_alternatives(&template, &one, 1);
	ktap_ok(parse(&t, &key) == -EBADMSG, "a signature cut short");
	end = authorize(&signer, ecdsa_sig, sizeof(ecdsa_sig));
	add(&end, end.data, end.len);
	one = alternative(1, &end, true);
	t = with_alternatives(&template, &one, 1);
	ktap_ok(first(&t, &key, &b) == -EOPNOTSUPP, "two approvals in one");

	end = authorize(&signer, ecdsa_sig, sizeof(ecdsa_sig));
	one = alternative(1, &end, true);
	t = with_alternatives(&template, &one, 8);
	ktap_ok(!parse(&t, &key), "eight alternatives");
	t = with_alternatives(&template, &one, 9);
	ktap_ok(parse(&t, &key) == -EOPNOTSUPP, "nine");

	/* of an update */
	t = one;
	wrap(&t, 0x30);
	ktap_ok(!tss2_alternatives(t.data, t.len, &key) &&
			same(key.alternatives, (struct tpmbuf_span){ one.data, one.len }),
		"an alternative to be added");
	ktap_ok(tss2_alternatives(t.data, t.len - 1, &key) == -EBADMSG, "cut short");
	ktap_ok(tss2_alternatives(t.data, TSS2_MAX_APPROVALS + 1, &key) == -EINVAL,
		"too many octets");
	ktap_ok(tss2_alternatives((const u8 *)"\x30\0", 2, &key) == -EINVAL, "none");
	one = alternative(0, &end, true);
	t = one;
	wrap(&t, 0x30);
	ktap_ok(tss2_alternatives(t.data, t.len, &key) == -EOPNOTSUPP,
		"one that cannot be played");
}

static void test_damage(void)
{
	struct tss2_key in = sealed_key(), key;
	static u8 buf[TSS2_MAX], big[TSS2_MAX + 1];
	unsigned int i, accepted = 0;
	int len, n;

	in.own.policies = 1;
	in.own.policy[0].pcrs = SPAN(pcrs);
	in.own.policy[0].digest = SPAN(digest);
	len = tss2_encode(&in, buf, sizeof(buf));
	for (n = 0; n < len; n++) {
		/* a heap copy of the exact size, for the sanitizer's sake */
		u8 *cut = malloc(n + 1);

		memcpy(cut, buf, n);
		accepted += !tss2_parse(cut, n, &key);
		free(cut);
	}
	ktap_ok(!accepted, "every truncation is refused");
	ktap_ok(tss2_parse(buf, len + 1, &key) == -EBADMSG, "a byte too many");
	ktap_ok(tss2_parse(big, sizeof(big), &key) == -EBADMSG, "too long");
	for (i = 0; i < 8U * len; i++) {
		buf[i / 8] ^= 1 << i % 8;
		if (!tss2_parse(buf, len, &key) &&
		    (key.pub.p + key.pub.len > buf + len ||
		     key.priv.p + key.priv.len > buf + len))
			accepted++;
		buf[i / 8] ^= 1 << i % 8;
	}
	ktap_ok(!accepted, "no flipped bit makes a span leave the text");
}

static void test_lengths(void)
{
	static const struct {
		const char *name;
		u8 data[8];
		size_t len;
	} bad[] = {
		{ "indefinite length", { 0x30, 0x80, 0, 0 }, 4 },
		{ "long form of a short length", { 0x30, 0x81, 2, 5, 0 }, 5 },
		{ "leading zero in a length", { 0x30, 0x82, 0, 2, 5, 0 }, 6 },
		{ "length of three octets", { 0x30, 0x83, 0, 0, 1, 0 }, 6 },
		{ "length that ends early", { 0x30, 0x82, 1 }, 3 },
		{ "tag alone", { 0x30 }, 1 },
		{ "nothing", { 0 }, 0 },
		{ "empty sequence", { 0x30, 0 }, 2 },
	};
	struct tss2_key key;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ktap_ok(tss2_parse(bad[i].data, bad[i].len, &key) == -EBADMSG, "%s",
			bad[i].name);
}

static void test_parents(void)
{
	static const struct {
		const char *name;
		u8 der[8];
		size_t len;
		int ret;
		u32 value;
	} cases[] = {
		{ "parent 0", { 2, 1, 0 }, 3, 0, 0 },
		{ "parent of 4 octets", { 2, 4, 0x40, 0, 0, 1 }, 6, 0, 0x40000001 },
		{ "parent of 5 octets",
		  { 2, 5, 0, 0xff, 0xff, 0xff, 0xff },
		  7,
		  0,
		  0xffffffff },
		{ "negative parent", { 2, 4, 0x81, 0, 0, 1 }, 6, -EBADMSG, 0 },
		{ "parent with a leading zero", { 2, 2, 0, 1 }, 4, -EBADMSG, 0 },
		{ "parent of 33 bits", { 2, 5, 1, 0, 0, 0, 0 }, 7, -EBADMSG, 0 },
		{ "empty parent", { 2, 0 }, 2, -EBADMSG, 0 },
	};
	struct tss2_key key;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct text t = {};

		add_type(&t, TSS2_SEALED);
		add(&t, cases[i].der, cases[i].len);
		add_tlv(&t, 0x04, pub, sizeof(pub));
		add_tlv(&t, 0x04, priv, sizeof(priv));
		wrap(&t, 0x30);
		ret = parse(&t, &key);
		ktap_ok(ret == cases[i].ret && (ret || key.parent == cases[i].value),
			"%s", cases[i].name);
	}
}

static int sealed_after(size_t at, u8 value, bool empty_auth, u8 type)
{
	struct tss2_key key = sealed_key();
	struct tss2_public p;
	u8 changed[sizeof(pub)];

	memcpy(changed, pub, sizeof(pub));
	changed[at] = value;
	key.pub = SPAN(changed);
	key.empty_auth = empty_auth;
	key.type = type;
	return tss2_sealed(&key, &p);
}

static void test_sealed(void)
{
	struct tss2_key key = sealed_key();
	struct tss2_public p;
	size_t n, accepted = 0;

	ktap_ok(sealed_after(3, 0x23, true, TSS2_SEALED) == -EINVAL,
		"an ECC key is no sealed data");
	ktap_ok(sealed_after(7, 0x04, true, TSS2_SEALED) == -EINVAL,
		"nor is an HMAC key");
	ktap_ok(sealed_after(13, 0x05, true, TSS2_SEALED) == -EINVAL,
		"nor has it a scheme");
	ktap_ok(sealed_after(9, 0x12, true, TSS2_SEALED) == -EOPNOTSUPP,
		"a policy that is not told");
	ktap_ok(sealed_after(9, 0x52, false, TSS2_SEALED) == -EOPNOTSUPP, "a password");
	ktap_ok(sealed_after(8, 0x00, false, TSS2_LOADABLE) == -EOPNOTSUPP,
		"a password, which it would cost to guess");
	ktap_ok(!sealed_after(8, 0x04, false, TSS2_LOADABLE),
		"where a guess costs nothing tpm2_encodeobject's word is not taken");
	ktap_ok(!sealed_after(8, 0x00, true, TSS2_LOADABLE), "said to have none");
	ktap_ok(sealed_after(11, 0xff, true, TSS2_SEALED) == -EBADMSG,
		"a policy digest too long");
	for (n = 2; n < sizeof(pub); n++) {
		key.pub.len = n;
		accepted += !tss2_sealed(&key, &p);
	}
	ktap_ok(!accepted, "every shorter public area is refused");
}

static void test_command(void)
{
	static const u8 unseal[] = {
		0x80, 0x02, 0, 0, 0,	27, 0, 0, 0x01, 0x5e, 0x80, 0, 0, 0,
		0,    0,    0, 9, 0x40, 0,  0, 9, 0,	0,    0,    0, 0,
	};
	static const u8 flush[] = {
		0x80, 0x01, 0, 0, 0, 14, 0, 0, 0x01, 0x65, 0x80, 0, 0, 1,
	};
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_UNSEAL,
		.handle = { 0x80000000 },
		.handles = 1,
		.authorized = true,
		.auth = { .handle = TPMBUF_RS_PW },
	};
	u8 buf[64], params[16];
	struct tpmbuf_writer w = { .data = params, .size = sizeof(params) };
	size_t n, at;

	n = tpmbuf_command(&call, &w, buf, sizeof(buf));
	ktap_ok(n == sizeof(unseal) && !memcmp(buf, unseal, n), "Unseal");
	ktap_ok(tpmbuf_command(&call, &w, buf, n - 1) == -EINVAL,
		"a command that does not fit");
	call = (struct tpmbuf_call){ .cc = TPMBUF_CC_FLUSH_CONTEXT };
	tpmbuf_put_u32(&w, 0x80000001);
	n = tpmbuf_command(&call, &w, buf, sizeof(buf));
	ktap_ok(n == sizeof(flush) && !memcmp(buf, flush, n), "FlushContext");

	w.len = 0;
	at = tpmbuf_begin_2b(&w);
	tpmbuf_put_u8(&w, 7);
	tpmbuf_put_2b(&w, "ab", 2);
	tpmbuf_end_2b(&w, at);
	ktap_ok(w.len == 7 && !memcmp(params, "\0\5\7\0\2ab", 7), "a TPM2B of parts");
	tpmbuf_put(&w, buf, 10);
	tpmbuf_put_u8(&w, 1);
	ktap_ok(w.bad && w.len == 7 &&
			tpmbuf_command(&call, &w, buf, sizeof(buf)) == -EINVAL,
		"an overflow sticks");
}

static void test_answer(void)
{
	static const u8 load[] = {
		0x80, 0x02, 0, 0, 0, 26, 0, 0,	 0, 0, 0x80, 0, 0,
		2,    0,    0, 0, 3, 0,	 1, 'n', 0, 0, 1,    0, 0,
	};
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_LOAD,
		.authorized = true,
		.auth = { .handle = TPMBUF_RS_PW },
		.gives = TPMBUF_TRANSIENT,
	};
	u8 buf[sizeof(load) + 1] = {};
	struct tpmbuf_reader r;
	const u8 *name;
	size_t len, i, accepted = 0;

	ktap_ok(!tpmbuf_answer(&call, load, sizeof(load), &r) &&
			call.given == 0x80000002 && r.left == 3,
		"Load is answered");
	name = tpmbuf_get_2b(&r, &len);
	ktap_ok(name && len == 1 && *name == 'n' && !r.left && !r.bad, "with a name");
	ktap_ok(!tpmbuf_get_u32(&r) && r.bad && !tpmbuf_get_u8(&r) &&
			!tpmbuf_get_2b(&r, &len) && !len,
		"an underrun sticks");
	for (i = 0; i < sizeof(load); i++) {
		memcpy(buf, load, sizeof(load));
		accepted += !tpmbuf_answer(&call, buf, i, &r);
		buf[5] = i;
		accepted += !tpmbuf_answer(&call, buf, sizeof(buf), &r);
	}
	ktap_ok(!accepted, "every other length is refused");
	memcpy(buf, load, sizeof(load));
	buf[5]++;
	ktap_ok(tpmbuf_answer(&call, buf, sizeof(buf), &r) == -EBADMSG,
		"a byte after the session");
	memcpy(buf, load, sizeof(load));
	buf[10] = 0x81;
	ktap_ok(tpmbuf_answer(&call, buf, sizeof(load), &r) == -EBADMSG,
		"a handle of another type");
	memcpy(buf, load, sizeof(load));
	buf[14] = 0xff;
	ktap_ok(tpmbuf_answer(&call, buf, sizeof(load), &r) == -EBADMSG,
		"more parameters than there are bytes");
	memcpy(buf, load, sizeof(load));
	buf[1] = 0x01;
	ktap_ok(tpmbuf_answer(&call, buf, sizeof(load), &r) == -EBADMSG,
		"an answer without the session");
	for (accepted = 0, i = 8 * 21; i < 8 * sizeof(load); i++) {
		memcpy(buf, load, sizeof(load));
		buf[i / 8] ^= 1 << i % 8;
		accepted += !tpmbuf_answer(&call, buf, sizeof(load), &r);
	}
	ktap_ok(!accepted, "a password's session says always the same");
	ktap_ok(!tpmbuf_is_error(load) &&
			tpmbuf_is_error((const u8 *)"\x80\1\0\0\0\x0a\0\0\1\1") &&
			!tpmbuf_is_error((const u8 *)"\x80\1\0\0\0\x0b\0\0\1\1"),
		"an error is a header and no more");
}

/* A public area of an ECC key, of parts that may be wrong. */
struct area {
	u16 type, hash;
	u32 attributes;
	u16 policy, symmetric, scheme, scheme_hash, curve, kdf, x, y, more;
};

static const struct area good_area = {
	.type = TSS2_ALG_ECC,
	.hash = TSS2_ALG_SHA256,
	.attributes = TSS2_OA_SIGN | TSS2_OA_USER_WITH_AUTH,
	.symmetric = TSS2_ALG_NULL,
	.scheme = TSS2_ALG_NULL,
	.curve = TSS2_ECC_P256,
	.kdf = TSS2_ALG_NULL,
	.x = 32,
	.y = 32,
};

static size_t put_area(const struct area *a, u8 *buf, size_t size)
{
	struct tpmbuf_writer w = { .data = buf, .size = size };
	size_t at = tpmbuf_begin_2b(&w);
	u8 bytes[80];

	memset(bytes, 0x5c, sizeof(bytes));
	tpmbuf_put_u16(&w, a->type);
	tpmbuf_put_u16(&w, a->hash);
	tpmbuf_put_u32(&w, a->attributes);
	tpmbuf_put_2b(&w, bytes, a->policy);
	tpmbuf_put_u16(&w, a->symmetric);
	tpmbuf_put_u16(&w, a->scheme);
	if (a->scheme_hash)
		tpmbuf_put_u16(&w, a->scheme_hash);
	tpmbuf_put_u16(&w, a->curve);
	tpmbuf_put_u16(&w, a->kdf);
	tpmbuf_put_2b(&w, bytes, a->x);
	tpmbuf_put_2b(&w, bytes, a->y);
	tpmbuf_put(&w, bytes, a->more);
	tpmbuf_end_2b(&w, at);
	return w.bad ? 0 : w.len;
}

static int ecdsa(const struct area *a, enum tss2_type type, bool empty_auth,
		 struct tss2_public *parsed)
{
	struct tss2_key key = sealed_key();
	u8 buf[256];

	key.type = type;
	key.empty_auth = empty_auth;
	key.pub = (struct tpmbuf_span){ buf, put_area(a, buf, sizeof(buf)) };
	return tss2_ecdsa(&key, parsed);
}

static void test_ecdsa(void)
{
	static const u32 ak = TSS2_OA_SIGN | TSS2_OA_USER_WITH_AUTH | TSS2_OA_RESTRICTED;
	struct tss2_public p;
	struct area a;
	struct tss2_key key;
	u8 buf[256];
	size_t i, len, taken = 0;

/* A good area with this changed has that result. */
#define WITH(result, what, ...)                                                      \
	do {                                                                         \
		a = good_area;                                                       \
		__VA_ARGS__;                                                         \
		ktap_ok(ecdsa(&a, TSS2_LOADABLE, true, &p) == (result), "%s", what); \
	} while (0)

	WITH(0, "a signing key of P-256");
	ktap_ok(p.point[0] == 0x5c && p.point[63] == 0x5c, "its point");
	WITH(0, "short coordinates", a.x = 31, a.y = 1);
	ktap_ok(!p.point[0] && p.point[1] == 0x5c && !p.point[62] && p.point[63] == 0x5c,
		"get their zeroes");
	WITH(0, "that decrypts, too", a.attributes |= TSS2_OA_DECRYPT);
	WITH(0, "with ECDSA and SHA-256", a.scheme = TSS2_ALG_ECDSA,
	     a.scheme_hash = TSS2_ALG_SHA256);
	WITH(0, "with a policy besides its password", a.policy = 32);
	WITH(0, "an attestation key", a.attributes = ak, a.scheme = TSS2_ALG_ECDSA,
	     a.scheme_hash = TSS2_ALG_SHA256);
	WITH(-EBADMSG, "an attestation key without a scheme", a.attributes = ak);
	WITH(-EBADMSG, "a restricted key for everything",
	     a.attributes = ak | TSS2_OA_DECRYPT, a.scheme = TSS2_ALG_ECDSA,
	     a.scheme_hash = TSS2_ALG_SHA256);
	WITH(-EINVAL, "a key that does not sign", a.attributes = TSS2_OA_USER_WITH_AUTH);
	WITH(-EINVAL, "a storage key", a.symmetric = 6);
	WITH(-EINVAL, "RSA", a.type = 1);
	WITH(-EINVAL, "a sealed object", a.type = TSS2_ALG_KEYEDHASH);
	WITH(-EOPNOTSUPP, "a name of SHA-384", a.hash = 0x0c);
	WITH(-EOPNOTSUPP, "ECDSA with SHA-384", a.scheme = TSS2_ALG_ECDSA,
	     a.scheme_hash = 0x0c);
	WITH(-EOPNOTSUPP, "ECDAA", a.scheme = 0x1a, a.scheme_hash = TSS2_ALG_SHA256);
	WITH(-EOPNOTSUPP, "P-384", a.curve = 4);
	WITH(-EOPNOTSUPP, "a KDF", a.kdf = 0x20);
	WITH(-EOPNOTSUPP, "no password", a.attributes = TSS2_OA_SIGN, a.policy = 32);
	WITH(-EBADMSG, "no x", a.x = 0);
	WITH(-EBADMSG, "33 octets of y", a.y = 33);
	WITH(-EBADMSG, "something behind it", a.more = 1);
	WITH(-EBADMSG, "a policy of 65 octets", a.policy = 65);
#undef WITH
	ktap_ok(ecdsa(&good_area, TSS2_LOADABLE, false, &p) == -EOPNOTSUPP,
		"a password, which it would cost to guess");
	a = good_area;
	a.attributes |= TSS2_OA_NO_DA;
	ktap_ok(!ecdsa(&a, TSS2_LOADABLE, false, &p),
		"no emptyAuth, as tpm2_encodeobject writes it, where a guess costs nothing");
	ktap_ok(ecdsa(&a, TSS2_IMPORTABLE, false, &p) == -EOPNOTSUPP,
		"but not of an importable key");
	ktap_ok(ecdsa(&good_area, TSS2_IMPORTABLE, true, &p) == 0, "importable");
	ktap_ok(ecdsa(&good_area, TSS2_IMPORTABLE, false, &p) == -EOPNOTSUPP,
		"importable, with a password");
	ktap_ok(ecdsa(&good_area, TSS2_SEALED, true, &p) == -EINVAL, "said to be sealed");

	len = put_area(&good_area, buf, sizeof(buf));
	key = sealed_key();
	key.type = TSS2_LOADABLE;
	key.own.policies = 1;
	key.pub = (struct tpmbuf_span){ buf, len };
	ktap_ok(tss2_ecdsa(&key, &p) == -EOPNOTSUPP, "with a policy to be played");
	key.own.policies = 0;
	for (i = 2; i < len; i++) {
		u8 *cut = malloc(i);

		memcpy(cut, buf, i);
		put_unaligned_be16(i - 2, cut);
		key.pub = (struct tpmbuf_span){ cut, i };
		taken += !tss2_ecdsa(&key, &p);
		free(cut);
	}
	ktap_ok(!taken, "cut anywhere: refused");
}

static void test_errno(void)
{
	static const struct {
		u32 cc, rc;
		int error;
	} cases[] = {
		{ TPMBUF_CC_CREATE, 0x18b, -ENXIO }, /* HANDLE, handle 1 */
		{ TPMBUF_CC_LOAD, 0x18b, -ENXIO },
		{ TPMBUF_CC_CREATE, 0x18a, -EINVAL },	  /* TYPE, handle 1 */
		{ TPMBUF_CC_LOAD, 0x1df, -EKEYREJECTED }, /* INTEGRITY, 1 */
		{ TPMBUF_CC_LOAD, 0x0a5, -EKEYREJECTED }, /* BINDING */
		{ TPMBUF_CC_LOAD, 0x18a, -EKEYREJECTED },
		{ TPMBUF_CC_LOAD, 0x155, -EKEYREJECTED }, /* SENSITIVE */
		{ TPMBUF_CC_IMPORT, 0x3df, -EKEYREJECTED },
		{ TPMBUF_CC_IMPORT, 0x4d5, -EKEYREJECTED }, /* SIZE, 4 */
		{ TPMBUF_CC_UNSEAL, 0x99d, -EPERM },	    /* POLICY_FAIL, session 1 */
		{ TPMBUF_CC_UNSEAL, 0x128, -EPERM },	    /* PCR_CHANGED */
		{ TPMBUF_CC_POLICY_PCR, 0x1c4, -EPERM },    /* VALUE, digest */
		{ TPMBUF_CC_POLICY_PCR, 0x2c3, -EINVAL },   /* HASH, selection */
		{ TPMBUF_CC_POLICY_PCR, 0x128, -EPERM },
		{ TPMBUF_CC_PCR_READ, 0x1c3, -EINVAL },
		{ TPMBUF_CC_EVICT_CONTROL, 0x1cd, -EINVAL },	  /* RANGE, 1 */
		{ TPMBUF_CC_EVICT_CONTROL, 0x284, -EBADMSG },	  /* VALUE, handle 2 */
		{ TPMBUF_CC_EVICT_CONTROL, 0x28b, -EBADMSG },	  /* HANDLE, 2 */
		{ TPMBUF_CC_EVICT_CONTROL, 0x14b, -EBUSY },	  /* NV_SPACE */
		{ TPMBUF_CC_UNSEAL, 0x98e, -EOPNOTSUPP },	  /* AUTH_FAIL */
		{ TPMBUF_CC_CREATE_PRIMARY, 0x9a2, -EOPNOTSUPP }, /* BAD_AUTH */
		{ TPMBUF_CC_UNSEAL, 0x12f, -EOPNOTSUPP },	  /* AUTH_UNAVAILABLE */
		{ TPMBUF_CC_LOAD, 0x902, -EBUSY },		  /* OBJECT_MEMORY */
		{ TPMBUF_CC_LOAD, 0x908, -EBUSY },		  /* YIELDED */
		{ TPMBUF_CC_LOAD, 0x922, -EBUSY },		  /* RETRY */
		{ TPMBUF_CC_UNSEAL, 0x921, -EBUSY },		  /* LOCKOUT */
		{ TPMBUF_CC_LOAD, 0x101, -EIO },		  /* FAILURE */
		{ TPMBUF_CC_LOAD, 0x143, -EIO },		  /* COMMAND_CODE */
		{ TPMBUF_CC_LOAD, 0xb0922, -EIO }, /* a resource manager's */
		{ TPMBUF_CC_UNSEAL, 0x1c4, -EIO },
		{ TPMBUF_CC_UNSEAL, 0x18b, -EBADMSG }, /* HANDLE: the TPM gave it */
		{ TPMBUF_CC_POLICY_PCR, 0x18b, -EBADMSG },
		{ TPMBUF_CC_UNSEAL, 0x910, -EBADMSG }, /* REFERENCE_H0 */
		{ TPMBUF_CC_LOAD, 0x918, -EBADMSG },   /* REFERENCE_S0 */
		{ TPMBUF_CC_LOAD, 0x91f, -EIO },
		{ TPMBUF_CC_LOAD, 0x984, -EBADMSG }, /* VALUE, session 1 */
		{ TPMBUF_CC_SIGN, 0x18b, -EBADMSG },
		{ TPMBUF_CC_SIGN, 0x910, -EBADMSG },
		{ TPMBUF_CC_SIGN, 0x98e, -EOPNOTSUPP },
		{ TPMBUF_CC_SIGN, 0x2d2, -EIO }, /* SCHEME, 2 */
		{ TPMBUF_CC_SIGN, 0x921, -EBUSY },
		{ TPMBUF_CC_QUOTE, 0x910, -EBADMSG },
		{ TPMBUF_CC_QUOTE, 0x3c3, -EINVAL },		 /* HASH, selection */
		{ TPMBUF_CC_LOAD_EXTERNAL, 0x2e7, -EOPNOTSUPP }, /* ECC_POINT, 2 */
		{ TPMBUF_CC_VERIFY_SIGNATURE, 0x2db, -EKEYREJECTED }, /* SIGNATURE, 2 */
		{ TPMBUF_CC_VERIFY_SIGNATURE, 0x18b, -EBADMSG },
		{ TPMBUF_CC_POLICY_AUTHORIZE, 0x1c4,
		  -EINVAL }, /* VALUE, approvedPolicy */
		{ TPMBUF_CC_POLICY_AUTHORIZE, 0x4e0, -EBADMSG }, /* TICKET, 4 */
		{ TPMBUF_CC_POLICY_AUTHORIZE, 0x18b, -EBADMSG },
		{ TPMBUF_CC_POLICY_RESTART, 0x910, -EBADMSG },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		ktap_ok(tpmbuf_errno(cases[i].cc, cases[i].rc) == cases[i].error,
			"response code %x of command %x", cases[i].rc, cases[i].cc);
}

int main(void)
{
	test_round_trips();
	test_golden();
	test_options();
	test_policies();
	test_approvals();
	test_damage();
	test_lengths();
	test_parents();
	test_sealed();
	test_ecdsa();
	test_command();
	test_answer();
	test_errno();
	return ktap_done();
}
