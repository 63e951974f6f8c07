// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Attestation keys, in the forms in which they come, and what they sign.
 */
#include "fleet_private.h"

#include <limits.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define RSA_BITS_MIN  2048
#define RSA_BYTES_MAX 1024

struct iotkey_ak {
	EVP_PKEY *pkey;
	bool is_ec;
	bool has_attributes;
	uint32_t attributes;
	uint8_t id[IOTKEY_AK_ID_SIZE];
};

static void parse_public(struct iotkey_ak *ak, const uint8_t *data, size_t len)
{
	struct iotkey_area area;

	if (iotkey_area_parse(data, len, &area) || iotkey_area_pkey(&area, &ak->pkey))
		return;
	ak->attributes = area.attributes;
	ak->has_attributes = !iotkey_area_digest(&area, ak->id);
}

/*
 * OpenSSL's forms
 */

static EVP_PKEY *parse_pem(const void *data, size_t len)
{
	BIO *bio = BIO_new_mem_buf(data, (int)len);
	EVP_PKEY *pkey;
	X509 *cert;

	if (!bio)
		return NULL;
	pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	if (!pkey) {
		BIO_free(bio);
		bio = BIO_new_mem_buf(data, (int)len);
		cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
		pkey = cert ? X509_get_pubkey(cert) : NULL;
		X509_free(cert);
	}
	BIO_free(bio);
	return pkey;
}

static EVP_PKEY *parse_der(const uint8_t *data, size_t len)
{
	const uint8_t *p = data;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)len);

	if (pkey && p != data + len) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	return pkey;
}

/* Keys that are strong enough, and whose signatures TPMs make */
static int check_key(struct iotkey_ak *ak)
{
	char group[32];

	switch (EVP_PKEY_get_base_id(ak->pkey)) {
	case EVP_PKEY_RSA:
		return EVP_PKEY_get_bits(ak->pkey) < RSA_BITS_MIN ||
				       EVP_PKEY_get_size(ak->pkey) > RSA_BYTES_MAX
			       ? -ENOTSUP
			       : 0;
	case EVP_PKEY_EC:
		ak->is_ec = true;
		if (!EVP_PKEY_get_group_name(ak->pkey, group, sizeof(group), NULL))
			return -ENOTSUP;
		return strcmp(group, SN_X9_62_prime256v1) &&
				       strcmp(group, SN_secp384r1) &&
				       strcmp(group, SN_secp521r1)
			       ? -ENOTSUP
			       : 0;
	default:
		return -ENOTSUP;
	}
}

static int make_id(struct iotkey_ak *ak)
{
	uint8_t *der = NULL;
	int len, ok;

	if (ak->has_attributes)
		return 0; /* of a public area it is known */
	len = i2d_PUBKEY(ak->pkey, &der);
	ok = len > 0 && EVP_Digest(der, (size_t)len, ak->id, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return ok ? 0 : -ENOMEM;
}

int iotkey_ak_parse(const void *data, size_t len, struct iotkey_ak **out)
{
	struct iotkey_ak *ak;
	int err;

	if (len < 4 || len > INT_MAX)
		return -EBADMSG;
	ak = calloc(1, sizeof(*ak));
	if (!ak)
		return -ENOMEM;
	ERR_set_mark(); /* what fails is not left to the caller's error queue */
	if (*(const uint8_t *)data == 0x30)
		ak->pkey = parse_der(data, len);
	else if (memmem(data, len, "-----BEGIN ", 11))
		ak->pkey = parse_pem(data, len);
	else
		parse_public(ak, data, len);
	err = ak->pkey ? check_key(ak) : -EBADMSG;
	if (!err)
		err = make_id(ak);
	ERR_pop_to_mark();
	if (err) {
		iotkey_ak_free(ak);
		return err;
	}
	*out = ak;
	return 0;
}

void iotkey_ak_free(struct iotkey_ak *ak)
{
	if (!ak)
		return;
	EVP_PKEY_free(ak->pkey);
	free(ak);
}

const uint8_t *iotkey_ak_id(const struct iotkey_ak *ak)
{
	return ak->id;
}

int iotkey_ak_restricted(const struct iotkey_ak *ak)
{
	const uint32_t all = IOTKEY_FIXED_TPM | IOTKEY_RESTRICTED | IOTKEY_SIGN;

	return ak->has_attributes ? (ak->attributes & all) == all : -ENODATA;
}

/*
 * Signatures
 */

struct signature {
	unsigned int scheme;	   /* 0: any that the key has */
	unsigned int hash;	   /* 0: any */
	struct iotkey_bytes value; /* as OpenSSL wants it */
	uint8_t der[2 * (EC_BYTES_MAX + 3) + 8];
};

/* SEQUENCE of two INTEGERs */
static bool ecdsa_der(struct signature *sig, struct iotkey_bytes r, struct iotkey_bytes s)
{
	ECDSA_SIG *ecdsa = ECDSA_SIG_new();
	BIGNUM *a = BN_bin2bn(r.data, (int)r.len, NULL);
	BIGNUM *b = BN_bin2bn(s.data, (int)s.len, NULL);
	uint8_t *p = sig->der;
	int len = -1;

	if (ecdsa && a && b && ECDSA_SIG_set0(ecdsa, a, b)) {
		a = b = NULL;
		len = i2d_ECDSA_SIG(ecdsa, &p);
	}
	BN_free(a);
	BN_free(b);
	ECDSA_SIG_free(ecdsa);
	sig->value = (struct iotkey_bytes){ sig->der, len > 0 ? (size_t)len : 0 };
	return len > 0;
}

/* TPMT_SIGNATURE; false if it is none */
static bool parse_signature(struct signature *sig, const void *data, size_t len)
{
	struct reader reader = { data, len, 0, true, false };
	struct iotkey_bytes r, s = { 0 };

	sig->scheme = read_u16(&reader);
	if (sig->scheme != ALG_ECDSA && sig->scheme != ALG_RSASSA &&
	    sig->scheme != ALG_RSAPSS)
		return false;
	sig->hash = read_u16(&reader);
	r = read_block(&reader, read_u16(&reader));
	if (sig->scheme == ALG_ECDSA)
		s = read_block(&reader, read_u16(&reader));
	if (reader.bad || reader.offset != reader.len || !r.len)
		return false;
	sig->value = r;
	if (sig->scheme != ALG_ECDSA)
		return true;
	return r.len <= EC_BYTES_MAX && s.len <= EC_BYTES_MAX && ecdsa_der(sig, r, s);
}

static int verify(const struct iotkey_ak *ak, unsigned int scheme, const EVP_MD *md,
		  const uint8_t *digest, size_t digest_len, struct iotkey_bytes value)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ak->pkey, NULL);
	int padding = scheme == ALG_RSAPSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
	int err = -EKEYREJECTED;

	if (!ctx)
		return -ENOMEM;
	ERR_set_mark();
	if (EVP_PKEY_verify_init(ctx) > 0 &&
	    (ak->is_ec || EVP_PKEY_CTX_set_rsa_padding(ctx, padding) > 0) &&
	    EVP_PKEY_CTX_set_signature_md(ctx, md) > 0 &&
	    EVP_PKEY_verify(ctx, value.data, value.len, digest, digest_len) == 1)
		err = 0;
	ERR_pop_to_mark();
	EVP_PKEY_CTX_free(ctx);
	return err;
}

static int verify_hash(struct iotkey_attest *attest, const struct iotkey_ak *ak,
		       struct signature *sig, unsigned int hash, const void *message,
		       size_t len)
{
	uint8_t digest[IOTKEY_DIGEST_MAX];
	size_t size = iotkey_hash_size(hash);
	int err = iotkey_digest(attest, hash, message, len, digest);
	const EVP_MD *md = attest_md(attest, hash);

	if (err)
		return err;
	if (sig->scheme || ak->is_ec)
		return verify(ak, sig->scheme, md, digest, size, sig->value);
	err = verify(ak, ALG_RSASSA, md, digest, size, sig->value);
	return err ? verify(ak, ALG_RSAPSS, md, digest, size, sig->value) : 0;
}

int iotkey_ak_verify(struct iotkey_attest *attest, const struct iotkey_ak *ak,
		     const void *message, size_t message_len, const void *signature,
		     size_t signature_len)
{
	static const unsigned int plain[] = { IOTKEY_HASH_SHA256, IOTKEY_HASH_SHA384,
					      IOTKEY_HASH_SHA512 };
	struct signature sig;
	int err = -EKEYREJECTED;
	size_t i;

	if (parse_signature(&sig, signature, signature_len)) {
		if ((sig.scheme == ALG_ECDSA) != ak->is_ec)
			return -EPROTOTYPE;
		if (sig.hash == IOTKEY_HASH_SHA1 || !iotkey_hash_size(sig.hash))
			return -ENOTSUP;
		return verify_hash(attest, ak, &sig, sig.hash, message, message_len);
	}
	/* Plain: DER, or exactly as long as the modulus */
	if (ak->is_ec ? signature_len < 8 || *(const uint8_t *)signature != 0x30
		      : signature_len != (size_t)EVP_PKEY_get_size(ak->pkey))
		return -EBADMSG;
	sig.scheme = sig.hash = 0;
	sig.value = (struct iotkey_bytes){ signature, signature_len };
	for (i = 0; i < ARRAY_SIZE(plain) && err == -EKEYREJECTED; i++)
		err = verify_hash(attest, ak, &sig, plain[i], message, message_len);
	return err;
}
