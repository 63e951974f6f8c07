/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process gives up for good.
 */
#ifndef _IOTKEYD_SANDBOX_H
#define _IOTKEYD_SANDBOX_H

#include "config.h"

/*
 * sandbox_keeper(): no core files, no tracing by others, nothing gained by exec, only
 * the capabilities that it has to have, and none of the system calls that look into other
 * processes or change what the machine runs or mounts.  Returns an exit code, and has said what was wrong.
 */
int sandbox_keeper(const struct config *config);

#endif /* _IOTKEYD_SANDBOX_H */
