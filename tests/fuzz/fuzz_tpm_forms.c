// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What comes from a TPM and tpm2-tools: quotes, files of PCR values, public keys and
 * signatures, which one the first byte says.  What is read is written as it was.
 *
 * covers: lib/attest/quote.c lib/attest/pcrs.c lib/attest/ak.c lib/attest/area.c
 * sources: lib/attest/quote.c lib/attest/pcrs.c lib/attest/ak.c lib/attest/area.c lib/attest/hash.c
 * libs: -lcrypto
 */
#include <errno.h>
#include <iotkey-attest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fuzz.h"

static struct iotkey_attest *attest;

static void fuzz_quote(const uint8_t *data, size_t size)
{
	uint8_t selection[IOTKEY_PCR_SELECTION_MAX];
	struct iotkey_quote quote;
	int err = iotkey_quote_parse(data, size, &quote);

	must(!err || err == -EBADMSG || err == -EPROTOTYPE || err == -ENOTSUP);
	if (err)
		return;
	must(lies_in(quote.signer.data, quote.signer.len, data, size));
	must(lies_in(quote.nonce.data, quote.nonce.len, data, size));
	must(lies_in(quote.pcr_digest.data, quote.pcr_digest.len, data, size));
	must(quote.selection.count <= IOTKEY_HASHES);
	must(iotkey_pcr_selection_marshal(&quote.selection, selection) <=
	     sizeof(selection));
}

/* A selection, 4 bytes of mask for each bank, then the file */
static void fuzz_values(const uint8_t *data, size_t size)
{
	static const uint16_t banks[] = { IOTKEY_HASH_SHA1, IOTKEY_HASH_SHA256,
					  IOTKEY_HASH_SHA384 };
	static uint8_t file[IOTKEY_PCR_FILE_MAX];
	struct iotkey_pcr_selection selection = { 0 };
	struct iotkey_pcr_values values, again;
	uint32_t mask;
	unsigned int i;
	ssize_t len;
	int err;

	for (i = 0; i < 3 && size >= 4; i++, data += 4, size -= 4) {
		memcpy(&mask, data, 4);
		if (mask >> IOTKEY_PCRS)
			continue;
		selection.bank[selection.count].hash = banks[i];
		selection.bank[selection.count++].pcrs = mask;
	}
	err = iotkey_pcr_values_parse(data, size, &selection, &values);
	must(!err || err == -EBADMSG || err == -EBADE);
	if (err)
		return;
	len = iotkey_pcr_values_serialize(&selection, &values, file);
	must(len > 0);
	must(!iotkey_pcr_values_parse(file, (size_t)len, &selection, &again));
	for (i = 0; i < selection.count; i++)
		must(!memcmp(iotkey_pcr_bank(&values, selection.bank[i].hash),
			     iotkey_pcr_bank(&again, selection.bank[i].hash),
			     sizeof(struct iotkey_pcrs)));
}

static void fuzz_ak(const uint8_t *data, size_t size)
{
	struct iotkey_ak *ak;
	int err = iotkey_ak_parse(data, size, &ak);

	must(!err || err == -EBADMSG || err == -ENOTSUP);
	if (err)
		return;
	err = iotkey_ak_restricted(ak);
	must(err == 0 || err == 1 || err == -ENODATA);
	iotkey_ak_free(ak);
}

/* A key that is always the same, whose private half nobody has */
static void fuzz_signature(const uint8_t *data, size_t size, bool rsa)
{
	static struct iotkey_ak *keys[2];
	int err;

	if (!keys[rsa]) {
		EVP_PKEY *pkey = rsa ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
				     : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		uint8_t *der = NULL;
		int len = i2d_PUBKEY(pkey, &der);

		must(!iotkey_ak_parse(der, (size_t)len, &keys[rsa]));
		OPENSSL_free(der);
		EVP_PKEY_free(pkey);
	}
	err = iotkey_ak_verify(attest, keys[rsa], "message", 7, data, size);
	must(err == -EBADMSG || err == -EPROTOTYPE || err == -EKEYREJECTED ||
	     err == -ENOTSUP);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!attest)
		attest = iotkey_attest_new();
	if (!size)
		return 0;
	switch (*data) {
	case 'q':
		fuzz_quote(data + 1, size - 1);
		break;
	case 'v':
		fuzz_values(data + 1, size - 1);
		break;
	case 'k':
		fuzz_ak(data + 1, size - 1);
		break;
	case 's':
	case 'r':
		fuzz_signature(data + 1, size - 1, *data == 'r');
		break;
	}
	return 0;
}
