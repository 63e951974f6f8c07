/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTPS to one server, for one thread.  All is bounded: the time, the answer, its head.
 */
#ifndef _NET_HTTP_H
#define _NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "identity.h"

struct http;

/* http_open(): @url is that of the registrar, without a path.  NULL: no memory. */
struct http *http_open(const char *url);
void http_close(struct http *http);

/* http_trust(): certificates in PEM to believe; NULL: nobody is known, and anybody answers */
bool http_trust(struct http *http, const char *ca);

/* http_be(): the client's certificate, which is http's from now on; NULL: none */
void http_be(struct http *http, struct tls_identity *identity);

/* http_rest(): close connections and free what they held; the next call opens another.  NULL is fine. */
void http_rest(struct http *http);

struct http_request {
	const char *path; /* from "/" on */
	const char *type; /* of the body; NULL: GET */
	const void *body;
	size_t len;
	const char *basic;    /* "USER:PASSWORD" or NULL */
	unsigned int timeout; /* seconds for all of it */
	size_t max;	      /* bytes of the answer */
};

struct http_answer {
	long status;
	uint8_t *data; /* and a zero byte; to be freed with http_answer_clear() */
	size_t len;
	unsigned int after; /* Retry-After, seconds */
};

/* http_call(): true: there is an answer, of whatever status */
bool http_call(struct http *http, const struct http_request *request,
	       struct http_answer *answer, struct fault *f);
void http_answer_clear(struct http_answer *answer);

#endif /* _NET_HTTP_H */
