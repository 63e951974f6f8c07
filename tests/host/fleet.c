// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The fleet's half of libiotkey-attest on files, for tests against real TPMs and tpm2-tools.
 *
 * Usage: fleet area FILE ROLE           its name in hex; ROLE: ek, ak, parent, key
 *	  fleet id FILE			 the device id of an EK
 *	  fleet credential EK NAME SECRET OUT
 *	  fleet ek MAKERS EK CERTIFICATE...
 *	  fleet key AK NONCE-HEX ROLE ATTEST SIGNATURE AREA
 *	  fleet csr-make KEY-PEM ATTEST SIGNATURE AREA OUT [DEVICE]
 *	  fleet csr AK NONCE-HEX CSR-DER
 *	  fleet wrap PARENT HANDLE SECRET PEM
 *	  fleet wrap-pcrs PARENT HANDLE SECRET PEM SELECTION VALUES
 *	  fleet wrap-signed PARENT HANDLE SECRET PEM SIGNER-PEM REFERENCE SELECTION VALUES...
 *	  fleet policy-pcrs SELECTION VALUES OUT
 *	  fleet policy-signed SIGNER-PEM REFERENCE OUT-AREA OUT
 *	  fleet statement CA-PEM TIME PREVIOUS OUT {device|key|version|member}:ID[:[VERSION:]NAME]...
 *	  fleet statements CA-PEM FILE	 checks and prints a chain
 *
 * VALUES is what tpm2_pcrread -o or tpm2_quote -o writes; PREVIOUS may be "-".  An error is printed
 * as its number's name, and the exit status is 1.
 */
#include <iotkey-fleet.h>

#include <err.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct iotkey_attest *attest;

static struct iotkey_bytes read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	static const size_t room = 4 << 20;
	uint8_t *data = malloc(room);
	size_t len;

	if (!file || !data)
		err(2, "%s", path);
	len = fread(data, 1, room, file);
	fclose(file);
	return (struct iotkey_bytes){ data, len };
}

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(data, 1, len, file) != len || fclose(file))
		err(2, "%s", path);
}

static EVP_PKEY *read_key(const char *path)
{
	FILE *file = fopen(path, "rb");
	EVP_PKEY *pkey = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;

	if (!pkey)
		errx(2, "%s: no key", path);
	fclose(file);
	return pkey;
}

static void must(int error)
{
	if (error < 0) {
		printf("%s\n", strerrorname_np(-error));
		exit(1);
	}
}

static struct iotkey_bytes unhex(const char *text)
{
	long len;
	uint8_t *data = OPENSSL_hexstr2buf(text, &len);

	if (!data)
		errx(2, "%s: not hex", text);
	return (struct iotkey_bytes){ data, (size_t)len };
}

static void print_hex(const uint8_t *data, size_t len)
{
	while (len--)
		printf("%02x", *data++);
	printf("\n");
}

static enum iotkey_role role_of(const char *word)
{
	return !strcmp(word, "ek")	 ? IOTKEY_ROLE_EK
	       : !strcmp(word, "ak")	 ? IOTKEY_ROLE_AK
	       : !strcmp(word, "parent") ? IOTKEY_ROLE_PARENT
					 : IOTKEY_ROLE_KEY;
}

static struct iotkey_area read_area(const char *path)
{
	struct iotkey_bytes file = read_file(path);
	struct iotkey_area area;

	must(iotkey_area_parse(file.data, file.len, &area));
	return area;
}

static struct iotkey_ak *read_ak(const char *path)
{
	struct iotkey_bytes file = read_file(path);
	struct iotkey_ak *ak;

	must(iotkey_ak_parse(file.data, file.len, &ak));
	return ak;
}

static int do_area(char **argv)
{
	struct iotkey_area area = read_area(argv[0]);
	const char *flaw = iotkey_area_flaw(&area, role_of(argv[1]));
	struct iotkey_name name;

	if (flaw) {
		printf("%s\n", flaw);
		return 1;
	}
	must(iotkey_area_name(attest, &area, &name));
	print_hex(name.data, name.len);
	return 0;
}

static int do_id(char **argv)
{
	struct iotkey_area area = read_area(argv[0]);
	uint8_t id[IOTKEY_DEVICE_ID], digest[32];
	EVP_PKEY *pkey;

	must(iotkey_area_pkey(&area, &pkey));
	must(iotkey_device_id(pkey, id));
	must(iotkey_area_digest(&area, digest));
	if (memcmp(digest, id, sizeof(id)))
		errx(2, "the id is not the first half of the digest");
	print_hex(id, sizeof(id));
	return 0;
}

static int do_credential(char **argv)
{
	struct iotkey_area ek = read_area(argv[0]);
	struct iotkey_bytes name_file = read_file(argv[1]), secret = read_file(argv[2]);
	struct iotkey_name name = { .len = name_file.len };
	uint8_t out[IOTKEY_CREDENTIAL_MAX];
	ssize_t len;

	if (name.len > sizeof(name.data))
		errx(2, "%s: no name", argv[1]);
	memcpy(name.data, name_file.data, name.len);
	len = iotkey_credential_make(&ek, &name, secret.data, secret.len, out);
	must((int)len);
	write_file(argv[3], out, (size_t)len);
	return 0;
}

static int do_ek(char **argv)
{
	struct iotkey_area ek = read_area(argv[1]);
	struct iotkey_bytes certs[16];
	struct iotkey_makers *makers;
	size_t n = 0;

	must(iotkey_makers_load(argv[0], &makers));
	for (argv += 2; *argv && n < 16; argv++)
		certs[n++] = read_file(*argv);
	must(iotkey_ek_check(makers, certs, n, &ek, time(NULL)));
	printf("ok\n");
	return 0;
}

static int do_key(char **argv)
{
	struct iotkey_key_evidence evidence = { read_file(argv[3]), read_file(argv[4]),
						read_file(argv[5]) };
	struct iotkey_area area;

	must(iotkey_key_check(attest, read_ak(argv[0]), unhex(argv[1]), role_of(argv[2]),
			      &evidence, &area));
	printf("ok\n");
	return 0;
}

/* The key that signs may be another than the one in the area: for the test of that */
static int do_csr_make(char **argv)
{
	struct iotkey_key_evidence evidence = { read_file(argv[1]), read_file(argv[2]),
						read_file(argv[3]) };
	EVP_PKEY *pkey = read_key(argv[0]);
	X509_REQ *req = X509_REQ_new();
	uint8_t *der = NULL;
	int len;

	X509_REQ_set_pubkey(req, pkey);
	if (argv[5])
		X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "serialNumber",
					   MBSTRING_ASC, (uint8_t *)argv[5], -1, -1, 0);
	must(iotkey_csr_add(req, &evidence));
	if (!X509_REQ_sign(req, pkey, EVP_sha256()))
		ERR_print_errors_fp(stderr), errx(2, "cannot sign");
	len = i2d_X509_REQ(req, &der);
	write_file(argv[4], der, (size_t)len);
	return 0;
}

static int do_csr(char **argv)
{
	struct iotkey_bytes file = read_file(argv[2]);
	const uint8_t *p = file.data;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)file.len);

	if (!req)
		errx(2, "%s: no CSR", argv[2]);
	must(iotkey_csr_check(attest, req, read_ak(argv[0]), unhex(argv[1])));
	printf("ok\n");
	return 0;
}

static void read_values(const char *text, const char *path,
			struct iotkey_pcr_selection *selection,
			uint8_t digest[IOTKEY_POLICY_SIZE])
{
	static struct iotkey_pcr_values values;
	struct iotkey_bytes file = read_file(path);

	must(iotkey_pcr_selection_parse(text, selection));
	must(iotkey_pcr_values_parse(file.data, file.len, selection, &values));
	must(iotkey_pcr_digest(attest, selection, &values, digest));
}

static int wrap(char **argv, const struct iotkey_policy *policy)
{
	struct iotkey_area parent = read_area(argv[0]);
	struct iotkey_bytes secret = read_file(argv[2]);
	char *pem;

	if (secret.len != IOTKEY_SECRET)
		errx(2, "%s: not 32 bytes", argv[2]);
	must(iotkey_wrap(attest, &parent, (uint32_t)strtoul(argv[1], NULL, 0),
			 secret.data, policy, &pem));
	write_file(argv[3], pem, strlen(pem));
	return 0;
}

static int do_wrap(char **argv)
{
	struct iotkey_policy policy = { .kind = IOTKEY_POLICY_NONE };

	return wrap(argv, &policy);
}

static int do_wrap_pcrs(char **argv)
{
	static struct iotkey_pcr_selection selection;
	uint8_t digest[IOTKEY_POLICY_SIZE];
	struct iotkey_policy policy = { .kind = IOTKEY_POLICY_PCRS,
					.selection = &selection,
					.pcr_digest = digest };

	read_values(argv[4], argv[5], &selection, digest);
	return wrap(argv, &policy);
}

static int do_wrap_signed(char **argv)
{
	static struct iotkey_pcr_selection selection;
	static struct iotkey_approval approval[IOTKEY_APPROVALS_MAX];
	uint8_t signer[IOTKEY_SIGNER_SIZE], digest[IOTKEY_POLICY_SIZE];
	EVP_PKEY *pkey = read_key(argv[4]);
	struct iotkey_policy policy = {
		.kind = IOTKEY_POLICY_AUTHORIZED,
		.signer = signer,
		.reference = { (const uint8_t *)argv[5], strlen(argv[5]) },
		.approval = approval,
	};
	char **path;

	must((int)iotkey_area_signer(pkey, signer));
	for (path = argv + 7; *path && policy.approvals < IOTKEY_APPROVALS_MAX; path++) {
		read_values(argv[6], *path, &selection, digest);
		must(iotkey_policy_approve(attest, pkey, policy.reference, &selection,
					   digest, &approval[policy.approvals++]));
	}
	return wrap(argv, &policy);
}

static int do_policy_pcrs(char **argv)
{
	static struct iotkey_pcr_selection selection;
	uint8_t digest[IOTKEY_POLICY_SIZE], policy[IOTKEY_POLICY_SIZE];

	read_values(argv[0], argv[1], &selection, digest);
	must(iotkey_policy_pcrs(attest, &selection, digest, policy));
	write_file(argv[2], policy, sizeof(policy));
	return 0;
}

static int do_policy_signed(char **argv)
{
	struct iotkey_bytes reference = { (const uint8_t *)argv[1], strlen(argv[1]) };
	uint8_t signer[2 + IOTKEY_SIGNER_SIZE] = { 0, IOTKEY_SIGNER_SIZE };
	uint8_t policy[IOTKEY_POLICY_SIZE];

	must((int)iotkey_area_signer(read_key(argv[0]), signer + 2));
	must(iotkey_policy_authorized(attest, signer + 2, reference, policy));
	write_file(argv[2], signer, sizeof(signer));
	write_file(argv[3], policy, sizeof(policy));
	return 0;
}

static const char *const types[] = { "", "device", "key", "version", "member" };

static struct iotkey_revocation read_revocation(char *text)
{
	struct iotkey_revocation revocation = { 0 };
	const char *type = strsep(&text, ":"), *id = strsep(&text, ":");
	struct iotkey_bytes bytes;
	uint8_t i;

	for (i = 1; i < 5; i++)
		if (!strcmp(type, types[i]))
			revocation.type = i;
	bytes = unhex(id ? id : "");
	if (bytes.len != IOTKEY_DEVICE_ID)
		errx(2, "%s: not 16 bytes", id);
	memcpy(revocation.id, bytes.data, bytes.len);
	if (revocation.type == IOTKEY_REVOKED_VERSION)
		revocation.version = (uint32_t)atoi(strsep(&text, ":"));
	if (text)
		revocation.name =
			(struct iotkey_bytes){ (const uint8_t *)text, strlen(text) };
	return revocation;
}

static int do_statement(char **argv)
{
	static struct iotkey_revocation revocations[64];
	struct iotkey_statement statement;
	struct iotkey_chain chain = { 0 };
	struct iotkey_bytes previous = { 0 };
	size_t n = 0, len;
	uint8_t *out;
	char **arg;

	if (strcmp(argv[2], "-"))
		previous = read_file(argv[2]);
	while (previous.len) {
		must(iotkey_statement_parse(previous.data, previous.len, &statement));
		must(iotkey_statement_follow(attest, &chain, &statement));
		previous.data += statement.whole.len;
		previous.len -= statement.whole.len;
	}
	for (arg = argv + 4; *arg && n < 64; arg++)
		revocations[n++] = read_revocation(*arg);
	must(iotkey_statement_make(read_key(argv[0]), &chain, strtoull(argv[1], NULL, 10),
				   revocations, n, &out, &len));
	write_file(argv[3], out, len);
	return 0;
}

static void print_revocation(const struct iotkey_revocation *revocation)
{
	size_t i;

	printf("%s ", types[revocation->type]);
	for (i = 0; i < IOTKEY_DEVICE_ID; i++)
		printf("%02x", revocation->id[i]);
	if (revocation->type == IOTKEY_REVOKED_VERSION)
		printf(" v%u", revocation->version);
	printf(" %.*s\n", (int)revocation->name.len, (const char *)revocation->name.data);
}

static int do_statements(char **argv)
{
	struct iotkey_bytes file = read_file(argv[1]);
	EVP_PKEY *ca = read_key(argv[0]);
	struct iotkey_revocation revocation;
	struct iotkey_statement statement;
	struct iotkey_chain chain = { 0 };

	while (file.len) {
		must(iotkey_statement_parse(file.data, file.len, &statement));
		must(iotkey_statement_verify(attest, &statement, ca));
		must(iotkey_statement_follow(attest, &chain, &statement));
		printf("statement %llu\n", (unsigned long long)statement.sequence);
		while (iotkey_statement_next(&statement, &revocation))
			print_revocation(&revocation);
		file.data += statement.whole.len;
		file.len -= statement.whole.len;
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **argv);
	int least;
} verbs[] = {
	{ "area", do_area, 2 },
	{ "id", do_id, 1 },
	{ "credential", do_credential, 4 },
	{ "ek", do_ek, 2 },
	{ "key", do_key, 6 },
	{ "csr-make", do_csr_make, 5 },
	{ "csr", do_csr, 3 },
	{ "wrap", do_wrap, 4 },
	{ "wrap-pcrs", do_wrap_pcrs, 6 },
	{ "wrap-signed", do_wrap_signed, 8 },
	{ "policy-pcrs", do_policy_pcrs, 3 },
	{ "policy-signed", do_policy_signed, 4 },
	{ "statement", do_statement, 5 },
	{ "statements", do_statements, 2 },
};

int main(int argc, char **argv)
{
	size_t i;

	attest = iotkey_attest_new();
	for (i = 0; attest && argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[1], verbs[i].name) && argc - 2 >= verbs[i].least)
			return verbs[i].run(argv + 2);
	fprintf(stderr, "usage: fleet VERB ARGUMENT... (see the head of the source)\n");
	return 2;
}
