/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TPM seen from user space, without anybody in between: /dev/tpmN. */
#ifndef IOT_TPM_H
#define IOT_TPM_H

#include <stddef.h>
#include <stdint.h>

#define TPM_FRAME_MAX 4096
#define TPM_HEADER    10

/* First handles of a kind, for tpm_handles(). */
#define TPM_SESSIONS	0x02000000
#define TPM_TRANSIENT	0x80000000
#define TPM_PERSISTENT	0x81000000
#define TPM_HANDLES_MAX 64

uint32_t tpm_be32(const uint8_t *p);
void tpm_put_be32(uint8_t *p, uint32_t value);

/* Command in, answer out, in one frame; its length. Ends the program if there is none. */
size_t tpm_exchange(int fd, uint8_t frame[TPM_FRAME_MAX], size_t len);

/* What the TPM holds from @first on; how many. */
unsigned int tpm_handles(int fd, uint32_t first, uint32_t handles[TPM_HANDLES_MAX]);

/* Away with a transient object, a session, or a persistent object. */
void tpm_flush(int fd, uint32_t handle);
void tpm_evict(int fd, uint32_t handle);

#endif
