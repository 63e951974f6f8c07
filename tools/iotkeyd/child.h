/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes that the keeper starts: programs in ../libexec/iotkey from where it is itself.
 * Each has nothing of the keeper's but one end of a socketpair (two, the net process), and its
 * standard error.
 */
#ifndef _IOTKEYD_CHILD_H
#define _IOTKEYD_CHILD_H

#include "config.h"

struct child {
	pid_t pid;     /* 0: none */
	int socket[2]; /* ours; non-blocking; -1: none */
};

/*
 * child_net(): as the user of the configuration, with a session keyring that is new and empty; its
 * sockets are its descriptors 3 and 4.  0 or -errno.
 */
int child_net(struct child *child, const struct config *config);

/* child_worker(): as this process, keyrings included; its socket is its descriptor 0 */
int child_worker(struct child *child);

/* child_close(): our ends of the sockets */
void child_close(struct child *child);

/* child_kill(): at once, and wait for it */
void child_kill(struct child *child);

#endif /* _IOTKEYD_CHILD_H */
