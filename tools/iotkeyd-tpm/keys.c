// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include "../common/file.h"
#include "../common/say.h"

#include <errno.h>
#include <iotkey.h>
#include <keyutils.h>
#include <openssl/asn1.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <tss2/tss2_mu.h>

/* Errors of the kernel that pass by themselves */
static int kernel_error(int err, const char *what, const char *name)
{
	switch (err) {
	case 0:
		return 0;
	case -EBUSY:
	case -EIO:
	case -ENODEV:
	case -EINTR:
		say_key_error(err, "cannot %s '%s'", what, name);
		return -EAGAIN;
	}
	say_key_error(err, "cannot %s '%s'", what, name);
	return err;
}

int keys_meet(const struct job *job, const char *name, bool restricted, int32_t *key)
{
	struct iotkey_spec spec = {
		.given = IOTKEY_OPTION_ALGORITHM | IOTKEY_OPTION_PARENT |
			 IOTKEY_OPTION_MKPARENT |
			 (restricted ? IOTKEY_OPTION_RESTRICTED : 0),
		.algorithm = IOTKEY_ALGORITHM_ECDSA_P256,
		.parent = job->parent,
	};
	long found = keyctl_search(job->ring, "iot", name, 0);

	if (found >= 0) {
		*key = (int32_t)found;
		return 0;
	}
	if (errno != ENOKEY)
		return kernel_error(-errno, "find key", name);
	return kernel_error(iotkey_new(name, &spec, job->ring, key), "make key", name);
}

/*
 * The TPM2B_PUBLIC and TPM2B_PRIVATE that a TSS2 PRIVATE KEY ends with.  The kernel made it.
 */
static int read_tss2(const uint8_t *der, long len, TPM2B_PUBLIC *area,
		     TPM2B_PRIVATE *private)
{
	const uint8_t *at = der, *last[2] = { NULL, NULL };
	long size = 0, sizes[2] = { 0, 0 };
	size_t offset = 0;
	int tag, class;

	if (ASN1_get_object(&at, &size, &tag, &class, len) & 0x80 ||
	    tag != V_ASN1_SEQUENCE)
		return -EBADMSG;
	for (len = size; len > 0; len -= size) {
		const uint8_t *head = at;

		if (ASN1_get_object(&at, &size, &tag, &class, len) & 0x80)
			return -EBADMSG;
		len -= at - head;
		last[0] = last[1];
		sizes[0] = sizes[1];
		last[1] = tag == V_ASN1_OCTET_STRING ? at : NULL;
		sizes[1] = size;
		at += size;
	}
	if (!last[0] || !last[1])
		return -EBADMSG;
	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(last[0], (size_t)sizes[0], &offset, area))
		return -EBADMSG;
	offset = 0;
	if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(last[1], (size_t)sizes[1], &offset, private))
		return -EBADMSG;
	return 0;
}

static int read_key(int32_t key, TPM2B_PUBLIC *area, TPM2B_PRIVATE *private)
{
	char *pem, *name = NULL, *header = NULL;
	uint8_t *der = NULL;
	long der_len = 0;
	size_t len;
	BIO *bio;
	int err;

	err = iotkey_read_blob(key, &pem, &len);
	if (err)
		return err;
	bio = BIO_new_mem_buf(pem, (int)len);
	err = bio && PEM_read_bio(bio, &name, &header, &der, &der_len) == 1
		      ? read_tss2(der, der_len, area, private)
		      : -EBADMSG;
	BIO_free(bio);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(der, (size_t)der_len);
	free_secret(pem, len);
	return err;
}

int keys_load(const struct job *job, int32_t key, ESYS_TR *object, TPM2B_PUBLIC *area)
{
	TPM2B_PRIVATE private = { 0 };
	TPM2B_PUBLIC parent_area;
	ESYS_TR parent;
	int err;

	memset(area, 0, sizeof(*area));
	err = read_key(key, area, &private);
	if (!err)
		err = tpm_persistent(job->parent, &parent, &parent_area);
	if (!err)
		err = tpm_error(Esys_Load(tpm, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE,
					  ESYS_TR_NONE, &private, area, object),
				"TPM2_Load");
	explicit_bzero(&private, sizeof(private));
	return err;
}

int keys_load_ak(const struct job *job, ESYS_TR *object, TPM2B_PUBLIC *area)
{
	int32_t key;
	int err;

	err = keys_meet(job, KEY_AK, true, &key);
	return err ? err : keys_load(job, key, object, area);
}

int keys_add_area(struct request *answer, const TPM2B_PUBLIC *area, bool bare)
{
	uint8_t bytes[sizeof(*area)];
	size_t len = 0;
	TSS2_RC rc;

	rc = bare ? Tss2_MU_TPMT_PUBLIC_Marshal(&area->publicArea, bytes, sizeof(bytes),
						&len)
		  : Tss2_MU_TPM2B_PUBLIC_Marshal(area, bytes, sizeof(bytes), &len);
	if (rc)
		return tpm_error(rc, "a public area");
	request_add(answer, bytes, len);
	return 0;
}

/*
 * Loaded where nobody finds it, then put into the keyring, where it takes the place of @old, if that
 * is not 0, which ends
 */
static int load_root(const struct job *job, const char *name, const uint8_t *pem,
		     size_t len, int32_t old)
{
	int32_t key;
	int err;

	err = kernel_error(
		iotkey_load(name, (const char *)pem, len, IOTKEY_KEYRING_PROCESS, &key),
		"load root", name);
	if (!err && old)
		err = kernel_error(iotkey_revoke(old), "revoke root", name);
	if (!err && keyctl_link(key, job->ring) < 0)
		err = kernel_error(-errno, "keep root", name);
	return err;
}

static int approve(const struct job *job, const char *name, const uint8_t *policy,
		   size_t len)
{
	char text[8192 + 16];
	long key = keyctl_search(job->ring, "iot", name, 0);
	int n;

	if (key < 0)
		return kernel_error(-errno, "find root", name);
	n = snprintf(text, sizeof(text), "policy %.*s", (int)len, (const char *)policy);
	if (n < 0 || (size_t)n >= sizeof(text))
		return -EBADMSG;
	return keyctl_update((int32_t)key, text, (size_t)n) < 0
		       ? kernel_error(-errno, "approve for root", name)
		       : 0;
}

int answer_root(struct job *job)
{
	char name[IOTKEY_NAME_MAX + 1];
	const uint8_t *pem, *policy;
	size_t pem_len, policy_len;
	uint64_t old;
	int err;

	err = request_text(job->request, JOB_FIELDS, name, sizeof(name));
	if (!err)
		err = job_bytes(job, 1, &pem, &pem_len);
	if (!err)
		err = job_bytes(job, 2, &policy, &policy_len);
	if (!err)
		err = request_u64(job->request, JOB_FIELDS + 3, &old);
	if (!err && pem_len)
		err = load_root(job, name, pem, pem_len, (int32_t)old);
	if (!err && policy_len)
		err = approve(job, name, policy, policy_len);
	return err;
}
