// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any DER: no crash; what is taken lies within it and within bounds, and means the same
 * when it is written again and read back.
 *
 * covers: kmod/tss2.c
 */
#include <errno.h>
#include "fuzz.h"
#include "tss2.h"

static void check_span(struct tpmbuf_span s, size_t min, size_t max, const u8 *data,
		       size_t size)
{
	must(lies_in(s.p, s.len, data, size));
	must(s.len >= min && s.len <= max);
}

static void check_branch(const struct tss2_branch *b, const u8 *data, size_t size)
{
	const struct tss2_approval *a = &b->approval;
	unsigned int i;

	must(b->policies <= TSS2_MAX_POLICIES);
	for (i = 0; i < b->policies; i++) {
		check_span(b->policy[i].pcrs, 8, size, data, size);
		check_span(b->policy[i].digest, 0, TSS2_MAX_DIGEST, data, size);
	}
	if (a->key.len)
		check_span(a->key, 2, size, data, size);
	if (a->ref.len)
		check_span(a->ref, 1, TSS2_MAX_DIGEST, data, size);
	if (a->signature.len)
		check_span(a->signature, 6, 6 + 256, data, size);
	must(b->authorized || (!a->key.len && !a->ref.len && !a->signature.len));
}

static void check_alternatives(const struct tss2_key *key, const u8 *data, size_t size)
{
	struct tpmbuf_span list = key->alternatives;
	struct tss2_branch branch;
	unsigned int n;
	int ret;

	for (n = 0; list.len; n++) {
		must(lies_in(list.p, list.len, data, size));
		must(n < TSS2_MAX_ALTERNATIVES);
		ret = tss2_next_alternative(key, &list, &branch);
		must(!ret || ret == -EOPNOTSUPP);
		if (ret)
			continue;
		must(branch.policies && tss2_is_complete(&branch));
		check_branch(&branch, data, size);
	}
}

/* The input as other alternatives of a key, whose policy may be of use to them. */
static void check_update(const u8 *data, size_t size)
{
	struct tss2_key key = { .own.authorized = true };
	int ret;

	key.own.approval.key = (struct tpmbuf_span){ data, size };
	ret = tss2_alternatives(data, size, &key);
	must(!ret || ret == -EBADMSG || ret == -EOPNOTSUPP || ret == -EINVAL);
	if (ret)
		return;
	must(size <= TSS2_MAX_APPROVALS && key.alternatives.len);
	check_alternatives(&key, data, size);
}

static void check(const struct tss2_key *key, const u8 *data, size_t size)
{
	must(size <= TSS2_MAX);
	must(key->type == TSS2_LOADABLE || key->type == TSS2_IMPORTABLE ||
	     key->type == TSS2_SEALED);
	check_span(key->pub, 2, size, data, size);
	check_span(key->priv, 2, size, data, size);
	must((key->type == TSS2_IMPORTABLE) == !!key->secret.p);
	if (key->secret.p)
		check_span(key->secret, 2, size, data, size);
	check_branch(&key->own, data, size);
	check_alternatives(key, data, size);
}

static void check_sealed(const struct tss2_key *key)
{
	struct tss2_public pub;
	int ret;

	memset(&pub, 0xff, sizeof(pub));
	ret = tss2_sealed(key, &pub);
	must(!ret || ret == -EBADMSG || ret == -EINVAL || ret == -EOPNOTSUPP);
	if (ret)
		return;
	must(pub.type == TSS2_ALG_KEYEDHASH && pub.policy.len <= TSS2_MAX_DIGEST);
	must(lies_in(pub.policy.p, pub.policy.len, key->pub.p, key->pub.len));
}

static void check_ecdsa(const struct tss2_key *key, const u8 *data, size_t size)
{
	struct tss2_public pub;
	int ret;

	memset(&pub, 0xff, sizeof(pub));
	ret = tss2_ecdsa(key, &pub);
	must(!ret || ret == -EBADMSG || ret == -EINVAL || ret == -EOPNOTSUPP);
	if (ret)
		return;
	must(tss2_is_ecc(data, size));
	must(pub.type == TSS2_ALG_ECC && pub.name_alg == TSS2_ALG_SHA256);
	must(pub.attributes & TSS2_OA_SIGN && pub.attributes & TSS2_OA_USER_WITH_AUTH);
	must(key->type != TSS2_SEALED && !tss2_has_policy(key));
	must(key->empty_auth || pub.attributes & TSS2_OA_NO_DA);
	must(lies_in(pub.policy.p, pub.policy.len, key->pub.p, key->pub.len));
	/* a key is one or the other */
	must(tss2_sealed(key, &pub));
}

static bool same(struct tpmbuf_span a, struct tpmbuf_span b)
{
	return a.len == b.len && (!a.len || !memcmp(a.p, b.p, a.len));
}

static void check_same(const struct tss2_key *a, const struct tss2_key *b)
{
	unsigned int i;

	must(a->type == b->type && a->parent == b->parent);
	must(a->empty_auth == b->empty_auth && a->own.policies == b->own.policies);
	must(same(a->pub, b->pub) && same(a->priv, b->priv));
	must(same(a->secret, b->secret) && same(a->alternatives, b->alternatives));
	must(a->own.authorized == b->own.authorized);
	must(same(a->own.approval.key, b->own.approval.key));
	must(same(a->own.approval.ref, b->own.approval.ref));
	must(same(a->own.approval.signature, b->own.approval.signature));
	for (i = 0; i < a->own.policies; i++) {
		must(same(a->own.policy[i].pcrs, b->own.policy[i].pcrs));
		must(same(a->own.policy[i].digest, b->own.policy[i].digest));
	}
}

/* Its length; -EINVAL when it does not fit, and then nothing was written behind it. */
static int encode(const struct tss2_key *key, u8 **der, size_t size)
{
	*der = room(size);
	return tss2_encode(key, *der, size);
}

static void check_encode(const struct tss2_key *key, size_t size)
{
	u8 *first, *second, *small;
	struct tss2_key again;
	int len;

	len = encode(key, &first, TSS2_MAX);
	if (len < 0) {
		/* each policy may grow by the length of its digest */
		must(len == -EINVAL && size + 16 * TSS2_MAX_POLICIES > TSS2_MAX);
		free(first);
		return;
	}
	must(!tss2_parse(first, len, &again));
	check_same(key, &again);
	must(encode(&again, &second, len) == len && !memcmp(first, second, len));
	must(encode(key, &small, len - 1) == -EINVAL);
	free(small);
	free(second);
	free(first);
}

/* The outer SEQUENCE is as long as the input, or next to it. */
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max, unsigned int seed)
{
	size_t head, len;

	size = LLVMFuzzerMutate(data, size, max);
	if (seed % 4 == 0 || size < 4 || data[0] != 0x30)
		return size;
	head = data[1] == 0x82 ? 4 : data[1] == 0x81 ? 3 : 2;
	len = size - head - (seed % 16 == 1) + (seed % 16 == 2);
	if (head == 4)
		put_unaligned_be16(len, data + 2);
	else
		data[head - 1] = len;
	return size;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct tss2_key key;
	int ret;

	check_update(data, size);
	memset(&key, 0xff, sizeof(key));
	ret = tss2_parse(data, size, &key);
	must(!ret || ret == -EBADMSG || ret == -EPROTONOSUPPORT || ret == -EOPNOTSUPP);
	if (ret)
		return 0;
	check(&key, data, size);
	check_sealed(&key);
	check_ecdsa(&key, data, size);
	check_encode(&key, size);
	return 0;
}
