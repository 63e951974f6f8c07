// SPDX-License-Identifier: GPL-2.0-or-later
#include "trust.h"

#include "../common/hex.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATES_MAX 8
#define HASH_HEAD	 "sha256:"

static const char *ca_pem;
static X509 *ca;
static struct iotkey_attest *attest;

static STACK_OF(X509) * read_certificates(const char *pem, size_t len)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	X509 *one;

	while (list && bio && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (sk_X509_num(list) == CERTIFICATES_MAX || !sk_X509_push(list, one)) {
			X509_free(one);
			break;
		}
	BIO_free(bio);
	ERR_clear_error(); /* the end of the file is one */
	return list;
}

static void free_certificates(STACK_OF(X509) * list)
{
	sk_X509_pop_free(list, X509_free);
}

static bool has_fingerprint(const X509 *cert, const char *fingerprint)
{
	uint8_t wanted[SHA256_DIGEST_LENGTH], found[SHA256_DIGEST_LENGTH];
	const char *hex = fingerprint + strlen(HASH_HEAD);

	return hex_read(hex, strlen(hex), wanted, sizeof(wanted)) &&
	       X509_digest(cert, EVP_sha256(), found, NULL) == 1 &&
	       !memcmp(wanted, found, sizeof(found));
}

static bool signed_itself(X509 *cert)
{
	return X509_check_ca(cert) && X509_check_issued(cert, cert) == X509_V_OK &&
	       X509_verify(cert, X509_get0_pubkey(cert)) == 1;
}

static char *write_certificate(const X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text = NULL;
	long len;

	if (bio && PEM_write_bio_X509(bio, cert) == 1) {
		len = BIO_get_mem_data(bio, &data);
		text = strndup(data, (size_t)len);
	}
	BIO_free(bio);
	return text;
}

int trust_choose(const char *pem, size_t len, const char *fingerprint, char **chosen)
{
	STACK_OF(X509) *list = read_certificates(pem, len);
	int i, n = list ? sk_X509_num(list) : 0;
	X509 *cert = NULL;

	for (i = 0; i < n && !cert; i++) {
		cert = sk_X509_value(list, i);
		if (fingerprint ? !has_fingerprint(cert, fingerprint)
				: !signed_itself(cert))
			cert = NULL;
	}
	if (cert && !X509_check_ca(cert))
		cert = NULL;
	*chosen = cert ? write_certificate(cert) : NULL;
	free_certificates(list);
	ERR_clear_error();
	if (!n)
		return -EBADMSG;
	return *chosen ? 0 : cert ? -ENOMEM : -EACCES;
}

int trust_set(const char *pem)
{
	STACK_OF(X509) * list;

	X509_free(ca);
	ca = NULL;
	ca_pem = NULL;
	if (!pem)
		return 0;
	if (!attest)
		attest = iotkey_attest_new();
	list = read_certificates(pem, strlen(pem));
	if (list && attest)
		ca = sk_X509_shift(list);
	free_certificates(list);
	if (!ca)
		return -EBADMSG;
	ca_pem = pem;
	return 0;
}

const char *trust_ca(void)
{
	return ca_pem;
}

bool trust_same_key(const char *pem)
{
	STACK_OF(X509) *list = read_certificates(pem, strlen(pem));
	X509 *other = list ? sk_X509_value(list, 0) : NULL;
	bool same = ca && other &&
		    EVP_PKEY_eq(X509_get0_pubkey(other), X509_get0_pubkey(ca)) == 1;

	free_certificates(list);
	ERR_clear_error();
	return same;
}

static bool is_for_key(X509 *cert, const uint8_t *spki, size_t len)
{
	uint8_t *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool is = n > 0 && (size_t)n == len && !memcmp(der, spki, len);

	OPENSSL_free(der);
	return is;
}

static bool is_for_device(const X509 *cert, const char *device)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_serialNumber, -1);
	const ASN1_STRING *text;

	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_serialNumber, at) >= 0)
		return false;
	text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	return (size_t)ASN1_STRING_length(text) == strlen(device) &&
	       !memcmp(ASN1_STRING_get0_data(text), device, strlen(device));
}

static bool is_by_ca(X509 *cert, STACK_OF(X509) * others)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool is;

	is = store && ctx && X509_STORE_add_cert(store, ca) == 1 &&
	     X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME |
						 X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
	     X509_STORE_CTX_init(ctx, store, cert, others) == 1 &&
	     X509_verify_cert(ctx) == 1;
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return is;
}

int trust_certificate(const char *pem, size_t len, const uint8_t *spki, size_t spki_len,
		      const char *device)
{
	STACK_OF(X509) *list = read_certificates(pem, len);
	X509 *cert = list ? sk_X509_value(list, 0) : NULL;
	int err = 0;

	if (!cert || !ca || !is_for_key(cert, spki, spki_len) ||
	    !is_for_device(cert, device))
		err = -EBADMSG;
	else if (!is_by_ca(cert, list))
		err = -EKEYREJECTED;
	free_certificates(list);
	ERR_clear_error();
	return err;
}

int trust_statement(const uint8_t *data, size_t len, struct iotkey_chain *chain,
		    struct iotkey_statement *statement)
{
	int err;

	err = iotkey_statement_parse(data, len, statement);
	if (err || statement->whole.len != len)
		return err == -EPROTONOSUPPORT ? err : -EBADMSG;
	err = iotkey_statement_verify(attest, statement, X509_get0_pubkey(ca));
	if (!err)
		err = iotkey_statement_follow(attest, chain, statement);
	ERR_clear_error();
	return err;
}
