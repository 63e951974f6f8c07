// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Policies by their definition (TPM 2.0 Part 3, 23.7 and 23.16), approvals, wrapped roots as far as
 * they can be seen without the TPM, and EK certificates.
 *
 * sources: lib/attest/policy.c lib/attest/area.c lib/attest/ak.c lib/attest/hash.c lib/attest/pcrs.c
 * sources: lib/attest/wrap.c lib/attest/protect.c lib/attest/ek.c lib/attest/csr.c lib/attest/certify.c
 * sources: lib/attest/quote.c tests/host/device.c
 * libs: -lcrypto
 */
#include <errno.h>
#include <iotkey-fleet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../host/device.h"
#include "ktap.h"

#define NOW 1700000000

static struct iotkey_attest *attest;
static struct played_device device, other;

static struct iotkey_bytes bytes(const void *data, size_t len)
{
	return (struct iotkey_bytes){ data, len };
}

/* What a policy command does to a digest: H(digest || command || rest) */
static void extend(uint8_t digest[32], uint32_t command, const void *rest, size_t len)
{
	const uint8_t code[4] = { 0, 0, (uint8_t)(command >> 8), (uint8_t)command };
	uint8_t all[32 + 4 + 64];

	memcpy(all, digest, 32);
	memcpy(all + 32, code, 4);
	memcpy(all + 36, rest, len);
	SHA256(all, 36 + len, digest);
}

static struct iotkey_pcr_selection selection = {
	.count = 1,
	.bank = { { IOTKEY_HASH_SHA256, 1u << 7 | 1u << 10 } },
};

static uint8_t pcr_digest[32];

static void test_pcrs(void)
{
	/* TPML_PCR_SELECTION: one, SHA-256, 3 bytes with bits 7 and 10 */
	static const uint8_t list[] = { 0, 0, 0, 1, 0, 0x0b, 3, 0x80, 0x04, 0 };
	struct iotkey_pcr_values values = { .count = 1 };
	uint8_t two[64], due[32] = { 0 }, got[32], rest[sizeof(list) + 32];

	memset(two, 0x11, 32);
	memset(two + 32, 0x22, 32);
	values.bank[0].hash = IOTKEY_HASH_SHA256;
	values.bank[0].set = 1u << 7;
	memcpy(values.bank[0].value[7], two, 32);
	ktap_ok(iotkey_pcr_digest(attest, &selection, &values, got) == -EINVAL,
		"a value that is missing");
	values.bank[0].set |= 1u << 10;
	memcpy(values.bank[0].value[10], two + 32, 32);
	SHA256(two, 64, pcr_digest);
	ktap_ok(!iotkey_pcr_digest(attest, &selection, &values, got) &&
			!memcmp(got, pcr_digest, 32),
		"the digest of two values");
	ktap_ok(iotkey_pcr_digest(attest, &(struct iotkey_pcr_selection){ 0 }, &values,
				  got) == -EINVAL,
		"of none");
	memcpy(rest, list, sizeof(list));
	memcpy(rest + sizeof(list), pcr_digest, 32);
	extend(due, 0x17f, rest, sizeof(rest));
	ktap_ok(!iotkey_policy_pcrs(attest, &selection, pcr_digest, got) &&
			!memcmp(got, due, 32),
		"TPM2_PolicyPCR");
}

static void test_authorized(void)
{
	uint8_t signer[IOTKEY_SIGNER_SIZE], name[34] = { 0, 0x0b }, due[32 + 9], got[32];
	int i;

	iotkey_area_signer(device.key.pkey, signer);
	SHA256(signer, sizeof(signer), name + 2);
	for (i = 0; i < 2; i++) {
		memset(due, 0, 32);
		extend(due, 0x16a, name, 34);
		memcpy(due + 32, "reference", 9);
		SHA256(due, i ? 41 : 32, due);
		ktap_ok(!iotkey_policy_authorized(attest, signer,
						  bytes("reference", i ? 9 : 0), got) &&
				!memcmp(got, due, 32),
			"TPM2_PolicyAuthorize with%s a reference", i ? "" : "out");
	}
}

static void test_approval(void)
{
	static const uint8_t reference[IOTKEY_REFERENCE_MAX + 1] = "fleet";
	struct iotkey_bytes ref = bytes(reference, 5);
	struct iotkey_approval approval, bad;
	EVP_PKEY *key = device.key.pkey, *p384 = EVP_EC_gen("P-384");
	size_t i, wrong = 0;

	ktap_ok(!iotkey_policy_approve(attest, key, ref, &selection, pcr_digest,
				       &approval) &&
			!iotkey_approval_check(attest, key, ref, &approval),
		"an approval");
	ktap_ok(iotkey_approval_check(attest, other.key.pkey, ref, &approval) ==
			-EKEYREJECTED,
		"by another signer");
	ktap_ok(iotkey_approval_check(attest, key, bytes(reference, 4), &approval) ==
			-EKEYREJECTED,
		"for another reference");
	bad = approval;
	bad.selection.bank[0].pcrs ^= 1;
	ktap_ok(iotkey_approval_check(attest, key, ref, &bad) == -EKEYREJECTED,
		"of other PCRs");
	bad = approval;
	bad.pcr_digest[31] ^= 1;
	ktap_ok(iotkey_approval_check(attest, key, ref, &bad) == -EKEYREJECTED,
		"of other values");
	for (i = 0; i < sizeof(approval.signature); i++) {
		bad = approval;
		bad.signature[i] ^= 1;
		wrong += !iotkey_approval_check(attest, key, ref, &bad);
	}
	ktap_ok(!wrong, "with any byte of its signature changed");
	ktap_ok(iotkey_policy_approve(attest, key,
				      bytes(reference, IOTKEY_REFERENCE_MAX + 1),
				      &selection, pcr_digest, &bad) == -EINVAL,
		"a reference that is too long");
	ktap_ok(iotkey_policy_approve(attest, p384, ref, &selection, pcr_digest, &bad) ==
			-ENOTSUP,
		"a signer with P-384");
	EVP_PKEY_free(p384);
}

/* ---- wrapped roots ---- */

static int wrap(const struct played_key *parent, const struct iotkey_policy *policy,
		char **pem)
{
	static const uint8_t secret[IOTKEY_SECRET] = "the secret of a root, 32 bytes..";
	struct iotkey_area area;

	*pem = NULL;
	if (iotkey_area_parse(parent->area, parent->area_len, &area))
		abort();
	return iotkey_wrap(attest, &area, 0x81000001, secret, policy, pem);
}

static bool is_pem(const char *pem)
{
	static const char begin[] = "-----BEGIN TSS2 PRIVATE KEY-----\n";

	return pem && !strncmp(pem, begin, strlen(begin)) && !strstr(pem, "secret");
}

static void test_wrap(void)
{
	static struct iotkey_approval approvals[IOTKEY_APPROVALS_MAX + 1];
	struct iotkey_policy policy = { .kind = IOTKEY_POLICY_NONE };
	uint8_t signer[IOTKEY_SIGNER_SIZE], *der;
	char *pem, *again;
	size_t i, len;

	ktap_ok(!wrap(&device.parent, &policy, &pem) && is_pem(pem),
		"a root without a policy");
	ktap_ok(!wrap(&device.parent, &policy, &again) && strcmp(pem, again),
		"twice is not the same");
	free(pem);
	free(again);
	ktap_ok(wrap(&device.key, &policy, &pem) == -EACCES, "for what is no parent");
	ktap_ok(wrap(&device.ek, &policy, &pem) != 0 || is_pem(pem),
		"for an EK, which has a parent's form");
	free(pem);
	policy = (struct iotkey_policy){ .kind = IOTKEY_POLICY_PCRS,
					 .selection = &selection,
					 .pcr_digest = pcr_digest };
	ktap_ok(!wrap(&device.parent, &policy, &pem) && is_pem(pem), "under PCRs");
	free(pem);
	iotkey_area_signer(device.key.pkey, signer);
	for (i = 0; i <= IOTKEY_APPROVALS_MAX; i++)
		if (iotkey_policy_approve(attest, device.key.pkey, bytes("r", 1),
					  &selection, pcr_digest, &approvals[i]))
			abort();
	policy = (struct iotkey_policy){ .kind = IOTKEY_POLICY_AUTHORIZED,
					 .signer = signer,
					 .reference = bytes("r", 1),
					 .approval = approvals,
					 .approvals = IOTKEY_APPROVALS_MAX };
	ktap_ok(!wrap(&device.parent, &policy, &pem) && is_pem(pem), "under 8 approvals");
	free(pem);
	if (ktap_ok(!iotkey_approvals(&policy, &der, &len) &&
			    len > 8 * IOTKEY_APPROVAL_SIZE && der[0] == 0x30,
		    "they are given by themselves"))
		free(der);
	policy.approvals = 0;
	ktap_ok(wrap(&device.parent, &policy, &pem) == -EINVAL, "under none");
	policy.approvals = IOTKEY_APPROVALS_MAX + 1;
	ktap_ok(wrap(&device.parent, &policy, &pem) == -EINVAL &&
			iotkey_approvals(&policy, &der, &len) == -EINVAL,
		"under 9");
}

/* ---- EK certificates ---- */

static void extension(X509 *x, const char *text, int nid)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, text);

	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

/* DER of a certificate for @key; issued by itself when there is no @issuer */
static struct iotkey_bytes issue(EVP_PKEY *key, EVP_PKEY *issuer, bool is_ca,
				 int64_t begin, int64_t end)
{
	X509 *x = X509_new();
	uint8_t *der = NULL;
	int len;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const uint8_t *)(issuer ? "ek" : "maker"), -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC,
				   (const uint8_t *)"maker", -1, -1, 0);
	ASN1_TIME_set(X509_getm_notBefore(x), begin);
	ASN1_TIME_set(X509_getm_notAfter(x), end);
	X509_set_pubkey(x, key);
	extension(x, is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE",
		  NID_basic_constraints);
	extension(x, is_ca ? "critical,keyCertSign" : "critical,keyAgreement",
		  NID_key_usage);
	X509_sign(x, issuer ? issuer : key, EVP_sha256());
	len = i2d_X509(x, &der);
	X509_free(x);
	return bytes(der, (size_t)len);
}

static int write_to(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "wb");

	return file && fwrite(data, 1, len, file) == len && !fclose(file) ? 0 : -1;
}

static void test_makers(const char *path)
{
	struct iotkey_makers *makers = NULL;

	ktap_ok(iotkey_makers_load("/nowhere", &makers) == -ENOENT, "makers: no file");
	write_to(path, "", 0);
	ktap_ok(iotkey_makers_load(path, &makers) == -EBADMSG, "an empty one");
	write_to(path, "nothing of the kind", 19);
	ktap_ok(iotkey_makers_load(path, &makers) == -EBADMSG, "one of something else");
	unlink(path);
	mkdir(path, 0700);
	ktap_ok(iotkey_makers_load(path, &makers) == -ENODATA, "an empty directory");
	rmdir(path);
	iotkey_makers_free(NULL);
}

static void test_ek(const char *path)
{
	EVP_PKEY *maker = EVP_EC_gen("P-256"), *stranger = EVP_EC_gen("P-256"),
		 *ek = device.ek.pkey;
	struct iotkey_bytes root = issue(maker, NULL, true, NOW - 1000, NOW + 1000);
	struct iotkey_bytes certs[IOTKEY_EK_CERTIFICATES_MAX + 1];
	struct iotkey_makers *makers = NULL;
	struct iotkey_area area;
	size_t i, wrong = 0;
	uint8_t *cut;

	iotkey_area_parse(device.ek.area, device.ek.area_len, &area);
	write_to(path, root.data, root.len);
	if (!ktap_ok(!iotkey_makers_load(path, &makers), "a maker, as DER"))
		return;
	for (i = 0; i <= IOTKEY_EK_CERTIFICATES_MAX; i++)
		certs[i] = root;
	ktap_ok(iotkey_ek_check(makers, certs, 0, &area, NOW) == -ENODATA,
		"no certificate");
	ktap_ok(iotkey_ek_check(makers, certs, IOTKEY_EK_CERTIFICATES_MAX + 1, &area,
				NOW) == -E2BIG,
		"9 of them");
	certs[0] = issue(ek, maker, false, NOW - 1000, NOW + 1000);
	ktap_ok(!iotkey_ek_check(makers, certs, 1, &area, NOW),
		"a maker vouches for an EK");
	ktap_ok(iotkey_ek_check(makers, certs, 1, &area, NOW + 2000) == -EKEYEXPIRED,
		"not for ever");
	ktap_ok(iotkey_ek_check(makers, certs, 1, &area, NOW - 2000) == -EKEYEXPIRED,
		"nor before");
	for (i = 0; i < certs[0].len; i++) {
		cut = malloc(i ? i : 1);
		memcpy(cut, certs[0].data, i);
		certs[1] = bytes(cut, i);
		wrong += iotkey_ek_check(makers, certs + 1, 1, &area, NOW) != -EBADMSG;
		free(cut);
	}
	ktap_ok(!wrong, "cut off at each byte: -EBADMSG");
	iotkey_area_parse(other.ek.area, other.ek.area_len, &area);
	ktap_ok(iotkey_ek_check(makers, certs, 1, &area, NOW) == -EXDEV,
		"for another EK");
	iotkey_area_parse(device.ek.area, device.ek.area_len, &area);
	OPENSSL_free((void *)certs[0].data);
	certs[0] = issue(ek, stranger, false, NOW - 1000, NOW + 1000);
	ktap_ok(iotkey_ek_check(makers, certs, 1, &area, NOW) == -EKEYREJECTED,
		"by a stranger with that name");
	OPENSSL_free((void *)certs[0].data);
	certs[0] = issue(ek, maker, true, NOW - 1000, NOW + 1000);
	ktap_ok(iotkey_ek_check(makers, certs, 1, &area, NOW) == -EPROTOTYPE, "a CA's");
	OPENSSL_free((void *)certs[0].data);
	OPENSSL_free((void *)root.data);
	iotkey_makers_free(makers);
	EVP_PKEY_free(maker);
	EVP_PKEY_free(stranger);
}

int main(void)
{
	char path[] = "/tmp/test_fleet_policy.XXXXXX";

	close(mkstemp(path));
	attest = iotkey_attest_new();
	device_make(&device);
	device_make(&other);
	test_pcrs();
	test_authorized();
	test_approval();
	test_wrap();
	test_makers(path);
	test_ek(path);
	unlink(path);
	device_free(&device);
	device_free(&other);
	iotkey_attest_free(attest);
	return ktap_done();
}
