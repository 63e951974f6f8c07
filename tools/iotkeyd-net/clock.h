/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Times.  What is planned goes by the boot clock, which no one sets; dates of certificates go by
 * the wall clock, or, while nobody has set that, by what the registrar told.
 */
#ifndef _NET_CLOCK_H
#define _NET_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* clock_boot_ms(): milliseconds since the boot, suspend included */
int64_t clock_boot_ms(void);

/* clock_is_set(): the wall clock is past the beginning of 2024 */
bool clock_is_set(void);

/*
 * clock_now(): seconds since 1970; 0, nobody knows.
 * clock_told(): the registrar's time; heeded only while the wall clock is not set.
 */
int64_t clock_now(void);
void clock_told(int64_t now);

#endif /* _NET_CLOCK_H */
