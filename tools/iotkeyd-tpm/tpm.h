/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TPM, by ESYS through the kernel's resource manager: what a process leaves there goes when
 * it ends, however that is.
 */
#ifndef _IOTKEYD_TPM_TPM_H
#define _IOTKEYD_TPM_TPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tss2/tss2_esys.h>

extern ESYS_CONTEXT *tpm;

/* tpm_open(): 0 or -errno */
int tpm_open(void);
void tpm_close(void);

/*
 * tpm_error(): of what a function of the TSS gave, 0 or -errno: -EAGAIN, it is busy (or in
 * lockout), come again; -EBADMSG, it does not take what it was given; -EACCES, it wants an
 * authorization; -ENOENT, there is no such object; -EIO, it failed in another way.  @what is
 * said of those that have no good reason.
 */
int tpm_error(TSS2_RC rc, const char *what);

/* tpm_flush(): an object or session; ESYS_TR_NONE is fine */
void tpm_flush(ESYS_TR *object);

/* tpm_handles(): the handles that are there from @first on, at most @max; their number */
unsigned int tpm_handles(TPM2_HANDLE first, TPM2_HANDLE last, TPM2_HANDLE *handles,
			 unsigned int max);

/* tpm_persistent(): the object at a handle, and its public area; -ENOENT */
int tpm_persistent(TPM2_HANDLE handle, ESYS_TR *object, TPM2B_PUBLIC *area);

#endif /* _IOTKEYD_TPM_TPM_H */
