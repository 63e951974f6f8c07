// SPDX-License-Identifier: GPL-2.0-or-later
#include <openssl/crypto.h>
#include <stdlib.h>

#include "csr.h"
#include "registrar.h"
#include "work.h"

bool renew(struct work *work, struct fault *f)
{
	struct iotkey_bytes bytes;
	struct keeper_key key;
	struct nonce nonce;
	char *chain = NULL;
	uint8_t *der;
	size_t len;
	bool good;

	if (!be_current(work, f) || !registrar_nonce(work->http, "enrol", &nonce, f))
		return false;
	bytes = (struct iotkey_bytes){ nonce.data, nonce.len };
	if (!keeper_key(work->keeper, bytes, &key, f))
		return false;
	len = csr_make(&key, work->hello.current.chain, NULL, &der, f);
	if (!len)
		return false;
	good = registrar_enrol(work->http, true, NULL, der, len, &chain, f) &&
	       keeper_certificate(work->keeper, chain, f);
	free(chain);
	OPENSSL_free(der);
	return good;
}
