// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What state the machine is in: a quote over its PCRs, and the logs that explain them.
 */
#include "answer.h"
#include "keys.h"
#include "tpm.h"

#include "../common/file.h"
#include "../common/say.h"

#include <errno.h>
#include <fcntl.h>
#include <iotkey-attest.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_mu.h>
#include <unistd.h>

#define EVENTLOG_FILE "/sys/kernel/security/tpm0/binary_bios_measurements"
#define IMA_FILE      "/sys/kernel/security/ima/binary_runtime_measurements"

#define TEXT_MAX  512
#define NONCE_MAX 64

/* The PCRs may change between the quote and the reading of their values */
#define TRIES 8

struct evidence {
	struct iotkey_attest *attest;
	struct iotkey_pcr_selection selection;
	TPML_PCR_SELECTION list;
	TPM2B_DATA nonce;
	uint64_t offset;
	TPM2B_ATTEST *message;
	TPMT_SIGNATURE *signature;
	struct iotkey_quote quote; /* points into .message */
	struct iotkey_pcr_values values;
};

static int read_request(const struct job *job, struct evidence *e)
{
	uint8_t bytes[IOTKEY_PCR_SELECTION_MAX];
	const uint8_t *nonce;
	char text[TEXT_MAX];
	size_t len, at = 0;

	if (job_bytes(job, 0, &nonce, &len) || len > NONCE_MAX ||
	    request_u64(job->request, JOB_FIELDS + 1, &e->offset) ||
	    request_text(job->request, JOB_FIELDS + 2, text, sizeof(text)) ||
	    iotkey_pcr_selection_parse(text, &e->selection))
		return -EBADMSG;
	memcpy(e->nonce.buffer, nonce, len);
	e->nonce.size = (uint16_t)len;
	len = iotkey_pcr_selection_marshal(&e->selection, bytes);
	return Tss2_MU_TPML_PCR_SELECTION_Unmarshal(bytes, len, &at, &e->list) ? -EBADMSG
									       : 0;
}

/*
 * The quote
 */

static int get_quote(struct evidence *e, ESYS_TR ak)
{
	TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	int err;

	Esys_Free(e->message);
	Esys_Free(e->signature);
	e->message = NULL;
	e->signature = NULL;
	err = tpm_error(Esys_Quote(tpm, ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
				   &e->nonce, &scheme, &e->list, &e->message,
				   &e->signature),
			"TPM2_Quote");
	if (err)
		return err;
	return iotkey_quote_parse(e->message->attestationData, e->message->size,
				  &e->quote);
}

/* One answer of TPM2_PCR_Read: those of @list that it has, which it is then without */
static int take_values(struct iotkey_pcrs *pcrs, const TPML_PCR_SELECTION *read,
		       const TPML_DIGEST *digests, TPML_PCR_SELECTION *list)
{
	const TPMS_PCR_SELECTION *some = &read->pcrSelections[0];
	unsigned int pcr, n = 0;

	for (pcr = 0; pcr < 8u * some->sizeofSelect && pcr < IOTKEY_PCRS; pcr++) {
		if (!(some->pcrSelect[pcr / 8] >> pcr % 8 & 1))
			continue;
		if (n == digests->count ||
		    digests->digests[n].size != iotkey_hash_size(pcrs->hash))
			return -EBADMSG;
		memcpy(pcrs->value[pcr], digests->digests[n].buffer,
		       digests->digests[n].size);
		pcrs->set |= UINT32_C(1) << pcr;
		list->pcrSelections[0].pcrSelect[pcr / 8] &= (uint8_t) ~(1u << pcr % 8);
		n++;
	}
	/* nothing: the TPM does not have the rest */
	return n ? 0 : -ENOENT;
}

/* Up to eight at a time */
static int read_bank(const TPMS_PCR_SELECTION *bank, uint32_t wanted,
		     struct iotkey_pcrs *pcrs)
{
	TPML_PCR_SELECTION list = { .count = 1, .pcrSelections = { *bank } }, *read;
	TPML_DIGEST *digests;
	int err = 0;

	iotkey_pcrs_init(pcrs, bank->hash);
	while (!err && pcrs->set != wanted) {
		err = tpm_error(Esys_PCR_Read(tpm, ESYS_TR_NONE, ESYS_TR_NONE,
					      ESYS_TR_NONE, &list, NULL, &read, &digests),
				"TPM2_PCR_Read");
		if (err)
			return err;
		err = read->count == 1 ? take_values(pcrs, read, digests, &list)
				       : -ENOENT;
		Esys_Free(read);
		Esys_Free(digests);
	}
	return err;
}

static int read_values(struct evidence *e)
{
	unsigned int i;
	int err = 0;

	e->values.count = e->selection.count;
	for (i = 0; !err && i < e->selection.count; i++)
		err = read_bank(&e->list.pcrSelections[i], e->selection.bank[i].pcrs,
				&e->values.bank[i]);
	return err;
}

/* A quote, and the values that it is about */
static int quote_pcrs(struct evidence *e, ESYS_TR ak)
{
	int tries = TRIES, err;

	do {
		err = get_quote(e, ak);
		if (!err)
			err = read_values(e);
		if (err)
			return err;
		err = iotkey_quote_check(e->attest, &e->quote, &e->values);
	} while (err == -EBADMSG && --tries);
	return err == -EBADMSG ? -EAGAIN : err;
}

static int add_quote(struct request *answer, const struct evidence *e)
{
	uint8_t bytes[sizeof(*e->signature)], *file = malloc(IOTKEY_PCR_FILE_MAX);
	size_t signature_len = 0;
	ssize_t len;

	if (!file)
		return -ENOMEM;
	len = iotkey_pcr_values_serialize(&e->selection, &e->values, file);
	if (len > 0 && !Tss2_MU_TPMT_SIGNATURE_Marshal(e->signature, bytes, sizeof(bytes),
						       &signature_len)) {
		request_add(answer, e->message->attestationData, e->message->size);
		request_add(answer, bytes, signature_len);
		request_add(answer, file, (size_t)len);
		request_add_u64(answer, e->quote.resets);
		request_add_u64(answer, e->quote.restarts);
	}
	free(file);
	return signature_len ? 0 : -EBADMSG;
}

/*
 * The logs.  They come last: they may go beyond the quote, not fall short of it.
 */

/* From @offset on; empty where there is none.  A descriptor, or -errno. */
static int log_file(const char *path, uint64_t offset)
{
	uint8_t *data = malloc(REQUEST_FILE_MAX);
	size_t len = 0;
	ssize_t n = 0;
	int fd, file;

	if (!data)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* a log of the kernel cannot be mapped, and is longer than its size says */
	if (fd >= 0 && offset <= INT64_MAX && lseek(fd, (off_t)offset, SEEK_SET) >= 0) {
		while (len < REQUEST_FILE_MAX &&
		       (n = read(fd, data + len, REQUEST_FILE_MAX - len)) > 0)
			len += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	else if (errno != ENOENT)
		say_file_error(-errno, "cannot read '%s'", path);
	file = request_file(data, len);
	free(data);
	return file;
}

static int add_logs(struct job *job, uint64_t offset)
{
	int i;

	job->files[0] = log_file(EVENTLOG_FILE, 0);
	job->files[1] = log_file(IMA_FILE, offset);
	for (i = 0; i < 2; i++)
		if (job->files[i] < 0)
			return job->files[i];
	return 0;
}

int answer_evidence(struct job *job)
{
	struct evidence *e = calloc(1, sizeof(*e));
	ESYS_TR ak = ESYS_TR_NONE;
	TPM2B_PUBLIC area;
	int err = -ENOMEM;

	if (e)
		e->attest = iotkey_attest_new();
	if (e && e->attest)
		err = read_request(job, e);
	if (!err)
		err = keys_load_ak(job, &ak, &area);
	if (!err)
		err = quote_pcrs(e, ak);
	tpm_flush(&ak);
	if (!err)
		err = add_quote(job->answer, e);
	if (!err)
		err = add_logs(job, e->offset);
	if (e) {
		Esys_Free(e->message);
		Esys_Free(e->signature);
		iotkey_attest_free(e->attest);
	}
	free(e);
	return err;
}
