// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * By its TPM: the registrar knows the endorsement key, makes a credential for the attestation
 * key that only this TPM opens, and believes what that key certifies from then on.  Or by
 * a token.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "csr.h"
#include "registrar.h"
#include "work.h"

static bool join(struct work *work, struct activated *activated, struct fault *f)
{
	const char *name = work->hello.name;
	struct iotkey_bytes credential, secret;
	struct keeper_identity identity;
	struct joined joined;
	bool good;

	if (!keeper_identity(work->keeper, &identity, f))
		return false;
	good = registrar_join(work->http, &identity, name, &joined, f);
	if (good) {
		credential = (struct iotkey_bytes){ joined.credential, joined.len };
		good = keeper_activate(work->keeper, credential, &secret, f) &&
		       registrar_activate(work->http, &identity, name, joined.time,
					  secret, activated, f);
		keeper_wipe(work->keeper);
	}
	keeper_identity_clear(&identity);
	return good;
}

/* A key, its request, and the certificate for it to the keeper */
static bool request(struct work *work, const char *device, struct iotkey_bytes nonce,
		    const char *token, struct fault *f)
{
	struct keeper_key key;
	char *chain = NULL;
	uint8_t *der;
	size_t len;
	bool good;

	if (!keeper_key(work->keeper, nonce, &key, f))
		return false;
	len = csr_make(&key, NULL, device, &der, f);
	if (!len)
		return false;
	good = registrar_enrol(work->http, false, token, der, len, &chain, f) &&
	       keeper_certificate(work->keeper, chain, f);
	free(chain);
	OPENSSL_free(der);
	return good;
}

static bool by_token(struct work *work, struct fault *f)
{
	const struct iotkey_bytes no_nonce = { 0 };
	char device[sizeof(work->hello.device)];
	const char *colon = strchr(work->hello.token, ':');
	size_t len = colon ? (size_t)(colon - work->hello.token) : 0;

	if (!len || len >= sizeof(device))
		return fault(f, FAULT_LOCAL, "the token is not ID:SECRET");
	memcpy(device, work->hello.token, len);
	device[len] = '\0';
	return keeper_device(work->keeper, device, f) &&
	       request(work, device, no_nonce, work->hello.token, f);
}

static bool by_tpm(struct work *work, struct fault *f)
{
	struct activated activated;
	struct iotkey_bytes nonce;

	if (!join(work, &activated, f) ||
	    !keeper_device(work->keeper, activated.device, f))
		return false;
	nonce = (struct iotkey_bytes){ activated.nonce.data, activated.nonce.len };
	return request(work, activated.device, nonce, NULL, f);
}

bool enrol(struct work *work, struct fault *f)
{
	be_nobody(work);
	return work->hello.token[0] ? by_token(work, f) : by_tpm(work, f);
}
