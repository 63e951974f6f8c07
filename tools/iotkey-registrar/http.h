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

/* Where requests come in: TLS; plain, for what is public; and for who watches */
enum http_port { HTTP_TLS, HTTP_PLAIN, HTTP_METRICS, HTTP_PORTS };

/* Where a route is: on the port with TLS, on that and the plain one, on that for metrics */
enum http_where { ON_TLS, ON_PLAIN, ON_METRICS };

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_DELETE = 8 };

struct route {
	const char *path; /* "*" at the end: and whatever follows */
	unsigned int methods;
	void (*handle)(struct request *req);
	size_t body; /* bound of the body; 0: HTTP_BODY */
	enum http_where where;
};

/* http_routes(): add a table, which ends with a path NULL; in the worker, before http_start() */
void http_routes(struct worker *worker, const struct route *routes);

/* What a request is; strings and body live as long as it does */
const char *request_path(const struct request *req);
unsigned int request_method(const struct request *req);
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
 * request_defer(): answer later, after @seconds at the latest, when @expired answers.  A client
 * that closes its side, or breaks off, meanwhile is gone at once, and @req with it: what
 * request_set() was given is dropped.
 */
void request_defer(struct request *req, unsigned int seconds,
		   void (*expired)(struct request *req));

/* reply(): copies @body.  Of a deferred request it sends at once. */
void reply(struct request *req, int status, const char *type, const void *body,
	   size_t len);

/*
 * What many are answered: @data is malloc()ed and taken over, blob_new() counts as one use, and
 * reply_blob() adds one until the answer has left.  NULL without memory: @data is freed.
 */
struct blob;
struct blob *blob_new(void *data, size_t len);
void blob_put(struct blob *blob); /* may be NULL */
void reply_blob(struct request *req, int status, const char *type, struct blob *blob);

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
int http_start(struct worker *worker, const int listeners[HTTP_PORTS]); /* -1: none */

/* http_drain(): accept nothing more; answers close their connections */
void http_drain(struct worker *worker);
unsigned int http_connections(const struct worker *worker);
void http_stop(struct worker *worker);

/* For metrics.c: the path of the routes' table by number; the server's certificate */
const char *http_route_name(const struct worker *worker, unsigned int number);
const X509 *http_certificate(const struct worker *worker);

#endif /* _REGISTRAR_HTTP_H */
