// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The whole of the provider "tpm" with a TPM whose answers the fuzzer makes (chip.h).
 *
 * No crash; an errno that is documented; nothing left in memory, nor, with a TPM that
 * does not lie, in the TPM; no secret in clear on the bus.
 *
 * The input is bytes that steer: the operation, its options, which allocation fails, and
 * then for every command how it is answered.  What is missing is 0, and a good answer.
 *
 * covers: kmod/root_tpm.c kmod/tpm_policy.c kmod/tpm_object.c kmod/tpm_parent.c kmod/tpm.c kmod/session.c kmod/tpmbuf.c
 * sources: kmod/root_tpm.c kmod/tpm_policy.c kmod/tpm_object.c kmod/tpm_parent.c kmod/tpm.c kmod/session.c tests/host/crypto.c tests/fuzz/kernel/chip.c
 * flags: -Ifuzz/kernel -Wno-missing-field-initializers -Wno-sign-compare
 * libs: -lcrypto -Wl,--wrap=iot_session_check
 */
#include <errno.h>
#include "chip.h"
#include "root.h"

#define REF 'r'

/* What is opened and adopted */

static const u8 digest[32] = "what a digest looks like........";

static size_t sealed_area(u8 *area, const u8 *policy)
{
	struct tpmbuf_writer w = { .data = area, .size = 256 };
	size_t begin = tpmbuf_begin_2b(&w);

	tpmbuf_put_u16(&w, TSS2_ALG_KEYEDHASH);
	tpmbuf_put_u16(&w, TSS2_ALG_SHA256);
	tpmbuf_put_u32(&w, TSS2_OA_NO_DA | (policy ? 0 : TSS2_OA_USER_WITH_AUTH));
	tpmbuf_put_2b(&w, policy, policy ? 32 : 0);
	tpmbuf_put_u16(&w, TSS2_ALG_NULL);
	tpmbuf_put_2b(&w, digest, 32);
	tpmbuf_end_2b(&w, begin);
	return w.len;
}

static const u8 pcrs[] = { 0, 0, 0, 1, 0, 0x0b, 3, 1, 0, 0 };

/* A key that signs policies, and what it signs: both as the TPM here likes them. */
static const u8 signer[] = {
	0x00, 0x56, 0x00, 0x23, 0x00, 0x0b, 0x00, 0x04, 0x00, 0x40, 0x00, 0x00, 0x00,
	0x10, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10, 0x00, 0x20, 1,    2,	  3,	4,
	5,    6,    7,	  8,	9,    10,   11,	  12,	13,   14,   15,	  16,	17,
	18,   19,   20,	  21,	22,   23,   24,	  25,	26,   27,   28,	  29,	30,
	31,   32,   0x00, 0x20, 1,    2,    3,	  4,	5,    6,    7,	  8,	9,
	10,   11,   12,	  13,	14,   15,   16,	  17,	18,   19,   20,	  21,	22,
	23,   24,   25,	  26,	27,   28,   29,	  30,	31,   32,
};
static const u8 signature[] = "\0\x18\0\x0b\0\x04"
			      "r..."
			      "\0\x04"
			      "s...";

/* @n alternatives: SEQUENCE OF TPMAuthPolicy, without its head. */
static size_t make_alternatives(u8 *der, unsigned int n, u8 ref)
{
	/* each is the policy of a key, but for its tag: 30 len a1 len 30 ... */
	struct tss2_key key = { .type = TSS2_SEALED };
	u8 whole[TSS2_MAX];
	size_t at, len = 0, one;

	key.own = (struct tss2_branch){
		.policies = 1,
		.policy[0].pcrs = { pcrs, sizeof(pcrs) },
		.policy[0].digest = { digest, 32 },
		.authorized = true,
		.approval = { .key = { signer, sizeof(signer) },
			      .ref = { &ref, 1 },
			      .signature = { signature, sizeof(signature) - 1 } },
	};
	key.pub = key.priv = (struct tpmbuf_span){ (const u8 *)"\0", 2 };
	must(tss2_encode(&key, whole, sizeof(whole)) > 0);
	at = (whole[1] == 0x82 ? 4 : 3) + 8;
	must(whole[at] == 0xa1 && whole[at + 1] == 0x81);
	one = 3 + whole[at + 2];
	for (; n; n--) {
		der[len++] = 0x30;
		der[len++] = 0x81;
		der[len++] = one;
		memcpy(der + len, whole + at, one);
		len += one;
	}
	return len;
}

/* The policy of an object whose policies that key signs, with that policyRef. */
static void policy_of_signer(u8 policy[32])
{
	u8 text[32 + 4 + 2 + 32] = { 0 }, name[32], ref = REF, last[33];

	sha256(signer + 2, sizeof(signer) - 2, name);
	put_unaligned_be32(TPMBUF_CC_POLICY_AUTHORIZE, text + 32);
	put_unaligned_be16(TSS2_ALG_SHA256, text + 36);
	memcpy(text + 38, name, 32);
	sha256(text, sizeof(text), last);
	last[32] = ref;
	sha256(last, sizeof(last), policy);
}

/* DER of the kind that @how says: type, policy, parent. */
static size_t make_der(u8 how, u8 *der, size_t size)
{
	static const u8 priv[] = "\0\x10"
				 "0123456789abcdef";
	u8 area[256], policy[32], alternatives[TSS2_MAX], ref = REF;
	struct tss2_key key = { .empty_auth = true };
	bool is_signed = (how & 0x18) == 0x10;
	int len;

	key.type = how & 1 ? TSS2_IMPORTABLE : how & 2 ? TSS2_LOADABLE : TSS2_SEALED;
	key.parent = how & 4 ? TSS2_RH_OWNER : PARENT;
	if (how & 8) {
		key.own.policies = 1 + (how >> 4 & 1);
		for (int i = 0; i < 2; i++) {
			key.own.policy[i].pcrs =
				(struct tpmbuf_span){ pcrs, sizeof(pcrs) };
			key.own.policy[i].digest = (struct tpmbuf_span){ digest, 32 };
		}
	}
	memcpy(policy, digest, sizeof(policy));
	if (is_signed) {
		key.own.authorized = true;
		key.own.approval.key = (struct tpmbuf_span){ signer, sizeof(signer) };
		key.own.approval.ref = (struct tpmbuf_span){ &ref, 1 };
		len = make_alternatives(alternatives, 1, REF + 1);
		len += make_alternatives(alternatives + len, 2, REF);
		key.alternatives = (struct tpmbuf_span){ alternatives, len };
		policy_of_signer(policy);
	}
	if (key.type == TSS2_IMPORTABLE)
		key.secret = (struct tpmbuf_span){ priv, 18 };
	key.priv = (struct tpmbuf_span){ priv, 18 };
	key.pub = (struct tpmbuf_span){ area,
					sealed_area(area, how & 0x18 ? policy : NULL) };
	len = tss2_encode(&key, der, size);
	must(len > 0);
	return len;
}

/* The provider's part of a blob, in memory of its size, spoilt if the fuzzer likes. */
static u8 *make_input(bool pinned, size_t *size)
{
	u8 bytes[TSS2_MAX + 512], *exact;
	u8 how = next_step(&input);
	size_t len = 0;

	if (pinned) {
		len = sizeof(parent_area);
		if (how & 0x80) /* longer than any */
			len += next_step(&input);
		memset(bytes, 0, sizeof(bytes));
		put_unaligned_be16(len, bytes);
		memcpy(bytes + 2, parent_area, sizeof(parent_area));
		len += 2;
		how &= ~3;
	}
	len += make_der(how & 0x1f, bytes + len, TSS2_MAX);
	if (how & 0x20)
		spoil(bytes, len);
	if (how & 0x40)
		len = take_bytes(bytes, sizeof(bytes));
	lied |= how & 0xe0;
	exact = room(len);
	memcpy(exact, bytes, len);
	*size = len;
	return exact;
}

/* The operations */

static const struct iot_root_ops *const ops = &iot_root_tpm_ops;

/* What was made opens with a TPM that is as it should be. */
static void check_part(const struct iot_bytes *part, bool policy)
{
	u8 again[IOT_SECRET_SIZE];

	must(part->data && part->len);
	/* a TPM that lies in an authentic answer may make what it does not open */
	if (lied)
		return;
	must(!!ops->policy(part->data, part->len) == policy);
	input.left = 0;
	failing = 0;
	tpm.parent = true;
	must(!ops->open(part->data, part->len, again));
	must(!memcmp(again, secret, sizeof(again)));
}

static void create(u8 options)
{
	static const u16 banks[] = { 0, 0x0b, 0x04, 0x0c };
	struct iot_root_spec spec = { .provider = IOTKEY_PROVIDER_TPM,
				      .parent = PARENT,
				      .mkparent = options & 1,
				      .pcr_bank = banks[options >> 1 & 3] };
	struct iot_bytes part = { 0 };
	u8 made[IOT_SECRET_SIZE];
	int ret;

	if (spec.pcr_bank) {
		spec.pcr_mask = next_step(&input) | next_step(&input) << 12;
		spec.pcr_mask &= 0xffffff;
	}
	ret = ops->create(&spec, made, &part);
	check_errno(ret);
	if (ret)
		must(!part.data);
	else
		check_part(&part, spec.pcr_bank);
	free(part.data);
}

static void open_it(void)
{
	u8 opened[IOT_SECRET_SIZE];
	size_t size;
	u8 *part = make_input(true, &size);
	int ret = ops->open(part, size, opened);

	check_errno(ret);
	if (!ret && !lied)
		must(!memcmp(opened, secret, sizeof(secret)));
	ops->policy(part, size);
	free(part);
}

static void adopt(void)
{
	struct iot_bytes part = { 0 };
	u8 opened[IOT_SECRET_SIZE];
	struct tss2_key key;
	size_t size;
	u8 *der = make_input(false, &size);
	int ret = ops->adopt(der, size, opened, &part);

	check_errno(ret);
	if (ret) {
		must(!part.data);
	} else {
		must(!tss2_parse(der, size, &key));
		check_part(&part, tss2_has_policy(&key));
	}
	free(part.data);
	free(der);
}

/* Other approvals, right or not. */
static void approve(void)
{
	struct iot_bytes out = { 0 }, part;
	u8 bytes[TSS2_MAX + 64], *der;
	size_t size, len;
	int ret;

	part.data = make_input(true, &part.len);
	size = next_step(&input);
	len = make_alternatives(bytes + 4, 1 + (size & 3), REF + (size >> 7));
	bytes[0] = 0x30;
	bytes[1] = 0x82;
	put_unaligned_be16(len, bytes + 2);
	len += 4;
	if (size & 0x20)
		spoil(bytes, len);
	if (size & 0x40)
		len = take_bytes(bytes, sizeof(bytes));
	lied |= size & 0x60;
	der = room(len);
	memcpy(der, bytes, len);
	ret = ops->approve(&part, der, len, &out);
	check_errno(ret);
	if (ret)
		must(!out.data);
	else
		check_part(&out, true);
	free(out.data);
	free(der);
	free(part.data);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 what;

	input = (struct steps){ data, size };
	what = next_step(&input);
	failing = what & 0x40 ? next_step(&input) : 0;
	memset(&tpm, 0, sizeof(tpm));
	tpm.parent = !(what & 0x80);
	lied = false;
	switch (what & 3) {
	case 0:
		create(what >> 2);
		break;
	case 1:
		approve();
		break;
	case 2:
		open_it();
		break;
	case 3:
		adopt();
		break;
	}
	must(!chip.dev.references && !in_use);
	must(lied || !tpm.open);
	return 0;
}
