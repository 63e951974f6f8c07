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

#define TYPE	     "application/vnd.iotkey.statements"
#define WAIT_MAX     300	/* seconds */
#define POLL_SECONDS 2		/* when nobody rings */
#define ANSWER_MAX   (4u << 20) /* bytes; the rest is for the next request */

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
	if (!err)
		worker->statement = true;
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

/*
 * Of this process.  News comes by the bell when a worker of this registrar made it, by the
 * store's own news when another registrar did, and if neither rings by asking the store now
 * and then, as long as anyone waits.
 */
static LIST_HEAD(, waiter) waiters = LIST_HEAD_INITIALIZER(waiters);
static struct event *bell, *poll_event, *store_event;

/* The newest that this worker knows of; true to POLL_SECONDS while anyone waits */
static uint64_t newest;

/* What was answered last: thousands who wait for the same get it, as long as .newest is true */
static struct {
	struct blob *blob;
	uint64_t after, newest;
} last_answer;

struct answer {
	uint8_t *data;
	size_t len, room;
	uint64_t last;
};

static int append(void *arg, uint64_t sequence, const void *body, size_t len)
{
	struct answer *answer = arg;
	uint8_t *data;

	answer->last = sequence;
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

/* The statements after that number; NULL: there are none, or an error */
static struct blob *find_statements(struct worker *worker, uint64_t after, int *err)
{
	struct answer answer = { 0 };

	*err = 0;
	if (!LIST_EMPTY(&waiters) && last_answer.blob && last_answer.after == after &&
	    last_answer.newest == newest)
		return last_answer.blob;
	*err = store_statement_list(worker->store, after, ANSWER_MAX, append, &answer);
	if (*err || !answer.len) {
		free(answer.data);
		return NULL;
	}
	if (newest < answer.last)
		newest = answer.last;
	blob_put(last_answer.blob);
	last_answer.blob = blob_new(answer.data, answer.len);
	last_answer.after = after;
	last_answer.newest = newest;
	*err = last_answer.blob ? 0 : -ENOMEM;
	return last_answer.blob;
}

/* False: there is nothing after that number */
static bool reply_statements(struct request *req, uint64_t after)
{
	int err;
	struct blob *blob = find_statements(request_worker(req), after, &err);

	if (err == -ENOMEM)
		reply_error(req, 503, "busy", "out of memory; come again");
	else if (err)
		reply_store_error(req, err);
	else if (blob)
		reply_blob(req, 200, TYPE, blob);
	return err || blob;
}

static void poll_again(void)
{
	static const struct timeval tv = { .tv_sec = POLL_SECONDS };

	if (!LIST_EMPTY(&waiters))
		event_add(poll_event, &tv);
}

static void drop_waiter(void *arg)
{
	struct waiter *waiter = arg;

	LIST_REMOVE(waiter, link);
	free(waiter);
}

/* All who wait for it are told; the answer frees the waiter */
static void on_news(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	struct waiter *waiter, *next;
	uint64_t last;

	(void)fd;
	(void)what;
	if (LIST_EMPTY(&waiters))
		return;
	if (!store_statement_last(worker->store, &last)) {
		newest = last;
		for (waiter = LIST_FIRST(&waiters); waiter; waiter = next) {
			next = LIST_NEXT(waiter, link);
			if (waiter->after < last)
				reply_statements(waiter->req, waiter->after);
		}
	}
	poll_again();
}

static void on_store(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;

	(void)fd;
	(void)what;
	store_listen_read(worker->store);
}

/* The store has news, or another descriptor to wait for it */
static void on_store_news(void *arg, enum store_news news, int fd)
{
	struct worker *worker = arg;

	if (news == STORE_NEWS) {
		event_active(poll_event, EV_TIMEOUT, 0);
		return;
	}
	if (store_event)
		event_free(store_event);
	store_event = fd < 0 ? NULL
			     : event_new(worker->base, fd, EV_READ | EV_PERSIST, on_store,
					 worker);
	if (store_event)
		event_add(store_event, NULL);
	/* what it told while nobody listened */
	event_active(poll_event, EV_TIMEOUT, 0);
}

int statement_start(struct worker *worker)
{
	poll_event = event_new(worker->base, -1, 0, on_news, worker);
	bell = event_new(worker->base, worker->shared->bell, EV_READ | EV_ET | EV_PERSIST,
			 on_news, worker);
	if (!poll_event || !bell || event_add(bell, NULL))
		return -ENOMEM;
	store_listen(worker->store, on_store_news, worker);
	return 0;
}

void statement_stop(struct worker *worker)
{
	if (worker->store)
		store_listen(worker->store, NULL, NULL);
	if (store_event)
		event_free(store_event);
	if (bell)
		event_free(bell);
	if (poll_event)
		event_free(poll_event);
	blob_put(last_answer.blob);
}

static void on_expired(struct request *req)
{
	reply(req, 204, NULL, NULL, 0);
}

static void wait_for_news(struct request *req, uint64_t after, unsigned int seconds)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter) {
		reply_error(req, 503, "busy", "out of memory; come again");
		return;
	}
	waiter->req = req;
	waiter->after = after;
	LIST_INSERT_HEAD(&waiters, waiter, link);
	request_set(req, waiter, drop_waiter);
	request_defer(req, seconds, on_expired);
	/* the first to wait: look what is new, and go on to look */
	if (!event_pending(poll_event, EV_TIMEOUT, NULL))
		event_active(poll_event, EV_TIMEOUT, 0);
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
	    !read_number(req, "wait", WAIT_MAX, &seconds))
		return;
	/* while others wait the store is looked at anyway */
	if ((!seconds || LIST_EMPTY(&waiters) || after < newest) &&
	    reply_statements(req, after))
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
	  .where = ON_PLAIN },
	{ 0 },
};
