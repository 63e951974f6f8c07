/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TPM 2.0 sessions: what makes a command and its answer secret and authentic on the
 * bus (TPM 2.0 Library, Part 1: "Session-based authorizations", "Session-based
 * encryption").  Salted sessions with SHA-256 and AES-128-CFB.  Pure, but for
 * the computations of crypto.h.
 */
#ifndef _IOT_SESSION_H
#define _IOT_SESSION_H

#include "crypto.h"
#include "tpmbuf.h"

#define IOT_SESSION_NONCE	16
/* TPM2B_ENCRYPTED_SECRET: a TPMS_ECC_POINT of P-256 */
#define IOT_SESSION_SALT	(2 * (2 + IOT_P256_SIZE))

struct iot_session {
	u32 handle;		/* 0: none */
	bool proven;		/* an answer was authentic: it is with our TPM */
	u8 caller[IOT_SESSION_NONCE];	/* nonceCaller of the last command */
	u8 tpm[TPMBUF_NONCE_MAX];	/* nonceTPM, the newest */
	size_t tpm_len;
	u8 key[IOT_SHA256_SIZE];
};

void iot_kdfa(const u8 *key, size_t key_len, const char *label,
	      struct iot_part u, struct iot_part v, u8 out[IOT_SHA256_SIZE]);
void iot_kdfe(const u8 z[IOT_P256_SIZE], const char *label,
	      const u8 u[IOT_P256_SIZE], const u8 v[IOT_P256_SIZE],
	      u8 out[IOT_SHA256_SIZE]);
void iot_cphash(const struct tpmbuf_call *call, const u8 *params, size_t len,
		u8 out[IOT_SHA256_SIZE]);
void iot_rphash(u32 cc, const u8 *params, size_t len, u8 out[IOT_SHA256_SIZE]);

void iot_session_key(struct iot_session *s, const u8 salt[IOT_SHA256_SIZE]);
void iot_session_put(const struct iot_session *s, struct tpmbuf_call *call,
		     u8 attributes);
int iot_session_protect(const struct iot_session *s,
			const struct tpmbuf_call *call, u8 *frame, size_t len,
			size_t params_len);
int iot_session_check(struct iot_session *s, const struct tpmbuf_call *call,
		      u8 attributes, u8 *frame,
		      const struct tpmbuf_reader *params);

#endif /* _IOT_SESSION_H */
