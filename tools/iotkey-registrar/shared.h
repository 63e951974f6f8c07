/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the workers of one registrar share: memory that the parent maps before it starts them,
 * and a bell.  All of it is for looking and for waking: nothing is lost when it is.
 *
 * Counters go up as long as the parent lives.  Gauges belong to a worker, which has a place;
 * the parent clears it when the worker is gone, however it went.
 */
#ifndef _REGISTRAR_SHARED_H
#define _REGISTRAR_SHARED_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

enum counter {
	COUNT_CONNECTIONS,
	COUNT_HANDSHAKES_FAILED,
	COUNT_SLOW,
	COUNT_FULL,
	COUNT_WORKERS_LOST,
	COUNT_BATCHES_FAILED,
	COUNT_JOINED,
	COUNT_ENROLLED_TPM, /* these four in the order of metrics.c */
	COUNT_ENROLLED_TOKEN,
	COUNT_ENROLLED_IDEVID,
	COUNT_ENROLLED_CERTIFICATE,
	COUNT_ATTESTED_PASS,
	COUNT_ATTESTED_FAIL,
	COUNT_RELEASED,
	COUNTERS
};

enum gauge { GAUGE_CONNECTIONS, GAUGE_WAITING, GAUGES };

enum histogram { TIME_REQUEST, TIME_STORE, HISTOGRAMS };

#define SHARED_ROUTES	64
#define SHARED_STATUSES 16
#define SHARED_BUCKETS	16
#define SHARED_PLACES	1024

struct shared_place {
	pid_t pid; /* the parent's alone; 0: free */
	_Atomic int64_t gauges[GAUGES];
};

struct shared {
	int bell;	    /* an eventfd: rung for a new statement */
	int64_t started;    /* unix seconds */
	_Atomic int served; /* a worker once had all that it needs */
	_Atomic uint64_t counters[COUNTERS];
	_Atomic uint64_t answers[SHARED_ROUTES][SHARED_STATUSES];
	struct {
		_Atomic uint64_t buckets[SHARED_BUCKETS]; /* each by itself */
		_Atomic uint64_t microseconds;
	} histograms[HISTOGRAMS];
	/* devices by state, as they were at that time (unix seconds, 0: never) */
	_Atomic int64_t counted;
	_Atomic uint64_t pending, active, revoked, failing;
	struct shared_place places[SHARED_PLACES];
};

/* shared_open(): in the parent; NULL without memory */
struct shared *shared_open(void);

/*
 * shared_take(): in the parent, before it starts a worker: a place without a process, and never
 * NULL: when all are taken, workers share the last one.  shared_leave(): @pid is gone.
 */
struct shared_place *shared_take(struct shared *shared);
void shared_leave(struct shared *shared, pid_t pid);

static inline void shared_count(struct shared *shared, enum counter counter, uint64_t n)
{
	atomic_fetch_add_explicit(&shared->counters[counter], n, memory_order_relaxed);
}

static inline void shared_gauge(struct shared_place *place, enum gauge gauge, int64_t by)
{
	atomic_fetch_add_explicit(&place->gauges[gauge], by, memory_order_relaxed);
}

/* shared_ring(): there is a new statement in the store: every worker's loop wakes up */
void shared_ring(struct shared *shared);

#endif /* _REGISTRAR_SHARED_H */
