// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Roots as a registrar wraps them for the TPM's parent (libiotkey-attest), in the kernel: in any state,
 * under PCRs, and under what a signer approves, before and after an update.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c
 * libs: -liotkey-attest -lcrypto
 */
#include <iotkey-fleet.h>

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/iot.h"

#define PARENT 0x81000001u
#define PCR    16 /* which can be reset */
#define STATES 9  /* of that PCR: as after a reset, and after one extension by it */
#define MAC    40 /* a signature of hmac-sha256 */

static struct iotkey_attest *attest;
static struct iotkey_area parent;
static struct iotkey_pcr_selection selection;
static uint8_t pcr_digest[STATES][IOTKEY_POLICY_SIZE];
static struct iotkey_approval approval[STATES];
static uint8_t signer[IOTKEY_SIGNER_SIZE];
static const uint8_t secret[IOTKEY_SECRET] = { 0x5e, 0xc2, 0xe7 };
static const struct iotkey_bytes reference = { (const uint8_t *)"fleet", 5 };

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! %s\n", what);
	exit(1);
}

/* An extension by the bytes N */
static void run_state(unsigned int n)
{
	char command[160], hex[65];
	unsigned int i;

	must(!system("tpm2_pcrreset 16 >/dev/null"), "tpm2_pcrreset");
	if (!n)
		return;
	for (i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", n);
	snprintf(command, sizeof(command), "tpm2_pcrextend 16:sha256=%s >/dev/null", hex);
	must(!system(command), "tpm2_pcrextend");
}

static void make_states(EVP_PKEY *key)
{
	static struct iotkey_pcr_values values = { .count = 1 };
	uint8_t extension[32];
	unsigned int n;

	must(!iotkey_pcr_selection_parse("sha256:16", &selection), "selection");
	for (n = 0; n < STATES; n++) {
		iotkey_pcrs_init(&values.bank[0], IOTKEY_HASH_SHA256);
		memset(values.bank[0].value[PCR], 0, 32);
		memset(extension, (int)n, sizeof(extension));
		if (n)
			iotkey_pcrs_extend(attest, &values.bank[0], PCR, extension);
		values.bank[0].set = 1u << PCR;
		must(!iotkey_pcr_digest(attest, &selection, &values, pcr_digest[n]) &&
			     !iotkey_policy_approve(attest, key, reference, &selection,
						    pcr_digest[n], &approval[n]),
		     "approvals");
	}
}

static void read_parent(void)
{
	static uint8_t area[512];
	key_serial_t key =
		iot_add("maker", "new root provider=tpm parent=%#x mkparent", PARENT);
	FILE *file;
	size_t len;

	must(key > 0, "no parent");
	iot_drop(key);
	must(!system("tpm2_readpublic -c 0x81000001 -o /tmp/parent.pub >/dev/null"),
	     "tpm2_readpublic");
	file = fopen("/tmp/parent.pub", "rb");
	must(file, "/tmp/parent.pub");
	len = fread(area, 1, sizeof(area), file);
	fclose(file);
	must(!iotkey_area_parse(area, len, &parent), "the parent's area");
}

static struct iotkey_policy authorized(const struct iotkey_approval *first, size_t count)
{
	return (struct iotkey_policy){
		.kind = IOTKEY_POLICY_AUTHORIZED,
		.signer = signer,
		.reference = reference,
		.approval = first,
		.approvals = count,
	};
}

/* The root under this policy, as "root"; -1 and errno */
static key_serial_t load(const struct iotkey_policy *policy)
{
	key_serial_t key;
	char *pem;
	int err;

	must(!iotkey_wrap(attest, &parent, PARENT, secret, policy, &pem), "iotkey_wrap");
	key = iot_add("root", "load %s", pem);
	err = errno;
	free(pem);
	errno = err;
	return key;
}

static key_serial_t load_blob(const uint8_t *blob, size_t len)
{
	static char text[16384];

	return iot_add("root", "load %s", iot_base64(blob, len, text));
}

/* It opens, and a key under it signs as under the first one that did; then it is dropped */
static void opens(key_serial_t root, const char *what)
{
	static uint8_t first[MAC];
	static long first_len;
	uint8_t sig[MAC];
	key_serial_t key;
	long len;

	if (!ktap_ok(root > 0, "%s: it opens", what)) {
		printf("# %s\n", errno_name(errno));
		return;
	}
	key = iot_add("proof", "new hmac-sha256 root=root mode=derive");
	len = iot_sign(key, "text", 4, sig, sizeof(sig));
	if (!first_len && len > 0) {
		memcpy(first, sig, (size_t)len);
		first_len = len;
	}
	/* after the header of a signature, which has a time */
	if (!ktap_ok(len == MAC && first_len == MAC && !memcmp(first + 8, sig + 8, 32),
		     "%s: to the same root", what))
		printf("# key %d, %ld bytes\n", key, len);
	iot_drop(key);
	iot_drop(root);
}

static void refused(key_serial_t root, int error, const char *what)
{
	int err = errno;

	if (!ktap_ok(root < 0 && err == error, "%s: %s", what, errno_name(error)))
		printf("# %s\n", root < 0 ? errno_name(err) : "it opens");
	if (root > 0)
		iot_drop(root);
}

static int update(key_serial_t root, const struct iotkey_policy *policy)
{
	static char text[16384];
	uint8_t *der;
	size_t len;
	int err;

	must(!iotkey_approvals(policy, &der, &len), "iotkey_approvals");
	err = iot_update(root, "policy %s", iot_base64(der, len, text));
	free(der);
	return err;
}

static void test_pcrs(void)
{
	struct iotkey_policy policy = { .kind = IOTKEY_POLICY_PCRS,
					.selection = &selection,
					.pcr_digest = pcr_digest[0] };

	opens(load(&policy), "under PCRs");
	run_state(1);
	refused(load(&policy), EPERM, "after a PCR was extended");
	run_state(0);
}

/* Approve, store, boot the update */
static void test_update(void)
{
	struct iotkey_policy before = authorized(&approval[0], 1),
			     both = authorized(&approval[0], 2),
			     after = authorized(&approval[1], 1);
	static uint8_t old[8192], new[8192];
	size_t old_len, new_len;
	key_serial_t root;

	root = load(&before);
	old_len = iot_save(root, old, sizeof(old));
	ktap_ok(!update(root, &both), "a live root takes what was approved since");
	new_len = iot_save(root, new, sizeof(new));
	iot_drop(root);
	run_state(1);
	refused(load_blob(old, old_len), EPERM, "after the update, without that");
	opens(load_blob(new, new_len), "with it");
	refused(load(&before), EPERM, "as it first came");
	opens(load(&after), "released anew");
	run_state(2);
	refused(load_blob(new, new_len), EPERM, "in a state that nobody approved");
	run_state(0);
	opens(load_blob(new, new_len), "back in the first");
}

static void test_most(void)
{
	struct iotkey_policy most = authorized(&approval[1], IOTKEY_APPROVALS_MAX);
	struct iotkey_policy one = authorized(&approval[0], 1);
	static uint8_t blob[8192];
	key_serial_t root;
	size_t len;

	root = load(&one);
	ktap_ok(!update(root, &most), "a live root takes %d approvals",
		IOTKEY_APPROVALS_MAX);
	len = iot_save(root, blob, sizeof(blob));
	iot_drop(root);
	run_state(IOTKEY_APPROVALS_MAX);
	opens(load_blob(blob, len), "the last of them");
	opens(load(&most), "the last of as many in a file");
	run_state(0);
}

static void test_others(EVP_PKEY *thief)
{
	struct iotkey_policy one = authorized(&approval[0], 1);
	struct iotkey_policy stolen = authorized(&approval[1], 1);
	struct iotkey_bytes other = { (const uint8_t *)"others", 6 };
	struct iotkey_approval theirs;
	key_serial_t root = load(&one);

	must(!iotkey_policy_approve(attest, thief, reference, &selection, pcr_digest[0],
				    &theirs),
	     "another's approval");
	stolen.approval = &theirs;
	ktap_ok(update(root, &stolen) == EKEYREJECTED,
		"another's approval: EKEYREJECTED");
	iot_drop(root);
	refused(load(&stolen), EKEYREJECTED, "a file with it");
	one.reference = other;
	refused(load(&one), EKEYREJECTED, "approved for another fleet");
}

int main(void)
{
	struct iotkey_policy none = { .kind = IOTKEY_POLICY_NONE };
	EVP_PKEY *key = EVP_EC_gen("P-256"), *thief = EVP_EC_gen("P-256");

	setenv("TPM2TOOLS_TCTI", "device:/dev/tpmrm0", 1);
	attest = iotkey_attest_new();
	must(attest && key && thief && iotkey_area_signer(key, signer) > 0, "a signer");
	read_parent();
	make_states(key);
	run_state(0);
	opens(load(&none), "without a policy");
	test_pcrs();
	opens(load(&(struct iotkey_policy){ .kind = IOTKEY_POLICY_AUTHORIZED,
					    .signer = signer,
					    .reference = reference,
					    .approval = approval,
					    .approvals = 1 }),
	      "under a signer");
	test_update();
	test_most();
	test_others(thief);
	return ktap_done();
}
