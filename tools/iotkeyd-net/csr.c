// SPDX-License-Identifier: GPL-2.0-or-later
#include "csr.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "identity.h"

static bool set_subject(X509_REQ *req, const char *old, const char *device)
{
	X509_NAME *name = X509_REQ_get_subject_name(req);
	STACK_OF(X509) * chain;
	bool ok;

	if (!old)
		return X509_NAME_add_entry_by_txt(name, "serialNumber", MBSTRING_ASC,
						  (const uint8_t *)device, -1, -1,
						  0) == 1;
	chain = identity_chain(old);
	ok = chain && X509_REQ_set_subject_name(
			      req, X509_get_subject_name(sk_X509_value(chain, 0))) == 1;
	sk_X509_pop_free(chain, X509_free);
	return ok;
}

static bool fill(X509_REQ *req, const struct keeper_key *key, EVP_PKEY *public,
		 const char *old, const char *device)
{
	return X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
	       set_subject(req, old, device) && X509_REQ_set_pubkey(req, public) == 1 &&
	       (!key->evidence.attest.len || !iotkey_csr_add(req, &key->evidence));
}

size_t csr_make(const struct keeper_key *key, const char *old, const char *device,
		uint8_t **der, struct fault *f)
{
	EVP_PKEY *public = NULL, *private = NULL;
	struct iotkey_area area;
	X509_REQ *req = NULL;
	char text[256];
	int n = 0;

	*der = NULL;
	if (iotkey_area_parse(key->evidence.area.data, key->evidence.area.len, &area) ||
	    iotkey_area_pkey(&area, &public)) {
		fault(f, FAULT_LOCAL, "the keeper's new key is none that is known here");
		return 0;
	}
	private = identity_key(key->uri, public, f);
	if (private) {
		req = X509_REQ_new();
		if (req && fill(req, key, public, old, device) &&
		    X509_REQ_sign(req, private, EVP_sha256()) > 0)
			n = i2d_X509_REQ(req, der);
		if (n <= 0)
			fault(f, FAULT_LOCAL, "cannot sign the request: %s",
			      identity_error(text, sizeof(text)));
	}
	X509_REQ_free(req);
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
	ERR_clear_error();
	return n > 0 ? (size_t)n : 0;
}
