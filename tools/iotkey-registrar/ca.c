// SPDX-License-Identifier: GPL-2.0-or-later
#include "ca.h"

#include <errno.h>
#include <iotkey-fleet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/store.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/say.h"

#define SKEW 300 /* a device's clock may be so much behind */

static const char *openssl_reason(void)
{
	unsigned long err = ERR_peek_last_error();
	const char *text = err ? ERR_reason_error_string(err) : NULL;

	ERR_clear_error();
	return text ? text : "OpenSSL gives no reason";
}

const EVP_MD *ca_digest(const EVP_PKEY *key)
{
	return EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha256();
}

static EVP_PKEY *key_of(OSSL_STORE_INFO *info, bool public_will_do)
{
	switch (info ? OSSL_STORE_INFO_get_type(info) : 0) {
	case OSSL_STORE_INFO_PKEY:
		return OSSL_STORE_INFO_get1_PKEY(info);
	case OSSL_STORE_INFO_PUBKEY:
		return public_will_do ? OSSL_STORE_INFO_get1_PUBKEY(info) : NULL;
	default:
		return NULL;
	}
}

/* The first key that a file or a token has under this name */
static EVP_PKEY *load(const char *uri, bool public_will_do)
{
	OSSL_STORE_CTX *store;
	OSSL_STORE_INFO *info;
	EVP_PKEY *key = NULL;

	if (!strncmp(uri, "pkcs11:", 7) && !OSSL_PROVIDER_available(NULL, "pkcs11")) {
		if (!OSSL_PROVIDER_load(NULL, "pkcs11")) {
			say("%.40s: OpenSSL's pkcs11 provider does not load: %s", uri,
			    openssl_reason());
			return NULL;
		}
		OSSL_PROVIDER_load(NULL, "default");
	}
	store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
	if (store && !public_will_do)
		OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
	while (store && !key && !OSSL_STORE_eof(store)) {
		info = OSSL_STORE_load(store);
		key = key_of(info, public_will_do);
		OSSL_STORE_INFO_free(info);
		if (!info && OSSL_STORE_error(store))
			break;
	}
	/* the PIN may be in a URI */
	if (!key)
		say("%.*s: no %skey there: %s", (int)strcspn(uri, "?;"), uri,
		    public_will_do ? "" : "private ", openssl_reason());
	OSSL_STORE_close(store);
	ERR_clear_error();
	return key;
}

EVP_PKEY *ca_key_load(const char *uri)
{
	return load(uri, false);
}

EVP_PKEY *ca_public_load(const char *uri)
{
	return load(uri, true);
}

/* All certificates of a PEM file, at least one */
static bool load_certificates(const char *path, STACK_OF(X509) * list)
{
	FILE *file = fopen(path, "re");
	X509 *one;
	int count = 0;

	if (!file) {
		say_file_error(errno, "cannot read %s", path);
		return false;
	}
	while ((one = PEM_read_X509(file, NULL, NULL, NULL))) {
		if (!sk_X509_push(list, one)) {
			X509_free(one);
			break;
		}
		count++;
	}
	ERR_clear_error();
	fclose(file);
	if (!count)
		say("%s: there is no certificate in it", path);
	return count > 0;
}

static bool fits(const struct ca *ca, const char *path)
{
	if (X509_check_ca(ca->certificate) != 1)
		say("%s: the first certificate is not a CA's", path);
	else if (X509_check_private_key(ca->certificate, ca->key) != 1)
		say("%s: its key is not that of ca-key", path);
	else
		return true;
	ERR_clear_error();
	return false;
}

bool ca_fleet(const struct config *config, uint8_t fleet[16])
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	bool ok = chain && load_certificates(config->ca_certificate, chain) &&
		  !iotkey_device_id(X509_get0_pubkey(sk_X509_value(chain, 0)), fleet);

	sk_X509_pop_free(chain, X509_free);
	return ok;
}

int ca_open(const struct config *config, struct ca **out)
{
	struct ca *ca = calloc(1, sizeof(*ca));

	*out = ca;
	if (!ca)
		return -ENOMEM;
	ca->chain = sk_X509_new_null();
	ca->idevid = sk_X509_new_null();
	if (!ca->chain || !ca->idevid)
		return -ENOMEM;
	if (!load_certificates(config->ca_certificate, ca->chain))
		return -EINVAL;
	ca->certificate = sk_X509_value(ca->chain, 0);
	if (config->idevid_ca && !load_certificates(config->idevid_ca, ca->idevid))
		return -EINVAL;
	ca->key = ca_key_load(config->ca_key);
	if (!ca->key || !fits(ca, config->ca_certificate))
		return -EINVAL;
	return 0;
}

void ca_close(struct ca *ca)
{
	if (!ca)
		return;
	EVP_PKEY_free(ca->key);
	sk_X509_pop_free(ca->chain, X509_free);
	sk_X509_pop_free(ca->idevid, X509_free);
	free(ca);
}

bool ca_serial(const X509 *certificate, uint8_t serial[CA_SERIAL])
{
	const ASN1_INTEGER *number = X509_get0_serialNumber(certificate);
	BIGNUM *bn = ASN1_INTEGER_to_BN(number, NULL);
	bool ok = bn && !BN_is_negative(bn) &&
		  BN_bn2binpad(bn, serial, CA_SERIAL) == CA_SERIAL;

	BN_free(bn);
	return ok;
}

/* 20 bytes with the top bit clear, and no zero byte in front */
static bool set_serial(X509 *certificate)
{
	uint8_t bytes[CA_SERIAL];
	BIGNUM *bn = NULL;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (bytes[0] & 0x3f) | 0x40;
	bn = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(certificate));
	BN_free(bn);
	return ok;
}

static bool add_name(X509_NAME *name, int nid, const char *text)
{
	return !text ||
	       X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
					  (const unsigned char *)text, -1, -1, 0);
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool ok;

	if (!value)
		return true;
	X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return ok;
}

static bool add_url(X509 *certificate, X509 *issuer, int nid, const char *prefix,
		    const char *url)
{
	char value[512];

	if (!url)
		return true;
	return (size_t)snprintf(value, sizeof(value), "%sURI:%s", prefix, url) <
		       sizeof(value) &&
	       add_extension(certificate, issuer, nid, value);
}

static bool set_times(X509 *certificate, int64_t until, const X509 *issuer)
{
	time_t before = time(NULL) - SKEW, after = (time_t)until;

	if (!X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, &before) ||
	    !X509_time_adj_ex(X509_getm_notAfter(certificate), 0, 0, &after))
		return false;
	if (issuer && ASN1_TIME_compare(X509_get0_notAfter(certificate),
					X509_get0_notAfter(issuer)) > 0)
		return X509_set1_notAfter(certificate, X509_get0_notAfter(issuer));
	return true;
}

static const char *extended_usage(const struct ca_subject *subject)
{
	switch (subject->purpose) {
	case CA_SERVER:
		return "serverAuth,1.3.6.1.5.5.7.3.28"; /* id-kp-cmcRA: RFC 7030, 3.6.1 */
	case CA_DEVICE:
		return subject->server_auth ? "clientAuth,serverAuth" : "clientAuth";
	default:
		return "clientAuth";
	}
}

/* The parameters of a key's algorithm are none, NULL, or the name of a curve */
static bool set_key(X509 *certificate, const X509_PUBKEY *key)
{
	const unsigned char *bits;
	unsigned char *own_bits;
	const ASN1_OBJECT *type;
	ASN1_OBJECT *own_type, *own_curve = NULL;
	X509_ALGOR *algorithm;
	const void *curve;
	int len, kind;

	if (!X509_PUBKEY_get0_param(NULL, &bits, &len, &algorithm, key))
		return false;
	X509_ALGOR_get0(&type, &kind, &curve, algorithm);
	if (kind == V_ASN1_OBJECT)
		own_curve = OBJ_dup(curve);
	else if (kind != V_ASN1_NULL && kind != V_ASN1_UNDEF)
		return false;
	own_type = OBJ_dup(type);
	own_bits = OPENSSL_memdup(bits, (size_t)len);
	if (own_type && own_bits && (kind != V_ASN1_OBJECT || own_curve) &&
	    X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(certificate), own_type, kind,
				   own_curve, own_bits, len))
		return true;
	ASN1_OBJECT_free(own_type);
	ASN1_OBJECT_free(own_curve);
	OPENSSL_free(own_bits);
	return false;
}

static bool fill(const struct ca *ca, X509 *x, const X509_PUBKEY *key,
		 const struct ca_subject *subject)
{
	X509 *issuer = ca->certificate;
	X509_NAME *name = X509_get_subject_name(x);

	return X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
	       X509_set_issuer_name(x, X509_get_subject_name(issuer)) &&
	       set_times(x, subject->not_after, issuer) &&
	       add_name(name, NID_commonName, subject->common_name) &&
	       add_name(name, NID_serialNumber, subject->serial_number) &&
	       set_key(x, key) &&
	       add_extension(x, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(x, issuer, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(x, issuer, NID_ext_key_usage, extended_usage(subject)) &&
	       add_extension(x, issuer, NID_subject_key_identifier, "hash") &&
	       add_extension(x, issuer, NID_authority_key_identifier, "keyid:always") &&
	       add_extension(x, issuer, NID_subject_alt_name, subject->san) &&
	       add_url(x, issuer, NID_crl_distribution_points, "", subject->crl_url) &&
	       add_url(x, issuer, NID_info_access, "OCSP;", subject->ocsp_url);
}

X509 *ca_issue(const struct ca *ca, const X509_PUBKEY *key,
	       const struct ca_subject *subject)
{
	X509 *x = X509_new();

	if (x && fill(ca, x, key, subject) &&
	    X509_sign(x, ca->key, ca_digest(ca->key)) > 0)
		return x;
	say("cannot issue a certificate: %s", openssl_reason());
	X509_free(x);
	return NULL;
}

X509 *ca_self(EVP_PKEY *key, const char *common_name, unsigned int days)
{
	X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;

	if (x && X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
	    add_name(name, NID_commonName, common_name) &&
	    X509_set_issuer_name(x, name) &&
	    set_times(x, time(NULL) + (int64_t)days * 86400, NULL) &&
	    X509_set_pubkey(x, key) &&
	    add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE") &&
	    add_extension(x, x, NID_key_usage,
			  "critical,keyCertSign,cRLSign,digitalSignature") &&
	    add_extension(x, x, NID_subject_key_identifier, "hash") &&
	    X509_sign(x, key, ca_digest(key)) > 0)
		return x;
	say("cannot make the CA's certificate: %s", openssl_reason());
	X509_free(x);
	return NULL;
}

/* Numbers of CRLs go up whichever registrar makes them: the time */
X509_CRL *ca_crl_begin(const struct ca *ca, int64_t now, unsigned int seconds)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	ASN1_TIME *last = ASN1_TIME_set(NULL, (time_t)now);
	ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)(now + seconds));
	bool ok = crl && number && last && next && X509_CRL_set_version(crl, 1) &&
		  X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate)) &&
		  X509_CRL_set1_lastUpdate(crl, last) &&
		  X509_CRL_set1_nextUpdate(crl, next) &&
		  ASN1_INTEGER_set_int64(number, now) &&
		  X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);

	ASN1_INTEGER_free(number);
	ASN1_TIME_free(last);
	ASN1_TIME_free(next);
	if (ok)
		return crl;
	X509_CRL_free(crl);
	return NULL;
}

bool ca_crl_add(X509_CRL *crl, const uint8_t serial[CA_SERIAL], int64_t revoked,
		unsigned int reason)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)revoked);
	ASN1_ENUMERATED *why = ASN1_ENUMERATED_new();
	BIGNUM *bn = BN_bin2bn(serial, CA_SERIAL, NULL);
	ASN1_INTEGER *number = bn ? BN_to_ASN1_INTEGER(bn, NULL) : NULL;
	bool ok = entry && when && why && number &&
		  X509_REVOKED_set_serialNumber(entry, number) &&
		  X509_REVOKED_set_revocationDate(entry, when) &&
		  /* RFC 5280, 5.3.1: "unspecified" is said by leaving it out */
		  (!reason ||
		   (ASN1_ENUMERATED_set(why, (long)reason) &&
		    X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, why, 0, 0))) &&
		  X509_CRL_add0_revoked(crl, entry);

	if (!ok)
		X509_REVOKED_free(entry);
	ASN1_TIME_free(when);
	ASN1_ENUMERATED_free(why);
	ASN1_INTEGER_free(number);
	BN_free(bn);
	return ok;
}

int ca_crl_end(const struct ca *ca, X509_CRL *crl, uint8_t **der, size_t *len)
{
	X509V3_CTX ctx;
	X509_EXTENSION *aki;
	int size = -1;

	X509V3_set_ctx(&ctx, ca->certificate, NULL, NULL, crl, 0);
	aki = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier,
				  "keyid:always");
	*der = NULL;
	if (aki && X509_CRL_add_ext(crl, aki, -1) && X509_CRL_sort(crl) &&
	    X509_CRL_sign(crl, ca->key, ca_digest(ca->key)) > 0)
		size = i2d_X509_CRL(crl, der);
	X509_EXTENSION_free(aki);
	X509_CRL_free(crl);
	if (size < 0) {
		say("cannot make the CRL: %s", openssl_reason());
		return -EIO;
	}
	*len = (size_t)size;
	return 0;
}
