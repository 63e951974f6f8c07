// SPDX-License-Identifier: GPL-2.0-or-later
#include "csr.h"

#include <iotkey-fleet.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"

#define DER_MAX 32768
#define NAMES	8

static bool wrong(struct csr_mistake *mistake, const char *word, const char *detail)
{
	mistake->word = word;
	mistake->detail = detail;
	return false;
}

/*
 * To decode a key, OpenSSL's d2i looks through all that its providers decode, which takes longer
 * than a signature; in a library context without any it leaves the key as it is.
 */
static OSSL_LIB_CTX *no_decoders(void)
{
	static OSSL_LIB_CTX *ctx;

	if (!ctx) {
		ctx = OSSL_LIB_CTX_new();
		if (ctx && !OSSL_PROVIDER_load(ctx, "null")) {
			OSSL_LIB_CTX_free(ctx);
			ctx = NULL;
		}
	}
	return ctx;
}

/* On one of two curves, by its name and not by a description of it */
static EVP_PKEY *read_ec(const X509_ALGOR *algorithm, const uint8_t *bits, size_t len,
			 const uint8_t *der, int der_len)
{
	static const struct {
		int nid;
		uint16_t curve;
		size_t size;
	} curves[] = { { NID_X9_62_prime256v1, 3, 32 }, { NID_secp384r1, 4, 48 } };
	struct iotkey_area area = { .is_ec = true };
	const void *parameters;
	EVP_PKEY *key;
	size_t i, size;
	int kind, nid;

	X509_ALGOR_get0(NULL, &kind, &parameters, algorithm);
	nid = kind == V_ASN1_OBJECT ? OBJ_obj2nid(parameters) : NID_undef;
	for (i = 0; i < 2 && nid != curves[i].nid; i++)
		;
	if (i == 2)
		return NULL;
	size = curves[i].size;
	if (len != 1 + 2 * size || *bits != 4) /* compressed, perhaps */
		return d2i_PUBKEY(NULL, &der, der_len);
	area.curve = curves[i].curve;
	area.x = (struct iotkey_bytes){ bits + 1, size };
	area.y = (struct iotkey_bytes){ bits + 1 + size, size };
	return iotkey_area_pkey(&area, &key) ? NULL : key;
}

static EVP_PKEY *read_rsa(const uint8_t *der, int len)
{
	EVP_PKEY *key = d2i_PUBKEY(NULL, &der, len);

	if (key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048 &&
	    EVP_PKEY_get_bits(key) <= 4096)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* A key that is fit, and its hash, as it stands in the request */
static bool read_key(struct csr *csr)
{
	X509_PUBKEY *encoded = X509_REQ_get_X509_PUBKEY(csr->req);
	X509_ALGOR *algorithm;
	ASN1_OBJECT *type;
	const uint8_t *bits;
	unsigned char *der = NULL;
	int bits_len, len;

	if (X509_PUBKEY_get0_param(&type, &bits, &bits_len, &algorithm, encoded) != 1)
		return false;
	len = i2d_X509_PUBKEY(encoded, &der);
	if (len > 0 &&
	    EVP_Digest(der, (size_t)len, csr->spki_sha256, NULL, EVP_sha256(), NULL) == 1)
		csr->key = OBJ_obj2nid(type) == NID_X9_62_id_ecPublicKey
				   ? read_ec(algorithm, bits, (size_t)bits_len, der, len)
				   : read_rsa(der, len);
	OPENSSL_free(der);
	return csr->key;
}

/* Text without anything that a program or a person may misread */
static bool copy_text(const ASN1_STRING *string, char *out, size_t max)
{
	unsigned char *text = NULL;
	int len = ASN1_STRING_to_UTF8(&text, string), i;
	bool ok = len > 0 && (size_t)len <= max;

	for (i = 0; ok && i < len; i++)
		ok = text[i] > ' ' && text[i] <= '~';
	if (ok) {
		memcpy(out, text, (size_t)len);
		out[len] = '\0';
	}
	OPENSSL_free(text);
	return ok;
}

static bool read_subject(struct csr *csr, struct csr_mistake *mistake)
{
	X509_NAME *name = X509_REQ_get_subject_name(csr->req);
	X509_NAME_ENTRY *entry;
	char *out;
	int i, nid;

	for (i = 0; i < X509_NAME_entry_count(name); i++) {
		entry = X509_NAME_get_entry(name, i);
		nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
		out = nid == NID_commonName	? csr->common_name
		      : nid == NID_serialNumber ? csr->serial_number
						: NULL;
		if (!out || *out)
			return wrong(mistake, "subject",
				     "the subject has more than one commonName and one "
				     "serialNumber");
		if (!copy_text(X509_NAME_ENTRY_get_data(entry), out, CSR_TEXT))
			return wrong(
				mistake, "subject",
				"the subject is not 1 to 64 printable ASCII characters "
				"without spaces");
	}
	return true;
}

static bool read_names(struct csr *csr, const GENERAL_NAMES *names,
		       struct csr_mistake *mistake)
{
	const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);

	if (sk_GENERAL_NAME_num(names) == 1 && name->type == GEN_DNS &&
	    copy_text(name->d.dNSName, csr->san, CSR_SAN))
		return true;
	return wrong(mistake, "san", "subjectAltName has other things than one dNSName");
}

/* Of the extensions that are asked for only a name may come to something */
static bool read_extensions(struct csr *csr, struct csr_mistake *mistake)
{
	STACK_OF(X509_EXTENSION) * list;
	GENERAL_NAMES *names;
	int critical;
	bool ok = true;

	if (X509_REQ_get_attr_by_NID(csr->req, NID_ext_req, -1) < 0)
		return true;
	list = X509_REQ_get_extensions(csr->req);
	if (!list)
		return wrong(mistake, "malformed-csr",
			     "the extensions in the request are malformed");
	names = X509V3_get_d2i(list, NID_subject_alt_name, &critical, NULL);
	if (names)
		ok = read_names(csr, names, mistake);
	else if (critical != -1)
		ok = wrong(mistake, "san", "subjectAltName is malformed or there twice");
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return ok;
}

static bool read_password(struct csr *csr, struct csr_mistake *mistake)
{
	int at = X509_REQ_get_attr_by_NID(csr->req, NID_pkcs9_challengePassword, -1);
	X509_ATTRIBUTE *attribute = at < 0 ? NULL : X509_REQ_get_attr(csr->req, at);
	ASN1_TYPE *type;

	if (!attribute)
		return true;
	type = X509_ATTRIBUTE_count(attribute) == 1
		       ? X509_ATTRIBUTE_get0_type(attribute, 0)
		       : NULL;
	if (type &&
	    (type->type == V_ASN1_UTF8STRING || type->type == V_ASN1_PRINTABLESTRING ||
	     type->type == V_ASN1_IA5STRING) &&
	    copy_text(type->value.asn1_string, csr->password, CSR_PASSWORD))
		return true;
	return wrong(mistake, "malformed-csr", "challengePassword is malformed");
}

/* RFC 7030, 4.4.1: which key is to encrypt the private key */
static bool asks_encryption(const X509_REQ *req)
{
	static const char *const oids[] = { "1.2.840.113549.1.9.16.2.37",
					    "1.2.840.113549.1.9.16.2.54" };
	ASN1_OBJECT *oid;
	bool found = false;
	size_t i;

	for (i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
		oid = OBJ_txt2obj(oids[i], 1);
		found |= oid && X509_REQ_get_attr_by_OBJ(req, oid, -1) >= 0;
		ASN1_OBJECT_free(oid);
	}
	return found;
}

static bool read_request(struct csr *csr, const uint8_t *der, size_t len,
			 struct csr_mistake *mistake)
{
	const unsigned char *p = der;

	csr->req = (X509_REQ *)ASN1_item_d2i_ex(
		NULL, &p, (long)len, ASN1_ITEM_rptr(X509_REQ), no_decoders(), NULL);
	if (!csr->req || p != der + len)
		return wrong(mistake, "malformed-csr",
			     "the body is not one PKCS#10 request");
	if (!read_key(csr))
		return wrong(
			mistake, "key",
			"the key is none of ECDSA P-256, P-384, RSA with 2048 to 4096 bits");
	if (X509_REQ_verify(csr->req, csr->key) != 1)
		return wrong(mistake, "csr-signature",
			     "the request is not signed by the key in it");
	csr->wants_encryption = asks_encryption(csr->req);
	return read_subject(csr, mistake) && read_extensions(csr, mistake) &&
	       read_password(csr, mistake);
}

bool csr_parse(const char *body, size_t len, struct csr *csr, struct csr_mistake *mistake)
{
	uint8_t *der;
	ssize_t size;
	bool ok;

	memset(csr, 0, sizeof(*csr));
	size = base64_decode(body, len, &der);
	if (size <= 0) {
		free(der);
		return wrong(mistake, "base64",
			     "the body is not base64 of a PKCS#10 request");
	}
	if (size > DER_MAX)
		ok = wrong(mistake, "malformed-csr",
			   "the request is longer than 32768 bytes");
	else
		ok = read_request(csr, der, (size_t)size, mistake);
	free(der);
	ERR_clear_error();
	return ok;
}

void csr_clear(struct csr *csr)
{
	X509_REQ_free(csr->req);
	EVP_PKEY_free(csr->key);
	memset(csr, 0, sizeof(*csr));
}
