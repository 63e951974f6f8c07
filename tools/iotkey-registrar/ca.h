/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fleet's certification authority: its key, and what it signs.
 */
#ifndef _REGISTRAR_CA_H
#define _REGISTRAR_CA_H

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"

#define CA_SERIAL 20

struct ca {
	X509 *certificate;
	EVP_PKEY *key;		 /* the private one, or where it is */
	STACK_OF(X509) * idevid; /* CAs whose IDevIDs are believed; may be empty */
	STACK_OF(X509) * chain;	 /* what cacerts gives */
};

/*
 * ca_open(): as the configuration says.  After fork(): tokens do not survive one.  On an error it
 * has said what is wrong.
 */
int ca_open(const struct config *config, struct ca **ca);
void ca_close(struct ca *ca);

/* ca_key_load(): a private key by the path of a PEM file or a URI; NULL, and it said why */
EVP_PKEY *ca_key_load(const char *uri);

/* ca_public_load(): the same; the public half will do */
EVP_PKEY *ca_public_load(const char *uri);

/* ca_fleet(): by which devices know the fleet, from ca-certificate; false, and it said why */
bool ca_fleet(const struct config *config, uint8_t fleet[16]);

/* ca_digest(): the hash that goes with a key: SHA-384 for P-384, else SHA-256 */
const EVP_MD *ca_digest(const EVP_PKEY *key);

enum ca_purpose { CA_DEVICE, CA_SERVER, CA_CLIENT };

/* What a certificate says */
struct ca_subject {
	const char *common_name;
	const char *serial_number; /* NULL: none (802.1AR: of the device) */
	const char *san; /* "DNS:a,IP:b" as OpenSSL's configuration; NULL: none */
	enum ca_purpose purpose;
	bool server_auth; /* a device's is good for servers, too */
	const char *crl_url, *ocsp_url;
	int64_t not_after; /* at the latest; never later than the CA's own */
};

/*
 * ca_issue(): a certificate for @key with a random serial number; NULL: it did not sign.  The key
 * comes encoded, as it is in a request: encoding one takes OpenSSL longer than signing.
 */
X509 *ca_issue(const struct ca *ca, const X509_PUBKEY *key,
	       const struct ca_subject *subject);

/* ca_self(): a new CA's certificate of itself */
X509 *ca_self(EVP_PKEY *key, const char *common_name, unsigned int days);

/* ca_serial(): serial number in 20 bytes; false: it is longer */
bool ca_serial(const X509 *certificate, uint8_t serial[CA_SERIAL]);

/*
 * A CRL: ca_crl_begin(), ca_crl_add() for each, ca_crl_end(), which returns DER to be freed with
 * OPENSSL_free(), or -EIO.
 */
X509_CRL *ca_crl_begin(const struct ca *ca, int64_t now, unsigned int seconds);
bool ca_crl_add(X509_CRL *crl, const uint8_t serial[CA_SERIAL], int64_t revoked,
		unsigned int reason);
int ca_crl_end(const struct ca *ca, X509_CRL *crl, uint8_t **der, size_t *len);

#endif /* _REGISTRAR_CA_H */
