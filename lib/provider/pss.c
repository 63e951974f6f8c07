// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * EMSA-PSS, for the kernel pads PKCS #1 v1.5 only.
 */
#include "provider.h"

#include <openssl/rand.h>
#include <string.h>

/* XORs MGF1(@seed) onto @len bytes at @out */
static bool mgf1_xor(const EVP_MD *md, const unsigned char *seed, size_t seed_len,
		     unsigned char *out, size_t len)
{
	unsigned char block[EVP_MAX_MD_SIZE], counter[4];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t i, n, size = (size_t)EVP_MD_get_size(md);
	uint32_t number;
	bool ok = ctx;

	for (number = 0; ok && len; number++, out += n, len -= n) {
		counter[0] = (unsigned char)(number >> 24);
		counter[1] = (unsigned char)(number >> 16);
		counter[2] = (unsigned char)(number >> 8);
		counter[3] = (unsigned char)number;
		ok = EVP_DigestInit_ex(ctx, md, NULL) &&
		     EVP_DigestUpdate(ctx, seed, seed_len) &&
		     EVP_DigestUpdate(ctx, counter, sizeof(counter)) &&
		     EVP_DigestFinal_ex(ctx, block, NULL);
		n = len < size ? len : size;
		for (i = 0; ok && i < n; i++)
			out[i] ^= block[i];
	}
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* H = Hash(eight zeros || digest || salt) */
static bool hash(const EVP_MD *md, const unsigned char *digest, const unsigned char *salt,
		 size_t salt_len, unsigned char *out)
{
	static const unsigned char zeros[8];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, md, NULL) &&
		  EVP_DigestUpdate(ctx, zeros, sizeof(zeros)) &&
		  EVP_DigestUpdate(ctx, digest, (size_t)EVP_MD_get_size(md)) &&
		  EVP_DigestUpdate(ctx, salt, salt_len) &&
		  EVP_DigestFinal_ex(ctx, out, NULL);

	EVP_MD_CTX_free(ctx);
	return ok;
}

bool pss_encode(const EVP_MD *md, const EVP_MD *mgf1, size_t salt_len,
		const unsigned char *digest, size_t bits, OSSL_LIB_CTX *libctx,
		unsigned char *em)
{
	size_t hash_len = (size_t)EVP_MD_get_size(md), len = (bits + 7) / 8, db_len;
	unsigned char *h, *salt;

	if (len < hash_len + 2 || salt_len > len - hash_len - 2)
		return false;
	/* em = DB xor mask || H || bc, where DB = zeros || 01 || salt */
	db_len = len - hash_len - 1;
	h = em + db_len;
	salt = h - salt_len;
	memset(em, 0, db_len);
	salt[-1] = 1;
	if (RAND_bytes_ex(libctx, salt, salt_len, 0) != 1 ||
	    !hash(md, digest, salt, salt_len, h) ||
	    !mgf1_xor(mgf1, h, hash_len, em, db_len))
		return false;
	em[0] &= (unsigned char)(0xff >> (len * 8 - bits));
	em[len - 1] = 0xbc;
	return true;
}
