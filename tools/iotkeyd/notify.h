/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a service manager is told (sd_notify(3)); nothing where there is none.
 */
#ifndef _IOTKEYD_NOTIFY_H
#define _IOTKEYD_NOTIFY_H

#include <stdint.h>

/* notify(): lines "NAME=VALUE", separated by newlines */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* notify_reloading(): that a reload has begun, as of now; "READY=1" ends it */
void notify_reloading(void);

/*
 * notify_watchdog(): how often "WATCHDOG=1" is awaited, in milliseconds: half of what the
 * manager allows; -1, never.
 */
int notify_watchdog(void);

#endif /* _IOTKEYD_NOTIFY_H */
