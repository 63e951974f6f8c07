// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * DECODER: PEM to DER, and DER to a key.  Both see whatever a program may load; what is not
 * ours they leave to others, which is no error.
 */
#include "provider.h"

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <string.h>

#define LEAVE_IT 1

/* The longest: a URI of 1024 bytes and an RSA-8192 key */
#define DER_MAX 4096

/* Whether the key can be had; the error stack says why not. */
static bool try_key(const struct provider *prov, const unsigned char *der, size_t len)
{
	const unsigned char *spki;
	struct key *key;
	size_t spki_len;
	char *uri;

	if (!reference_read(der, len, &uri, &spki, &spki_len)) {
		raise(prov, REASON_FILE, "%s", REFERENCE_LABEL);
		return false;
	}
	key = key_load(prov, uri, spki, spki_len);
	OPENSSL_free(uri);
	key_unref(key);
	return key;
}

static int pem_decode(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *object,
		      void *arg, OSSL_PASSPHRASE_CALLBACK *pass, void *pass_arg)
{
	const struct provider *prov = ctx;
	BIO *bio = BIO_new_from_core_bio(prov->libctx, in);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	OSSL_PARAM params[3];
	int ok = LEAVE_IT, ours;
	long len;

	(void)selection;
	(void)pass;
	(void)pass_arg;
	if (!bio)
		return 0;
	ERR_set_mark();
	ours = PEM_read_bio(bio, &name, &header, &der, &len) &&
	       !strcmp(name, REFERENCE_LABEL);
	ERR_pop_to_mark();
	/*
	 * The store of files forgets the errors of whoever decodes the DER, so the key is
	 * looked up here to say what is wrong, and again there: all that passes between
	 * the two is bytes, which might as well come from a file.
	 */
	if (ours && !try_key(prov, der, (size_t)len)) {
		ok = 0;
	} else if (ours) {
		params[0] = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der,
							      (size_t)len);
		params[1] = OSSL_PARAM_construct_utf8_string(
			OSSL_OBJECT_PARAM_DATA_STRUCTURE, (char *)STRUCTURE, 0);
		params[2] = OSSL_PARAM_construct_end();
		ok = object(params, arg);
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
	return ok;
}

/* All of @in, up to what a reference may have; NULL when it is longer or cannot be read */
static unsigned char *read_all(const struct provider *prov, OSSL_CORE_BIO *in,
			       size_t *len)
{
	BIO *bio = BIO_new_from_core_bio(prov->libctx, in);
	unsigned char *data = OPENSSL_malloc(DER_MAX + 1);
	size_t n = 0;
	int got;

	while (bio && data && n <= DER_MAX) {
		got = BIO_read(bio, data + n, (int)(DER_MAX + 1 - n));
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	BIO_free(bio);
	*len = n;
	if (data && n > 0 && n <= DER_MAX)
		return data;
	OPENSSL_free(data);
	return NULL;
}

/* The decoders of both kinds see the same data: the first says why it finds no key. */
static int der_decode(const struct provider *prov, enum kind kind, OSSL_CORE_BIO *in,
		      OSSL_CALLBACK *object, void *arg)
{
	struct key *key = NULL;
	const unsigned char *spki;
	size_t len, spki_len;
	unsigned char *der;
	int ok = LEAVE_IT;
	char *uri;

	der = read_all(prov, in, &len);
	if (der && reference_read(der, len, &uri, &spki, &spki_len)) {
		key = key_load(prov, uri, spki, spki_len);
		OPENSSL_free(uri);
		if (!key)
			ok = 0;
	}
	OPENSSL_free(der);
	if (key && key->kind == kind)
		return key_give(key, object, arg);
	key_unref(key);
	return ok;
}

static int ec_decode(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *object,
		     void *arg, OSSL_PASSPHRASE_CALLBACK *pass, void *pass_arg)
{
	(void)selection;
	(void)pass;
	(void)pass_arg;
	return der_decode(ctx, KIND_EC, in, object, arg);
}

static int rsa_decode(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *object,
		      void *arg, OSSL_PASSPHRASE_CALLBACK *pass, void *pass_arg)
{
	(void)selection;
	(void)pass;
	(void)pass_arg;
	return der_decode(ctx, KIND_RSA, in, object, arg);
}

#define DECODER(decode)                                                                  \
	{                                                                                \
		{ OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))provider_newctx },           \
			{ OSSL_FUNC_DECODER_FREECTX, (void (*)(void))provider_freectx }, \
			{ OSSL_FUNC_DECODER_DOES_SELECTION,                              \
			  (void (*)(void))provider_wants_private },                      \
			{ OSSL_FUNC_DECODER_DECODE, (void (*)(void))decode },            \
			{ 0, NULL },                                                     \
	}

const OSSL_DISPATCH pem_decoder[] = DECODER(pem_decode);
const OSSL_DISPATCH ec_decoder[] = DECODER(ec_decode);
const OSSL_DISPATCH rsa_decoder[] = DECODER(rsa_decode);
