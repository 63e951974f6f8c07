// SPDX-License-Identifier: GPL-2.0-or-later
#include "identity.h"

#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <string.h>

#include "../../lib/provider/provider.h"

#define CHAIN_MAX 8

extern OSSL_provider_init_fn OSSL_provider_init; /* of lib/provider, linked in */

bool identity_start(void)
{
	/* no configuration: nothing of it is needed, and it might load anything */
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
					   OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
				   NULL) == 1 &&
	       OSSL_PROVIDER_add_builtin(NULL, "iotkey", OSSL_provider_init) == 1 &&
	       OSSL_PROVIDER_load(NULL, "default") && OSSL_PROVIDER_load(NULL, "iotkey");
}

const char *identity_error(char *text, size_t size)
{
	unsigned long error, newest = 0;
	const char *data = NULL, *reason;
	int flags = 0;

	while ((error = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)))
		newest = error;
	reason = newest ? ERR_reason_error_string(newest) : NULL;
	snprintf(text, size, "%s%s%s", reason ? reason : "no reason was told",
		 data && *data && flags & ERR_TXT_STRING ? ": " : "",
		 data && flags & ERR_TXT_STRING ? data : "");
	return text;
}

/*
 * A key of the kernel that this process may use, but not read: the provider takes its public half
 * from the reference.
 */
static EVP_PKEY *kernel_key(const char *uri, EVP_PKEY *public)
{
	BIO *bio = BIO_new(BIO_s_mem());
	EVP_PKEY *key = NULL;

	if (bio && reference_write(bio, uri, public))
		key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return key;
}

static EVP_PKEY *stored_key(const char *uri)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
	OSSL_STORE_INFO *info;
	EVP_PKEY *key = NULL;

	while (store && !key && !OSSL_STORE_eof(store)) {
		info = OSSL_STORE_load(store);
		if (!info)
			break;
		if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return key;
}

EVP_PKEY *identity_key(const char *uri, EVP_PKEY *public, struct fault *f)
{
	bool kernel = !strncmp(uri, URI_SCHEME ":", sizeof(URI_SCHEME));
	EVP_PKEY *key = kernel ? kernel_key(uri, public) : stored_key(uri);
	char text[256];

	if (!key) {
		fault(f, FAULT_LOCAL, "cannot use the key %s: %s", uri,
		      identity_error(text, sizeof(text)));
	} else if (EVP_PKEY_eq(key, public) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
		fault(f, FAULT_LOCAL, "the key %s is not that of the certificate", uri);
	}
	ERR_clear_error();
	return key;
}

STACK_OF(X509) * identity_chain(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *one;

	while (bio && chain && sk_X509_num(chain) < CHAIN_MAX &&
	       (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (!sk_X509_push(chain, one)) {
			X509_free(one);
			break;
		}
	ERR_clear_error(); /* there is no more */
	BIO_free(bio);
	if (chain && sk_X509_num(chain))
		return chain;
	sk_X509_free(chain);
	return NULL;
}

struct tls_identity *identity_load(const struct identity *identity, struct fault *f)
{
	STACK_OF(X509) *chain = identity_chain(identity->chain);
	struct tls_identity *loaded = chain ? calloc(1, sizeof(*loaded)) : NULL;
	EVP_PKEY *public;

	if (!loaded) {
		sk_X509_pop_free(chain, X509_free);
		fault(f, FAULT_LOCAL, "the certificate that is kept cannot be read");
		return NULL;
	}
	loaded->leaf = sk_X509_shift(chain);
	loaded->more = chain;
	public = X509_get0_pubkey(loaded->leaf);
	if (public)
		loaded->key = identity_key(identity->uri, public, f);
	else
		fault(f, FAULT_LOCAL, "the certificate is for no key that is known");
	if (loaded->key)
		return loaded;
	identity_free(loaded);
	return NULL;
}

void identity_free(struct tls_identity *identity)
{
	if (!identity)
		return;
	X509_free(identity->leaf);
	sk_X509_pop_free(identity->more, X509_free);
	EVP_PKEY_free(identity->key);
	free(identity);
}

bool identity_signs(EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	static const uint8_t text[] = "?";
	uint8_t signature[1024];
	size_t len = sizeof(signature);
	bool ok;

	ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	     EVP_DigestSign(ctx, signature, &len, text, sizeof(text)) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

static bool seconds_of(const ASN1_TIME *time, int64_t *seconds)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm))
		return false;
	*seconds = timegm(&tm);
	return true;
}

bool identity_dates(const char *chain, int64_t *not_before, int64_t *not_after)
{
	STACK_OF(X509) *all = identity_chain(chain);
	X509 *leaf = all ? sk_X509_value(all, 0) : NULL;
	bool ok = leaf && seconds_of(X509_get0_notBefore(leaf), not_before) &&
		  seconds_of(X509_get0_notAfter(leaf), not_after);

	sk_X509_pop_free(all, X509_free);
	return ok;
}
