/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _NET_SANDBOX_H
#define _NET_SANDBOX_H

/*
 * sandbox_net(): what this process may do from now on, whoever steers it: talk to the network
 * and to its keeper, read what name resolution needs, have the kernel sign with a key that it may
 * use.  For all threads that there will be.  Returns an exit code, and has said what was
 * wrong: as root, or with any capability, it refuses.
 */
int sandbox_net(void);

#endif /* _NET_SANDBOX_H */
