// SPDX-License-Identifier: GPL-2.0-or-later
#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/say.h"
#include "approvals.h"

static const char *const words[] = {
	[IOTKEY_POLICY_NONE] = "none",
	[IOTKEY_POLICY_PCRS] = "pcrs",
	[IOTKEY_POLICY_AUTHORIZED] = "authorized",
};

struct policy {
	enum iotkey_policy_kind kind;
	struct iotkey_pcr_selection selection;
	struct approvals approvals;
	uint8_t signer[IOTKEY_SIGNER_SIZE];
	uint8_t reference[IOTKEY_DEVICE_ID];
};

/*
 * Opening
 */

static bool read_kind(const char *word, enum iotkey_policy_kind *kind)
{
	unsigned int i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i])) {
			*kind = i;
			return true;
		}
	say("release-policy is none, pcrs or authorized");
	return false;
}

/* PCR 10 changes with every file that a device measures: a root would not open twice */
static bool read_selection(const char *text, struct iotkey_pcr_selection *selection)
{
	unsigned int i;
	bool ok = !iotkey_pcr_selection_parse(text, selection);

	for (i = 0; ok && i < selection->count; i++)
		ok = !(selection->bank[i].pcrs >> PROGRESS_PCR & 1);
	if (!ok)
		say("release-pcrs is like sha256:0,2,4,7, without PCR %u, which is IMA's",
		    PROGRESS_PCR);
	return ok;
}

static int check_approvals(const struct policy *policy, const char *path,
			   struct iotkey_attest *attest, EVP_PKEY *signer)
{
	const struct iotkey_bytes reference = { policy->reference, IOTKEY_DEVICE_ID };
	size_t i;
	int err = 0;

	for (i = 0; !err && i < policy->approvals.count; i++) {
		err = iotkey_approval_check(attest, signer, reference,
					    &policy->approvals.one[i]);
		if (err)
			say("%s: approval %zu is not policy-signer's for this fleet",
			    path, policy->approvals.count - i);
	}
	return err;
}

static int open_signer(struct policy *policy, const struct config *config,
		       const EVP_PKEY *ca, struct iotkey_attest *attest)
{
	EVP_PKEY *signer;
	int err;

	if (!config->policy_signer || !config->approvals) {
		say("release-policy = authorized needs policy-signer and approvals");
		return -EINVAL;
	}
	signer = ca_public_load(config->policy_signer);
	if (!signer)
		return -EINVAL;
	err = iotkey_device_id(ca, policy->reference);
	if (!err && iotkey_area_signer(signer, policy->signer) < 0) {
		say("policy-signer is no key on ECC P-256");
		err = -EINVAL;
	}
	if (!err)
		err = approvals_read(config->approvals, &policy->approvals);
	if (!err)
		err = check_approvals(policy, config->approvals, attest, signer);
	if (!err && !policy->approvals.count)
		say("%s: nothing is approved yet", config->approvals);
	EVP_PKEY_free(signer);
	return err;
}

int policy_open(const struct config *config, const EVP_PKEY *ca,
		struct iotkey_attest *attest, struct policy **out)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	*out = policy;
	if (!policy)
		return -ENOMEM;
	if (!read_kind(config->release_policy, &policy->kind) ||
	    !read_selection(config->release_pcrs, &policy->selection))
		return -EINVAL;
	return policy->kind == IOTKEY_POLICY_AUTHORIZED
		       ? open_signer(policy, config, ca, attest)
		       : 0;
}

void policy_close(struct policy *policy)
{
	if (!policy)
		return;
	approvals_free(&policy->approvals);
	free(policy);
}

/*
 * Using
 */

const char *policy_word(const struct policy *policy)
{
	return words[policy->kind];
}

void policy_prove(const struct policy *policy, struct iotkey_attest *attest,
		  const struct iotkey_pcr_values *values, struct progress *progress)
{
	if (policy->kind != IOTKEY_POLICY_NONE &&
	    !iotkey_pcr_digest(attest, &policy->selection, values, progress->pcr_digest))
		progress->selection_len = iotkey_pcr_selection_marshal(
			&policy->selection, progress->selection);
}

/* What the device runs first, then the newest, as many as a root takes */
static void choose(const struct policy *policy, const struct iotkey_approval *first,
		   struct policy_binding *binding)
{
	size_t i, n = 0;

	if (first)
		binding->approval[n++] = *first;
	for (i = 0; i < policy->approvals.count && n < IOTKEY_APPROVALS_MAX; i++)
		if (&policy->approvals.one[i] != first)
			binding->approval[n++] = policy->approvals.one[i];
	binding->policy = (struct iotkey_policy){
		.kind = IOTKEY_POLICY_AUTHORIZED,
		.signer = policy->signer,
		.reference = { policy->reference, IOTKEY_DEVICE_ID },
		.approval = binding->approval,
		.approvals = n,
	};
}

static const struct iotkey_approval *running(const struct policy *policy,
					     const struct progress *proved)
{
	return progress_proves(proved, &policy->selection)
		       ? approvals_find(&policy->approvals, &policy->selection,
					proved->pcr_digest)
		       : NULL;
}

int policy_bind(const struct policy *policy, const struct progress *proved,
		struct policy_binding *binding)
{
	const struct iotkey_approval *first;

	binding->policy = (struct iotkey_policy){ .kind = policy->kind };
	if (policy->kind == IOTKEY_POLICY_NONE)
		return 0;
	if (!progress_proves(proved, &policy->selection))
		return -ENODATA;
	if (policy->kind == IOTKEY_POLICY_PCRS) {
		memcpy(binding->pcr_digest, proved->pcr_digest, IOTKEY_POLICY_SIZE);
		binding->policy.selection = &policy->selection;
		binding->policy.pcr_digest = binding->pcr_digest;
		return 0;
	}
	first = running(policy, proved);
	if (!first)
		return -ENOENT;
	choose(policy, first, binding);
	return 0;
}

int policy_approvals(const struct policy *policy, const struct progress *proved,
		     struct policy_binding *binding)
{
	if (!policy->approvals.count)
		return -ENOENT;
	choose(policy, running(policy, proved), binding);
	return 0;
}
