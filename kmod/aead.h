/* SPDX-License-Identifier: GPL-2.0-only */
/* Sealing and opening one message. */
#ifndef _IOT_AEAD_H
#define _IOT_AEAD_H

#include "crypto.h"
#include "policy.h"

/*
 * What a message is sealed or opened with.  An owner says that the secret is all its
 * messages of this version have, so that work done for one may serve the next, until
 * iot_aead_forget(); NULL says that nothing may be kept.
 */
struct iot_aead_key {
	const void *owner;
	u32 version;
	u8 algorithm;
	u8 nonce[IOT_NONCE_SIZE];
	u8 secret[IOT_SECRET_SIZE];
};

int iot_aead_ready(u8 algorithm);
int iot_aead_seal(const struct iot_aead_key *key, u8 *message, size_t ad_len,
		  const u8 *in, size_t len);
int iot_aead_open(const struct iot_aead_key *key, const u8 *message,
		  size_t ad_len, size_t len, u8 *out);
void iot_aead_forget(const void *owner);
void iot_aead_exit(void);

#endif /* _IOT_AEAD_H */
