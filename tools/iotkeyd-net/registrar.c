// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar.h"

#include <ctype.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <stdlib.h>
#include <string.h>

#include "../iotkey-registrar/base64.h"

#define EST    "/.well-known/est/"
#define IOTKEY "/.well-known/iotkey/"

#define ANSWER_MAX     (256u << 10)
#define RELEASE_MAX    (1u << 20)
#define STATEMENTS_MAX (8u << 20)
#define TIMEOUT	       60
#define TIMEOUT_ATTEST 120
#define ROOTS_MAX      64
#define CERTIFICATES   8

/*
 * Answers
 */

/* Only the first line of a text that came, and not all of that */
static int first_line(const char *text)
{
	size_t len = strcspn(text, "\r\n");

	return len > 200 ? 200 : (int)len;
}

/* An answer that is no success: the registrar's {"error", "detail"}, or whatever it is */
static bool refused(const struct http_answer *answer, struct fault *f)
{
	const char *text = answer->data ? (const char *)answer->data : "";
	json_t *json = json_loadb(text, answer->len, 0, NULL);
	const char *word = json_string_value(json_object_get(json, "error"));
	const char *detail = json_string_value(json_object_get(json, "detail"));
	enum fault_kind kind = FAULT_REFUSED;

	if (answer->status == 429 || answer->status >= 500)
		kind = FAULT_BUSY;
	else if (answer->status < 400 || !word)
		kind = FAULT_ANSWER;
	if (word && detail)
		fault(f, kind, "the registrar answers: %.*s (%.*s)", first_line(detail),
		      detail, first_line(word), word);
	else
		fault(f, kind, "the registrar answers with status %ld: %.*s",
		      answer->status, first_line(text), text);
	if (word && kind == FAULT_REFUSED)
		snprintf(f->word, sizeof(f->word), "%s", word);
	f->after = answer->after;
	json_decref(json);
	return false;
}

static bool senseless(const char *what, struct fault *f)
{
	return fault(f, FAULT_ANSWER, "the registrar's answer to %s makes no sense",
		     what);
}

/* One call whose answer is a success, or else there is none */
static bool call(struct http *http, const struct http_request *request,
		 struct http_answer *answer, struct fault *f)
{
	if (!http_call(http, request, answer, f))
		return false;
	if (answer->status >= 200 && answer->status < 300)
		return true;
	refused(answer, f);
	return false;
}

/*
 * JSON
 */

static json_t *json_bytes(const void *data, size_t len)
{
	char *text = len ? base64_encode(data, len, 0) : NULL;
	json_t *json = text ? json_string(text) : NULL;

	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
	return json;
}

static bool put_bytes(json_t *json, const char *name, struct iotkey_bytes bytes)
{
	return !json_object_set_new(json, name, json_bytes(bytes.data, bytes.len));
}

static bool get_bytes(const json_t *json, const char *name, uint8_t *out, size_t size,
		      size_t *len)
{
	const json_t *value = json_object_get(json, name);
	uint8_t *data = NULL;
	ssize_t n = -1;

	if (json_is_string(value))
		n = base64_decode(json_string_value(value), json_string_length(value),
				  &data);
	if (n > 0 && (size_t)n <= size) {
		memcpy(out, data, (size_t)n);
		*len = (size_t)n;
	}
	if (n > 0)
		OPENSSL_cleanse(data, (size_t)n);
	free(data);
	return n > 0 && (size_t)n <= size;
}

static bool get_text(const json_t *json, const char *name, char *out, size_t size)
{
	const json_t *value = json_object_get(json, name);

	if (!json_is_string(value) || json_string_length(value) >= size ||
	    strlen(json_string_value(value)) != json_string_length(value))
		return false;
	strcpy(out, json_string_value(value));
	return true;
}

static bool get_u64(const json_t *json, const char *name, uint64_t *out)
{
	const json_t *value = json_object_get(json, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*out = (uint64_t)json_integer_value(value);
	return true;
}

static json_t *parse(const struct http_answer *answer)
{
	json_t *json = answer->len ? json_loadb((const char *)answer->data, answer->len,
						JSON_REJECT_DUPLICATES, NULL)
				   : NULL;

	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

/*
 * POST of @body, which it frees; NULL: there is no memory for it.  @answer is to be cleared; *@json
 * is NULL where the answer is none.
 */
static bool post(struct http *http, const char *path, json_t *body, unsigned int timeout,
		 size_t max, struct http_answer *answer, struct fault *f)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct http_request request = { .path = path,
					.type = "application/json",
					.body = text,
					.len = text ? strlen(text) : 0,
					.timeout = timeout,
					.max = max };
	bool good;

	json_decref(body);
	if (!text)
		return fault(f, FAULT_LOCAL, "no memory for a request");
	good = http_call(http, &request, answer, f);
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	return good;
}

/*
 * EST
 */

/* Base64 of a certs-only PKCS#7: its certificates as PEM */
static char *certificates_of(const struct http_answer *answer)
{
	uint8_t *der = NULL;
	ssize_t n = answer->len
			    ? base64_decode((const char *)answer->data, answer->len, &der)
			    : -1;
	const uint8_t *p = der;
	PKCS7 *p7 = n > 0 ? d2i_PKCS7(NULL, &p, n) : NULL;
	STACK_OF(X509) *certs =
		p7 && PKCS7_type_is_signed(p7) && p7->d.sign ? p7->d.sign->cert : NULL;
	int i, count = certs ? sk_X509_num(certs) : 0;
	BIO *out = count > 0 && count <= CERTIFICATES ? BIO_new(BIO_s_mem()) : NULL;
	char *data, *pem = NULL;
	bool good = out;
	long len;

	for (i = 0; good && i < count; i++)
		good = PEM_write_bio_X509(out, sk_X509_value(certs, i)) == 1;
	if (good) {
		len = BIO_get_mem_data(out, &data);
		pem = strndup(data, (size_t)len);
	}
	BIO_free(out);
	PKCS7_free(p7);
	free(der);
	ERR_clear_error();
	return pem;
}

static bool take_certificates(struct http_answer *answer, const char *what, char **pem,
			      struct fault *f)
{
	*pem = certificates_of(answer);
	http_answer_clear(answer);
	return *pem || senseless(what, f);
}

bool registrar_ca(struct http *http, char **pem, struct fault *f)
{
	const struct http_request request = { .path = EST "cacerts",
					      .timeout = TIMEOUT,
					      .max = ANSWER_MAX };
	struct http_answer answer;
	bool good = call(http, &request, &answer, f);

	if (!good) {
		http_answer_clear(&answer);
		return false;
	}
	return take_certificates(&answer, "cacerts", pem, f);
}

bool registrar_enrol(struct http *http, bool renew, const char *token,
		     const uint8_t *request, size_t len, char **chain, struct fault *f)
{
	char *body = base64_encode(request, len, 1);
	struct http_request post_it = {
		.path = renew ? EST "simplereenroll" : EST "simpleenroll",
		.type = "application/pkcs10",
		.body = body,
		.len = body ? strlen(body) : 0,
		.basic = token,
		.timeout = TIMEOUT,
		.max = ANSWER_MAX,
	};
	struct http_answer answer = { 0 };
	bool good;

	if (!body)
		return fault(f, FAULT_LOCAL, "no memory for a request");
	good = http_call(http, &post_it, &answer, f);
	free(body);
	if (good && answer.status != 200) {
		good = refused(&answer, f);
		/* RFC 7030, 4.2.3: not yet */
		if (answer.status == 202)
			f->kind = FAULT_PENDING;
	}
	if (!good) {
		http_answer_clear(&answer);
		return false;
	}
	return take_certificates(&answer, "a request for a certificate", chain, f);
}

/*
 * Join
 */

/* The length of the DER element at the start of @data; 0: there is none */
static size_t element(struct iotkey_bytes data)
{
	const uint8_t *p = data.data;
	int tag, class;
	long len;

	if (!data.len || data.len > INT32_MAX ||
	    ASN1_get_object(&p, &len, &tag, &class, (long)data.len) != V_ASN1_CONSTRUCTED)
		return 0;
	return (size_t)(p - data.data) + (size_t)len;
}

static json_t *split_certificates(struct iotkey_bytes all)
{
	json_t *list = json_array();
	size_t len;

	while (list && all.len && (len = element(all))) {
		json_array_append_new(list, json_bytes(all.data, len));
		all.data += len;
		all.len -= len;
	}
	ERR_clear_error();
	return list;
}

/* What both steps begin with */
static json_t *who(const struct keeper_identity *identity, const char *name)
{
	json_t *json = json_object();

	if (json && put_bytes(json, "ek", identity->ek) &&
	    put_bytes(json, "ak", identity->ak) &&
	    !json_object_set_new(json, "ek_certificates",
				 split_certificates(identity->ek_certificates)) &&
	    (!name[0] || !json_object_set_new(json, "name", json_string(name))))
		return json;
	json_decref(json);
	return NULL;
}

bool registrar_join(struct http *http, const struct keeper_identity *identity,
		    const char *name, struct joined *joined, struct fault *f)
{
	struct http_answer answer = { 0 };
	json_t *json;
	uint64_t time;
	bool good;

	if (!post(http, IOTKEY "join", who(identity, name), TIMEOUT, ANSWER_MAX, &answer,
		  f))
		return false;
	if (answer.status != 200) {
		refused(&answer, f);
		http_answer_clear(&answer);
		return false;
	}
	json = parse(&answer);
	good = get_bytes(json, "credential", joined->credential,
			 sizeof(joined->credential), &joined->len) &&
	       get_u64(json, "time", &time);
	if (good)
		joined->time = (int64_t)time;
	json_decref(json);
	http_answer_clear(&answer);
	return good || senseless("join", f);
}

static bool is_device(const char *text)
{
	size_t i;

	for (i = 0; text[i]; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return i == 2 * IOTKEY_DEVICE_ID;
}

bool registrar_activate(struct http *http, const struct keeper_identity *identity,
			const char *name, int64_t time, struct iotkey_bytes secret,
			struct activated *activated, struct fault *f)
{
	json_t *body = who(identity, name), *json;
	struct http_answer answer = { 0 };
	bool good;

	if (body && (json_object_set_new(body, "time", json_integer(time)) ||
		     !put_bytes(body, "secret", secret))) {
		json_decref(body);
		body = NULL;
	}
	if (!post(http, IOTKEY "activate", body, TIMEOUT, ANSWER_MAX, &answer, f))
		return false;
	json = answer.status == 200 ? parse(&answer) : NULL;
	good = get_text(json, "device", activated->device, sizeof(activated->device)) &&
	       is_device(activated->device) &&
	       get_bytes(json, "nonce", activated->nonce.data,
			 sizeof(activated->nonce.data), &activated->nonce.len);
	if (answer.status == 202) {
		fault(f, FAULT_PENDING,
		      "the device has joined; an operator has to approve it");
		f->after = answer.after;
	} else if (answer.status != 200) {
		refused(&answer, f);
	} else if (!good) {
		senseless("activate", f);
	}
	json_decref(json);
	http_answer_clear(&answer);
	return good;
}

bool registrar_nonce(struct http *http, const char *purpose, struct nonce *nonce,
		     struct fault *f)
{
	char path[64];
	struct http_request request = { .path = path,
					.timeout = TIMEOUT,
					.max = ANSWER_MAX };
	struct http_answer answer = { 0 };
	json_t *json;
	bool good;

	snprintf(path, sizeof(path), IOTKEY "nonce?purpose=%s", purpose);
	if (!call(http, &request, &answer, f)) {
		http_answer_clear(&answer);
		return false;
	}
	json = parse(&answer);
	good = get_bytes(json, "nonce", nonce->data, sizeof(nonce->data), &nonce->len);
	json_decref(json);
	http_answer_clear(&answer);
	return good || senseless("nonce", f);
}

/*
 * Attestation and release
 */

static json_t *evidence_json(const struct nonce *nonce,
			     const struct keeper_evidence *evidence, uint64_t ima_offset)
{
	json_t *json = json_object();

	if (json &&
	    put_bytes(json, "nonce", (struct iotkey_bytes){ nonce->data, nonce->len }) &&
	    put_bytes(json, "quote", evidence->quote) &&
	    put_bytes(json, "signature", evidence->signature) &&
	    put_bytes(json, "pcrs", evidence->pcrs) &&
	    (!evidence->eventlog.len ||
	     put_bytes(json, "eventlog", evidence->eventlog)) &&
	    /* nothing new in the log is something else than no log */
	    (evidence->ima.len ? put_bytes(json, "ima", evidence->ima)
			       : !ima_offset || !json_object_set_new(json, "ima",
								     json_string(""))) &&
	    !json_object_set_new(json, "ima_offset",
				 json_integer((json_int_t)ima_offset)) &&
	    !json_object_set_new(json, "boot",
				 json_pack("{sI,sI}", "resets",
					   (json_int_t)evidence->resets, "restarts",
					   (json_int_t)evidence->restarts)))
		return json;
	json_decref(json);
	return NULL;
}

bool registrar_attest(struct http *http, const struct nonce *nonce,
		      const struct keeper_evidence *evidence, uint64_t ima_offset,
		      struct attested *attested, struct fault *f)
{
	struct http_answer answer = { 0 };
	char result[8] = "";
	json_t *json;
	bool good;

	memset(attested, 0, sizeof(*attested));
	if (!post(http, IOTKEY "attest", evidence_json(nonce, evidence, ima_offset),
		  TIMEOUT_ATTEST, RELEASE_MAX, &answer, f))
		return false;
	json = parse(&answer);
	good = get_u64(json, "ima_offset", &attested->ima_offset);
	if (answer.status != 200) {
		refused(&answer, f);
		if (fault_is(f, "ima-offset") && !good)
			senseless("attest", f);
		good = false;
	} else if (!good || !get_text(json, "result", result, sizeof(result)) ||
		   (strcmp(result, "pass") && strcmp(result, "fail")) ||
		   !json_is_array(json_object_get(json, "findings"))) {
		good = senseless("attest", f);
	} else {
		attested->passed = !strcmp(result, "pass");
		attested->findings = json_incref(json_object_get(json, "findings"));
		get_text(json, "reference", attested->reference,
			 sizeof(attested->reference));
	}
	json_decref(json);
	http_answer_clear(&answer);
	return good;
}

static json_t *parent_json(const struct nonce *nonce, const struct keeper_parent *parent)
{
	json_t *json = json_object();

	if (json &&
	    put_bytes(json, "nonce", (struct iotkey_bytes){ nonce->data, nonce->len }) &&
	    put_bytes(json, "parent", parent->area) &&
	    put_bytes(json, "attest", parent->attest) &&
	    put_bytes(json, "signature", parent->signature))
		return json;
	json_decref(json);
	return NULL;
}

bool registrar_release(struct http *http, const struct nonce *nonce,
		       const struct keeper_parent *parent, json_t **roots,
		       struct fault *f)
{
	struct http_answer answer = { 0 };
	json_t *json, *list;

	*roots = NULL;
	if (!post(http, IOTKEY "release", parent_json(nonce, parent), TIMEOUT_ATTEST,
		  RELEASE_MAX, &answer, f))
		return false;
	if (answer.status != 200) {
		refused(&answer, f);
		http_answer_clear(&answer);
		return false;
	}
	json = parse(&answer);
	list = json_object_get(json, "roots");
	if (json_is_array(list) && json_array_size(list) <= ROOTS_MAX)
		*roots = json_incref(list);
	json_decref(json);
	http_answer_clear(&answer);
	return *roots || senseless("release", f);
}

bool registrar_root(const json_t *roots, size_t i, struct released_root *root)
{
	const json_t *json = json_array_get(roots, i);

	root->name = json_string_value(json_object_get(json, "name"));
	root->pem = json_string_value(json_object_get(json, "pem"));
	root->group = json_is_true(json_object_get(json, "group"));
	return root->name && root->name[0] && root->pem &&
	       get_u64(json, "version", &root->version);
}

bool registrar_approvals(struct http *http, char **approvals, struct fault *f)
{
	const struct http_request request = { .path = IOTKEY "approvals",
					      .timeout = TIMEOUT,
					      .max = ANSWER_MAX };
	struct http_answer answer = { 0 };
	const char *text;
	json_t *json;
	bool good;

	*approvals = NULL;
	good = call(http, &request, &answer, f);
	json = good ? parse(&answer) : NULL;
	text = json_string_value(json_object_get(json, "approvals"));
	if (text)
		*approvals = strdup(text);
	if (good && (!json || (text && !*approvals)))
		good = senseless("approvals", f);
	json_decref(json);
	http_answer_clear(&answer);
	return good;
}

/*
 * Statements
 */

bool registrar_statements(struct http *http, uint64_t after, uint8_t **statements,
			  size_t *len, struct fault *f)
{
	char path[96];
	struct http_request request = { .path = path,
					.timeout = STATEMENTS_WAIT + TIMEOUT,
					.max = STATEMENTS_MAX };
	struct http_answer answer = { 0 };

	*statements = NULL;
	*len = 0;
	snprintf(path, sizeof(path), IOTKEY "statements?after=%" PRIu64 "&wait=%d", after,
		 STATEMENTS_WAIT);
	if (!call(http, &request, &answer, f)) {
		http_answer_clear(&answer);
		return false;
	}
	if (answer.status == 200 && !answer.len)
		return senseless("statements", f);
	*statements = answer.data;
	*len = answer.len;
	return true;
}
