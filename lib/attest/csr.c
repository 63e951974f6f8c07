// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Evidence in a certificate request: that its key lives in a TPM.
 */
#include "fleet_private.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define OID_ATTESTATION "1.2.840.113549.1.9.16.2.59"
#define OID_TPM_CERTIFY "2.23.133.20.1"

typedef struct {
	ASN1_OCTET_STRING *attest, *signature, *area;
} TPM_CERTIFY;

ASN1_SEQUENCE(TPM_CERTIFY) = {
	ASN1_SIMPLE(TPM_CERTIFY, attest, ASN1_OCTET_STRING),
	ASN1_SIMPLE(TPM_CERTIFY, signature, ASN1_OCTET_STRING),
	ASN1_OPT(TPM_CERTIFY, area, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(TPM_CERTIFY)

typedef struct {
	ASN1_OBJECT *type;
	ASN1_TYPE *stmt;
} CSR_STATEMENT;

ASN1_SEQUENCE(CSR_STATEMENT) = {
	ASN1_SIMPLE(CSR_STATEMENT, type, ASN1_OBJECT),
	ASN1_SIMPLE(CSR_STATEMENT, stmt, ASN1_ANY),
} static_ASN1_SEQUENCE_END(CSR_STATEMENT)

DEFINE_STACK_OF(CSR_STATEMENT)

typedef struct {
	STACK_OF(CSR_STATEMENT) * attestations;
	ASN1_TYPE *certs;
} CSR_BUNDLE;

ASN1_SEQUENCE(CSR_BUNDLE) = {
	ASN1_SEQUENCE_OF(CSR_BUNDLE, attestations, CSR_STATEMENT),
	ASN1_OPT(CSR_BUNDLE, certs, ASN1_ANY),
} static_ASN1_SEQUENCE_END(CSR_BUNDLE)

struct iotkey_csr_evidence {
	TPM_CERTIFY *certify;
};

static bool type_is(const ASN1_OBJECT *type, const char *oid)
{
	char text[64];

	return OBJ_obj2txt(text, sizeof(text), type, 1) > 0 && !strcmp(text, oid);
}

/*
 * Making
 */

static int encode(const void *value, const ASN1_ITEM *item, uint8_t **der)
{
	*der = NULL;
	return ASN1_item_i2d((const ASN1_VALUE *)value, der, item);
}

/* A SEQUENCE as ANY: its DER stands as it is */
static ASN1_TYPE *sequence_any(const uint8_t *der, int len)
{
	ASN1_STRING *string = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	ASN1_TYPE *any = ASN1_TYPE_new();

	if (string && any && ASN1_STRING_set(string, der, len)) {
		ASN1_TYPE_set(any, V_ASN1_SEQUENCE, string);
		return any;
	}
	ASN1_STRING_free(string);
	ASN1_TYPE_free(any);
	return NULL;
}

static ASN1_TYPE *certify_any(const struct iotkey_key_evidence *evidence)
{
	TPM_CERTIFY *certify = (TPM_CERTIFY *)ASN1_item_new(ASN1_ITEM_rptr(TPM_CERTIFY));
	struct iotkey_bytes area = evidence->area;
	ASN1_TYPE *any = NULL;
	uint8_t *der = NULL;
	int len = 0;

	/* the draft has TPMT_PUBLIC, without the size of TPM2B_PUBLIC */
	if (area.len > 2 && (size_t)(area.data[0] << 8 | area.data[1]) == area.len - 2) {
		area.data += 2;
		area.len -= 2;
	}
	if (certify)
		certify->area = ASN1_OCTET_STRING_new();
	if (certify && certify->area &&
	    ASN1_OCTET_STRING_set(certify->attest, evidence->attest.data,
				  (int)evidence->attest.len) &&
	    ASN1_OCTET_STRING_set(certify->signature, evidence->signature.data,
				  (int)evidence->signature.len) &&
	    ASN1_OCTET_STRING_set(certify->area, area.data, (int)area.len))
		len = encode(certify, ASN1_ITEM_rptr(TPM_CERTIFY), &der);
	if (len > 0)
		any = sequence_any(der, len);
	OPENSSL_free(der);
	ASN1_item_free((ASN1_VALUE *)certify, ASN1_ITEM_rptr(TPM_CERTIFY));
	return any;
}

static CSR_STATEMENT *make_statement(const struct iotkey_key_evidence *evidence)
{
	CSR_STATEMENT *statement =
		(CSR_STATEMENT *)ASN1_item_new(ASN1_ITEM_rptr(CSR_STATEMENT));

	if (!statement)
		return NULL;
	ASN1_OBJECT_free(statement->type);
	ASN1_TYPE_free(statement->stmt);
	statement->type = OBJ_txt2obj(OID_TPM_CERTIFY, 1);
	statement->stmt = certify_any(evidence);
	if (statement->type && statement->stmt)
		return statement;
	ASN1_item_free((ASN1_VALUE *)statement, ASN1_ITEM_rptr(CSR_STATEMENT));
	return NULL;
}

static int make_bundle(const struct iotkey_key_evidence *evidence, uint8_t **der)
{
	CSR_BUNDLE *bundle = (CSR_BUNDLE *)ASN1_item_new(ASN1_ITEM_rptr(CSR_BUNDLE));
	CSR_STATEMENT *statement = make_statement(evidence);
	int len = -1;

	if (bundle && statement &&
	    sk_CSR_STATEMENT_push(bundle->attestations, statement) > 0) {
		statement = NULL;
		len = encode(bundle, ASN1_ITEM_rptr(CSR_BUNDLE), der);
	}
	ASN1_item_free((ASN1_VALUE *)statement, ASN1_ITEM_rptr(CSR_STATEMENT));
	ASN1_item_free((ASN1_VALUE *)bundle, ASN1_ITEM_rptr(CSR_BUNDLE));
	return len;
}

int iotkey_csr_add(X509_REQ *req, const struct iotkey_key_evidence *evidence)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(OID_ATTESTATION, 1);
	uint8_t *der = NULL;
	int len = make_bundle(evidence, &der);
	int ok = oid && len > 0 &&
		 X509_REQ_add1_attr_by_OBJ(req, oid, V_ASN1_SEQUENCE, der, len);

	OPENSSL_free(der);
	ASN1_OBJECT_free(oid);
	return ok ? 0 : -ENOMEM;
}

/*
 * Reading
 */

static TPM_CERTIFY *read_certify(const ASN1_TYPE *stmt)
{
	return stmt->type == V_ASN1_SEQUENCE ? (TPM_CERTIFY *)ASN1_TYPE_unpack_sequence(
						       ASN1_ITEM_rptr(TPM_CERTIFY), stmt)
					     : NULL;
}

/* Of the first statement whose type is known */
static int find_certify(const CSR_BUNDLE *bundle, TPM_CERTIFY **certify)
{
	const CSR_STATEMENT *statement;
	int i;

	for (i = 0; i < sk_CSR_STATEMENT_num(bundle->attestations); i++) {
		statement = sk_CSR_STATEMENT_value(bundle->attestations, i);
		if (!type_is(statement->type, OID_TPM_CERTIFY))
			continue;
		*certify = read_certify(statement->stmt);
		return *certify ? 0 : -EBADMSG;
	}
	return -ENODATA;
}

/* The attribute's only value; NULL if it has another number of them, or of another form */
static CSR_BUNDLE *read_bundle(X509_ATTRIBUTE *attribute)
{
	ASN1_TYPE *value = X509_ATTRIBUTE_count(attribute) == 1
				   ? X509_ATTRIBUTE_get0_type(attribute, 0)
				   : NULL;

	return value && value->type == V_ASN1_SEQUENCE
		       ? (CSR_BUNDLE *)ASN1_TYPE_unpack_sequence(
				 ASN1_ITEM_rptr(CSR_BUNDLE), value)
		       : NULL;
}

static int find(const X509_REQ *req, TPM_CERTIFY **certify)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(OID_ATTESTATION, 1);
	CSR_BUNDLE *bundle;
	int at, err;

	if (!oid)
		return -ENOMEM;
	at = X509_REQ_get_attr_by_OBJ(req, oid, -1);
	ASN1_OBJECT_free(oid);
	if (at < 0)
		return -ENODATA;
	bundle = read_bundle(X509_REQ_get_attr(req, at));
	err = bundle ? find_certify(bundle, certify) : -EBADMSG;
	ASN1_item_free((ASN1_VALUE *)bundle, ASN1_ITEM_rptr(CSR_BUNDLE));
	return err;
}

static struct iotkey_bytes bytes_of(const ASN1_OCTET_STRING *string)
{
	return (struct iotkey_bytes){ ASN1_STRING_get0_data(string),
				      (size_t)ASN1_STRING_length(string) };
}

int iotkey_csr_find(const X509_REQ *req, struct iotkey_key_evidence *evidence,
		    struct iotkey_csr_evidence **owner)
{
	TPM_CERTIFY *certify = NULL;
	int err;

	*owner = NULL;
	ERR_set_mark(); /* what fails is not left to the caller's error queue */
	err = find(req, &certify);
	ERR_pop_to_mark();
	if (!err && !certify->area)
		err = -EBADMSG;
	if (!err) {
		*owner = malloc(sizeof(**owner));
		err = *owner ? 0 : -ENOMEM;
	}
	if (err) {
		ASN1_item_free((ASN1_VALUE *)certify, ASN1_ITEM_rptr(TPM_CERTIFY));
		return err;
	}
	(*owner)->certify = certify;
	evidence->attest = bytes_of(certify->attest);
	evidence->signature = bytes_of(certify->signature);
	evidence->area = bytes_of(certify->area);
	return 0;
}

void iotkey_csr_release(struct iotkey_csr_evidence *owner)
{
	if (!owner)
		return;
	ASN1_item_free((ASN1_VALUE *)owner->certify, ASN1_ITEM_rptr(TPM_CERTIFY));
	free(owner);
}

/* By its encoding first, which is there without decoding it */
static int check_same_key(X509_REQ *req, const struct iotkey_area *area)
{
	uint8_t own[SHA256_DIGEST_LENGTH], theirs[SHA256_DIGEST_LENGTH], *der = NULL;
	int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &der);
	EVP_PKEY *key;
	bool same = false;

	if (len > 0 && !iotkey_area_digest(area, own)) {
		SHA256(der, (size_t)len, theirs);
		same = !memcmp(own, theirs, sizeof(own));
	}
	OPENSSL_free(der);
	if (same)
		return 0;
	key = X509_REQ_get0_pubkey(req);
	return key && area_is_of(area, key) ? 0 : -ENOKEY;
}

int iotkey_csr_check(struct iotkey_attest *attest, const X509_REQ *req,
		     const struct iotkey_ak *ak, struct iotkey_bytes nonce)
{
	struct iotkey_key_evidence evidence;
	struct iotkey_csr_evidence *owner;
	struct iotkey_area area;
	int err = iotkey_csr_find(req, &evidence, &owner);

	if (err)
		return err;
	err = iotkey_key_check(attest, ak, nonce, IOTKEY_ROLE_KEY, &evidence, &area);
	if (!err) {
		ERR_set_mark();
		err = check_same_key((X509_REQ *)req, &area);
		ERR_pop_to_mark();
	}
	iotkey_csr_release(owner);
	return err;
}
