/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _IOTKEYD_TPM_SANDBOX_H
#define _IOTKEYD_TPM_SANDBOX_H

/*
 * sandbox_worker(): no core file, no tracing by others, no capability, and no system call but
 * those that are needed: none that makes a socket or another process, or changes the name of a
 * file.  Returns an exit code, and has said what was wrong.
 */
int sandbox_worker(void);

#endif /* _IOTKEYD_TPM_SANDBOX_H */
