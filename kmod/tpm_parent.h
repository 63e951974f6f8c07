/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parents: the storage keys of the TPM under which objects lie, and whose public
 * area is what sessions are salted to.  Whoever knows the right public area cannot be
 * lied to on the bus; so it is learned once, and pinned from then on.
 */
#ifndef _IOT_TPM_PARENT_H
#define _IOT_TPM_PARENT_H

#include "tpm.h"

/* A TPM2B_PUBLIC of an ECC P-256 storage key, with a policy or not. */
#define IOT_PARENT_PUBLIC_MAX	192

struct iot_parent {
	u32 handle;
	u32 flush;		/* the same if it is ours to flush, else 0 */
	u8 public[IOT_PARENT_PUBLIC_MAX];	/* TPM2B_PUBLIC */
	size_t public_len;
	/* what follows from the public area */
	u8 name[2 + IOT_SHA256_SIZE];
	u8 point[2 * IOT_P256_SIZE];
	bool counts_failures;	/* a wrong authorization is one towards lockout */
};

int iot_tpm_read_public(struct iot_tpm *t, u32 handle, struct iot_session *s,
			struct tpmbuf_span name, struct tpmbuf_span *public,
			u8 digest[IOT_SHA256_SIZE]);
int iot_parent_primary(struct iot_tpm *t, u32 *handle,
		       struct tpmbuf_span *public);
int iot_parent_make(struct iot_tpm *t, u32 handle);
int iot_parent_learn(struct iot_tpm *t, u32 handle, struct iot_parent *p,
		     struct iot_session *s);
int iot_parent_open(struct iot_tpm *t, u32 handle, struct tpmbuf_span pinned,
		    struct iot_parent *p, struct iot_session *s);
int iot_parent_why(struct iot_tpm *t, const struct iot_parent *p,
		   struct iot_session *s, int error);
void iot_parent_close(struct iot_tpm *t, const struct iot_parent *p,
		      struct iot_session *s);

#define IOT_RH_NULL	0x40000007

/* Sessions: salted to @p, of TPM 2.0's types 0 (HMAC) and 1 (policy). */
#define IOT_SE_HMAC	0x00
#define IOT_SE_POLICY	0x01

int iot_session_start(struct iot_tpm *t, const struct iot_parent *p, u8 type,
		      struct iot_session *under, struct iot_session *s);
void iot_session_end(struct iot_tpm *t, struct iot_session *s);

/* The name of the parent as the first handle of a call. */
static inline struct tpmbuf_span iot_parent_name(const struct iot_parent *p)
{
	return (struct tpmbuf_span){ p->name, sizeof(p->name) };
}

#endif /* _IOT_TPM_PARENT_H */
