// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ENCODER: where a program writes a private key it writes the PEM that names it; where it
 * prints one, its URI and public half.
 */
#include "provider.h"

#include <openssl/core_names.h>

static int text_does_selection(void *provctx, int selection)
{
	(void)provctx;
	return !selection || selection & OSSL_KEYMGMT_SELECT_KEYPAIR;
}

static int pem_encode(void *ctx, OSSL_CORE_BIO *out, const void *object,
		      const OSSL_PARAM abstract[], int selection,
		      OSSL_PASSPHRASE_CALLBACK *pass, void *pass_arg)
{
	const struct provider *prov = ctx;
	const struct key *key = object;
	BIO *bio;
	int ok;

	(void)selection;
	(void)pass;
	(void)pass_arg;
	if (abstract || !key->public)
		return 0;
	if (!key->uri) {
		raise(prov, REASON_PRIVATE, "a public key");
		return 0;
	}
	bio = BIO_new_from_core_bio(prov->libctx, out);
	ok = bio && reference_write(bio, key->uri, key->public);
	BIO_free(bio);
	return ok;
}

static int text_encode(void *ctx, OSSL_CORE_BIO *out, const void *object,
		       const OSSL_PARAM abstract[], int selection,
		       OSSL_PASSPHRASE_CALLBACK *pass, void *pass_arg)
{
	const struct provider *prov = ctx;
	const struct key *key = object;
	BIO *bio;
	int ok;

	(void)pass;
	(void)pass_arg;
	if (abstract || !key->public)
		return 0;
	bio = BIO_new_from_core_bio(prov->libctx, out);
	ok = bio != NULL;
	if (ok && key->uri && selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		ok = BIO_printf(bio, "Private key in the kernel: %s\n", key->uri) > 0;
	ok = ok && EVP_PKEY_print_public(bio, key->public, 0, NULL) == 1;
	BIO_free(bio);
	return ok;
}

const OSSL_DISPATCH pem_encoder[] = {
	{ OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))provider_newctx },
	{ OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))provider_freectx },
	{ OSSL_FUNC_ENCODER_DOES_SELECTION, (void (*)(void))provider_wants_private },
	{ OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))pem_encode },
	{ 0, NULL },
};

const OSSL_DISPATCH text_encoder[] = {
	{ OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))provider_newctx },
	{ OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))provider_freectx },
	{ OSSL_FUNC_ENCODER_DOES_SELECTION, (void (*)(void))text_does_selection },
	{ OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))text_encode },
	{ 0, NULL },
};
