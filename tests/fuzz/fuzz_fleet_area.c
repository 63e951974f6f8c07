// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any public area, and any attestation of a key: no crash, all that is found lies in the input,
 * and a key that is fit for something is one that OpenSSL takes or refuses.
 *
 * covers: lib/attest/area.c lib/attest/certify.c
 * sources: lib/attest/area.c lib/attest/certify.c lib/attest/quote.c lib/attest/pcrs.c lib/attest/ak.c lib/attest/hash.c
 * libs: -lcrypto
 */
#include <iotkey-fleet.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "fuzz.h"

static struct iotkey_attest *attest;

/* What is put together for curves is what OpenSSL encodes */
static void check_digest(const struct iotkey_area *area, EVP_PKEY *pkey)
{
	uint8_t digest[32], theirs[32], *der = NULL;
	int len = i2d_PUBKEY(pkey, &der);

	must(len > 0 && !iotkey_area_digest(area, digest));
	SHA256(der, (size_t)len, theirs);
	must(!memcmp(digest, theirs, sizeof(digest)));
	OPENSSL_free(der);
}

static void check_area(const uint8_t *data, size_t size)
{
	struct iotkey_area area;
	struct iotkey_name name;
	EVP_PKEY *pkey;
	int role;

	if (iotkey_area_parse(data, size, &area))
		return;
	must(lies_in(area.whole.data, area.whole.len, data, size));
	must(lies_in(area.x.data, area.x.len, data, size));
	must(!area.is_ec || lies_in(area.y.data, area.y.len, data, size));
	must(!area.policy.len || lies_in(area.policy.data, area.policy.len, data, size));
	must(!iotkey_area_name(attest, &area, &name) && name.len <= IOTKEY_TPM_NAME_MAX);
	for (role = IOTKEY_ROLE_EK; role <= IOTKEY_ROLE_KEY; role++)
		iotkey_area_flaw(&area, role);
	if (iotkey_area_pkey(&area, &pkey))
		return;
	check_digest(&area, pkey);
	EVP_PKEY_free(pkey);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iotkey_certified certified;

	if (!attest)
		attest = iotkey_attest_new();
	check_area(data, size);
	if (!iotkey_certified_parse(data, size, &certified)) {
		must(lies_in(certified.name.data, certified.name.len, data, size));
		must(lies_in(certified.nonce.data, certified.nonce.len, data, size));
	}
	return 0;
}
