// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Enrolment over Secure Transport: RFC 7030 as RFC 8951 mends it.
 *
 * Who asks shows one of:
 *	an LDevID			a device that renews
 *	an IDevID			a device whose maker is believed (idevid-ca)
 *	a token (HTTP Basic)		a device without either
 *	nothing			a device that joined by its EK: evidence in the CSR
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/file.h"
#include "../common/hex.h"
#include "base64.h"
#include "binding.h"
#include "csr.h"
#include "device.h"
#include "nonce.h"
#include "routes.h"
#include "worker.h"

#define EST	     "/.well-known/est/"
#define LABEL_MAX    64
#define SECRET_MAX   256
#define ATTESTATION  "1.2.840.113549.1.9.16.2.59"
#define PKCS7_TYPE   "application/pkcs7-mime; smime-type=certs-only"
#define PKCS7_HEADER "Content-Transfer-Encoding"

/* What has been found out about one enrolment, for the batch */
struct enrolment {
	struct csr csr;
	struct store_device device;
	bool renews, by_idevid, by_token, has_nonce, server_key;
	uint8_t secret_sha256[STORE_SHA256];
	uint8_t nonce[NONCE_SIZE];
	struct store_certificate row;
	EVP_PKEY *made; /* the key that the server makes */
	X509 *certificate;
};

static void drop_enrolment(void *arg)
{
	struct enrolment *e = arg;

	csr_clear(&e->csr);
	EVP_PKEY_free(e->made);
	X509_free(e->certificate);
	OPENSSL_clear_free(e, sizeof(*e));
}

/* ---- certs-only ---- */

static PKCS7 *bundle(STACK_OF(X509) * certificates)
{
	PKCS7 *p7 = PKCS7_new();
	bool ok = p7 && PKCS7_set_type(p7, NID_pkcs7_signed);
	int i;

	if (ok) {
		p7->d.sign->contents->type = OBJ_nid2obj(NID_pkcs7_data);
		for (i = 0; ok && i < sk_X509_num(certificates); i++)
			ok = PKCS7_add_certificate(p7, sk_X509_value(certificates, i));
	}
	if (ok)
		return p7;
	PKCS7_free(p7);
	return NULL;
}

/*
 * Base64 of a certs-only PKCS#7; NULL without memory.  In one line, as RFC 8951 has it, for
 * strongSwan takes it no other way; reply_text() ends the line, or libest sees none.
 */
static char *bundle_text(STACK_OF(X509) * certificates)
{
	PKCS7 *p7 = bundle(certificates);
	unsigned char *der = NULL;
	int len = p7 ? i2d_PKCS7(p7, &der) : -1;
	char *text = len > 0 ? base64_encode(der, (size_t)len, 0) : NULL;

	OPENSSL_free(der);
	PKCS7_free(p7);
	return text;
}

static char *certificate_text(X509 *certificate)
{
	STACK_OF(X509) *one = sk_X509_new_null();
	char *text = one && sk_X509_push(one, certificate) ? bundle_text(one) : NULL;

	sk_X509_free(one);
	return text;
}

static void reply_text(struct request *req, const char *type, char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (text) {
		text[len] = '\n'; /* there is room */
		reply_header(req, PKCS7_HEADER, "base64");
		reply(req, 200, type, text, len + 1);
	} else {
		reply_error(req, 503, "memory", "the registrar is out of memory");
	}
	free(text);
}

static void cacerts(struct request *req)
{
	reply_text(req, "application/pkcs7-mime",
		   bundle_text(request_worker(req)->ca->chain));
}

/* ---- csrattrs ---- */

/* What was encoded, which it frees; false: it was not, or there is no memory */
static bool put_der(BIO *out, unsigned char *der, int len)
{
	bool ok = len > 0 && BIO_write(out, der, len) == len;

	OPENSSL_free(der);
	return ok;
}

static bool put_oid(BIO *out, const char *text)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(text, 0);
	unsigned char *der = NULL;
	int len = oid ? i2d_ASN1_OBJECT(oid, &der) : -1;

	ASN1_OBJECT_free(oid);
	return put_der(out, der, len);
}

/* id-ecPublicKey with P-256, as RFC 8951, 4.1 wants it */
static bool put_curve(BIO *out)
{
	X509_ATTRIBUTE *attribute =
		X509_ATTRIBUTE_create(NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT,
				      OBJ_nid2obj(NID_X9_62_prime256v1));
	unsigned char *der = NULL;
	int len = attribute ? i2d_X509_ATTRIBUTE(attribute, &der) : -1;

	X509_ATTRIBUTE_free(attribute);
	return put_der(out, der, len);
}

static void csrattrs(struct request *req)
{
	const struct config *config = request_worker(req)->config;
	BIO *out = BIO_new(BIO_s_mem());
	unsigned char *der = NULL, *p;
	char *data, *text = NULL;
	long len;
	int size;

	if (out && put_curve(out) && put_oid(out, "ecdsa-with-SHA256") &&
	    (!config->require_tpm || put_oid(out, ATTESTATION)) &&
	    (!config->channel_binding || put_oid(out, "challengePassword"))) {
		len = BIO_get_mem_data(out, &data);
		size = ASN1_object_size(1, (int)len, V_ASN1_SEQUENCE);
		p = der = OPENSSL_malloc((size_t)size);
		if (der) {
			ASN1_put_object(&p, 1, (int)len, V_ASN1_SEQUENCE,
					V_ASN1_UNIVERSAL);
			memcpy(p, data, (size_t)len);
			text = base64_encode(der, (size_t)size, 0);
		}
	}
	OPENSSL_free(der);
	BIO_free(out);
	reply_text(req, "application/csrattrs", text);
}

/* ---- who asks ---- */

/* "Basic base64(id:secret)"; false: it has answered */
static bool read_token(struct request *req, const char *header, struct enrolment *e)
{
	uint8_t *text = NULL;
	const char *colon;
	ssize_t len = -1;
	bool ok = false;

	if (!strncasecmp(header, "Basic ", 6) && strlen(header) < SECRET_MAX * 2)
		len = base64_decode(header + 6, strlen(header + 6), &text);
	colon = len > 0 ? memchr(text, ':', (size_t)len) : NULL;
	if (colon && hex_read((char *)text, (size_t)(colon - (char *)text), e->device.id,
			      STORE_ID))
		ok = EVP_Digest(colon + 1,
				(size_t)len - (size_t)(colon + 1 - (char *)text),
				e->secret_sha256, NULL, EVP_sha256(), NULL) == 1;
	free_secret(text, len > 0 ? (size_t)len : 0);
	if (!ok) {
		reply_error(
			req, 401, "token-malformed",
			"a token is HTTP Basic, its id (32 hex digits) as the user and "
			"its secret as the password");
		reply_header(req, "WWW-Authenticate", "Basic realm=\"token\"");
	}
	return ok;
}

static void refuse_token(struct request *req, int err)
{
	switch (err) {
	case -ENOENT:
	case -EACCES:
		reply_error(req, 401, "token-wrong",
			    "there is no such token, or its secret is another");
		reply_header(req, "WWW-Authenticate", "Basic realm=\"token\"");
		break;
	case -EKEYEXPIRED:
		reply_error(req, 403, "token-expired", "the token's time is over");
		break;
	case -EKEYREJECTED:
		reply_error(req, 403, "token-used", "the token was used by another key");
		break;
	case -EKEYREVOKED:
		reply_error(req, 403, "device-revoked",
			    "this device was revoked, which is for good");
		break;
	default:
		reply_store_error(req, err);
	}
}

/* Who has to wait is told so as RFC 7030, 4.2.3, wants it */
static bool refused(struct request *req, const struct store_device *device)
{
	if (device->state != STORE_PENDING)
		return device_refused(req, device);
	device_waits(req, device);
	return true;
}

/* It is looked at now, and used in the batch */
static bool by_token(struct request *req, struct enrolment *e)
{
	struct worker *worker = request_worker(req);
	struct store_token token;
	int err = store_token_get(worker->store, e->device.id, &token);

	if (!err && CRYPTO_memcmp(token.secret_sha256, e->secret_sha256, STORE_SHA256))
		err = -EACCES;
	if (!err && token.expires <= time(NULL))
		err = -EKEYEXPIRED;
	if (!err && token.used &&
	    memcmp(token.spki_sha256, e->csr.spki_sha256, STORE_SHA256) && !e->server_key)
		err = -EKEYREJECTED;
	if (err) {
		refuse_token(req, err);
		return false;
	}
	if (!token.software && worker->config->require_tpm) {
		reply_error(
			req, 403, "key-not-in-tpm",
			"this token is for a device with a TPM, which joins by its EK; "
			"a token for software keys is made with --software");
		return false;
	}
	memcpy(e->device.name, token.name, sizeof(e->device.name));
	e->device.flags = STORE_BY_TOKEN | (token.software ? STORE_SOFTWARE : 0);
	e->by_token = true;
	return true;
}

/* The maker's certificate: its key is what the device is known by */
static bool by_idevid(struct request *req, struct enrolment *e, X509 *certificate)
{
	struct store_device known;
	int err;

	if (!device_current(req))
		return false;
	err = iotkey_device_id(X509_get0_pubkey(certificate), e->device.id);
	if (!err &&
	    X509_pubkey_digest(certificate, EVP_sha256(), e->device.ek_sha256, NULL) != 1)
		err = -ENOMEM;
	if (!err)
		err = store_device_get(request_worker(req)->store, e->device.id, &known);
	if (!err && refused(req, &known))
		return false;
	if (!err)
		memcpy(e->device.name, known.name, sizeof(known.name));
	if (err && err != -ENOENT) {
		reply_store_error(req, err);
		return false;
	}
	e->device.has_ek = true;
	e->device.state =
		request_worker(req)->config->approve ? STORE_PENDING : STORE_ACTIVE;
	e->device.flags = STORE_BY_IDEVID | STORE_SOFTWARE;
	e->device.created = time(NULL);
	e->by_idevid = true;
	return true;
}

/* The device that the CSR names; the evidence in it is all that it shows */
static bool by_evidence(struct request *req, struct enrolment *e)
{
	const char *id = e->csr.serial_number;
	int err;

	if (!hex_read(id, strlen(id), e->device.id, STORE_ID)) {
		reply_error(
			req, 401, "who",
			"no client certificate, no token, and the request's subject has "
			"no serialNumber of a device that joined");
		reply_header(req, "WWW-Authenticate", "Basic realm=\"token\"");
		return false;
	}
	err = store_device_get(request_worker(req)->store, e->device.id, &e->device);
	if (!err && !refused(req, &e->device))
		return true;
	if (err == -ENOENT)
		reply_error(req, 403, "device-unknown", "device %s has not joined", id);
	else if (err)
		reply_store_error(req, err);
	return false;
}

static bool identify(struct request *req, struct enrolment *e)
{
	X509 *certificate = request_certificate(req);
	const char *header = request_header(req, "Authorization");

	if (certificate && device_issued(req)) {
		e->renews = true;
		return device_of(req, &e->device);
	}
	if (certificate)
		return by_idevid(req, e, certificate);
	if (header)
		return read_token(req, header, e) && by_token(req, e);
	return by_evidence(req, e);
}

/* ---- the key is in the device's TPM ---- */

static void refuse_evidence(struct request *req, int err)
{
	static const struct {
		int err;
		const char *word, *detail;
	} why[] = {
		{ EBADMSG, "evidence-malformed",
		  "the evidence in the request is malformed" },
		{ EPROTOTYPE, "evidence-kind", "the evidence attests something else" },
		{ ENOTSUP, "evidence-algorithm",
		  "the evidence has a weak or unknown hash" },
		{ EKEYREJECTED, "evidence-signature",
		  "the evidence is not signed by this device's attestation key" },
		{ ESTALE, "nonce-wrong",
		  "the nonce in the evidence is not one of this fleet "
		  "for this device" },
		{ ETIME, "clock-skew",
		  "the nonce in the evidence is of a registrar whose clock is ahead "
		  "of this one's" },
		{ EKEYEXPIRED, "nonce-expired",
		  "the nonce in the evidence is too old; ask for "
		  "another one" },
		{ EXDEV, "evidence-key", "the evidence is about another key" },
		{ ENOKEY, "evidence-key", "the evidence is not about the request's key" },
		{ EACCES, "key-unfit",
		  "the key in the TPM may leave it, or is restricted" },
	};
	size_t i;

	for (i = 0; i < sizeof(why) / sizeof(why[0]); i++)
		if (err == -why[i].err) {
			reply_error(req, 403, why[i].word, "%s", why[i].detail);
			return;
		}
	reply_error(req, 503, "evidence", "the evidence cannot be checked: %s",
		    strerror(-err));
}

/* The nonce that the evidence is about; it has to be ours before it is worth a check */
static int read_nonce(const struct worker *worker, struct enrolment *e)
{
	struct iotkey_csr_evidence *owner = NULL;
	struct iotkey_key_evidence evidence;
	struct iotkey_certified certified;
	int err = iotkey_csr_find(e->csr.req, &evidence, &owner);

	if (!err)
		err = iotkey_certified_parse(evidence.attest.data, evidence.attest.len,
					     &certified);
	if (!err)
		err = nonce_check(worker, STORE_ENROL, e->device.id, certified.nonce.data,
				  certified.nonce.len);
	if (err == -EKEYREJECTED)
		err = -ESTALE;
	if (!err) {
		memcpy(e->nonce, certified.nonce.data, NONCE_SIZE);
		e->has_nonce = true;
	}
	iotkey_csr_release(owner);
	return err;
}

static int check_evidence(const struct worker *worker, struct enrolment *e)
{
	struct iotkey_bytes nonce = { e->nonce, NONCE_SIZE };
	struct iotkey_ak *ak;
	int err = read_nonce(worker, e);

	if (!err)
		err = iotkey_ak_parse(e->device.ak_public, e->device.ak_public_len, &ak);
	if (err)
		return err;
	err = iotkey_csr_check(worker->attest, e->csr.req, ak, nonce);
	iotkey_ak_free(ak);
	return err;
}

static bool in_tpm(struct request *req, struct enrolment *e)
{
	struct worker *worker = request_worker(req);
	bool proved = e->renews || e->by_idevid || e->by_token;
	int err = -ENODATA;

	if (e->device.has_ak)
		err = check_evidence(worker, e);
	if (!err)
		return true;
	/* without evidence: who may have a key in software, or when nobody has to show it */
	if (err == -ENODATA && proved &&
	    ((e->device.flags & STORE_SOFTWARE) || !worker->config->require_tpm))
		return true;
	if (err == -ENODATA)
		reply_error(
			req, 403, "key-not-in-tpm",
			"the request has no evidence that its key is in the device's TPM");
	else
		refuse_evidence(req, err);
	return false;
}

/* ---- what the request may ask for ---- */

static bool subject_fits(struct request *req, struct enrolment *e, const char *id,
			 const char *name)
{
	const struct csr *csr = &e->csr;
	X509 *certificate = request_certificate(req);

	if (*csr->serial_number && strcasecmp(csr->serial_number, id)) {
		reply_error(req, 403, "subject",
			    "serialNumber is %s, but this is device %s; leave it out",
			    csr->serial_number, id);
		return false;
	}
	if (*csr->common_name && strcmp(csr->common_name, name) &&
	    strcasecmp(csr->common_name, id)) {
		reply_error(req, 403, "subject",
			    "commonName is %s, but this device is %s; leave it out",
			    csr->common_name, name);
		return false;
	}
	/* RFC 7030, 4.2.2 */
	if (e->renews && !e->server_key &&
	    X509_NAME_cmp(X509_REQ_get_subject_name(csr->req),
			  X509_get_subject_name(certificate))) {
		reply_error(req, 403, "subject",
			    "the subject is not that of the certificate to renew");
		return false;
	}
	return true;
}

static bool san_fits(struct request *req, const struct enrolment *e, const char *name)
{
	const char *suffix = request_worker(req)->config->san_suffix;
	char own[CSR_SAN + 1];

	if (!*e->csr.san)
		return true;
	if (suffix &&
	    (size_t)snprintf(own, sizeof(own), "%s%s", name, suffix) < sizeof(own) &&
	    !strcasecmp(own, e->csr.san))
		return true;
	reply_error(req, 403, "san", "subjectAltName %s is not allowed; %s%s is",
		    e->csr.san, suffix ? name : "none", suffix ? suffix : "");
	return false;
}

static bool binding_fits(struct request *req, const struct enrolment *e)
{
	if (!*e->csr.password && !request_worker(req)->config->channel_binding)
		return true;
	if (*e->csr.password && binding_is(request_ssl(req), e->csr.password))
		return true;
	reply_error(req, 403, "channel-binding",
		    "challengePassword is %s; it is base64 of tls-unique (TLS 1.2) or "
		    "tls-exporter (1.3)",
		    *e->csr.password ? "not of this connection" : "missing");
	return false;
}

/* ---- the certificate ---- */

static bool issue(struct request *req, struct enrolment *e, const char *id,
		  const char *name)
{
	struct worker *worker = request_worker(req);
	const struct config *config = worker->config;
	X509_PUBKEY *made = NULL;
	char san[CSR_SAN + 8];
	struct ca_subject subject = {
		.common_name = name,
		.serial_number = id,
		.purpose = CA_DEVICE,
		.server_auth = config->server_auth,
		.crl_url = config->crl_url,
		.ocsp_url = config->ocsp_url,
		.not_after = time(NULL) + config->certificate_days * 86400ll,
	};

	if (*e->csr.san) {
		snprintf(san, sizeof(san), "DNS:%s", e->csr.san);
		subject.san = san;
	}
	if (!e->made)
		e->certificate = ca_issue(worker->ca,
					  X509_REQ_get_X509_PUBKEY(e->csr.req), &subject);
	else if (X509_PUBKEY_set(&made, e->made) == 1)
		e->certificate = ca_issue(worker->ca, made, &subject);
	X509_PUBKEY_free(made);
	if (!e->certificate || !ca_serial(e->certificate, e->row.serial)) {
		reply_error(req, 503, "ca", "the CA does not sign now; try again later");
		return false;
	}
	memcpy(e->row.device, e->device.id, STORE_ID);
	memcpy(e->row.spki_sha256, e->csr.spki_sha256, STORE_SHA256);
	e->row.issued = time(NULL);
	e->row.not_after = subject.not_after;
	return true;
}

static void tell(struct request *req, const struct enrolment *e)
{
	char id[2 * STORE_ID + 1], serial[2 * CA_SERIAL + 1];
	const char *by = e->renews	? "certificate"
			 : e->by_idevid ? "idevid"
			 : e->by_token	? "token"
					: "tpm";

	worker_audit(request_worker(req), e->renews ? "renewed" : "enrolled",
		     json_pack("{s:s,s:s,s:s,s:s,s:b}", "device",
			       hex_write(id, e->device.id, STORE_ID), "serial",
			       hex_write(serial, e->row.serial, CA_SERIAL), "by", by,
			       "peer", request_peer(req), "tpm", e->has_nonce));
}

/* RFC 7030, 4.4.2; the key leaves this process only here, and is kept nowhere */
static void reply_server_key(struct request *req, const struct enrolment *e)
{
	PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(e->made);
	unsigned char *der = NULL;
	int len = p8 ? i2d_PKCS8_PRIV_KEY_INFO(p8, &der) : -1;
	char *key = len > 0 ? base64_encode(der, (size_t)len, 0) : NULL;
	char *certificate = certificate_text(e->certificate);
	uint8_t random[16];
	char boundary[33], type[80], *text = NULL;
	int size = -1;

	if (key && certificate && RAND_bytes(random, sizeof(random)) == 1) {
		hex_write(boundary, random, sizeof(random));
		size = asprintf(
			&text,
			"--%s\r\nContent-Type: application/pkcs8\r\n"
			"Content-Transfer-Encoding: base64\r\n\r\n%s\r\n"
			"--%s\r\nContent-Type: " PKCS7_TYPE "\r\n"
			"Content-Transfer-Encoding: base64\r\n\r\n%s\r\n--%s--\r\n",
			boundary, key, boundary, certificate, boundary);
	}
	if (size > 0) {
		snprintf(type, sizeof(type), "multipart/mixed; boundary=%s", boundary);
		reply(req, 200, type, text, (size_t)size);
		free_secret(text, (size_t)size);
	} else {
		reply_error(req, 503, "memory", "the registrar is out of memory");
	}
	free_secret(key, key ? strlen(key) : 0);
	free(certificate);
	OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	PKCS8_PRIV_KEY_INFO_free(p8);
}

/* That it is there and waits; who need not wait enrols at once */
static void tell_joined(struct worker *worker, const struct store_device *device)
{
	char id[2 * STORE_ID + 1], key[2 * STORE_SHA256 + 1];

	worker_audit(worker, "device-joined",
		     json_pack("{s:s,s:s,s:s,s:s}", "device",
			       hex_write(id, device->id, STORE_ID), "idevid_sha256",
			       hex_write(key, device->ek_sha256, STORE_SHA256), "name",
			       device->name, "state", "pending"));
}

/* In the batch: whoever it is may still enrol at this moment, and now has */
static int accept_device(struct worker *worker, struct enrolment *e)
{
	struct store_device now;
	struct store_token token;
	int err;

	if (e->by_token)
		return store_token_use(worker->store, e->device.id, e->secret_sha256,
				       e->csr.spki_sha256, e->row.issued, &token);
	if (e->by_idevid) {
		err = store_device_join(worker->store, &e->device);
		if (err || e->device.state != STORE_PENDING)
			return err;
		tell_joined(worker, &e->device);
		return -EACCES;
	}
	if (e->has_nonce)
		return store_device_nonce(worker->store, e->device.id, STORE_ENROL,
					  e->nonce);
	err = store_device_get(worker->store, e->device.id, &now);
	if (!err && now.state != STORE_ACTIVE)
		err = now.state == STORE_REVOKED ? -EKEYREVOKED : -EACCES;
	return err;
}

static void refuse_device(struct request *req, const struct enrolment *e, int err)
{
	struct store_device device = e->device;

	if (e->by_token)
		refuse_token(req, err);
	else if (err == -ESTALE)
		reply_error(req, 403, "nonce-used",
			    "the nonce in the evidence was used; ask for another one");
	else if (err == -EKEYREVOKED || err == -EACCES) {
		device.state = err == -EACCES ? STORE_PENDING : STORE_REVOKED;
		refused(req, &device);
	} else
		reply_store_error(req, err);
}

static void write_enrolment(struct request *req)
{
	struct worker *worker = request_worker(req);
	struct enrolment *e = request_get(req);
	int err = accept_device(worker, e);

	if (err) {
		refuse_device(req, e, err);
		return;
	}
	err = store_certificate_add(worker->store, &e->row);
	if (!err)
		err = store_device_seen(worker->store, e->device.id, e->row.issued);
	if (err) {
		reply_store_error(req, err);
		return;
	}
	tell(req, e);
	if (e->made)
		reply_server_key(req, e);
	else
		reply_text(req, PKCS7_TYPE, certificate_text(e->certificate));
}

/* ---- the calls ---- */

static bool make_key(struct request *req, struct enrolment *e)
{
	if (!request_worker(req)->config->serverkeygen) {
		reply_error(
			req, 403, "serverkeygen-off",
			"this registrar makes no keys for devices (serverkeygen = yes)");
		return false;
	}
	if (e->csr.wants_encryption) {
		reply_error(req, 400, "no-key-encryption",
			    "this registrar encrypts a key by TLS alone");
		return false;
	}
	if (!(e->device.flags & STORE_SOFTWARE)) {
		reply_error(req, 403, "key-not-in-tpm",
			    "this device makes its keys in its TPM");
		return false;
	}
	e->made = EVP_EC_gen("P-256");
	if (!e->made)
		reply_error(req, 503, "memory", "no key can be made now");
	return e->made;
}

static bool decide(struct request *req, struct enrolment *e)
{
	char id[2 * STORE_ID + 1];
	const char *name;
	struct csr_mistake mistake;
	const char *body;
	size_t len;

	body = request_body(req, &len);
	if (!csr_parse(body, len, &e->csr, &mistake)) {
		reply_error(req, 400, mistake.word, "%s", mistake.detail);
		return false;
	}
	if (!identify(req, e))
		return false;
	hex_write(id, e->device.id, STORE_ID);
	name = *e->device.name ? e->device.name : id;
	return subject_fits(req, e, id, name) && san_fits(req, e, name) &&
	       binding_fits(req, e) &&
	       (e->server_key ? make_key(req, e) : in_tpm(req, e)) &&
	       issue(req, e, id, name);
}

static void enrol(struct request *req, bool server_key)
{
	struct enrolment *e = OPENSSL_zalloc(sizeof(*e));

	if (!e) {
		reply_error(req, 503, "memory", "the registrar is out of memory");
		return;
	}
	request_set(req, e, drop_enrolment);
	e->server_key = server_key;
	if (decide(req, e))
		request_write(req, write_enrolment);
	ERR_clear_error();
}

static void simpleenroll(struct request *req)
{
	enrol(req, false);
}

static void serverkeygen(struct request *req)
{
	enrol(req, true);
}

static void simplereenroll(struct request *req)
{
	X509 *certificate = request_certificate(req);

	if (!certificate)
		reply_error(req, 401, "certificate-needed",
			    "a device shows the certificate that it renews");
	else if (!device_issued(req))
		reply_error(
			req, 403, "not-a-device",
			"the client's certificate is not that of a device of this fleet");
	else
		enrol(req, false);
}

/* The call, after a label that may stand before it; any label means the same CA */
static void est(struct request *req)
{
	static const struct {
		const char *name;
		enum http_method method;
		void (*handle)(struct request *req);
	} calls[] = {
		{ "cacerts", HTTP_GET, cacerts },
		{ "csrattrs", HTTP_GET, csrattrs },
		{ "simpleenroll", HTTP_POST, simpleenroll },
		{ "simplereenroll", HTTP_POST, simplereenroll },
		{ "serverkeygen", HTTP_POST, serverkeygen },
	};
	const char *call = request_path(req) + strlen(EST), *slash = strchr(call, '/');
	size_t i;

	if (slash && slash - call <= LABEL_MAX && slash > call)
		call = slash + 1;
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(call, calls[i].name))
			continue;
		if (request_method(req) == calls[i].method)
			calls[i].handle(req);
		else
			reply_error(req, 405, "method", "%s is asked for by %s", call,
				    calls[i].method == HTTP_GET ? "GET" : "POST");
		return;
	}
	reply_error(req, 404, "no-such-path", "EST has no %.80s", call);
}

const struct route est_routes[] = {
	{ EST "*", HTTP_GET | HTTP_POST, est, 0, ON_TLS },
	{ 0 },
};
