// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * That a key lives in this TPM: the attestation key says so over a nonce.
 */
#include "answer.h"
#include "keys.h"
#include "tpm.h"

#include <errno.h>
#include <iotkey.h>
#include <string.h>
#include <tss2/tss2_mu.h>

static int certify(const struct job *job, ESYS_TR object)
{
	TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	TPMT_SIGNATURE *signature = NULL;
	ESYS_TR ak = ESYS_TR_NONE;
	TPM2B_ATTEST *attest = NULL;
	TPM2B_DATA nonce = { 0 };
	uint8_t bytes[sizeof(*signature)];
	const uint8_t *data;
	TPM2B_PUBLIC area;
	size_t len;
	int err;

	err = job_bytes(job, 0, &data, &len);
	if (err || len > IOTKEY_NONCE_MAX)
		return -EBADMSG;
	memcpy(nonce.buffer, data, len);
	nonce.size = (uint16_t)len;
	err = keys_load_ak(job, &ak, &area);
	if (!err)
		err = tpm_error(Esys_Certify(tpm, object, ak, ESYS_TR_PASSWORD,
					     ESYS_TR_PASSWORD, ESYS_TR_NONE, &nonce,
					     &scheme, &attest, &signature),
				"TPM2_Certify");
	tpm_flush(&ak);
	if (err)
		return err;
	len = 0;
	err = tpm_error(
		Tss2_MU_TPMT_SIGNATURE_Marshal(signature, bytes, sizeof(bytes), &len),
		"a signature");
	request_add(job->answer, attest->attestationData, attest->size);
	request_add(job->answer, bytes, len);
	Esys_Free(attest);
	Esys_Free(signature);
	return err;
}

/* A device that enrols by a token has none: nobody asks where the key is */
static bool has_nonce(const struct job *job)
{
	const uint8_t *data;
	size_t len;

	return !job_bytes(job, 0, &data, &len) && len;
}

int answer_key(struct job *job)
{
	char name[IOTKEY_NAME_MAX + 1];
	ESYS_TR object = ESYS_TR_NONE;
	TPM2B_PUBLIC area;
	int32_t key;
	int err;

	err = request_text(job->request, JOB_FIELDS + 1, name, sizeof(name));
	if (!err)
		err = keys_meet(job, name, false, &key);
	if (!err)
		err = keys_load(job, key, &object, &area);
	if (err)
		return err;
	request_add_u64(job->answer, (uint64_t)key);
	err = keys_add_area(job->answer, &area, true);
	if (!err && has_nonce(job)) {
		err = certify(job, object);
	} else {
		request_add(job->answer, NULL, 0);
		request_add(job->answer, NULL, 0);
	}
	tpm_flush(&object);
	return err;
}

int answer_parent(struct job *job)
{
	TPM2B_PUBLIC area;
	ESYS_TR parent;
	int err;

	err = tpm_persistent(job->parent, &parent, &area);
	if (!err)
		err = keys_add_area(job->answer, &area, false);
	return err ? err : certify(job, parent);
}
