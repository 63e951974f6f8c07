// SPDX-License-Identifier: GPL-2.0-only
/*
 * HMAC-SHA256 (RFC 2104), HKDF-Expand (RFC 5869), AES-CFB (SP 800-38A) and AES-CMAC
 * (RFC 4493) on the kernel's SHA-256 and AES libraries: no allocation, so nothing here that can run
 * out of memory holds a key.
 */
#include <crypto/aes.h>
#include <crypto/algapi.h>
#include <crypto/sha2.h>
#include <linux/string.h>
#include "compat.h"
#include "crypto.h"

#define HMAC_IPAD	0x36
#define HMAC_OPAD	0x5c

static void hmac_key_block(u8 block[SHA256_BLOCK_SIZE], const u8 *key,
			   size_t len, u8 pad)
{
	size_t i;

	memset(block, 0, SHA256_BLOCK_SIZE);
	if (len > SHA256_BLOCK_SIZE)
		sha256(key, len, block);
	else
		memcpy(block, key, len);
	for (i = 0; i < SHA256_BLOCK_SIZE; i++)
		block[i] ^= pad;
}

/**
 * iot_sha256() - over the concatenation of @n parts
 */
void iot_sha256(const struct iot_part *parts, size_t n,
		u8 out[IOT_SHA256_SIZE])
{
	struct sha256_state sha;
	size_t i;

	sha256_init(&sha);
	for (i = 0; i < n; i++)
		sha256_update(&sha, parts[i].data, parts[i].len);
	sha256_final(&sha, out);
}

/**
 * iot_hmac_sha256() - RFC 2104 over the concatenation of @n parts
 */
void iot_hmac_sha256(const u8 *key, size_t key_len,
		     const struct iot_part *parts, size_t n,
		     u8 out[IOT_SHA256_SIZE])
{
	struct sha256_state sha;
	u8 block[SHA256_BLOCK_SIZE];
	u8 inner[SHA256_DIGEST_SIZE];
	size_t i;

	hmac_key_block(block, key, key_len, HMAC_IPAD);
	sha256_init(&sha);
	sha256_update(&sha, block, sizeof(block));
	for (i = 0; i < n; i++)
		sha256_update(&sha, parts[i].data, parts[i].len);
	sha256_final(&sha, inner);

	hmac_key_block(block, key, key_len, HMAC_OPAD);
	sha256_init(&sha);
	sha256_update(&sha, block, sizeof(block));
	sha256_update(&sha, inner, sizeof(inner));
	sha256_final(&sha, out);

	memzero_explicit(&sha, sizeof(sha));
	memzero_explicit(block, sizeof(block));
	memzero_explicit(inner, sizeof(inner));
}

/**
 * iot_kdf() - HKDF-Expand with info = @label || 00 || @context
 * @len: up to 32 bytes, and then @out may be @key; or up to 255 * 32
 */
void iot_kdf(const u8 key[IOT_SHA256_SIZE], const char *label,
	     const void *context, size_t context_len, u8 *out, size_t len)
{
	u8 block[IOT_SHA256_SIZE];
	u8 counter = 1;
	struct iot_part parts[] = {
		{ block, 0 },	/* nothing before the first */
		{ label, strlen(label) + 1 },
		{ context, context_len },
		{ &counter, 1 },
	};
	size_t n;

	for (; len; out += n, len -= n, counter++) {
		iot_hmac_sha256(key, IOT_SHA256_SIZE, parts, ARRAY_SIZE(parts),
				block);
		n = min_t(size_t, len, sizeof(block));
		memcpy(out, block, n);
		parts[0].len = sizeof(block);
	}
	memzero_explicit(block, sizeof(block));
}

/**
 * iot_aes_cfb() - AES-128 in CFB mode with whole blocks of feedback, in place
 * @len: any; a last part of a block is allowed (SP 800-38A, CFB128)
 *
 * Return: 0 or -EINVAL, which an AES-128 key cannot cause.
 */
int iot_aes_cfb(const u8 key[16], const u8 iv[16], u8 *data, size_t len,
		bool encrypt)
{
	struct crypto_aes_ctx aes;
	u8 stream[AES_BLOCK_SIZE];
	u8 last[AES_BLOCK_SIZE];
	size_t n;
	int ret;

	ret = aes_expandkey(&aes, key, 16);
	if (ret)
		return ret;
	memcpy(last, iv, sizeof(last));
	for (; len; data += n, len -= n) {
		n = min_t(size_t, len, AES_BLOCK_SIZE);
		aes_encrypt(&aes, stream, last);
		if (!encrypt)
			memcpy(last, data, n);
		crypto_xor(data, stream, n);
		if (encrypt)
			memcpy(last, data, n);
	}
	memzero_explicit(&aes, sizeof(aes));
	memzero_explicit(stream, sizeof(stream));
	memzero_explicit(last, sizeof(last));
	return 0;
}

/* Multiplication by x in GF(2^128), RFC 4493 section 2.3. */
static void cmac_double(u8 block[AES_BLOCK_SIZE])
{
	u8 carry = block[0] >> 7;
	int i;

	for (i = 0; i < AES_BLOCK_SIZE - 1; i++)
		block[i] = block[i] << 1 | block[i + 1] >> 7;
	block[AES_BLOCK_SIZE - 1] <<= 1;
	block[AES_BLOCK_SIZE - 1] ^= carry * 0x87;
}

/**
 * iot_aes_cmac() - RFC 4493
 * @key: 16 bytes
 *
 * Return: 0 or -EINVAL, which an AES-128 key cannot cause.
 */
int iot_aes_cmac(const u8 key[16], const void *data, size_t len,
		 u8 out[IOT_CMAC_SIZE])
{
	struct crypto_aes_ctx aes;
	u8 subkey[AES_BLOCK_SIZE] = { 0 };
	u8 last[AES_BLOCK_SIZE] = { 0 };
	u8 mac[AES_BLOCK_SIZE] = { 0 };
	const u8 *in = data;
	int ret;

	ret = aes_expandkey(&aes, key, 16);
	if (ret)
		return ret;

	for (; len > AES_BLOCK_SIZE; len -= AES_BLOCK_SIZE) {
		crypto_xor(mac, in, AES_BLOCK_SIZE);
		aes_encrypt(&aes, mac, mac);
		in += AES_BLOCK_SIZE;
	}

	aes_encrypt(&aes, subkey, subkey);
	cmac_double(subkey);
	if (len)
		memcpy(last, in, len);
	if (len < AES_BLOCK_SIZE) {
		cmac_double(subkey);
		last[len] = 0x80;
	}
	crypto_xor(mac, last, AES_BLOCK_SIZE);
	crypto_xor(mac, subkey, AES_BLOCK_SIZE);
	aes_encrypt(&aes, out, mac);

	memzero_explicit(&aes, sizeof(aes));
	memzero_explicit(subkey, sizeof(subkey));
	memzero_explicit(last, sizeof(last));
	memzero_explicit(mac, sizeof(mac));
	return 0;
}
