// SPDX-License-Identifier: GPL-2.0-or-later
#include "attest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL_MAX     (1u << 20)
#define REFERENCE_MAX (256u << 20)

/* One file of evidence: where it may be said to be, where it is otherwise */
struct source {
	int letter; /* of its option; 0: none */
	const char *name;
	size_t max;
	const char *path;	  /* as said */
	struct iotkey_bytes data; /* to be freed */
};

enum { QUOTE, SIGNATURE, PCRS, EVENTLOG, IMA, AK, SOURCES };

struct job {
	struct context *ctx;
	struct source source[SOURCES];
	const char *directory, *ak, *nonce, *reference, *record;
};

static int read_source(const char *path, size_t max, struct iotkey_bytes *bytes)
{
	size_t len;
	char *data;
	int err = read_file(path, max, &data, &len);

	if (err)
		return err;
	bytes->data = (const uint8_t *)data;
	bytes->len = len;
	return 0;
}

static int read_sources(struct job *job)
{
	struct source *source;
	char path[PATH_MAX];
	int err, i;

	for (i = 0; i < SOURCES; i++) {
		source = &job->source[i];
		if (!source->path && !job->directory)
			continue;
		snprintf(path, sizeof(path), "%s/%s", job->directory, source->name);
		err = read_source(source->path ? source->path : path, source->max,
				  &source->data);
		/* What is in no directory is not there, unless there has to be one */
		if (err == -ENOENT && !source->path && i > SIGNATURE)
			continue;
		if (err)
			return say_file_error(err, "cannot read '%s'",
					      source->path ? source->path : path);
	}
	return EXIT_OK;
}

static int read_ak(struct job *job, struct iotkey_ak **ak)
{
	struct iotkey_bytes bytes;
	int err = read_source(job->ak, SMALL_MAX, &bytes);

	if (err)
		return say_file_error(err, "cannot read '%s'", job->ak);
	err = iotkey_ak_parse(bytes.data, bytes.len, ak);
	free((void *)bytes.data);
	if (!err)
		return EXIT_OK;
	if (err == -ENOTSUP)
		say("'%s' is no key for attestation: it must be RSA of 2048 bits or more, or on P-256, P-384 or P-521",
		    job->ak);
	else
		say("'%s' is no public key: it must be PEM, DER, or TPM2B_PUBLIC",
		    job->ak);
	return EXIT_DAMAGED;
}

static int read_reference(struct job *job, struct iotkey_reference **reference)
{
	struct iotkey_reference_mistake why;
	struct iotkey_bytes bytes;
	int err;

	if (!job->reference)
		return EXIT_OK;
	err = read_source(job->reference, REFERENCE_MAX, &bytes);
	if (err)
		return say_file_error(err, "cannot read '%s'", job->reference);
	err = iotkey_reference_parse((const char *)bytes.data, bytes.len, reference,
				     &why);
	free((void *)bytes.data);
	if (!err)
		return EXIT_OK;
	if (err != -EINVAL)
		return say_file_error(err, "cannot read '%s'", job->reference);
	if (why.word[0])
		say("%s:%u: '%s': %s", job->reference, why.line, why.word, why.mend);
	else
		say("%s:%u: %s", job->reference, why.line, why.mend);
	return EXIT_DAMAGED;
}

static int write_record(struct job *job, const struct iotkey_evidence *evidence,
			const struct iotkey_appraisal *appraisal)
{
	size_t len;
	char *text;
	int err;

	err = iotkey_reference_record(evidence, appraisal, &text, &len);
	if (err)
		return say_file_error(err, "cannot make a reference");
	err = write_file(job->record, text, len, 0666);
	free(text);
	return err ? say_file_error(err, "cannot write '%s'", job->record) : EXIT_OK;
}

static int appraise(struct job *job, const struct iotkey_expected *expected)
{
	const struct source *source = job->source;
	const struct iotkey_evidence evidence = {
		.quote = source[QUOTE].data,
		.signature = source[SIGNATURE].data,
		.pcrs = source[PCRS].data,
		.eventlog = source[EVENTLOG].data,
		.ima = source[IMA].data,
		.ak = source[AK].data,
	};
	struct iotkey_attest *attest = iotkey_attest_new();
	struct iotkey_appraisal appraisal;
	int err;

	if (!attest)
		return say_file_error(ENOMEM, "cannot appraise");
	err = iotkey_appraise(attest, &evidence, expected, &appraisal);
	iotkey_attest_free(attest);
	if (err < 0)
		return say_file_error(err, "cannot appraise");
	if (!job->ctx->json)
		print_appraisal(&appraisal, job->ctx->quiet);
	else if (print_json(appraisal_json(&appraisal), false))
		return EXIT_FAILED;
	if (appraisal.findings)
		return EXIT_REFUSED;
	return job->record ? write_record(job, &evidence, &appraisal) : EXIT_OK;
}

static void read_options(struct job *job, int argc, char **argv)
{
	enum { OPT_AK = OPT_OWN, OPT_NONCE, OPT_REFERENCE, OPT_RECORD };
	static const struct option options[] = {
		{ "ak", required_argument, NULL, OPT_AK },
		{ "nonce", required_argument, NULL, OPT_NONCE },
		{ "reference", required_argument, NULL, OPT_REFERENCE },
		{ "record", required_argument, NULL, OPT_RECORD },
		GLOBAL_OPTIONS
	};
	int c, i;

	while ((c = next_option(job->ctx, argc, argv, "m:s:f:e:i:", options, NULL)) !=
	       -1) {
		if (c == OPT_AK)
			job->ak = optarg;
		else if (c == OPT_NONCE)
			job->nonce = optarg;
		else if (c == OPT_REFERENCE)
			job->reference = optarg;
		else if (c == OPT_RECORD)
			job->record = optarg;
		for (i = 0; i < SOURCES; i++)
			if (job->source[i].letter == c)
				job->source[i].path = optarg;
	}
	job->directory = operands(job->ctx, argc, argv, 0, 1)[0];
	if (!job->ak || !job->nonce)
		usage_error(job->ctx, "%s is missing", !job->ak ? "--ak" : "--nonce");
	if (!job->directory && (!job->source[QUOTE].path || !job->source[SIGNATURE].path))
		usage_error(job->ctx, "say the DIRECTORY, or -m and -s");
}

int cmd_appraise(struct context *ctx, int argc, char **argv)
{
	struct job job = { .ctx = ctx,
			   .source = {
				   { 'm', EVIDENCE_QUOTE, SMALL_MAX, 0, { 0 } },
				   { 's', EVIDENCE_SIGNATURE, SMALL_MAX, 0, { 0 } },
				   { 'f', EVIDENCE_PCRS, SMALL_MAX, 0, { 0 } },
				   { 'e', EVIDENCE_EVENTLOG, EVENTLOG_MAX, 0, { 0 } },
				   { 'i', EVIDENCE_IMA, IMA_MAX, 0, { 0 } },
				   { 0, EVIDENCE_AK, SMALL_MAX, 0, { 0 } },
			   } };
	struct iotkey_reference *reference = NULL;
	struct iotkey_ak *ak = NULL;
	struct nonce nonce;
	int err, i;

	read_options(&job, argc, argv);
	err = read_nonce(ctx, job.nonce, &nonce);
	if (!err)
		err = read_ak(&job, &ak);
	if (!err)
		err = read_reference(&job, &reference);
	if (!err)
		err = read_sources(&job);
	if (!err)
		err = appraise(&job, &(struct iotkey_expected){
					     .ak = ak,
					     .nonce = { nonce.data, nonce.len },
					     .reference = reference });
	for (i = 0; i < SOURCES; i++)
		free((void *)job.source[i].data.data);
	iotkey_reference_free(reference);
	iotkey_ak_free(ak);
	return err;
}
