/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP over TLS for one worker process: one thread, one loop.
 *
 * How a request goes:
 *
 *   1. A route of the tables is found by path and method, the body is bounded by the route.
 *   2. route->handle() looks at the request, verifies, signs, reads the store; it may answer
 *      at once by one of the reply functions.  Or it calls request_write(): for
 *   3. all that became ready in one turn of the loop, one batch of the store is opened, in
 *      which each request's write() runs.  write() may run several times (another process
 *      was in the way), so it changes nothing but the store, the audit log and the answer.
 *   4. The audit log, then the batch goes to the disk, and only then the answers go out.  A
 *      batch that fails is answered by 503 "store".
 *
 * Or the handler calls request_defer() and answers later.  Every request gets one answer:
 * the last that was given before it leaves; a handler that gave none: 500.
 */
#ifndef _REGISTRAR_HTTP_H
#define _REGISTRAR_HTTP_H

#include <jansson.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;
struct request;

#define HTTP_BODY     (64u << 10) /* of a route that says nothing else */
#define HTTP_BODY_MAX (16u << 20) /* longer ones only from clients with a certificate */
#define HTTP_HEADERS  (16u << 10)

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_DELETE = 8 };

struct route {
	const char *path; /* "*" at the end: and whatever follows */
	unsigned int methods;
	void (*handle)(struct request *req);
	size_t body; /* bound of the body; 0: HTTP_BODY */
	bool plain;  /* also on the port without TLS */
};

/* http_routes(): add a table, which ends with a path NULL; in the worker, before http_start() */
void http_routes(struct worker *worker, const struct route *routes);

/* What a request is; strings and body live as long as it does */
const char *request_path(const struct request *req);
enum http_method request_method(const struct request *req);
const void *request_body(const struct request *req, size_t *len);
const char *request_header(const struct request *req, const char *name); /* or NULL */
const char *request_query(const struct request *req, const char *name);	 /* or NULL */
struct worker *request_worker(const struct request *req);
SSL *request_ssl(const struct request *req); /* NULL on the plain port */

/*
 * request_certificate(): the client's certificate, which chains to the CA or an IDevID CA
 * (but may be expired or revoked: device.h finds out); NULL: none.
 */
X509 *request_certificate(const struct request *req);

/* request_peer(): address, for logs: not more than a hint */
const char *request_peer(const struct request *req);

/* request_set(): what write() or a deferred answer needs; freed by @drop when all is over */
void request_set(struct request *req, void *arg, void (*drop)(void *arg));
void *request_get(const struct request *req);

/* request_write(): run @write in the next batch */
void request_write(struct request *req, void (*write)(struct request *req));

/*
 * request_defer(): answer later, after @seconds at the latest, when @expired answers.  @gone
 * (may be NULL) tells that there is nobody to answer any more: @req must not be used then.
 */
void request_defer(struct request *req, unsigned int seconds,
		   void (*expired)(struct request *req),
		   void (*gone)(struct request *req));

/* reply(): copies @body.  Of a deferred request it sends at once. */
void reply(struct request *req, int status, const char *type, const void *body,
	   size_t len);

/* reply_json(): takes over the reference to @json */
void reply_json(struct request *req, int status, json_t *json);

/*
 * reply_error(): {"error": word, "detail": sentence}, and a line in the log.  The word is what
 * programs go by, the sentence names the value and the mend.
 */
void reply_error(struct request *req, int status, const char *word, const char *detail,
		 ...) __attribute__((format(printf, 4, 5)));

/* reply_header(): one more header of the answer */
void reply_header(struct request *req, const char *name, const char *value);

/*
 * reply_store_error(): for -errno of the store: 503 and so on; after those that lose the batch
 * the answer is made anew anyway.
 */
void reply_store_error(struct request *req, int err);

/* For server.c: http_new(), http_routes() of all, http_start() */
struct http *http_new(void);
int http_start(struct worker *worker, int listener, int plain_listener);

/* http_drain(): accept nothing more; answers close their connections */
void http_drain(struct worker *worker);
unsigned int http_connections(const struct worker *worker);
void http_stop(struct worker *worker);

/* What /metrics adds up */
struct http_counts {
	uint64_t requests, errors[6]; /* by hundreds of the status */
	uint64_t connections, refused, slow, handshakes_failed;
	uint64_t batches, batched, batches_failed;
};
const struct http_counts *http_counts(const struct worker *worker);

#endif /* _REGISTRAR_HTTP_H */
