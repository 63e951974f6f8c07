// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libevent speaks HTTP; here are TLS, limits, routes and the batches of the store.
 */
#include "http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "../common/say.h"
#include "metrics.h"
#include "shared.h"
#include "worker.h"

#define TABLES	    16
#define BATCH	    256 /* requests, then it is run in the midst of a turn */
#define BATCH_TRIES 5

struct connection {
	struct http *http;
	enum http_port port;
	struct evhttp_connection *evcon;
	struct bufferevent *bev;
	struct event *timer; /* it is too slow */
	struct request *request;
	bool answered; /* once */
	bool sending;  /* what is written now is an answer of ours */
	LIST_ENTRY(connection) link;
};

struct blob {
	void *data;
	size_t len;
	unsigned int users;
};

enum phase { HANDLING, WRITING, DEFERRED };

struct request {
	struct http *http;
	struct connection *connection;
	struct evhttp_request *ev;
	const char *path;
	struct evkeyvalq query;
	bool has_query;
	unsigned int route;
	int64_t began;
	enum phase phase;
	void (*write)(struct request *req);
	struct event *expiry, *closed; /* of what is deferred */
	void (*expired)(struct request *req);
	void *arg;
	void (*drop)(void *arg);
	/* the answer; status 0: none yet */
	int status;
	char type[128];
	void *body;
	size_t body_len;
	struct blob *blob; /* or this for a body */
	struct evkeyvalq headers;
	TAILQ_ENTRY(request) link;
};

TAILQ_HEAD(requests, request);

struct http {
	struct worker *worker;
	struct evhttp *servers[HTTP_PORTS];
	struct evconnlistener *listeners[HTTP_PORTS];
	SSL_CTX *tls;
	const struct route *tables[TABLES];
	unsigned int table_count;
	struct event *batch;
	struct requests waiting; /* for the batch */
	unsigned int waiting_count;
	LIST_HEAD(, connection) connections;
	unsigned int connection_count;
	bool full, draining;
};

/* ---- requests ---- */

const char *request_path(const struct request *req)
{
	return req->path;
}

unsigned int request_method(const struct request *req)
{
	switch (evhttp_request_get_command(req->ev)) {
	case EVHTTP_REQ_POST:
		return HTTP_POST;
	case EVHTTP_REQ_PUT:
		return HTTP_PUT;
	case EVHTTP_REQ_DELETE:
		return HTTP_DELETE;
	case EVHTTP_REQ_GET:
		return HTTP_GET;
	default:
		return 0; /* of no route */
	}
}

const void *request_body(const struct request *req, size_t *len)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req->ev);
	const void *body;

	*len = evbuffer_get_length(in);
	body = evbuffer_pullup(in, -1);
	if (!body)
		*len = 0;
	return body ? body : "";
}

const char *request_header(const struct request *req, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(req->ev), name);
}

const char *request_query(const struct request *req, const char *name)
{
	return req->has_query ? evhttp_find_header(&req->query, name) : NULL;
}

struct worker *request_worker(const struct request *req)
{
	return req->http->worker;
}

SSL *request_ssl(const struct request *req)
{
	return bufferevent_openssl_get_ssl(req->connection->bev);
}

X509 *request_certificate(const struct request *req)
{
	SSL *ssl = request_ssl(req);

	return ssl ? SSL_get0_peer_certificate(ssl) : NULL;
}

const char *request_peer(const struct request *req)
{
	char *address = NULL;
	ev_uint16_t port;

	evhttp_connection_get_peer(req->connection->evcon, &address, &port);
	return address ? address : "?";
}

void request_set(struct request *req, void *arg, void (*drop)(void *arg))
{
	if (req->drop)
		req->drop(req->arg);
	req->arg = arg;
	req->drop = drop;
}

void *request_get(const struct request *req)
{
	return req->arg;
}

struct blob *blob_new(void *data, size_t len)
{
	struct blob *blob = malloc(sizeof(*blob));

	if (blob)
		*blob = (struct blob){ .data = data, .len = len, .users = 1 };
	else
		free(data);
	return blob;
}

void blob_put(struct blob *blob)
{
	if (!blob || --blob->users)
		return;
	free(blob->data);
	free(blob);
}

static void blob_sent(const void *data, size_t len, void *blob)
{
	(void)data;
	(void)len;
	blob_put(blob);
}

static void clear_answer(struct request *req)
{
	req->status = 0;
	blob_put(req->blob);
	req->blob = NULL;
	free(req->body);
	req->body = NULL;
	req->body_len = 0;
	evhttp_clear_headers(&req->headers);
}

/* It waits no longer */
static void end_defer(struct request *req)
{
	if (req->phase != DEFERRED)
		return;
	shared_gauge(req->http->worker->place, GAUGE_WAITING, -1);
	event_free(req->expiry);
	event_free(req->closed);
}

static void free_request(struct request *req)
{
	if (req->drop)
		req->drop(req->arg);
	end_defer(req);
	if (req->phase == WRITING) {
		TAILQ_REMOVE(&req->http->waiting, req, link);
		req->http->waiting_count--;
	}
	clear_answer(req);
	if (req->has_query)
		evhttp_clear_headers(&req->query);
	free(req);
}

/* ---- connections ---- */

static void set_timer(struct connection *con, unsigned int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	event_add(con->timer, &tv);
}

static void on_slow(evutil_socket_t fd, short what, void *arg)
{
	struct connection *con = arg;

	(void)fd;
	(void)what;
	if (!con->answered || con->request)
		shared_count(con->http->worker->shared, COUNT_SLOW, 1);
	evhttp_connection_free(con->evcon); /* calls on_close() */
}

static void listeners_enable(struct http *http, bool yes)
{
	size_t i;

	for (i = 0; i < HTTP_PORTS; i++) {
		/* a crowd is what those who watch want to know about */
		if (!http->listeners[i] || (i == HTTP_METRICS && !http->draining))
			continue;
		if (yes)
			evconnlistener_enable(http->listeners[i]);
		else
			evconnlistener_disable(http->listeners[i]);
	}
}

static void free_connection(struct connection *con)
{
	struct http *http = con->http;

	LIST_REMOVE(con, link);
	http->connection_count--;
	shared_gauge(http->worker->place, GAUGE_CONNECTIONS, -1);
	if (http->full && !http->draining) {
		http->full = false;
		listeners_enable(http, true);
	}
	event_free(con->timer);
	free(con);
}

static void on_close(struct evhttp_connection *evcon, void *arg)
{
	struct connection *con = arg;
	struct request *req = con->request;
	SSL *ssl = bufferevent_openssl_get_ssl(con->bev);

	(void)evcon;
	if (ssl && !SSL_is_init_finished(ssl))
		shared_count(con->http->worker->shared, COUNT_HANDSHAKES_FAILED, 1);
	if (req) {
		/* libevent leaves those that it did not answer to us */
		if (!evhttp_request_get_connection(req->ev))
			evhttp_request_free(req->ev);
		free_request(req);
	}
	free_connection(con);
}

/*
 * libevent makes its connection around the bufferevent only after it asked for that; it is what
 * the bufferevent's callbacks are given.
 */
static void on_made(evutil_socket_t fd, short what, void *arg)
{
	struct connection *con = arg;
	void *evcon = NULL;

	(void)fd;
	(void)what;
	bufferevent_getcb(con->bev, NULL, NULL, NULL, &evcon);
	con->evcon = evcon;
	evhttp_connection_set_closecb(con->evcon, on_close, con);
	evhttp_connection_set_max_body_size(con->evcon, HTTP_BODY);
	event_assign(con->timer, con->http->worker->base, -1, 0, on_slow, con);
	set_timer(con, con->http->worker->config->request_seconds);
}

/*
 * What libevent refuses by itself, before it is a request, it answers by a page of HTML.  There is
 * no other way to have it say something else than to put that in its place, before it is sent.
 */
static void on_output(struct evbuffer *out, const struct evbuffer_cb_info *info,
		      void *arg)
{
	static const char end[] = "</HTML>";
	struct connection *con = arg;
	char line[13] = "", body[160];
	const char *word;
	int status;

	if (con->sending || !info->n_added || evbuffer_copyout(out, line, 12) != 12 ||
	    memcmp(line, "HTTP/1.", 7) ||
	    evbuffer_search(out, end, sizeof(end) - 1, NULL).pos < 0)
		return;
	status = atoi(line + 9);
	word = status == 413 ? "too-large" : status < 500 ? "malformed" : "method";
	snprintf(body, sizeof(body), "{\"error\":\"%s\",\"detail\":\"%s\"}", word,
		 status == 413	? "the body is longer than any that is taken"
		 : status < 500 ? "this is no request of HTTP/1.1"
				: "there is no such method");
	con->sending = true;
	evbuffer_drain(out, evbuffer_get_length(out));
	evbuffer_add_printf(out,
			    "%s %s\r\nContent-Type: application/json\r\n"
			    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
			    line, word, strlen(body), body);
	con->sending = false;
	metrics_answer(con->http->worker, 0, status);
}

static struct connection *new_connection(struct http *http, struct bufferevent *bev,
					 enum http_port port)
{
	struct connection *con = calloc(1, sizeof(*con));

	if (!con)
		return NULL;
	con->http = http;
	con->port = port;
	con->bev = bev;
	con->timer = event_new(http->worker->base, -1, 0, on_made, con);
	if (!con->timer) {
		free(con);
		return NULL;
	}
	LIST_INSERT_HEAD(&http->connections, con, link);
	shared_count(http->worker->shared, COUNT_CONNECTIONS, 1);
	shared_gauge(http->worker->place, GAUGE_CONNECTIONS, 1);
	if (++http->connection_count >= http->worker->config->connections &&
	    port != HTTP_METRICS) {
		http->full = true;
		shared_count(http->worker->shared, COUNT_FULL, 1);
		listeners_enable(http, false);
	}
	if (!evbuffer_add_cb(bufferevent_get_output(bev), on_output, con))
		abort();
	bufferevent_setwatermark(bev, EV_READ, 0, HTTP_BODY);
	event_active(con->timer, EV_TIMEOUT, 0);
	return con;
}

static int connection_index; /* in SSL's ex_data */

/* Who has shown a certificate of ours may send more */
static void on_tls(const SSL *ssl, int where, int ret)
{
	struct connection *con = SSL_get_ex_data(ssl, connection_index);

	(void)ret;
	if (!con || !con->evcon || !(where & SSL_CB_HANDSHAKE_DONE) ||
	    !SSL_get0_peer_certificate(ssl))
		return;
	evhttp_connection_set_max_body_size(con->evcon, HTTP_BODY_MAX);
	/* libevent hands a body over when it is whole, so all of it has to fit */
	bufferevent_setwatermark(con->bev, EV_READ, 0, HTTP_BODY_MAX + HTTP_HEADERS);
}

/* Without memory: a connection that is closed at once, as libevent would make one without TLS */
static struct bufferevent *out_of_memory(void)
{
	say("out of memory for a connection");
	abort(); /* the parent starts another worker, the clients come again */
}

static struct bufferevent *make_tls(struct event_base *base, void *arg)
{
	struct http *http = arg;
	SSL *ssl = SSL_new(http->tls);
	struct bufferevent *bev;
	struct connection *con;

	if (!ssl)
		return out_of_memory();
	bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		return out_of_memory();
	/* Clients that close without TLS's goodbye: HTTP knows where a message ends */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	con = new_connection(http, bev, HTTP_TLS);
	if (!con || !SSL_set_ex_data(ssl, connection_index, con))
		return out_of_memory();
	return bev;
}

static struct bufferevent *make_plain(struct event_base *base, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	return bev && new_connection(arg, bev, HTTP_PLAIN) ? bev : out_of_memory();
}

static struct bufferevent *make_metrics(struct event_base *base, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	return bev && new_connection(arg, bev, HTTP_METRICS) ? bev : out_of_memory();
}

/* ---- answers ---- */

static void on_sent(struct evhttp_request *ev, void *arg)
{
	struct connection *con = arg;
	const struct config *config = con->http->worker->config;

	(void)ev;
	set_timer(con, config->idle_seconds);
}

static void no_answer(struct request *req)
{
	reply_error(req, 500, "no-answer", "the registrar gave no answer to %.80s; %s",
		    req->path, "this is a mistake in it");
}

static void send_answer(struct request *req)
{
	struct connection *con = req->connection;
	struct http *http = req->http;
	struct evhttp_request *ev = req->ev;
	struct evkeyvalq *out = evhttp_request_get_output_headers(ev);
	struct evbuffer *body = evbuffer_new();
	struct evkeyval *header;
	int status;

	if (!req->status)
		no_answer(req);
	status = req->status;
	metrics_answer(http->worker, req->route, status);
	if (req->phase != DEFERRED)
		metrics_time(http->worker, TIME_REQUEST, req->began);
	if (body && req->blob) {
		evbuffer_add_reference(body, req->blob->data, req->blob->len, blob_sent,
				       req->blob);
		req->blob = NULL;
	}
	if (body && req->body_len)
		evbuffer_add(body, req->body, req->body_len);
	if (req->type[0])
		evhttp_add_header(out, "Content-Type", req->type);
	for (header = req->headers.tqh_first; header; header = header->next.tqe_next)
		evhttp_add_header(out, header->key, header->value);
	if (http->draining)
		evhttp_add_header(out, "Connection", "close");
	if (body && evhttp_request_get_command(ev) == EVHTTP_REQ_HEAD)
		evbuffer_drain(body, evbuffer_get_length(body));
	con->request = NULL;
	con->answered = true;
	if (req->phase == WRITING)
		req->phase = HANDLING; /* it left the list */
	free_request(req);
	set_timer(con, 10 * http->worker->config->request_seconds);
	evhttp_request_set_on_complete_cb(ev, on_sent, con);
	con->sending = true;
	evhttp_send_reply(ev, status, NULL, body);
	con->sending = false;
	if (body)
		evbuffer_free(body);
}

void reply(struct request *req, int status, const char *type, const void *body,
	   size_t len)
{
	free(req->body);
	req->body = len ? malloc(len) : NULL;
	req->body_len = req->body ? len : 0;
	req->status = len && !req->body ? 503 : status;
	if (req->body)
		memcpy(req->body, body, len);
	snprintf(req->type, sizeof(req->type), "%s", type ? type : "");
	if (req->phase == DEFERRED)
		send_answer(req);
}

void reply_blob(struct request *req, int status, const char *type, struct blob *blob)
{
	clear_answer(req);
	req->status = status;
	req->blob = blob;
	blob->users++;
	snprintf(req->type, sizeof(req->type), "%s", type);
	if (req->phase == DEFERRED)
		send_answer(req);
}

void reply_json(struct request *req, int status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (text)
		reply(req, status, "application/json", text, strlen(text));
	else
		reply(req, 503, "application/json", "{\"error\":\"memory\"}", 18);
	free(text);
}

void reply_error(struct request *req, int status, const char *word, const char *detail,
		 ...)
{
	char text[512], *p;
	va_list args;

	va_start(args, detail);
	vsnprintf(text, sizeof(text), detail, args);
	va_end(args);
	for (p = text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	if (status >= 500)
		say("%s: %d %s: %s", req->path, status, word, text);
	evhttp_clear_headers(&req->headers);
	reply_json(req, status, json_pack("{s:s,s:s}", "error", word, "detail", text));
}

void reply_header(struct request *req, const char *name, const char *value)
{
	evhttp_add_header(&req->headers, name, value);
}

void reply_store_error(struct request *req, int err)
{
	reply_error(req, 503, "store", "the registrar's store does not work now (%s); %s",
		    strerror(-err), "try again later");
	reply_header(req, "Retry-After", "10");
}

/* ---- batches ---- */

void request_write(struct request *req, void (*write)(struct request *req))
{
	struct http *http = req->http;

	end_defer(req);
	req->write = write;
	req->phase = WRITING;
	TAILQ_INSERT_TAIL(&http->waiting, req, link);
	http->waiting_count++;
	event_active(http->batch, EV_TIMEOUT, 0);
}

static int try_batch(struct worker *worker, struct requests *batch)
{
	struct request *req;
	int err;

	metrics_forget(worker);
	worker->statement = false;
	err = store_begin(worker->store);
	if (err)
		return err;
	TAILQ_FOREACH(req, batch, link)
	{
		clear_answer(req);
		req->write(req);
	}
	if (worker->audit) {
		err = audit_commit(worker->audit);
		if (err) {
			say("the audit log cannot be written: %s", strerror(-err));
			store_rollback(worker->store);
			return err;
		}
	}
	return store_commit(worker->store);
}

static void run_batch(struct http *http)
{
	struct worker *worker = http->worker;
	struct requests batch = TAILQ_HEAD_INITIALIZER(batch);
	struct request *req;
	unsigned int tries = 0;
	int64_t began = metrics_now();
	int err;

	if (TAILQ_EMPTY(&http->waiting))
		return;
	TAILQ_CONCAT(&batch, &http->waiting, link);
	http->waiting_count = 0;
	do {
		err = try_batch(worker, &batch);
		if (err && worker->audit)
			audit_rollback(worker->audit);
	} while (err == -EAGAIN && ++tries < BATCH_TRIES);
	metrics_time(worker, TIME_STORE, began);
	if (err) {
		shared_count(worker->shared, COUNT_BATCHES_FAILED, 1);
		say("a batch is lost: %s: %s", strerror(-err),
		    store_message(worker->store));
	} else {
		metrics_committed(worker);
		if (worker->statement)
			shared_ring(worker->shared);
	}
	while ((req = TAILQ_FIRST(&batch))) {
		TAILQ_REMOVE(&batch, req, link);
		req->phase = HANDLING;
		if (err)
			reply_store_error(req, err);
		send_answer(req);
	}
}

static void on_batch(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run_batch(arg);
}

/* ---- deferred answers ---- */

static void on_expired(evutil_socket_t fd, short what, void *arg)
{
	struct request *req = arg;

	(void)fd;
	(void)what;
	req->expired(req);
}

static void on_closed(evutil_socket_t fd, short what, void *arg)
{
	struct connection *con = arg;

	(void)fd;
	(void)what;
	evhttp_connection_free(con->evcon); /* calls on_close() */
}

/*
 * libevent does not read while a request waits, lest a client sends and sends; so it does not
 * see an end either, which the kernel tells by itself.
 */
void request_defer(struct request *req, unsigned int seconds,
		   void (*expired)(struct request *req))
{
	struct event_base *base = req->http->worker->base;
	struct timeval tv = { .tv_sec = seconds };

	req->phase = DEFERRED;
	shared_gauge(req->http->worker->place, GAUGE_WAITING, 1);
	req->expired = expired;
	req->closed = event_new(base, bufferevent_getfd(req->connection->bev), EV_CLOSED,
				on_closed, req->connection);
	if (!req->closed || event_add(req->closed, NULL))
		out_of_memory();
	req->expiry = event_new(base, -1, 0, on_expired, req);
	if (!req->expiry)
		out_of_memory();
	event_add(req->expiry, req->http->draining ? &(struct timeval){ 0 } : &tv);
}

/* ---- routes ---- */

static bool path_is(const char *pattern, const char *path)
{
	size_t len = strlen(pattern);

	if (len && pattern[len - 1] == '*')
		return !strncmp(pattern, path, len - 1);
	return !strcmp(pattern, path);
}

static bool on_port(const struct route *route, enum http_port port)
{
	switch (port) {
	case HTTP_TLS:
		return route->where != ON_METRICS;
	case HTTP_PLAIN:
		return route->where == ON_PLAIN;
	default:
		return route->where == ON_METRICS;
	}
}

/* The route and its number (0: none); or NULL, and whether the path is known at all */
static const struct route *find_route(const struct request *req, unsigned int *number,
				      bool *known)
{
	const struct http *http = req->http;
	enum http_port port = req->connection->port;
	const struct route *route;
	unsigned int i, n = 0;

	*known = false;
	*number = 0;
	for (i = 0; i < http->table_count; i++) {
		for (route = http->tables[i]; route->path; route++) {
			n++;
			if (!path_is(route->path, req->path) || !on_port(route, port))
				continue;
			*known = true;
			if (!(route->methods & request_method(req)))
				continue;
			*number = n;
			return route;
		}
	}
	return NULL;
}

const char *http_route_name(const struct worker *worker, unsigned int number)
{
	const struct http *http = worker->http;
	const struct route *route;
	unsigned int i, n = 0;

	for (i = 0; i < http->table_count; i++)
		for (route = http->tables[i]; route->path; route++)
			if (++n == number)
				return route->path;
	return "";
}

static void dispatch(struct request *req)
{
	const struct route *route;
	bool known;
	size_t max, len = evbuffer_get_length(evhttp_request_get_input_buffer(req->ev));

	route = find_route(req, &req->route, &known);
	if (!route && known) {
		reply_error(req, 405, "method", "%.80s is not asked for this way",
			    req->path);
		return;
	}
	if (!route) {
		reply_error(req, 404, "no-such-path", "there is no %.80s here",
			    req->path);
		return;
	}
	max = route->body ? route->body : HTTP_BODY;
	if (len > max)
		reply_error(req, 413, "too-large",
			    "the body has %zu bytes; %.80s takes at most %zu", len,
			    req->path, max);
	else
		route->handle(req);
}

static struct connection *find_connection(struct http *http, struct evhttp_request *ev)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	struct connection *con;

	if (ssl)
		return SSL_get_ex_data(ssl, connection_index);
	LIST_FOREACH(con, &http->connections, link)
	if (con->evcon == evcon)
		return con;
	return NULL;
}

static void on_request(struct evhttp_request *ev, void *arg)
{
	struct http *http = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(ev);
	const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
	struct request *req = calloc(1, sizeof(*req));

	if (!req) {
		evhttp_send_error(ev, 503, NULL);
		return;
	}
	req->http = http;
	req->ev = ev;
	req->began = metrics_now();
	req->connection = find_connection(http, ev);
	req->connection->request = req;
	TAILQ_INIT(&req->headers);
	req->path = uri ? evhttp_uri_get_path(uri) : NULL;
	if (!req->path)
		req->path = "";
	/* a query that is none has no fields */
	req->has_query = query && !evhttp_parse_query_str(query, &req->query);
	event_del(req->connection->timer);
	dispatch(req);
	if (req->phase == HANDLING)
		send_answer(req);
	else if (http->waiting_count >= BATCH)
		run_batch(http);
}

void http_routes(struct worker *worker, const struct route *routes)
{
	struct http *http = worker->http;

	if (http->table_count == TABLES)
		abort();
	http->tables[http->table_count++] = routes;
}

/* ---- TLS ---- */

/*
 * That a client's certificate is over, or not yet valid, is told by the answer and not by a
 * broken handshake; whoever asks for it must ask for that, too (device.h).
 */
static int on_verify(int ok, X509_STORE_CTX *ctx)
{
	int err = X509_STORE_CTX_get_error(ctx);

	return ok || ((err == X509_V_ERR_CERT_HAS_EXPIRED ||
		       err == X509_V_ERR_CERT_NOT_YET_VALID) &&
		      !X509_STORE_CTX_get_error_depth(ctx));
}

static bool trust(SSL_CTX *tls, const struct ca *ca)
{
	X509_STORE *store = SSL_CTX_get_cert_store(tls);
	int i;

	if (X509_STORE_add_cert(store, ca->certificate) != 1 ||
	    SSL_CTX_add_client_CA(tls, ca->certificate) != 1)
		return false;
	for (i = 0; i < sk_X509_num(ca->idevid); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(ca->idevid, i)) != 1 ||
		    SSL_CTX_add_client_CA(tls, sk_X509_value(ca->idevid, i)) != 1)
			return false;
	/* each of them is believed by itself, a root or not */
	return X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
}

static SSL_CTX *make_tls_context(struct worker *worker)
{
	const struct config *config = worker->config;
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = ca_key_load(config->server_key);
	bool ok = false;

	if (!tls || !key)
		goto out;
	if (SSL_CTX_use_certificate_chain_file(tls, config->server_certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(tls, key) != 1) {
		say("%s and %s do not fit", config->server_certificate,
		    config->server_key);
		goto out;
	}
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	/* No resumption: every connection shows its certificate anew, which may be revoked */
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(tls, 0);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, on_verify);
	SSL_CTX_set_verify_depth(tls, 4);
	SSL_CTX_set_info_callback(tls, on_tls);
	ok = SSL_CTX_set_cipher_list(tls, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
	     trust(tls, worker->ca);
	/* once: else OpenSSL looks for the chain, and verifies it, in each handshake */
	if (ok &&
	    SSL_CTX_build_cert_chain(tls, SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR |
						  SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR) <= 0)
		ok = false;
out:
	EVP_PKEY_free(key);
	if (!ok) {
		say("TLS cannot be set up: %s",
		    ERR_peek_error() ? ERR_reason_error_string(ERR_peek_last_error())
				     : "see above");
		SSL_CTX_free(tls);
		tls = NULL;
	}
	ERR_clear_error();
	return tls;
}

/* ---- begin and end ---- */

static struct evhttp *listen_on(struct http *http, int fd,
				struct evconnlistener **listener,
				struct bufferevent *(*make)(struct event_base *, void *))
{
	struct event_base *base = http->worker->base;
	struct evhttp *server = evhttp_new(base);

	/* the socket is the parent's, which listens for this worker and those after it */
	*listener = evconnlistener_new(base, NULL, NULL, 0, 0, fd);
	if (!server || !*listener || !evhttp_bind_listener(server, *listener))
		out_of_memory();
	evhttp_set_bevcb(server, make, http);
	evhttp_set_gencb(server, on_request, http);
	/* all that it knows, so that others hear "method" of us */
	evhttp_set_allowed_methods(server, 0xffff);
	evhttp_set_max_headers_size(server, HTTP_HEADERS);
	evhttp_set_max_body_size(server, HTTP_BODY);
	evhttp_set_timeout(server, (int)http->worker->config->request_seconds);
	evhttp_set_flags(server, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_default_content_type(server, NULL);
	return server;
}

int http_start(struct worker *worker, const int listeners[HTTP_PORTS])
{
	static struct bufferevent *(*const make[HTTP_PORTS])(struct event_base *,
							     void *) = {
		[HTTP_TLS] = make_tls,
		[HTTP_PLAIN] = make_plain,
		[HTTP_METRICS] = make_metrics,
	};
	struct http *http = worker->http;
	int i;

	http->worker = worker;
	TAILQ_INIT(&http->waiting);
	http->batch = event_new(worker->base, -1, 0, on_batch, http);
	if (!http->batch)
		return -ENOMEM;
	connection_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	http->tls = make_tls_context(worker);
	if (!http->tls)
		return -EINVAL;
	for (i = 0; i < HTTP_PORTS; i++)
		if (listeners[i] >= 0)
			http->servers[i] = listen_on(http, listeners[i],
						     &http->listeners[i], make[i]);
	return 0;
}

void http_drain(struct worker *worker)
{
	struct http *http = worker->http;
	struct connection *con, *next;
	struct timeval now = { 0 };

	http->draining = true;
	listeners_enable(http, false);
	for (con = LIST_FIRST(&http->connections); con; con = next) {
		next = LIST_NEXT(con, link);
		if (con->request && con->request->phase == DEFERRED)
			event_add(con->request->expiry, &now);
		else if (!con->request && con->answered &&
			 !evbuffer_get_length(bufferevent_get_input(con->bev)))
			evhttp_connection_free(con->evcon);
	}
}

unsigned int http_connections(const struct worker *worker)
{
	return worker->http->connection_count;
}

void http_stop(struct worker *worker)
{
	struct http *http = worker->http;

	int i;

	if (!http)
		return;
	for (i = 0; i < HTTP_PORTS; i++)
		if (http->servers[i])
			evhttp_free(http->servers[i]);
	if (http->batch)
		event_free(http->batch);
	SSL_CTX_free(http->tls);
	free(http);
	worker->http = NULL;
}

struct http *http_new(void)
{
	return calloc(1, sizeof(struct http));
}

const X509 *http_certificate(const struct worker *worker)
{
	return SSL_CTX_get0_certificate(worker->http->tls);
}
