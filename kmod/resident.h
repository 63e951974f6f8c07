/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Resident keys: signing keys on P-256 whose private half is made by, or imported into,
 * the TPM and never leaves it.
 *
 * All of these may sleep, for as long as the TPM takes, and are called with no lock of
 * ours held.
 */
#ifndef _IOT_RESIDENT_H
#define _IOT_RESIDENT_H

#include "bytes.h"
#include "crypto.h"
#include "payload.h"
#include "tss2.h"

/* TPM2B_DATA and TPML_PCR_SELECTION; TPM2B_ATTEST and TPMT_SIGNATURE. */
#define IOT_QUOTE_ASK_MAX	256
#define IOT_QUOTE_MAX		1024

struct iot_resident {
	u64 serial;		/* nobody else had it, or will */
	bool restricted;	/* signs only what the TPM itself says */
	bool dead;		/* its key is revoked; set once */
	u8 point[TSS2_POINT];	/* the public key */
	u8 name[2 + IOT_SHA256_SIZE];	/* SHA-256 of the public area, as the TPM says it */
	struct iot_bytes der;	/* TSS2 PRIVATE KEY, loadable */
	struct tss2_key key;	/* the same; its spans point there */
};

/* What is asked of the TPM, and its answer. */
struct iot_ask {
	const u8 *in;		/* a digest of 32 octets; or what to quote */
	size_t in_len;
	u8 *out;		/* r || s; or the quote and its signature */
	size_t room;
	size_t out_len;
};

struct iot_resident *iot_resident_create(const struct iot_root_spec *spec);
struct iot_resident *iot_resident_load(const u8 *der, size_t len);
void iot_resident_free(struct iot_resident *r);
void iot_resident_die(struct iot_resident *r);
int iot_resident_sign(struct iot_resident *r, struct iot_ask *ask);
int iot_resident_verify(const struct iot_resident *r, const u8 *digest,
			const u8 *sig);

#endif /* _IOT_RESIDENT_H */
