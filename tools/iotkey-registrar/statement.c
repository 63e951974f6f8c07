// SPDX-License-Identifier: GPL-2.0-or-later
#include "statement.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "../common/say.h"
#include "routes.h"
#include "worker.h"

#define TYPE	   "application/vnd.iotkey.statements"
#define WAIT_MAX   300 /* seconds */
#define POLL_MS	   100
#define ANSWER_MAX (4u << 20) /* bytes; the rest is for the next request */

/*
 * Making
 */

static int last_statement(struct worker *worker, struct iotkey_chain *chain)
{
	struct iotkey_statement statement;
	size_t len = STORE_BODY_MAX;
	uint64_t sequence;
	uint8_t *body;
	int err = store_statement_last(worker->store, &sequence);

	memset(chain, 0, sizeof(*chain));
	if (err || !sequence)
		return err;
	body = malloc(len);
	if (!body)
		return -ENOMEM;
	err = store_statement_get(worker->store, sequence, body, &len);
	if (!err)
		err = iotkey_statement_parse(body, len, &statement);
	/* the chain stands just before it, whatever that was */
	if (!err) {
		chain->sequence = statement.sequence - 1;
		memcpy(chain->digest, statement.previous, sizeof(chain->digest));
		err = iotkey_statement_follow(worker->attest, chain, &statement);
	}
	free(body);
	return err;
}

int statement_add(struct worker *worker, const struct iotkey_revocation *revocations,
		  size_t count)
{
	struct iotkey_chain chain;
	int64_t now = time(NULL);
	uint8_t *body;
	size_t len;
	int err = last_statement(worker, &chain);

	if (!err)
		err = iotkey_statement_make(worker->ca->key, &chain, (uint64_t)now,
					    revocations, count, &body, &len);
	if (err)
		return err;
	err = store_statement_add(worker->store, chain.sequence + 1, now, body, len);
	free(body);
	return err == -EEXIST ? -EAGAIN : err;
}

/*
 * Giving
 */

struct waiter {
	struct request *req;
	uint64_t after;
	LIST_ENTRY(waiter) link;
};

/* Of this process: who waits, and what looks for news as long as anyone does */
static LIST_HEAD(, waiter) waiters = LIST_HEAD_INITIALIZER(waiters);
static struct event *poll_event;
static uint64_t last_seen;

struct answer {
	uint8_t *data;
	size_t len, room;
};

static int append(void *arg, uint64_t sequence, const void *body, size_t len)
{
	struct answer *answer = arg;
	uint8_t *data;

	(void)sequence;
	if (answer->len + len > answer->room) {
		answer->room = 2 * answer->room + len;
		data = realloc(answer->data, answer->room);
		if (!data)
			return -ENOMEM;
		answer->data = data;
	}
	memcpy(answer->data + answer->len, body, len);
	answer->len += len;
	return 0;
}

/* False: there is nothing after that number */
static bool reply_statements(struct request *req, uint64_t after)
{
	struct answer answer = { 0 };
	int err = store_statement_list(request_worker(req)->store, after, ANSWER_MAX,
				       append, &answer);
	bool replied = true;

	if (err == -ENOMEM)
		reply_error(req, 503, "busy", "out of memory; come again");
	else if (err)
		reply_store_error(req, err);
	else if (answer.len)
		reply(req, 200, TYPE, answer.data, answer.len);
	else
		replied = false;
	free(answer.data);
	return replied;
}

static void poll_again(void)
{
	struct timeval tv = { .tv_usec = POLL_MS * 1000 };

	if (!LIST_EMPTY(&waiters))
		event_add(poll_event, &tv);
}

static void leave(struct waiter *waiter)
{
	if (waiter->link.le_prev)
		LIST_REMOVE(waiter, link);
	waiter->link.le_prev = NULL;
}

static void drop_waiter(void *arg)
{
	leave(arg);
	free(arg);
}

/* Once there is news, all who wait are told; the answer frees the waiter */
static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	struct waiter *waiter, *next;
	uint64_t last;

	(void)fd;
	(void)what;
	if (!store_statement_last(worker->store, &last) && last != last_seen) {
		last_seen = last;
		for (waiter = LIST_FIRST(&waiters); waiter; waiter = next) {
			next = LIST_NEXT(waiter, link);
			if (waiter->after < last)
				reply_statements(waiter->req, waiter->after);
		}
	}
	poll_again();
}

static void on_expired(struct request *req)
{
	reply(req, 204, NULL, NULL, 0);
}

static void wait_for_news(struct request *req, uint64_t after, unsigned int seconds)
{
	struct worker *worker = request_worker(req);
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	if (!poll_event)
		poll_event = event_new(worker->base, -1, 0, on_poll, worker);
	if (!waiter || !poll_event) {
		free(waiter);
		reply_error(req, 503, "busy", "out of memory; come again");
		return;
	}
	waiter->req = req;
	waiter->after = after;
	if (LIST_EMPTY(&waiters))
		last_seen = after;
	LIST_INSERT_HEAD(&waiters, waiter, link);
	request_set(req, waiter, drop_waiter);
	request_defer(req, seconds, on_expired, NULL);
	poll_again();
}

static bool read_number(struct request *req, const char *name, uint64_t max,
			uint64_t *value)
{
	const char *text = request_query(req, name);
	char *end;

	*value = 0;
	if (!text)
		return true;
	errno = 0;
	*value = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && *value <= max)
		return true;
	reply_error(req, 400, "malformed", "%s= is no number from 0 to %llu", name,
		    (unsigned long long)max);
	return false;
}

static void handle_statements(struct request *req)
{
	uint64_t after, seconds;

	if (!read_number(req, "after", INT64_MAX, &after) ||
	    !read_number(req, "wait", WAIT_MAX, &seconds) || reply_statements(req, after))
		return;
	if (seconds)
		wait_for_news(req, after, (unsigned int)seconds);
	else
		on_expired(req);
}

const struct route statement_routes[] = {
	{ .path = "/.well-known/iotkey/statements",
	  .methods = HTTP_GET,
	  .handle = handle_statements,
	  .plain = true },
	{ 0 },
};
