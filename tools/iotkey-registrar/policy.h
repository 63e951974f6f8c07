/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What released roots are bound to: to their TPM alone, to the PCRs that the device proved, or
 * to PCRs that the policy signer approves.
 */
#ifndef _REGISTRAR_POLICY_H
#define _REGISTRAR_POLICY_H

#include <iotkey-fleet.h>

#include "ca.h"
#include "config.h"
#include "progress.h"

struct policy;

/*
 * policy_open(): as the configuration says; @ca is the fleet's key.  An approval that is not the
 * signer's is an error.  On one it has said what is wrong.
 */
int policy_open(const struct config *config, const EVP_PKEY *ca,
		struct iotkey_attest *attest, struct policy **policy);
void policy_close(struct policy *policy);

/* policy_word(): "none", "pcrs", "authorized" */
const char *policy_word(const struct policy *policy);

/* policy_prove(): note the PCRs that matter from the values of a quote that passed, if they are there */
void policy_prove(const struct policy *policy, struct iotkey_attest *attest,
		  const struct iotkey_pcr_values *values, struct progress *progress);

/* The policy of a root, and what it points into */
struct policy_binding {
	struct iotkey_policy policy;
	uint8_t pcr_digest[IOTKEY_POLICY_SIZE];
	struct iotkey_approval approval[IOTKEY_APPROVALS_MAX];
};

/*
 * policy_bind(): for a device that proved that; what it runs is approved first, then the newest
 * approvals.  -ENODATA: it did not prove these PCRs; -ENOENT: their values are not approved.
 */
int policy_bind(const struct policy *policy, const struct progress *proved,
		struct policy_binding *binding);

/* policy_approvals(): the same for a root that is loaded; -ENOENT: nothing is approved */
int policy_approvals(const struct policy *policy, const struct progress *proved,
		     struct policy_binding *binding);

#endif /* _REGISTRAR_POLICY_H */
