// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Hashes, and the PCRs that are made of them.
 */
#include "attest_private.h"

#include <openssl/evp.h>
#include <stdlib.h>

static const struct {
	uint16_t hash, size;
	const char *name;
} hashes[IOTKEY_HASHES] = {
	{ IOTKEY_HASH_SHA1, 20, "sha1" },     { IOTKEY_HASH_SHA256, 32, "sha256" },
	{ IOTKEY_HASH_SHA384, 48, "sha384" }, { IOTKEY_HASH_SHA512, 64, "sha512" },
	{ IOTKEY_HASH_SM3_256, 32, "sm3" },
};

/* Both NULL until used; a context that changes its hash is slow */
struct iotkey_attest {
	EVP_MD *md[IOTKEY_HASHES];
	EVP_MD_CTX *ctx[IOTKEY_HASHES];
};

static int hash_index(unsigned int hash)
{
	int i;

	for (i = 0; i < IOTKEY_HASHES; i++)
		if (hashes[i].hash == hash)
			return i;
	return -EINVAL;
}

const char *iotkey_hash_name(unsigned int hash)
{
	int i = hash_index(hash);

	return i < 0 ? NULL : hashes[i].name;
}

size_t iotkey_hash_size(unsigned int hash)
{
	int i = hash_index(hash);

	return i < 0 ? 0 : hashes[i].size;
}

int iotkey_hash_value(const char *name, size_t len)
{
	struct iotkey_bytes bytes = { (const uint8_t *)name, len };
	int i;

	for (i = 0; i < IOTKEY_HASHES; i++)
		if (bytes_are(bytes, hashes[i].name))
			return hashes[i].hash;
	return -EINVAL;
}

struct iotkey_attest *iotkey_attest_new(void)
{
	return calloc(1, sizeof(struct iotkey_attest));
}

void iotkey_attest_free(struct iotkey_attest *attest)
{
	int i;

	if (!attest)
		return;
	for (i = 0; i < IOTKEY_HASHES; i++) {
		EVP_MD_CTX_free(attest->ctx[i]);
		EVP_MD_free(attest->md[i]);
	}
	free(attest);
}

/* Fetched once */
const EVP_MD *attest_md(struct iotkey_attest *attest, unsigned int hash)
{
	int i = hash_index(hash);

	if (i >= 0 && !attest->md[i])
		attest->md[i] = EVP_MD_fetch(NULL, hashes[i].name, NULL);
	return i < 0 ? NULL : attest->md[i];
}

static EVP_MD_CTX *hash_context(struct iotkey_attest *attest, int i)
{
	if (!attest->ctx[i])
		attest->ctx[i] = EVP_MD_CTX_new();
	return attest->ctx[i];
}

int attest_digest2(struct iotkey_attest *attest, unsigned int hash, const void *a,
		   size_t a_len, const void *b, size_t b_len,
		   uint8_t out[IOTKEY_DIGEST_MAX])
{
	const EVP_MD *md = attest_md(attest, hash);
	EVP_MD_CTX *ctx;

	if (!md)
		return iotkey_hash_size(hash) ? -ENOTSUP : -EINVAL;
	ctx = hash_context(attest, hash_index(hash));
	if (!ctx || !EVP_DigestInit_ex(ctx, md, NULL) ||
	    !EVP_DigestUpdate(ctx, a, a_len) ||
	    (b_len && !EVP_DigestUpdate(ctx, b, b_len)) ||
	    !EVP_DigestFinal_ex(ctx, out, NULL))
		return -ENOMEM;
	return 0;
}

int iotkey_digest(struct iotkey_attest *attest, unsigned int hash, const void *data,
		  size_t len, uint8_t out[IOTKEY_DIGEST_MAX])
{
	return attest_digest2(attest, hash, data, len, NULL, 0, out);
}

void iotkey_pcrs_init(struct iotkey_pcrs *pcrs, unsigned int hash)
{
	memset(pcrs, 0, sizeof(*pcrs));
	pcrs->hash = (uint16_t)hash;
	memset(pcrs->value[17], 0xff, sizeof(pcrs->value[0]) * (22 - 17 + 1));
}

void iotkey_pcrs_start(struct iotkey_pcrs *pcrs, unsigned int locality)
{
	size_t size = iotkey_hash_size(pcrs->hash);

	memset(pcrs->value[0], 0, sizeof(pcrs->value[0]));
	if (size)
		pcrs->value[0][size - 1] = (uint8_t)locality;
}

int iotkey_pcrs_extend(struct iotkey_attest *attest, struct iotkey_pcrs *pcrs,
		       unsigned int pcr, const uint8_t *digest)
{
	size_t size = iotkey_hash_size(pcrs->hash);

	if (pcr >= IOTKEY_PCRS)
		return -EINVAL;
	pcrs->set |= UINT32_C(1) << pcr;
	return attest_digest2(attest, pcrs->hash, pcrs->value[pcr], size, digest, size,
			      pcrs->value[pcr]);
}
