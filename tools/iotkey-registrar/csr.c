// SPDX-License-Identifier: GPL-2.0-or-later
#include "csr.h"

#include <openssl/ec.h>
#include <openssl/err.h>
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

static bool key_is_fit(const X509_REQ *req, EVP_PKEY *key)
{
	X509_ALGOR *algorithm;
	char group[32];
	int kind;

	if (EVP_PKEY_is_a(key, "RSA"))
		return EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 4096;
	/* a curve by its name, not by a description of it */
	X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm,
			       X509_REQ_get_X509_PUBKEY((X509_REQ *)req));
	X509_ALGOR_get0(NULL, &kind, NULL, algorithm);
	if (kind != V_ASN1_OBJECT || !EVP_PKEY_is_a(key, "EC") ||
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return false;
	return !strcmp(group, "prime256v1") || !strcmp(group, "secp384r1");
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

/* As it stands in the request: encoding a key anew takes OpenSSL long */
static bool hash_key(struct csr *csr)
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(csr->req), &der);
	unsigned int size = sizeof(csr->spki_sha256);
	bool ok = len > 0 && EVP_Digest(der, (size_t)len, csr->spki_sha256, &size,
					EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return ok;
}

static bool read_request(struct csr *csr, const uint8_t *der, size_t len,
			 struct csr_mistake *mistake)
{
	const unsigned char *p = der;

	csr->req = d2i_X509_REQ(NULL, &p, (long)len);
	if (!csr->req || p != der + len)
		return wrong(mistake, "malformed-csr",
			     "the body is not one PKCS#10 request");
	csr->key = X509_REQ_get0_pubkey(csr->req);
	if (!csr->key || !key_is_fit(csr->req, csr->key) || !hash_key(csr))
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
	memset(csr, 0, sizeof(*csr));
}
