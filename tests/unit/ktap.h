/* SPDX-License-Identifier: GPL-2.0-only */
/* The least of a test framework: KTAP lines, and a count of what failed. */
#ifndef _IOT_KTAP_H
#define _IOT_KTAP_H

#include <stdbool.h>

/* One "ok N - name" or "not ok N - name" line; gives @ok back. */
bool ktap_ok(bool ok, const char *fmt, ...);

/* The plan; the exit status of the program. */
int ktap_done(void);

#endif /* _IOT_KTAP_H */
