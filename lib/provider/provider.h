/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the OpenSSL provider share.
 *
 * The provider keeps no state but struct provider, which never changes once it is made, and
 * the contexts and keys that OpenSSL holds.  A key never changes once it is loaded, so any
 * thread may use it, and a child of fork() as well.
 */
#ifndef _IOTKEY_PROVIDER_H
#define _IOTKEY_PROVIDER_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uri.h"

#define PROPERTIES "provider=iotkey"

/* The word of DECODER and ENCODER for the structure inside our PEM */
#define STRUCTURE "iotkey"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define REASONS_MAX   32

struct provider {
	const OSSL_CORE_HANDLE *core;
	OSSL_LIB_CTX *
		libctx; /* our own: public keys and digests of OpenSSL's default provider */
	OSSL_FUNC_core_new_error_fn *new_error;
	OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
	OSSL_FUNC_core_vset_error_fn *vset_error;
	OSSL_ITEM reasons[REASONS_MAX]; /* ends with zeros */
};

/*
 * Reasons on OpenSSL's error stack: those below, and an errno of the kernel, whose sentence
 * is that of iotkey_strerror().
 */
enum reason {
	REASON_URI = 1000,
	REASON_FILE,
	REASON_OTHER_KEY,
	REASON_KEY_TYPE,
	REASON_PUBLIC,
	REASON_DIGEST,
	REASON_PARAMETER,
	REASON_PRIVATE,
	REASON_OPENSSL,
};

/* provider.c: contexts of ENCODER and DECODER, which keep nothing but the provider */
void *provider_newctx(void *provctx);
void provider_freectx(void *ctx);
int provider_wants_private(void *provctx, int selection);

/* provider.c: puts @reason (positive) and a text on the error stack */
void raise_error(const struct provider *prov, const char *file, int line,
		 const char *function, int reason, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

#define raise(prov, reason, ...) \
	raise_error(prov, __FILE__, __LINE__, __func__, reason, __VA_ARGS__)

enum kind { KIND_EC, KIND_RSA };

/* A key pair whose private half is @serial of the kernel; without it a public key */
struct key {
	const struct provider *prov;
	atomic_int refs;
	enum kind kind;
	int32_t serial; /* 0: none */
	char *uri;	/* as it was given */
	EVP_PKEY *public;
};

/* key.c */
struct key *key_new(const struct provider *prov, enum kind kind);
struct key *key_ref(struct key *key);
void key_unref(struct key *key);
const char *key_kind_name(const struct key *key); /* "EC", "RSA" */

/*
 * key_load(): the key that @uri names.  @spki, @len bytes of DER, is its public half as the
 * PEM file told it, or NULL.  NULL when it cannot be had: the error stack says why.
 */
struct key *key_load(const struct provider *prov, const char *uri,
		     const unsigned char *spki, size_t len);

/* key_give(): @key to whoever loads it; it is theirs, or is freed.  What @object returned. */
int key_give(struct key *key, OSSL_CALLBACK *object, void *arg);

/* rsa_public.c: the public half of an asymmetric key of the kernel; NULL as key_load() */
EVP_PKEY *rsa_public(const struct provider *prov, int32_t serial, const char *uri);

/*
 * pem.c: the structure in our PEM, documented in iotkey-provider(7)
 *
 * reference_read(): false when @der is none; else @uri (to be freed with OPENSSL_free(3))
 * and @spki (into @der, NULL when there is none).
 * reference_write(): the PEM of a key to @out.
 */
bool reference_read(const unsigned char *der, size_t len, char **uri,
		    const unsigned char **spki, size_t *spki_len);
bool reference_write(BIO *out, const char *uri, EVP_PKEY *public);

#define REFERENCE_LABEL "IOTKEY PRIVATE KEY"

/*
 * pss.c: EMSA-PSS of RFC 8017 9.1.1: the @bits bits of the encoded message, in
 * (@bits + 7) / 8 bytes at @em.
 */
bool pss_encode(const EVP_MD *md, const EVP_MD *mgf1, size_t salt_len,
		const unsigned char *digest, size_t bits, OSSL_LIB_CTX *libctx,
		unsigned char *em);

extern const OSSL_DISPATCH ec_keymgmt[], rsa_keymgmt[];
extern const OSSL_DISPATCH ecdsa_signature[], rsa_signature[];
extern const OSSL_DISPATCH store_functions[];
extern const OSSL_DISPATCH pem_decoder[], ec_decoder[], rsa_decoder[];
extern const OSSL_DISPATCH pem_encoder[], text_encoder[];

#endif /* _IOTKEY_PROVIDER_H */
