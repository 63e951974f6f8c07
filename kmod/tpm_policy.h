/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Policies of objects: PCRs, or a signed policy (TPM2_PolicyAuthorize), where whoever has
 * the object's policy key says later which PCRs are right.
 */
#ifndef _IOT_TPM_POLICY_H
#define _IOT_TPM_POLICY_H

#include "tpm_object.h"

void iot_policy_digest(const struct tss2_branch *b, u8 digest[IOT_SHA256_SIZE]);
int iot_policy_play(struct iot_tpm *t, struct iot_object *o, u32 handle);
int iot_policy_verify(struct iot_tpm *t, struct iot_object *o);

#endif /* _IOT_TPM_POLICY_H */
