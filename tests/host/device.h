/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device played on the host: keys as a TPM would have them, and what that TPM would say of
 * them.  It shares no code with the library for what it opens and signs.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stddef.h>
#include <stdint.h>

struct evp_pkey_st;

/* TPM2B_PUBLIC of a P-256 key, and its name */
struct played_key {
	struct evp_pkey_st *pkey;
	uint8_t area[128];
	size_t area_len;
	uint8_t name[2 + 32];
};

struct played_device {
	struct played_key ek, ak, key, parent;
	char ek_sha256[2 * 32 + 1]; /* hex, of its SubjectPublicKeyInfo */
	char id[2 * 16 + 1];	    /* the first half of that */
};

void device_make(struct played_device *device);
void device_free(struct played_device *device);

/* device_key(): another key for certificates, in place of the old one */
void device_key(struct played_device *device);

/*
 * device_activate(): TPM2_ActivateCredential: TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET to
 * the secret in it.  Returns its length, or -1 when it is not for this EK and AK.
 */
int device_activate(const struct played_device *device, const uint8_t *credential,
		    size_t len, uint8_t secret[32]);

/* What a key says, and its TPMT_SIGNATURE */
struct played_attest {
	uint8_t attest[256], signature[72];
	size_t attest_len;
};

/* device_certify(): TPM2_Certify of @key by the AK */
void device_certify(const struct played_device *device, const struct played_key *key,
		    const uint8_t *nonce, size_t nonce_len, struct played_attest *out);

/*
 * device_csr(): a request for the key, with the evidence of @attest unless it is NULL, as DER;
 * to be freed with OPENSSL_free().  Returns the length.
 */
int device_csr(const struct played_device *device, const struct played_attest *attest,
	       uint8_t **der);

#endif
