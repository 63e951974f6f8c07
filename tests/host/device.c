// SPDX-License-Identifier: GPL-2.0-or-later
#include "device.h"

#include <iotkey-fleet.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXED	   0x32u /* fixedTPM, fixedParent, sensitiveDataOrigin */
#define EK_BITS	   (FIXED | 0x80 | 0x30000)  /* adminWithPolicy, restricted, decrypt */
#define AK_BITS	   (FIXED | 0x40 | 0x50000)  /* userWithAuth, restricted, sign */
#define KEY_BITS   (FIXED | 0x40 | 0x40000)  /* userWithAuth, sign */
#define STORE_BITS (FIXED | 0x440 | 0x30000) /* userWithAuth, noDA, restricted, decrypt */

/* PolicySecret(endorsement), as the TCG's template L-2 has it */
static const uint8_t ek_policy[32] = { 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8,
				       0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
				       0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64,
				       0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa };

/* What cannot fail but for want of memory */
static void must(int ok)
{
	if (ok != 1) {
		fprintf(stderr, "device.c: OpenSSL failed\n");
		abort();
	}
}

static void put(uint8_t **p, uint64_t v, int bytes)
{
	while (bytes--)
		*(*p)++ = (uint8_t)(v >> 8 * bytes);
}

static void put_bytes(uint8_t **p, const void *data, size_t len)
{
	memcpy(*p, data, len);
	*p += len;
}

static void put_2b(uint8_t **p, const void *data, size_t len)
{
	put(p, len, 2);
	if (len)
		put_bytes(p, data, len);
}

static void make_key(struct played_key *key, uint32_t bits, const uint8_t *policy)
{
	uint8_t point[65], *p = key->area + 2;
	size_t n = sizeof(point);

	EVP_PKEY_free(key->pkey);
	key->pkey = EVP_EC_gen("P-256");
	must(key->pkey &&
	     EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
					     sizeof(point), &n) == 1);
	put(&p, 0x0023, 2);
	put(&p, 0x000b, 2);
	put(&p, bits, 4);
	put_2b(&p, policy, policy ? 32 : 0);
	if (bits & 0x20000) {
		put(&p, 0x0006, 2); /* AES-128 CFB */
		put(&p, 128, 2);
		put(&p, 0x0043, 2);
	} else {
		put(&p, 0x0010, 2);
	}
	if (bits & 0x40000) {
		put(&p, 0x0018, 2); /* ECDSA, SHA-256 */
		put(&p, 0x000b, 2);
	} else {
		put(&p, 0x0010, 2);
	}
	put(&p, 3, 2); /* P-256 */
	put(&p, 0x0010, 2);
	put_2b(&p, point + 1, 32);
	put_2b(&p, point + 33, 32);
	key->area_len = (size_t)(p - key->area);
	p = key->area;
	put(&p, key->area_len - 2, 2);
	p = key->name;
	put(&p, 0x000b, 2);
	SHA256(key->area + 2, key->area_len - 2, p);
}

void device_key(struct played_device *device)
{
	make_key(&device->key, KEY_BITS, NULL);
}

void device_make(struct played_device *device)
{
	uint8_t *spki = NULL, digest[32];
	int n, i;

	memset(device, 0, sizeof(*device));
	make_key(&device->ek, EK_BITS, ek_policy);
	make_key(&device->ak, AK_BITS, NULL);
	make_key(&device->parent, STORE_BITS, NULL);
	device_key(device);
	n = i2d_PUBKEY(device->ek.pkey, &spki);
	must(n > 0);
	SHA256(spki, (size_t)n, digest);
	OPENSSL_free(spki);
	for (i = 0; i < 32; i++)
		snprintf(device->ek_sha256 + 2 * i, 3, "%02x", digest[i]);
	memcpy(device->id, device->ek_sha256, sizeof(device->id) - 1);
}

void device_free(struct played_device *device)
{
	EVP_PKEY_free(device->ek.pkey);
	EVP_PKEY_free(device->ak.pkey);
	EVP_PKEY_free(device->key.pkey);
	EVP_PKEY_free(device->parent.pkey);
}

/* KDFa, TPM 2.0 Part 1, 11.4.10.2: SP 800-108 in counter mode, which OpenSSL has */
static void kdfa(const uint8_t *key, const char *label, const void *context, size_t len,
		 uint8_t *out, size_t size)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "KBKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MAC, (char *)"HMAC", 0),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256",
						 0),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MODE, (char *)"COUNTER",
						 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, 32),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)label,
						  strlen(label)),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, len ? (void *)context : (void *)"", len),
		OSSL_PARAM_construct_end(),
	};

	must(EVP_KDF_derive(ctx, out, size, params));
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* KDFe, 11.4.10.3: one block of SP 800-56A's concatenation */
static void kdfe(const uint8_t z[32], const char *label, const uint8_t u[32],
		 const uint8_t v[32], uint8_t out[32])
{
	uint8_t in[4 + 32 + 32 + 64], *p = in;

	put(&p, 1, 4);
	put_bytes(&p, z, 32);
	put_bytes(&p, label, strlen(label) + 1);
	put_bytes(&p, u, 32);
	put_bytes(&p, v, 32);
	SHA256(in, (size_t)(p - in), out);
}

static void own_x(const EVP_PKEY *pkey, uint8_t x[32])
{
	uint8_t point[65];
	size_t n;

	must(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
					     sizeof(point), &n));
	memcpy(x, point + 1, 32);
}

/* The x of the point that both share; false: there is no such point */
static int ecdh(EVP_PKEY *own, const uint8_t point[65], uint8_t z[32])
{
	EVP_PKEY *peer = EVP_PKEY_new();
	EVP_PKEY_CTX *ctx = NULL;
	size_t n = 32;
	int ok;

	ok = EVP_PKEY_copy_parameters(peer, own) == 1 &&
	     EVP_PKEY_set1_encoded_public_key(peer, point, 65) == 1 &&
	     (ctx = EVP_PKEY_CTX_new(own, NULL)) && EVP_PKEY_derive_init(ctx) == 1 &&
	     EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
	     EVP_PKEY_derive(ctx, z, &n) == 1 && n == 32;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return ok;
}

static size_t size_at(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

int device_activate(const struct played_device *device, const uint8_t *credential,
		    size_t len, uint8_t secret[32])
{
	uint8_t point[65] = { 4 }, z[32], x[32], seed[32], hmac_key[32], aes_key[16];
	uint8_t data[34], hmac[32], signed_data[34 + 34];
	const uint8_t *encrypted;
	size_t id_len, n;
	EVP_CIPHER_CTX *ctx;
	int done;

	/* TPM2B_ID_OBJECT { TPM2B_DIGEST integrity, encrypted TPM2B_DIGEST } */
	if (len < 2)
		return -1;
	id_len = (size_t)credential[0] << 8 | credential[1];
	if (id_len < 34 + 2 || id_len > 34 + 34 || len != 2 + id_len + 2 + 2 * 34)
		return -1;
	/* a TPM looks at every size */
	if (size_at(credential + 2) != 32 || size_at(credential + 2 + id_len) != 2 * 34 ||
	    size_at(credential + 4 + id_len) != 32 ||
	    size_at(credential + 4 + id_len + 34) != 32)
		return -1;
	n = id_len - 34;
	encrypted = credential + 2 + 34;
	/* TPM2B_ENCRYPTED_SECRET { TPMS_ECC_POINT } */
	memcpy(point + 1, credential + 2 + id_len + 2 + 2, 32);
	memcpy(point + 33, credential + 2 + id_len + 2 + 34 + 2, 32);
	if (!ecdh(device->ek.pkey, point, z))
		return -1;
	own_x(device->ek.pkey, x);
	kdfe(z, "IDENTITY", point + 1, x, seed);
	kdfa(seed, "INTEGRITY", NULL, 0, hmac_key, 32);
	memcpy(signed_data, encrypted, n);
	memcpy(signed_data + n, device->ak.name, 34);
	HMAC(EVP_sha256(), hmac_key, 32, signed_data, n + 34, hmac, NULL);
	if (CRYPTO_memcmp(hmac, credential + 4, 32))
		return -1;
	kdfa(seed, "STORAGE", device->ak.name, 34, aes_key, 16);
	ctx = EVP_CIPHER_CTX_new();
	must(EVP_DecryptInit_ex(ctx, EVP_aes_128_cfb128(), NULL, aes_key,
				(const uint8_t[16]){ 0 }));
	must(EVP_DecryptUpdate(ctx, data, &done, encrypted, (int)n));
	EVP_CIPHER_CTX_free(ctx);
	if (n != 2 + ((size_t)data[0] << 8 | data[1]))
		return -1;
	memcpy(secret, data + 2, n - 2);
	return (int)n - 2;
}

static void sign(EVP_PKEY *pkey, struct played_attest *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[128], *p = out->signature;
	const uint8_t *in = der;
	size_t len = sizeof(der);
	const BIGNUM *r, *s;
	ECDSA_SIG *sig;

	must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey));
	must(EVP_DigestSign(ctx, der, &len, out->attest, out->attest_len));
	EVP_MD_CTX_free(ctx);
	sig = d2i_ECDSA_SIG(NULL, &in, (long)len);
	ECDSA_SIG_get0(sig, &r, &s);
	put(&p, 0x0018, 2);
	put(&p, 0x000b, 2);
	put(&p, 32, 2);
	BN_bn2binpad(r, p, 32);
	p += 32;
	put(&p, 32, 2);
	BN_bn2binpad(s, p, 32);
	ECDSA_SIG_free(sig);
}

void device_certify(const struct played_device *device, const struct played_key *key,
		    const uint8_t *nonce, size_t nonce_len, struct played_attest *out)
{
	uint8_t *p = out->attest;

	put(&p, 0xff544347, 4);
	put(&p, 0x8017, 2); /* TPM_ST_ATTEST_CERTIFY */
	put_2b(&p, device->ak.name, 34);
	put_2b(&p, nonce, nonce_len);
	put(&p, 123456, 8);
	put(&p, 7, 4);
	put(&p, 1, 4);
	put(&p, 1, 1);
	put(&p, 0x2020, 8);
	put_2b(&p, key->name, 34);
	put_2b(&p, key->name, 34); /* its qualified name, which nobody can check */
	out->attest_len = (size_t)(p - out->attest);
	sign(device->ak.pkey, out);
}

int device_csr(const struct played_device *device, const struct played_attest *attest,
	       uint8_t **der)
{
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_REQ_get_subject_name(req);
	struct iotkey_key_evidence evidence;
	int n;

	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					(const uint8_t *)device->id, -1, -1, 0));
	must(X509_NAME_add_entry_by_txt(name, "serialNumber", MBSTRING_ASC,
					(const uint8_t *)device->id, -1, -1, 0));
	must(X509_REQ_set_pubkey(req, device->key.pkey));
	if (attest) {
		evidence = (struct iotkey_key_evidence){
			.attest = { attest->attest, attest->attest_len },
			.signature = { attest->signature, sizeof(attest->signature) },
			.area = { device->key.area + 2, device->key.area_len - 2 },
		};
		must(iotkey_csr_add(req, &evidence) == 0);
	}
	must(X509_REQ_sign(req, device->key.pkey, EVP_sha256()) > 0);
	*der = NULL;
	n = i2d_X509_REQ(req, der);
	must(n > 0);
	X509_REQ_free(req);
	return n;
}
