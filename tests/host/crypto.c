// SPDX-License-Identifier: GPL-2.0-or-later
/* What kmod/session.c computes with, on the host: crypto.h by OpenSSL. */
#include "crypto.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

void iot_sha256(const struct iot_part *parts, size_t n, u8 out[IOT_SHA256_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);

	for (size_t i = 0; i < n && good; i++)
		good = EVP_DigestUpdate(ctx, parts[i].data, parts[i].len);
	if (!good || !EVP_DigestFinal_ex(ctx, out, NULL))
		abort();
	EVP_MD_CTX_free(ctx);
}

void iot_hmac_sha256(const u8 *key, size_t key_len, const struct iot_part *parts,
		     size_t n, u8 out[IOT_SHA256_SIZE])
{
	u8 text[8192];
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (parts[i].len > sizeof(text) - len)
			abort();
		if (parts[i].len)
			memcpy(text + len, parts[i].data, parts[i].len);
		len += parts[i].len;
	}
	if (!HMAC(EVP_sha256(), key, key_len, text, len, out, NULL))
		abort();
}

int iot_aes_cfb(const u8 key[16], const u8 iv[16], u8 *data, size_t len, bool encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	if (!ctx ||
	    !EVP_CipherInit_ex(ctx, EVP_aes_128_cfb128(), NULL, key, iv, encrypt) ||
	    !EVP_CipherUpdate(ctx, data, &n, data, len) || n != (int)len)
		abort();
	EVP_CIPHER_CTX_free(ctx);
	return 0;
}
