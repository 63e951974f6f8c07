// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is revoked, for those who check certificates: a CRL (RFC 5280) and OCSP (RFC 6960).
 */
#include <errno.h>
#include <event2/http.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base64.h"
#include "routes.h"
#include "worker.h"

#define OCSP_IDS 16 /* certificates in one request */
#define OCSP_MAX 4096
#define CRL_AGE	 2 /* seconds that one is kept */

/* ---- CRL ---- */

/* The newest; for a large fleet it is not made anew all the time */
static struct {
	uint8_t *der;
	size_t len;
	int64_t until; /* monotonic, milliseconds */
} kept;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int add_revoked(void *arg, const struct store_certificate *certificate)
{
	return ca_crl_add(arg, certificate->serial, certificate->revoked,
			  certificate->reason)
		       ? 0
		       : -ENOMEM;
}

static int make_crl(struct worker *worker, uint8_t **der, size_t *len)
{
	int64_t now = time(NULL);
	X509_CRL *crl = ca_crl_begin(worker->ca, now, worker->config->crl_seconds);
	int err;

	if (!crl)
		return -ENOMEM;
	err = store_certificate_revoked(worker->store, now, add_revoked, crl);
	if (!err)
		return ca_crl_end(worker->ca, crl, der, len);
	X509_CRL_free(crl);
	return err;
}

static void crl_get(struct request *req)
{
	int64_t begun = now_ms(), took;
	uint8_t *der;
	size_t len;
	int err;

	if (!kept.der || begun >= kept.until) {
		err = make_crl(request_worker(req), &der, &len);
		if (err) {
			reply_store_error(req, err);
			return;
		}
		OPENSSL_free(kept.der);
		kept.der = der;
		kept.len = len;
		took = now_ms() - begun;
		kept.until = begun + took +
			     (20 * took > CRL_AGE * 1000 ? 20 * took : CRL_AGE * 1000);
	}
	reply(req, 200, "application/pkix-crl", kept.der, kept.len);
}

/* ---- OCSP ---- */

static bool our_issuer(const struct ca *ca, OCSP_CERTID *id)
{
	ASN1_OBJECT *algorithm;
	const EVP_MD *md;
	OCSP_CERTID *own;
	bool same;

	if (!OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, id))
		return false;
	md = EVP_get_digestbyobj(algorithm);
	own = md ? OCSP_cert_to_id(md, NULL, ca->certificate) : NULL;
	same = own && !OCSP_id_issuer_cmp(own, id);
	OCSP_CERTID_free(own);
	return same;
}

static int look_up(struct worker *worker, OCSP_CERTID *id, struct store_certificate *row)
{
	uint8_t serial[CA_SERIAL];
	ASN1_INTEGER *number;
	BIGNUM *bn;
	bool ok;

	if (!our_issuer(worker->ca, id) ||
	    !OCSP_id_get0_info(NULL, NULL, NULL, &number, id))
		return -ENOENT;
	bn = ASN1_INTEGER_to_BN(number, NULL);
	ok = bn && !BN_is_negative(bn) &&
	     BN_bn2binpad(bn, serial, CA_SERIAL) == CA_SERIAL;
	BN_free(bn);
	return ok ? store_certificate_find(worker->store, serial, row) : -ENOENT;
}

static int add_status(struct worker *worker, OCSP_BASICRESP *basic, OCSP_CERTID *id,
		      ASN1_TIME *now, ASN1_TIME *next)
{
	struct store_certificate row = { .revoked = 0 };
	ASN1_TIME *revoked = NULL;
	int status = V_OCSP_CERTSTATUS_GOOD, reason = OCSP_REVOKED_STATUS_NOSTATUS;
	int err = look_up(worker, id, &row);

	if (err && err != -ENOENT)
		return err;
	if (err) {
		status = V_OCSP_CERTSTATUS_UNKNOWN;
	} else if (row.revoked) {
		status = V_OCSP_CERTSTATUS_REVOKED;
		revoked = ASN1_TIME_set(NULL, (time_t)row.revoked);
		if (!revoked)
			return -ENOMEM;
		if (row.reason)
			reason = (int)row.reason;
	}
	err = OCSP_basic_add1_status(basic, id, status, reason, revoked, now, next)
		      ? 0
		      : -ENOMEM;
	ASN1_TIME_free(revoked);
	return err;
}

static int fill(struct worker *worker, OCSP_REQUEST *ask, OCSP_BASICRESP *basic)
{
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
	ASN1_TIME *next = X509_gmtime_adj(NULL, (long)worker->config->crl_seconds);
	int i, err = now && next ? 0 : -ENOMEM;

	for (i = 0; !err && i < OCSP_request_onereq_count(ask); i++)
		err = add_status(worker, basic,
				 OCSP_onereq_get0_id(OCSP_request_onereq_get0(ask, i)),
				 now, next);
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	if (err)
		return err;
	OCSP_copy_nonce(basic, ask);
	return OCSP_basic_sign(basic, worker->ca->certificate, worker->ca->key,
			       ca_digest(worker->ca->key), NULL, OCSP_NOCERTS)
		       ? 0
		       : -EIO;
}

static void send_response(struct request *req, int status, OCSP_BASICRESP *basic)
{
	OCSP_RESPONSE *response = OCSP_response_create(status, basic);
	unsigned char *der = NULL;
	int len = response ? i2d_OCSP_RESPONSE(response, &der) : -1;

	if (len > 0)
		reply(req, 200, "application/ocsp-response", der, (size_t)len);
	else
		reply_error(req, 503, "memory", "the registrar is out of memory");
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
}

/* OCSP has its own errors, in answers with status 200 */
static void answer_ocsp(struct request *req, const uint8_t *der, size_t len)
{
	const unsigned char *p = der;
	OCSP_REQUEST *ask = d2i_OCSP_REQUEST(NULL, &p, (long)len);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	int count = ask ? OCSP_request_onereq_count(ask) : 0;

	if (!ask || p != der + len || !basic || count < 1 || count > OCSP_IDS)
		send_response(req, OCSP_RESPONSE_STATUS_MALFORMEDREQUEST, NULL);
	else if (fill(request_worker(req), ask, basic))
		send_response(req, OCSP_RESPONSE_STATUS_TRYLATER, NULL);
	else
		send_response(req, OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	OCSP_BASICRESP_free(basic);
	OCSP_REQUEST_free(ask);
	ERR_clear_error();
}

static void ocsp_post(struct request *req)
{
	size_t len;
	const void *body = request_body(req, &len);

	answer_ocsp(req, body, len);
}

/* RFC 6960, A.1: base64, URL-encoded, is the rest of the path */
static void ocsp_get(struct request *req)
{
	size_t len = 0;
	char *text = evhttp_uridecode(request_path(req) + strlen("/ocsp/"), 0, &len);
	uint8_t *der = NULL;
	ssize_t size = text ? base64_decode(text, len, &der) : -1;

	if (size > 0)
		answer_ocsp(req, der, (size_t)size);
	else
		send_response(req, OCSP_RESPONSE_STATUS_MALFORMEDREQUEST, NULL);
	free(der);
	free(text);
}

const struct route revocation_routes[] = {
	{ "/.well-known/iotkey/crl", HTTP_GET, crl_get, 0, ON_PLAIN },
	{ "/ocsp", HTTP_POST, ocsp_post, OCSP_MAX, ON_PLAIN },
	{ "/ocsp/", HTTP_POST, ocsp_post, OCSP_MAX, ON_PLAIN },
	{ "/ocsp/*", HTTP_GET, ocsp_get, 0, ON_PLAIN },
	{ 0 },
};
