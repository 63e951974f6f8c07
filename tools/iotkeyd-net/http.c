// SPDX-License-Identifier: GPL-2.0-or-later
#include "http.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"

#define CONNECT_TIMEOUT 30L
#define SLOWEST		64L /* bytes a second, over */
#define SLOW_SECONDS	60L
#define HEAD_MAX	(64u << 10)
#define URL_MAX		1024

struct http {
	CURL *curl;
	char *url, *ca;
	struct tls_identity *identity;
};

/* What one call collects */
struct transfer {
	struct http_answer *answer;
	size_t max, head;
	bool too_long;
	int64_t date;
};

struct http *http_open(const char *url)
{
	struct http *http = calloc(1, sizeof(*http));

	if (http)
		http->url = strdup(url);
	if (http && http->url)
		return http;
	free(http);
	return NULL;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	http_rest(http);
	identity_free(http->identity);
	free(http->url);
	free(http->ca);
	free(http);
}

void http_rest(struct http *http)
{
	if (!http)
		return;
	curl_easy_cleanup(http->curl);
	http->curl = NULL;
}

bool http_trust(struct http *http, const char *ca)
{
	char *copy = ca ? strdup(ca) : NULL;

	if (ca && !copy)
		return false;
	http_rest(http);
	free(http->ca);
	http->ca = copy;
	return true;
}

void http_be(struct http *http, struct tls_identity *identity)
{
	/* a connection that is open has the identity with which it was opened */
	http_rest(http);
	identity_free(http->identity);
	http->identity = identity;
}

void http_answer_clear(struct http_answer *answer)
{
	if (answer->data)
		explicit_bzero(answer->data, answer->len);
	free(answer->data);
	memset(answer, 0, sizeof(*answer));
}

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	struct http_answer *answer = t->answer;
	size_t len = size * count;
	uint8_t *more;

	if (len > t->max - answer->len) {
		t->too_long = true;
		return 0;
	}
	more = realloc(answer->data, answer->len + len + 1);
	if (!more)
		return 0;
	memcpy(more + answer->len, data, len);
	answer->data = more;
	answer->len += len;
	more[answer->len] = '\0';
	return len;
}

static size_t on_head(char *line, size_t size, size_t count, void *arg)
{
	static const char date[] = "Date:";
	struct transfer *t = arg;
	size_t len = size * count;
	char value[64];

	if (len > HEAD_MAX - t->head) {
		t->too_long = true;
		return 0;
	}
	t->head += len;
	if (len > sizeof(date) && len < sizeof(value) &&
	    !strncasecmp(line, date, sizeof(date) - 1)) {
		memcpy(value, line + sizeof(date) - 1, len - (sizeof(date) - 1));
		value[len - (sizeof(date) - 1)] = '\0';
		t->date = curl_getdate(value, NULL);
	}
	return len;
}

/* curl gives its context before the handshake */
static CURLcode on_context(CURL *curl, void *context, void *arg)
{
	struct http *http = arg;
	SSL_CTX *ctx = context;
	int i;

	(void)curl;
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/*
	 * While nobody has set the clock no certificate is of today.  Who signed it and for
	 * whom is checked all the same.
	 */
	if (!clock_is_set())
		X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx),
					    X509_V_FLAG_NO_CHECK_TIME);
	if (!http->identity)
		return CURLE_OK;
	if (SSL_CTX_use_certificate(ctx, http->identity->leaf) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, http->identity->key) != 1)
		return CURLE_SSL_CERTPROBLEM;
	for (i = 0; i < sk_X509_num(http->identity->more); i++)
		if (SSL_CTX_add1_chain_cert(ctx,
					    sk_X509_value(http->identity->more, i)) != 1)
			return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

/* What is the same for all calls.  Nothing is taken from the environment. */
static bool start(struct http *http)
{
	struct curl_blob ca = { .data = http->ca, .flags = CURL_BLOB_NOCOPY };
	CURL *curl = http->curl ? http->curl : curl_easy_init();

	if (!curl)
		return false;
	http->curl = curl;
	curl_easy_reset(curl); /* connections stay */
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	if (http->ca) {
		ca.len = strlen(http->ca);
		curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
	} else {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, on_context);
	curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, http);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT);
	curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, 30L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "iotkeyd");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
	return true;
}

static enum fault_kind kind_of(CURLcode code)
{
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
		return FAULT_TRUST;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
		return FAULT_TLS;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
		return FAULT_LOCAL;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return FAULT_ANSWER;
	default:
		return FAULT_NETWORK;
	}
}

static void set_request(struct http *http, const struct http_request *request,
			struct curl_slist **headers)
{
	CURL *curl = http->curl;
	char type[128];

	/* a long poll says nothing for as long as it was asked to */
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)request->timeout);
	if (request->timeout <= 2 * SLOW_SECONDS) {
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOWEST);
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SLOW_SECONDS);
	}
	if (request->basic) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERPWD, request->basic);
	}
	if (!request->type)
		return;
	snprintf(type, sizeof(type), "Content-Type: %s", request->type);
	*headers = curl_slist_append(NULL, type);
	*headers =
		curl_slist_append(*headers, "Expect:"); /* not two turns for one call */
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
}

static bool failed(struct http *http, CURLcode code, const struct transfer *t,
		   const char *why, struct fault *f)
{
	char text[200];

	if (t->too_long)
		return fault(f, FAULT_ANSWER,
			     "%s: the answer is longer than it ought to be", http->url);
	if (kind_of(code) == FAULT_TLS && !why[0])
		why = identity_error(text, sizeof(text));
	ERR_clear_error();
	return fault(f, kind_of(code), "%s: %s", http->url,
		     why[0] ? why : curl_easy_strerror(code));
}

bool http_call(struct http *http, const struct http_request *request,
	       struct http_answer *answer, struct fault *f)
{
	struct transfer t = { .answer = answer, .max = request->max };
	char why[CURL_ERROR_SIZE] = "", url[URL_MAX];
	struct curl_slist *headers = NULL;
	curl_off_t after = 0;
	CURLcode code;

	memset(answer, 0, sizeof(*answer));
	if (!start(http))
		return fault(f, FAULT_LOCAL, "no memory for a connection");
	if ((size_t)snprintf(url, sizeof(url), "%s%s", http->url, request->path) >=
	    sizeof(url))
		return fault(f, FAULT_LOCAL, "%s: the address is too long", http->url);
	curl_easy_setopt(http->curl, CURLOPT_URL, url);
	curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, &t);
	curl_easy_setopt(http->curl, CURLOPT_HEADERDATA, &t);
	set_request(http, request, &headers);
	code = curl_easy_perform(http->curl);
	curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &after);
	curl_easy_reset(http->curl); /* nothing of this call stays in it */
	curl_slist_free_all(headers);
	if (code != CURLE_OK) {
		http_answer_clear(answer);
		return failed(http, code, &t, why, f);
	}
	answer->after = after > 0 && after < INT32_MAX ? (unsigned int)after : 0;
	if (http->ca && t.date > 0)
		clock_told(t.date);
	return true;
}
