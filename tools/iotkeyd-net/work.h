/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread that keeps the device a member of its fleet: each file below makes one step, which
 * comes off, or leaves things as they were with a fault filled in.
 */
#ifndef _NET_WORK_H
#define _NET_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "http.h"
#include "keeper.h"

struct work {
	struct keeper *keeper;
	struct http *http;
	struct hello hello;  /* how things stood when the step began */
	uint64_t ima_offset; /* from where the next attestation shows the log */
	char *approvals;     /* of roots, as they were given to the keeper; NULL: none */
};

/* work_start(): once, before any thread */
bool work_start(void);

/* work_run(): for ever; the process ends when the keeper does */
void work_run(struct keeper *keeper);

/*
 * From another thread: roots have changed, fetch them within @spread seconds; there is something to
 * report
 */
void work_fetch_roots(unsigned int spread);
void work_report(void);

/* work_trusted(): from another thread: wait until the registrar's CA is known */
void work_trusted(void);

/* be.c */
void be_nobody(struct work *work);
bool be_current(struct work *work, struct fault *f);
bool be_pending(struct work *work, struct fault *f);

/* trust.c: the registrar's CA, for the first time */
bool trust(struct work *work, struct fault *f);

/* enrol.c: a first certificate, or one for a device whose own is no longer good */
bool enrol(struct work *work, struct fault *f);

/* renew.c: the next certificate, by the current one */
bool renew(struct work *work, struct fault *f);

/* promote.c: the certificate that waits becomes the current one, if the registrar takes it */
bool promote(struct work *work, struct fault *f);

/* attest.c: true: the registrar has judged; *@passed */
bool attest(struct work *work, bool *passed, struct fault *f);

/* release.c: roots that are new */
bool release(struct work *work, struct fault *f);

#endif /* _NET_WORK_H */
