/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Roots with a signed policy, for who plays the TPM himself: it likes any signature.
 */
#ifndef APPROVAL_H
#define APPROVAL_H

#include "crypto.h"
#include "tss2.h"

#define APPROVAL_REF 'r' /* the policyRef of approvals that count */

/* Of PCR 0 and 1, and 8: a selection, and a digest of what is in them. */
extern const struct tpmbuf_span approval_pcrs, approval_digest;

/* The key whose approvals count, as own policy of an object. */
struct tss2_approval approval_key(void);

/* @n approvals under that policyRef: SEQUENCE OF TPMAuthPolicy, without its head. */
size_t approval_list(u8 *der, unsigned int n, u8 ref);

/* The policy of an object on which that key's approvals are worth something. */
void approval_policy(u8 policy[IOT_SHA256_SIZE]);

#endif
