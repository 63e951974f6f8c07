/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When to do what: spread, so that a fleet that was switched on together, or that lost its
 * registrar together, does not come back together.
 */
#ifndef _NET_SCHEDULE_H
#define _NET_SCHEDULE_H

#include <stdint.h>

#define BACKOFF_FIRST 2	   /* seconds */
#define BACKOFF_LAST  3600 /* and not longer than this */

struct backoff {
	unsigned int failures;
};

/*
 * schedule_failed(): seconds to wait after one more failure: twice as long each time, up to
 * @last, and of that a random part from a half on; at least @after, which the registrar
 * asked for and which is itself believed up to a day.
 */
unsigned int schedule_failed(struct backoff *backoff, unsigned int last,
			     unsigned int after);

/* schedule_jitter(): @seconds, less or more by up to a tenth */
uint64_t schedule_jitter(uint64_t seconds);

/*
 * schedule_renewal(): when to renew a certificate of these dates: at two thirds of its
 * lifetime, sooner or later by up to a twentieth; @random is from 0 to UINT32_MAX
 */
int64_t schedule_renewal(int64_t not_before, int64_t not_after, uint32_t random);

uint32_t schedule_random(void);

#endif /* _NET_SCHEDULE_H */
