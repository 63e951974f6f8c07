// SPDX-License-Identifier: GPL-2.0-or-later
#include "attest.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCR_FILE      "/sys/class/tpm/tpm0/pcr-%s/%u"
#define EVENTLOG_FILE "/sys/kernel/security/tpm0/binary_bios_measurements"
#define IMA_FILE      "/sys/kernel/security/ima/binary_runtime_measurements"

/* The PCRs may change between the quote and the reading of their values */
#define TRIES 8

struct job {
	struct context *ctx;
	const char *key_name, *directory;
	int32_t key;
	struct nonce nonce;
	struct iotkey_pcr_selection selection;
	struct iotkey_pcr_values values;
	uint8_t out[IOTKEY_QUOTE_MAX];
	struct iotkey_bytes message, signature; /* in .out */
	json_t *files;
};

static int read_pcr(struct iotkey_pcrs *pcrs, unsigned int pcr)
{
	char path[64], *text;
	size_t len;
	bool read;
	int err;

	snprintf(path, sizeof(path), PCR_FILE, iotkey_hash_name(pcrs->hash), pcr);
	err = read_file(path, 2 * IOTKEY_DIGEST_MAX + 1, &text, &len);
	if (err)
		return say_file_error(err, "cannot read '%s'", path);
	read = hex_read(text, strcspn(text, "\n"), pcrs->value[pcr],
			iotkey_hash_size(pcrs->hash));
	free_secret(text, len);
	if (!read)
		return say_file_error(EBADMSG, "'%s' has no digest", path);
	pcrs->set |= UINT32_C(1) << pcr;
	return EXIT_OK;
}

static int read_pcrs(struct job *job)
{
	unsigned int i, pcr;
	int err = EXIT_OK;

	job->values.count = job->selection.count;
	for (i = 0; i < job->selection.count; i++) {
		iotkey_pcrs_init(&job->values.bank[i], job->selection.bank[i].hash);
		for (pcr = 0; pcr < IOTKEY_PCRS && !err; pcr++)
			if (job->selection.bank[i].pcrs >> pcr & 1)
				err = read_pcr(&job->values.bank[i], pcr);
	}
	return err;
}

/* What the kernel gave: TPM2B_ATTEST, then TPMT_SIGNATURE to the end */
static bool split(struct job *job, size_t len)
{
	size_t size = len >= 2 ? (size_t)job->out[0] << 8 | job->out[1] : 0;

	if (len < 2 || size > len - 2)
		return false;
	job->message = (struct iotkey_bytes){ job->out + 2, size };
	job->signature = (struct iotkey_bytes){ job->out + 2 + size, len - 2 - size };
	return true;
}

static int no_such_pcrs(void)
{
	say("the TPM has not all of these PCRs; /sys/class/tpm/tpm0/pcr-* are its banks");
	return EXIT_TPM;
}

static int get_quote(struct job *job, struct iotkey_quote *quote)
{
	uint8_t selection[IOTKEY_PCR_SELECTION_MAX], quoted[IOTKEY_PCR_SELECTION_MAX];
	size_t len = iotkey_pcr_selection_marshal(&job->selection, selection);
	ssize_t n;

	n = iotkey_quote(job->key, job->nonce.data, job->nonce.len, selection, len,
			 job->out, sizeof(job->out));
	if (n == -EOPNOTSUPP) {
		say("key '%s' cannot quote: it is no restricted key; make one with 'iotkeyctl new NAME --alg ecdsa-p256 --restricted'",
		    job->key_name);
		return EXIT_FAILED;
	}
	if (n == -EINVAL)
		return no_such_pcrs();
	if (n < 0)
		return say_key_error((int)n, "cannot quote with key '%s'", job->key_name);
	if (!split(job, (size_t)n) ||
	    iotkey_quote_parse(job->message.data, job->message.len, quote))
		return say_key_error(EBADMSG, "cannot quote with key '%s'",
				     job->key_name);
	/* A TPM leaves out the PCRs of a bank that it could have, but has not */
	if (iotkey_pcr_selection_marshal(&quote->selection, quoted) != len ||
	    memcmp(quoted, selection, len))
		return no_such_pcrs();
	return EXIT_OK;
}

/* A quote, and the values that it is about */
static int quote_pcrs(struct job *job)
{
	struct iotkey_attest *attest = iotkey_attest_new();
	struct iotkey_quote quote;
	int tries = TRIES, err = -EBADMSG, ret = EXIT_OK;

	if (!attest)
		return say_file_error(ENOMEM, "cannot quote");
	while (err == -EBADMSG && tries--) {
		ret = get_quote(job, &quote);
		if (!ret)
			ret = read_pcrs(job);
		if (ret)
			break;
		err = iotkey_quote_check(attest, &quote, &job->values);
	}
	iotkey_attest_free(attest);
	if (ret || !err)
		return ret;
	if (err != -EBADMSG)
		return say_file_error(err, "cannot check the quote");
	say("the PCRs do not stand still, or tpm0 is another TPM than the key's; try again");
	return EXIT_FAILED;
}

static int save(struct job *job, const char *name, const void *data, size_t len)
{
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/%s", job->directory, name);
	err = write_file(path, data, len, 0666);
	if (err)
		return say_file_error(err, "cannot write '%s'", path);
	json_array_append_new(job->files, json_string(name));
	return EXIT_OK;
}

/* A log of the kernel; what is not there is not left from last time either */
static int save_log(struct job *job, const char *from, const char *name, size_t max)
{
	char path[PATH_MAX], *data;
	size_t len;
	int err;

	err = read_file(from, max, &data, &len);
	if (err == -ENOENT) {
		snprintf(path, sizeof(path), "%s/%s", job->directory, name);
		if (unlink(path) && errno != ENOENT)
			return say_file_error(errno, "cannot remove '%s'", path);
		return EXIT_OK;
	}
	if (err)
		return say_file_error(err, "cannot read '%s'", from);
	err = save(job, name, data, len);
	free_secret(data, len);
	return err;
}

static int save_ak(struct job *job)
{
	uint8_t der[IOTKEY_PUBLIC_SIZE];
	char *pem = NULL;
	ssize_t n = iotkey_public(job->key, der, sizeof(der));
	BIO *bio;
	long len;
	int err;

	if (n < 0)
		return say_key_error((int)n, "cannot read the public half of key '%s'",
				     job->key_name);
	bio = BIO_new(BIO_s_mem());
	if (!bio || !PEM_write_bio(bio, "PUBLIC KEY", "", der, n)) {
		BIO_free(bio);
		return say_file_error(ENOMEM, "cannot make '%s'", EVIDENCE_AK);
	}
	len = BIO_get_mem_data(bio, &pem);
	err = save(job, EVIDENCE_AK, pem, (size_t)len);
	BIO_free(bio);
	return err;
}

static int save_all(struct job *job)
{
	uint8_t file[IOTKEY_PCR_FILE_MAX];
	ssize_t len = iotkey_pcr_values_serialize(&job->selection, &job->values, file);
	int err;

	if (mkdir(job->directory, 0777) && errno != EEXIST)
		return say_file_error(errno, "cannot make '%s'", job->directory);
	err = save(job, EVIDENCE_QUOTE, job->message.data, job->message.len);
	if (!err)
		err = save(job, EVIDENCE_SIGNATURE, job->signature.data,
			   job->signature.len);
	if (!err)
		err = save(job, EVIDENCE_PCRS, file, (size_t)len);
	if (!err)
		err = save_ak(job);
	/* The logs come last: they may go beyond the quote, not fall short of it */
	if (!err)
		err = save_log(job, EVENTLOG_FILE, EVIDENCE_EVENTLOG, EVENTLOG_MAX);
	if (!err)
		err = save_log(job, IMA_FILE, EVIDENCE_IMA, IMA_MAX);
	return err;
}

static int print_files(struct job *job)
{
	json_t *name;
	size_t i;

	if (job->ctx->json)
		return print_json(json_pack("{s:s, s:O}", "directory", job->directory,
					    "files", job->files),
				  false);
	if (job->ctx->quiet)
		return EXIT_OK;
	json_array_foreach(job->files, i, name)
		printf("%s/%s\n", job->directory, json_string_value(name));
	return EXIT_OK;
}

int cmd_quote(struct context *ctx, int argc, char **argv)
{
	enum { OPT_PCRS = OPT_OWN, OPT_NONCE };
	static const struct option options[] = {
		{ "pcrs", required_argument, NULL, OPT_PCRS },
		{ "nonce", required_argument, NULL, OPT_NONCE },
		GLOBAL_OPTIONS
	};
	const char *pcrs = NULL, *nonce = NULL;
	struct job job = { .ctx = ctx };
	int c, err;

	while ((c = next_option(ctx, argc, argv, "o:", options, NULL)) != -1) {
		if (c == OPT_PCRS)
			pcrs = optarg;
		else if (c == OPT_NONCE)
			nonce = optarg;
		else
			job.directory = optarg;
	}
	job.key_name = operands(ctx, argc, argv, 1, 1)[0];
	if (!pcrs || !nonce || !job.directory)
		usage_error(ctx, "%s is missing",
			    !pcrs    ? "--pcrs"
			    : !nonce ? "--nonce"
				     : "-o");
	if (iotkey_pcr_selection_parse(pcrs, &job.selection))
		usage_error(
			ctx,
			"--pcrs '%s': it must be like sha256:0,1,7, several with a + in between",
			pcrs);
	err = read_nonce(ctx, nonce, &job.nonce);
	if (!err)
		err = find_key(job.key_name, &job.key);
	if (!err)
		err = quote_pcrs(&job);
	if (err)
		return err;
	job.files = json_array();
	err = save_all(&job);
	if (!err)
		err = print_files(&job);
	json_decref(job.files);
	return err;
}
