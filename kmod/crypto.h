/* SPDX-License-Identifier: GPL-2.0-only */
/* The primitives that keys and roots are made of. */
#ifndef _IOT_CRYPTO_H
#define _IOT_CRYPTO_H

#include "pure.h"

#define IOT_SHA256_SIZE		32
#define IOT_CMAC_SIZE		16
#define IOT_NONCE_SIZE		24
#define IOT_TAG_SIZE		16

struct iot_part {
	const void *data;
	size_t len;
};

void iot_hmac_sha256(const u8 *key, size_t key_len,
		     const struct iot_part *parts, size_t n,
		     u8 out[IOT_SHA256_SIZE]);
void iot_kdf(const u8 key[IOT_SHA256_SIZE], const char *label,
	     const void *context, size_t context_len, u8 *out, size_t len);
void iot_sha256(const struct iot_part *parts, size_t n,
		u8 out[IOT_SHA256_SIZE]);
int iot_aes_cfb(const u8 key[16], const u8 iv[16], u8 *data, size_t len,
		bool encrypt);
int iot_aes_cmac(const u8 key[16], const void *data, size_t len,
		 u8 out[IOT_CMAC_SIZE]);

/* ecdh.c: X and Y of a point are 32 bytes each, big-endian */
#define IOT_P256_SIZE		32

int iot_ecdh_p256(const u8 theirs[2 * IOT_P256_SIZE],
		  u8 ours[2 * IOT_P256_SIZE], u8 shared[IOT_P256_SIZE]);

/* p256.c */
bool iot_p256_is_point(const u8 xy[2 * IOT_P256_SIZE]);
int iot_p256_verify(const u8 xy[2 * IOT_P256_SIZE],
		    const u8 digest[IOT_P256_SIZE],
		    const u8 sig[2 * IOT_P256_SIZE]);

#endif /* _IOT_CRYPTO_H */
