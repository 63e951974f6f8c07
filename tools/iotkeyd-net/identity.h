/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who this device is in TLS and in requests: a certificate, and its key, which stays where it is.
 */
#ifndef _NET_IDENTITY_H
#define _NET_IDENTITY_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "keeper.h"

/* identity_start(): OpenSSL with its default provider and ours; once, before any thread */
bool identity_start(void);

struct tls_identity {
	X509 *leaf;
	STACK_OF(X509) * more; /* between it and the CA */
	EVP_PKEY *key;
};

/* identity_load(): NULL with the fault filled in: there is no such key, or it is another one's */
struct tls_identity *identity_load(const struct identity *identity, struct fault *f);
void identity_free(struct tls_identity *identity); /* NULL is fine */

/* identity_key(): the key that @uri names, of which @public is the other half */
EVP_PKEY *identity_key(const char *uri, EVP_PKEY *public, struct fault *f);

/* identity_signs(): whether the kernel still signs with it */
bool identity_signs(EVP_PKEY *key);

/* identity_dates(): of the first certificate in @chain, seconds since 1970; false: it has none */
bool identity_dates(const char *chain, int64_t *not_before, int64_t *not_after);

/* identity_chain(): certificates of PEM, in order; NULL: there is none */
STACK_OF(X509) * identity_chain(const char *pem);

/* identity_error(): the newest error of OpenSSL, as a sentence */
const char *identity_error(char *text, size_t size);

#endif /* _NET_IDENTITY_H */
