// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How a TPM protects what leaves it, done outside: a seed that only the protector learns
 * (Part 1, B.10 for RSA, C.6 for ECC), keys derived from it by KDFa (11.4.10.2), AES in CFB mode
 * and HMAC around the object (22.4, 23.3.2, 24.4).
 *
 * KDFa is the counter mode of SP 800-108 with HMAC, KDFe the concatenation of SP 800-56A with a
 * hash; the zero byte that ends a label in the one separates it from the context in the other.
 */
#include "fleet_private.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#define LABEL_MAX 16

static const EVP_MD *evp_md(unsigned int hash)
{
	return hash == IOTKEY_HASH_SHA256   ? EVP_sha256()
	       : hash == IOTKEY_HASH_SHA384 ? EVP_sha384()
	       : hash == IOTKEY_HASH_SHA512 ? EVP_sha512()
					    : NULL;
}

static int derive(const char *kdf, OSSL_PARAM *params, uint8_t *out, size_t len)
{
	EVP_KDF *algorithm = EVP_KDF_fetch(NULL, kdf, NULL);
	EVP_KDF_CTX *ctx = algorithm ? EVP_KDF_CTX_new(algorithm) : NULL;
	int ok = ctx && EVP_KDF_derive(ctx, out, len, params) > 0;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(algorithm);
	return ok ? 0 : -ENOMEM;
}

/* KDFa: @context is contextU; contextV is empty in all that is made here */
static int kdfa(unsigned int hash, const uint8_t *key, size_t key_len, const char *label,
		const void *context, size_t context_len, uint8_t *out, size_t len)
{
	OSSL_PARAM params[7], *p = params;

	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MODE, (char *)"counter",
						0);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MAC, (char *)"HMAC", 0);
	*p++ = OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, (char *)EVP_MD_get0_name(evp_md(hash)), 0);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key,
						 key_len);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)label,
						 strlen(label));
	if (context_len)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
							 (void *)context, context_len);
	*p = OSSL_PARAM_construct_end();
	return derive("KBKDF", params, out, len);
}

/* KDFe: Z, and the x coordinates of the two parties */
static int kdfe(unsigned int hash, const uint8_t *z, size_t z_len, const char *label,
		struct iotkey_bytes u, struct iotkey_bytes v, uint8_t *out, size_t len)
{
	uint8_t info[LABEL_MAX + 2 * EC_BYTES_MAX];
	struct writer w = { info, sizeof(info), 0, false };
	OSSL_PARAM params[4];

	write_bytes(&w, label, strlen(label) + 1);
	write_bytes(&w, u.data, u.len);
	write_bytes(&w, v.data, v.len);
	if (w.bad)
		return -EINVAL;
	params[0] = OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, (char *)EVP_MD_get0_name(evp_md(hash)), 0);
	params[1] =
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)z, z_len);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, w.len);
	params[3] = OSSL_PARAM_construct_end();
	return derive("SSKDF", params, out, len);
}

/* RSA: a random seed, by OAEP whose label has a zero byte at its end */
static int seed_rsa(EVP_PKEY *pkey, const char *label, struct protection *protection,
		    struct writer *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	size_t size = iotkey_hash_size(protection->hash), label_len = strlen(label) + 1;
	const EVP_MD *md = evp_md(protection->hash);
	uint8_t secret[ENCRYPTED_SECRET_MAX];
	size_t len = sizeof(secret);
	void *copy = OPENSSL_memdup(label, label_len);
	int ok;

	ok = ctx && copy && RAND_bytes(protection->seed, (int)size) == 1 &&
	     EVP_PKEY_encrypt_init(ctx) > 0 &&
	     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
	     EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) > 0 &&
	     EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) > 0;
	/* from here on the label is the context's */
	if (ok && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)label_len) > 0)
		copy = NULL;
	else
		ok = 0;
	ok = ok && EVP_PKEY_encrypt(ctx, secret, &len, protection->seed, size) > 0;
	OPENSSL_free(copy);
	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return -ENOMEM;
	write_2b(out, secret, len);
	return 0;
}

/* The x coordinate of the common point; false if there is none */
static bool agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t *z, size_t size)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t len = size;
	bool ok = ctx && EVP_PKEY_derive_init(ctx) > 0 &&
		  EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
		  EVP_PKEY_derive(ctx, z, &len) > 0 && len == size;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/*
 * ECC: the seed is derived from what an ephemeral key and the protector agree on.  TPMs
 * differ in whether a number keeps its leading zero bytes; so what is drawn here has none.
 */
static int seed_ecc(const struct iotkey_area *protector, EVP_PKEY *pkey,
		    const char *label, struct protection *protection, struct writer *out)
{
	size_t size = area_coordinate(protector);
	uint8_t point[1 + 2 * EC_BYTES_MAX], z[EC_BYTES_MAX];
	EVP_PKEY *ephemeral;
	bool drawn = false;
	char group[32];
	int err = -ENOMEM, tries;

	if (!EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL))
		return -ENOTSUP;
	for (tries = 0; !drawn && tries < 64; tries++) {
		ephemeral = EVP_PKEY_Q_keygen(NULL, NULL, "EC", group);
		if (!ephemeral)
			break;
		drawn = pkey_point(ephemeral, point, size) && point[1] &&
			point[1 + size] && agree(ephemeral, pkey, z, size) && z[0];
		EVP_PKEY_free(ephemeral);
	}
	if (drawn)
		err = kdfe(protection->hash, z, size, label,
			   (struct iotkey_bytes){ point + 1, size }, protector->x,
			   protection->seed, iotkey_hash_size(protection->hash));
	OPENSSL_cleanse(z, sizeof(z));
	if (err)
		return err;
	write_u16(out, (unsigned int)(2 * (2 + size)));
	write_2b(out, point + 1, size);
	write_2b(out, point + 1 + size, size);
	return 0;
}

int protection_make(const struct iotkey_area *protector, const char *label,
		    struct protection *protection, struct writer *out)
{
	EVP_PKEY *pkey;
	int err;

	memset(protection, 0, sizeof(*protection));
	protection->hash = protector->hash;
	protection->aes_bits = protector->symmetric_bits;
	if (protector->symmetric != ALG_AES || protector->symmetric_mode != ALG_CFB ||
	    !evp_md(protector->hash))
		return -ENOTSUP;
	err = iotkey_area_pkey(protector, &pkey);
	if (err)
		return err;
	ERR_set_mark();
	err = protector->is_ec ? seed_ecc(protector, pkey, label, protection, out)
			       : seed_rsa(pkey, label, protection, out);
	ERR_pop_to_mark();
	EVP_PKEY_free(pkey);
	return err;
}

void protection_wipe(struct protection *protection)
{
	OPENSSL_cleanse(protection, sizeof(*protection));
}

/* AES-CFB over the whole block size, from a vector of zeros, in place */
static int encrypt(const struct protection *protection, const uint8_t *key, uint8_t *data,
		   size_t len)
{
	static const uint8_t zeros[16];
	const EVP_CIPHER *cipher = protection->aes_bits == 128	 ? EVP_aes_128_cfb128()
				   : protection->aes_bits == 192 ? EVP_aes_192_cfb128()
				   : protection->aes_bits == 256 ? EVP_aes_256_cfb128()
								 : NULL;
	EVP_CIPHER_CTX *ctx;
	int n, ok;

	if (!cipher)
		return -ENOTSUP;
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx && EVP_EncryptInit_ex(ctx, cipher, NULL, key, zeros) > 0 &&
	     EVP_EncryptUpdate(ctx, data, &n, data, (int)len) > 0 && n == (int)len;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

int protection_apply(const struct protection *protection, const struct iotkey_name *name,
		     uint8_t *data, size_t len, struct writer *out)
{
	size_t size = iotkey_hash_size(protection->hash);
	uint8_t key[IOTKEY_DIGEST_MAX], mac[IOTKEY_DIGEST_MAX];
	uint8_t covered[512 + IOTKEY_TPM_NAME_MAX];
	struct writer w = { covered, sizeof(covered), 0, false };
	int err;

	err = kdfa(protection->hash, protection->seed, size, "STORAGE", name->data,
		   name->len, key, protection->aes_bits / 8u);
	if (!err)
		err = encrypt(protection, key, data, len);
	if (!err)
		err = kdfa(protection->hash, protection->seed, size, "INTEGRITY", NULL, 0,
			   key, size);
	write_bytes(&w, data, len);
	write_bytes(&w, name->data, name->len);
	if (!err && (w.bad || !HMAC(evp_md(protection->hash), key, (int)size, covered,
				    w.len, mac, NULL)))
		err = w.bad ? -EINVAL : -ENOMEM;
	OPENSSL_cleanse(key, sizeof(key));
	if (err)
		return err;
	write_2b(out, mac, size);
	write_bytes(out, data, len);
	return 0;
}
