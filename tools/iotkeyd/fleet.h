/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device of a fleet: what the process with the net asks of the keeper, which does it, or has
 * the worker do it, and sees for itself whether it is right.
 */
#ifndef _IOTKEYD_FLEET_H
#define _IOTKEYD_FLEET_H

#include "config.h"

#include <poll.h>
#include <stdint.h>

#define FLEET_FDS 3

/*
 * fleet_open(): before any key is loaded.  Nothing, where the configuration has no registrar;
 * neither is there anything below then.  Returns an exit code, and has said what was wrong.
 */
int fleet_open(const struct config *config);

/* fleet_begin(): once keys are loaded; from here on there is a process with the net.  Likewise. */
int fleet_begin(void);

/* fleet_poll(): FLEET_FDS entries, .fd -1 where there is nothing to wait for */
void fleet_poll(struct pollfd *fds);
void fleet_ready(const struct pollfd *fds);

/* fleet_at(): when to call fleet_tick(): ms of boot time; INT64_MAX, never */
int64_t fleet_at(void);
void fleet_tick(int64_t now);

/* fleet_ended(): a process has ended (SIGCHLD) */
void fleet_ended(void);

/* fleet_reload(): start the process with the net anew, with what @config says now */
void fleet_reload(void);

/* fleet_tell(): for "iotkeyd status" */
void fleet_tell(void);

void fleet_stop(void);

#endif /* _IOTKEYD_FLEET_H */
