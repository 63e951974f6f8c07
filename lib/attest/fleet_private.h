/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files behind iotkey-fleet.h share.
 */
#ifndef _FLEET_PRIVATE_H
#define _FLEET_PRIVATE_H

#include "attest_private.h"

#include <iotkey-fleet.h>
#include <openssl/evp.h>

/* TPM_ALG_ID (TCG Algorithm Registry) */
#define ALG_RSA	      0x0001
#define ALG_AES	      0x0006
#define ALG_KEYEDHASH 0x0008
#define ALG_NULL      0x0010
#define ALG_SM4	      0x0013
#define ALG_RSASSA    0x0014
#define ALG_RSAES     0x0015
#define ALG_RSAPSS    0x0016
#define ALG_ECDSA     0x0018
#define ALG_ECDAA     0x001a
#define ALG_ECMQV     0x001d
#define ALG_KDF1      0x0020
#define ALG_KDF2      0x0021
#define ALG_ECC	      0x0023
#define ALG_CAMELLIA  0x0026
#define ALG_CFB	      0x0043

/* TPM_CC */
#define CC_POLICY_AUTHORIZE 0x0000016a
#define CC_POLICY_PCR	    0x0000017f

#define EC_BYTES_MAX 66

/*
 * Output of bounded size, big-endian.  What does not fit any more sets .bad, and nothing is
 * written from there on.
 */
struct writer {
	uint8_t *data;
	size_t size, len;
	bool bad;
};

static inline void write_bytes(struct writer *w, const void *data, size_t len)
{
	if (w->bad || len > w->size - w->len) {
		w->bad = true;
		return;
	}
	if (len)
		memcpy(w->data + w->len, data, len);
	w->len += len;
}

static inline void write_u8(struct writer *w, unsigned int v)
{
	uint8_t byte = (uint8_t)v;

	write_bytes(w, &byte, 1);
}

static inline void write_u16(struct writer *w, unsigned int v)
{
	write_u8(w, v >> 8);
	write_u8(w, v & 0xff);
}

static inline void write_u32(struct writer *w, uint32_t v)
{
	write_u16(w, v >> 16);
	write_u16(w, v & 0xffff);
}

static inline void write_u64(struct writer *w, uint64_t v)
{
	write_u32(w, (uint32_t)(v >> 32));
	write_u32(w, (uint32_t)v);
}

static inline void write_2b(struct writer *w, const void *data, size_t len)
{
	write_u16(w, (unsigned int)len);
	write_bytes(w, data, len);
}

/* area.c */

/* Bytes of a coordinate on the key's curve; 0 for a key that has none */
size_t area_coordinate(const struct iotkey_area *area);

/* Whether it is the public area of that key */
bool area_is_of(const struct iotkey_area *area, const EVP_PKEY *pkey);

/* A public key by its coordinates; NULL if there is none */
EVP_PKEY *pkey_from_point(uint16_t curve, struct iotkey_bytes x, struct iotkey_bytes y);

/* The point, uncompressed; false for a key without one of that size */
bool pkey_point(const EVP_PKEY *pkey, uint8_t point[1 + 2 * EC_BYTES_MAX], size_t size);

bool pkey_is_p256(const EVP_PKEY *pkey);

/* protect.c */

/* Longest TPM2B_ENCRYPTED_SECRET: of an RSA key */
#define ENCRYPTED_SECRET_MAX (2 + 1024)

/* For whom something is protected, and by what (Part 1, 22 to 24) */
struct protection {
	uint16_t hash; /* of the protector's name */
	uint16_t aes_bits;
	uint8_t seed[IOTKEY_DIGEST_MAX]; /* as many bytes as the hash has */
};

/*
 * A fresh seed that only the TPM with @protector learns, @label ("IDENTITY", "DUPLICATE")
 * telling what for; the TPM2B_ENCRYPTED_SECRET goes into @out.  protection_wipe() is due.
 * -ENOTSUP, -EBADMSG, -ENOMEM
 */
int protection_make(const struct iotkey_area *protector, const char *label,
		    struct protection *protection, struct writer *out);
void protection_wipe(struct protection *protection);

/*
 * @len bytes of @data, encrypted in place and with their integrity, for the object @name:
 * TPM2B_DIGEST of the integrity and the ciphertext go into @out.
 */
int protection_apply(const struct protection *protection, const struct iotkey_name *name,
		     uint8_t *data, size_t len, struct writer *out);

/* policy.c */

/* ECDSA (DER) over SHA-256 of @data; -EIO */
int pkey_sign(EVP_PKEY *pkey, const void *data, size_t len, uint8_t *sig,
	      size_t *sig_len);

#endif /* _FLEET_PRIVATE_H */
