/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's keys, and the same in the TPM's hands.
 */
#ifndef _IOTKEYD_TPM_KEYS_H
#define _IOTKEYD_TPM_KEYS_H

#include "answer.h"
#include "tpm.h"

/* keys_meet(): the ecdsa-p256 key @name of the keyring, made if there is none */
int keys_meet(const struct job *job, const char *name, bool restricted, int32_t *key);

/* keys_load(): that key into the TPM, to be flushed; and its public area */
int keys_load(const struct job *job, int32_t key, ESYS_TR *object, TPM2B_PUBLIC *area);

/* keys_load_ak(): the attestation key, made if there is none */
int keys_load_ak(const struct job *job, ESYS_TR *object, TPM2B_PUBLIC *area);

/* keys_add_area(): a field: TPM2B_PUBLIC; or, @bare, TPMT_PUBLIC */
int keys_add_area(struct request *answer, const TPM2B_PUBLIC *area, bool bare);

#endif /* _IOTKEYD_TPM_KEYS_H */
