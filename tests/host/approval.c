// SPDX-License-Identifier: GPL-2.0-or-later
/* See approval.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pure.h"
#include "approval.h"

static const u8 pcrs[] = { 0, 0, 0, 1, 0, 0x0b, 3, 1, 0, 0 };
static const u8 digest[IOT_SHA256_SIZE] = "what a digest looks like........";
static const u8 ref = APPROVAL_REF;

/* Their octets are of no interest to anybody but the SHA-256. */
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

const struct tpmbuf_span approval_pcrs = { pcrs, sizeof(pcrs) };
const struct tpmbuf_span approval_digest = { digest, sizeof(digest) };

struct tss2_approval approval_key(void)
{
	return (struct tss2_approval){ .key = { signer, sizeof(signer) },
				       .ref = { &ref, 1 } };
}

static void need(bool so)
{
	if (so)
		return;
	fputs("approval.c: cannot write the DER\n", stderr);
	abort();
}

size_t approval_list(u8 *der, unsigned int n, u8 other_ref)
{
	/* each is the policy of a key, but for its tag: 30 len a1 len 30 ... */
	struct tss2_key key = { .type = TSS2_SEALED };
	u8 whole[TSS2_MAX];
	size_t at, len = 0, one;

	key.own = (struct tss2_branch){
		.policies = 1,
		.policy[0] = { .pcrs = approval_pcrs, .digest = approval_digest },
		.authorized = true,
		.approval = { .key = { signer, sizeof(signer) },
			      .ref = { &other_ref, 1 },
			      .signature = { signature, sizeof(signature) - 1 } },
	};
	key.pub = key.priv = (struct tpmbuf_span){ (const u8 *)"\0", 2 };
	need(tss2_encode(&key, whole, sizeof(whole)) > 0);
	at = (whole[1] == 0x82 ? 4 : 3) + 8;
	need(whole[at] == 0xa1 && whole[at + 1] == 0x81);
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

void approval_policy(u8 policy[IOT_SHA256_SIZE])
{
	u8 name[2 + IOT_SHA256_SIZE] = { 0, TSS2_ALG_SHA256 };
	u8 zero[IOT_SHA256_SIZE] = { 0 }, code[4];
	struct iot_part area = { signer + 2, sizeof(signer) - 2 };
	struct iot_part first[] = { { zero, sizeof(zero) },
				    { code, sizeof(code) },
				    { name, sizeof(name) } };
	struct iot_part second[] = { { policy, IOT_SHA256_SIZE }, { &ref, 1 } };

	put_unaligned_be32(TPMBUF_CC_POLICY_AUTHORIZE, code);
	iot_sha256(&area, 1, name + 2);
	iot_sha256(first, 3, policy);
	iot_sha256(second, 2, policy);
}
