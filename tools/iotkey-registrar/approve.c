// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The policy signer approves PCR values, so that devices open their roots under them: those of
 * a reference file, which is how people write down PCR values here.  The signer's key is needed
 * for this alone; serving devices takes its public half.
 */
#include "approve.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/file.h"
#include "../common/say.h"
#include "approvals.h"
#include "audit.h"
#include "ca.h"
#include "config.h"

#define REFERENCE_MAX (16u << 20)

struct approve {
	struct config config;
	struct iotkey_attest *attest;
	struct iotkey_reference *reference;
	struct iotkey_pcr_selection selection;
	uint8_t fleet[IOTKEY_DEVICE_ID], pcr_digest[IOTKEY_POLICY_SIZE];
	EVP_PKEY *key;
	struct iotkey_approval approval;
};

static bool read_config(struct approve *a, const char *path)
{
	if (config_read(&a->config, path))
		return false;
	if (!a->config.policy_signer || !a->config.approvals) {
		say("%s: approve needs policy-signer and approvals", path);
		return false;
	}
	if (iotkey_pcr_selection_parse(a->config.release_pcrs, &a->selection)) {
		say("%s: release-pcrs is like sha256:0,2,4,7", path);
		return false;
	}
	return ca_fleet(&a->config, a->fleet);
}

static bool read_reference(struct approve *a, const char *path)
{
	struct iotkey_reference_mistake why;
	char *text;
	size_t len;
	int err = read_file(path, REFERENCE_MAX, &text, &len);

	if (err) {
		say_file_error(err, "cannot read %s", path);
		return false;
	}
	err = iotkey_reference_parse(text, len, &a->reference, &why);
	free(text);
	if (err == -EINVAL)
		say("%s:%u: %s", path, why.line, why.mend);
	else if (err)
		say_file_error(err, "cannot read %s", path);
	return !err;
}

static bool find_values(struct approve *a, const char *path)
{
	struct iotkey_pcr_values values;
	unsigned int bank = 0, pcr = 0;
	int err = iotkey_reference_values(a->reference, &a->selection, &values, &bank,
					  &pcr);

	if (err == -ENODATA)
		say("%s: it has no value for PCR %s:%u, which is in release-pcrs", path,
		    iotkey_hash_name(bank), pcr);
	else if (err == -ENOTUNIQ)
		say("%s: it has more than one value for PCR %s:%u; approve them one by one",
		    path, iotkey_hash_name(bank), pcr);
	if (!err)
		err = iotkey_pcr_digest(a->attest, &a->selection, &values, a->pcr_digest);
	return !err;
}

/* -EALREADY is said and no failure */
static int find_approval(struct approve *a)
{
	struct approvals approvals;
	int err = approvals_read(a->config.approvals, &approvals);

	if (!err && approvals_find(&approvals, &a->selection, a->pcr_digest)) {
		puts("approved already");
		err = -EALREADY;
	}
	approvals_free(&approvals);
	return err;
}

static bool same_key(struct approve *a)
{
	EVP_PKEY *configured = ca_public_load(a->config.policy_signer);
	bool same = configured && EVP_PKEY_eq(configured, a->key) == 1;

	EVP_PKEY_free(configured);
	if (!same)
		say("the key is not policy-signer's");
	return same;
}

static bool sign(struct approve *a, const char *signer)
{
	const struct iotkey_bytes fleet = { a->fleet, sizeof(a->fleet) };
	int err;

	a->key = ca_key_load(signer ? signer : a->config.policy_signer);
	if (!a->key || (signer && !same_key(a)))
		return false;
	err = iotkey_policy_approve(a->attest, a->key, fleet, &a->selection,
				    a->pcr_digest, &a->approval);
	if (err)
		say("the policy signer does not sign: %s",
		    err == -ENOTSUP ? "its key is not on ECC P-256" : strerror(-err));
	return !err;
}

/* First into the log, as everything */
static bool tell(const struct approve *a, const char *name)
{
	char why[AUDIT_MESSAGE];
	struct audit *audit;
	int err;

	if (!a->config.audit)
		return true;
	if (audit_open(a->config.audit, &audit, why)) {
		say("audit: %s", why);
		return false;
	}
	err = audit_add(
		audit, "policy-approved",
		json_pack("{ss,ss}", "pcrs", a->config.release_pcrs, "name", name));
	if (!err)
		err = audit_commit(audit);
	audit_close(audit);
	if (err)
		say_file_error(err, "cannot write %s", a->config.audit);
	return !err;
}

static bool write_approval(struct approve *a, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char text[101], *p;
	int err;

	snprintf(text, sizeof(text), "%s", name);
	for (p = text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	if (!tell(a, text))
		return false;
	err = approvals_add(a->config.approvals, a->config.release_pcrs, &a->approval,
			    text);
	if (err)
		say_file_error(err, "cannot write %s", a->config.approvals);
	else
		printf("approved %s\n", text);
	return !err;
}

static bool approve(struct approve *a, const char *path, const char *signer)
{
	int err;

	if (!read_reference(a, path) || !find_values(a, path))
		return false;
	err = find_approval(a);
	if (err)
		return err == -EALREADY;
	return sign(a, signer) && write_approval(a, path);
}

int approve_command(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "signer", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = CONFIG_PATH, *signer = NULL;
	struct approve a = { .attest = iotkey_attest_new() };
	bool ok;
	int c;

	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (c == '?')
			return EXIT_USAGE;
		*(c == 'c' ? &path : &signer) = optarg;
	}
	if (argc - optind != 1) {
		say("approve takes one file of reference values");
		return EXIT_USAGE;
	}
	ok = a.attest && read_config(&a, path) && approve(&a, argv[optind], signer);
	EVP_PKEY_free(a.key);
	iotkey_reference_free(a.reference);
	iotkey_attest_free(a.attest);
	config_free(&a.config);
	return ok ? EXIT_OK : EXIT_FAILED;
}
