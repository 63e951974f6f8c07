/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The "TSS2 PRIVATE KEY" file format (ASN.1 Specification for TPM 2.0 Key
 * Files, draft-bottomley-tpm2-keys): what tpm2-tools, OpenSSL's TPM providers,
 * GRUB and trusted keys exchange.  Pure: no allocation, no kernel calls.
 */
#ifndef _IOT_TSS2_H
#define _IOT_TSS2_H

#include "tpmbuf.h"

/* Longest DER that is read, and room enough for any that is written. */
#define TSS2_MAX		4096
#define TSS2_MAX_POLICIES	4
#define TSS2_MAX_ALTERNATIVES	8
#define TSS2_MAX_APPROVALS	3072	/* octets of all alternatives of an update */
#define TSS2_MAX_DIGEST		64

#define TSS2_RH_OWNER		0x40000001

#define TSS2_ALG_RSA		0x0001
#define TSS2_ALG_KEYEDHASH	0x0008
#define TSS2_ALG_SHA256		0x000b
#define TSS2_ALG_NULL		0x0010
#define TSS2_ALG_RSASSA		0x0014
#define TSS2_ALG_RSAPSS		0x0016
#define TSS2_ALG_ECDSA		0x0018
#define TSS2_ALG_ECC		0x0023
#define TSS2_ECC_P256		0x0003
#define TSS2_POINT		64	/* octets of X and Y on P-256 */

#define TSS2_OA_FIXED_TPM	BIT(1)
#define TSS2_OA_FIXED_PARENT	BIT(4)
#define TSS2_OA_DATA_ORIGIN	BIT(5)
#define TSS2_OA_USER_WITH_AUTH	BIT(6)
#define TSS2_OA_NO_DA		BIT(10)
#define TSS2_OA_RESTRICTED	BIT(16)
#define TSS2_OA_DECRYPT		BIT(17)
#define TSS2_OA_SIGN		BIT(18)

/* Last arc of the type's OID, 2.23.133.10.1.x. */
enum tss2_type {
	TSS2_LOADABLE	= 3,
	TSS2_IMPORTABLE	= 4,
	TSS2_SEALED	= 5,
};

/* One TPM2_PolicyPCR. */
struct tss2_policy {
	struct tpmbuf_span digest;	/* of the PCR values, may be empty */
	struct tpmbuf_span pcrs;		/* TPML_PCR_SELECTION */
};

/* A TPM2_PolicyAuthorize: a policy is as good as this key's signature of it. */
struct tss2_approval {
	struct tpmbuf_span key;		/* keySign, a TPM2B_PUBLIC, or empty */
	struct tpmbuf_span ref;		/* policyRef, may be empty */
	struct tpmbuf_span signature;	/* TPMT_SIGNATURE, or empty */
};

/* A policy: PCRs, and whose approval of them it needs, if any. */
struct tss2_branch {
	unsigned int policies;
	struct tss2_policy policy[TSS2_MAX_POLICIES];
	bool authorized;		/* ends with a PolicyAuthorize */
	struct tss2_approval approval;
};

/* The spans of a parsed key point into the DER. */
struct tss2_key {
	enum tss2_type type;
	bool empty_auth;		/* said to need no password */
	bool rsa_parent;		/* a permanent parent means the RSA template */
	struct tss2_branch own;		/* the element policy */
	struct tpmbuf_span alternatives;	/* TPMAuthPolicy one after the other, as DER */
	struct tpmbuf_span secret;	/* TPM2B_ENCRYPTED_SECRET, importable only */
	u32 parent;
	struct tpmbuf_span pub;		/* TPM2B_PUBLIC */
	struct tpmbuf_span priv;		/* TPM2B_PRIVATE */
};

/* What matters of a TPM2B_PUBLIC. */
struct tss2_public {
	u16 type;
	u16 name_alg;
	u32 attributes;
	struct tpmbuf_span policy;
	u8 point[TSS2_POINT];	/* of an ECC key */
};

int tss2_parse(const u8 *der, size_t len, struct tss2_key *key);
int tss2_encode(const struct tss2_key *key, u8 *buf, size_t size);
bool tss2_is_signed(const struct tss2_key *key);
bool tss2_has_policy(const struct tss2_key *key);
bool tss2_is_complete(const struct tss2_branch *b);
int tss2_next_alternative(const struct tss2_key *key, struct tpmbuf_span *list,
			  struct tss2_branch *out);
int tss2_alternatives(const u8 *der, size_t len, struct tss2_key *key);
int tss2_sealed(const struct tss2_key *key, struct tss2_public *pub);
int tss2_ecdsa(const struct tss2_key *key, struct tss2_public *pub);
bool tss2_is_ecc(const u8 *der, size_t len);

#endif /* _IOT_TSS2_H */
