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
 * sources: kmod/root_tpm.c kmod/tpm_policy.c kmod/tpm_object.c kmod/tpm_parent.c kmod/tpm.c kmod/session.c tests/host/crypto.c tests/host/approval.c tests/fuzz/kernel/chip.c
 * flags: -Ifuzz/kernel -Wno-missing-field-initializers -Wno-sign-compare
 * libs: -lcrypto -Wl,--wrap=iot_session_check
 */
#include <errno.h>
#include "chip.h"
#include "root.h"
#include "../host/approval.h"

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

/* DER of the kind that @how says: type, policy, parent. */
static size_t make_der(u8 how, u8 *der, size_t size)
{
	static const u8 priv[] = "\0\x10"
				 "0123456789abcdef";
	u8 area[256], policy[32], alternatives[TSS2_MAX];
	struct tss2_key key = { .empty_auth = true };
	bool is_signed = (how & 0x18) == 0x10;
	int len;

	key.type = how & 1 ? TSS2_IMPORTABLE : how & 2 ? TSS2_LOADABLE : TSS2_SEALED;
	key.parent = how & 4 ? TSS2_RH_OWNER : PARENT;
	if (how & 8) {
		key.own.policies = 1 + (how >> 4 & 1);
		for (int i = 0; i < 2; i++) {
			key.own.policy[i].pcrs = approval_pcrs;
			key.own.policy[i].digest = approval_digest;
		}
	}
	memcpy(policy, digest, sizeof(policy));
	if (is_signed) {
		key.own.authorized = true;
		key.own.approval = approval_key();
		len = approval_list(alternatives, 1, APPROVAL_REF + 1);
		len += approval_list(alternatives + len, 2, APPROVAL_REF);
		key.alternatives = (struct tpmbuf_span){ alternatives, len };
		approval_policy(policy);
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
	len = approval_list(bytes + 4, 1 + (size & 3), APPROVAL_REF + (size >> 7));
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
