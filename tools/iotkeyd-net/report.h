/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "iotkeyd status" shows of this process: one JSON object, which each change brings to
 * the keeper.  Any thread.
 */
#ifndef _NET_REPORT_H
#define _NET_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"
#include "keeper.h"
#include "registrar.h"

/* The state, in a word: "enrolling", "pending", "member", "revoked" */
void report_state(const char *state);

/* The registrar has answered */
void report_contact(void);

/* What went wrong with @what and when it is tried again; or, with NULL, it came off */
void report_fault(const char *what, const struct fault *f, unsigned int seconds);

void report_attested(const struct attested *attested);
void report_certificate(int64_t not_after, int64_t renewal);
void report_sequence(uint64_t sequence);

/* report_send(): by the thread that works, and only if something has changed */
void report_send(struct keeper *keeper);

#endif /* _NET_REPORT_H */
