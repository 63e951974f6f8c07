// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any certificate request with evidence, any EK certificate: no crash, no leak.
 *
 * covers: lib/attest/csr.c lib/attest/ek.c
 * sources: lib/attest/csr.c lib/attest/ek.c lib/attest/area.c lib/attest/certify.c lib/attest/quote.c lib/attest/pcrs.c lib/attest/ak.c lib/attest/hash.c
 * libs: -lcrypto
 */
#include <iotkey-fleet.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fuzz.h"

static void check_request(const uint8_t *data, size_t size)
{
	struct iotkey_key_evidence evidence;
	struct iotkey_csr_evidence *owner;
	X509_REQ *req = d2i_X509_REQ(NULL, &data, (long)size);

	if (req && !iotkey_csr_find(req, &evidence, &owner)) {
		must(evidence.attest.data && evidence.signature.data &&
		     evidence.area.data);
		iotkey_csr_release(owner);
	}
	X509_REQ_free(req);
}

static void check_certificate(const uint8_t *data, size_t size)
{
	static struct iotkey_makers *makers;
	static uint8_t signer[IOTKEY_SIGNER_SIZE];
	static struct iotkey_area area;
	struct iotkey_bytes cert = { data, size };
	EVP_PKEY *pkey;

	if (!area.is_ec) {
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		must(iotkey_area_signer(pkey, signer) == sizeof(signer));
		must(!iotkey_area_parse(signer, sizeof(signer), &area));
		EVP_PKEY_free(pkey);
	}
	must(iotkey_ek_check(makers, &cert, 1, &area, 1700000000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_request(data, size);
	check_certificate(data, size);
	return 0;
}
