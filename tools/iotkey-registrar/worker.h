/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a worker process has at hand.
 */
#ifndef _REGISTRAR_WORKER_H
#define _REGISTRAR_WORKER_H

#include <event2/event.h>

#include <iotkey-fleet.h>

#include "audit.h"
#include "ca.h"
#include "config.h"
#include "http.h"
#include "master.h"
#include "policy.h"
#include "shared.h"
#include "store.h"

struct worker {
	const struct config *config;
	struct event_base *base;
	struct iotkey_attest *attest;
	struct ca *ca;
	struct store *store;
	struct master *master;
	struct policy *policy; /* of released roots */
	struct audit *audit;   /* NULL: none is configured */
	struct http *http;
	uint8_t nonce_key[MASTER_SIZE];
	unsigned int number; /* of the worker, from 0 */
	/* of what is shared, and this worker's place there; not in a process that only tries */
	struct shared *shared;
	struct shared_place *place;
	/* what the batch that is open comes to, when it is on the disk */
	bool statement; /* it made one */
	unsigned int events[COUNTERS];
};

/*
 * worker_open(): everything above but the loop, HTTP and what is shared, in this process.  On an error it has
 * said what is wrong.  worker_close() in any case.
 */
int worker_open(struct worker *worker, const struct config *config);
void worker_close(struct worker *worker);

/* worker_audit(): one line in the audit log, when there is one, with the next batch */
void worker_audit(struct worker *worker, const char *event, json_t *fields);

#endif /* _REGISTRAR_WORKER_H */
