// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The endorsement key, by which a fleet knows the TPM: TCG EK Credential Profile 2.5, the low
 * range of indices: RSA 2048 (template L-1) and ECC P-256 (L-2).  That with a certificate is
 * taken, ECC before RSA; ECC if there is none.
 */
#include "answer.h"
#include "keys.h"
#include "tpm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_mu.h>

#define CERTIFICATE_MAX	 8192
#define CERTIFICATES_MAX 32768

#define PERSISTENT_FIRST 0x81010000u /* of the endorsement hierarchy */
#define PERSISTENT_LAST	 0x8101ffffu
#define CHAIN_FIRST	 0x01c00100u /* certificates above the EK's */
#define CHAIN_LAST	 0x01c001ffu

#define EK_ATTRIBUTES                                                    \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |                \
	 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY | \
	 TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)
/* PolicySecret(endorsement) */
#define EK_POLICY                       \
	{                               \
		.size = 32, .buffer = { \
			0x83,           \
			0x71,           \
			0x97,           \
			0x67,           \
			0x44,           \
			0x84,           \
			0xb3,           \
			0xf8,           \
			0x1a,           \
			0x90,           \
			0xcc,           \
			0x8d,           \
			0x46,           \
			0xa5,           \
			0xd7,           \
			0x24,           \
			0xfd,           \
			0x52,           \
			0xd7,           \
			0x6e,           \
			0x06,           \
			0x52,           \
			0x0b,           \
			0x64,           \
			0xf2,           \
			0xa1,           \
			0xda,           \
			0x1b,           \
			0x33,           \
			0x14,           \
			0x69,           \
			0xaa            \
		}                       \
	}
#define EK_SYMMETRIC                                                                    \
	{                                                                               \
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB \
	}

static const struct kind {
	TPM2_HANDLE certificate, nonce, template; /* NV indices */
	TPMT_PUBLIC area;
} kinds[] = {
	{ 0x01c0000a,
	  0x01c0000b,
	  0x01c0000c,
	  { .type = TPM2_ALG_ECC,
	    .nameAlg = TPM2_ALG_SHA256,
	    .objectAttributes = EK_ATTRIBUTES,
	    .authPolicy = EK_POLICY,
	    .parameters.eccDetail = { .symmetric = EK_SYMMETRIC,
				      .scheme.scheme = TPM2_ALG_NULL,
				      .curveID = TPM2_ECC_NIST_P256,
				      .kdf.scheme = TPM2_ALG_NULL },
	    .unique.ecc = { .x.size = 32, .y.size = 32 } } },
	{ 0x01c00002,
	  0x01c00003,
	  0x01c00004,
	  { .type = TPM2_ALG_RSA,
	    .nameAlg = TPM2_ALG_SHA256,
	    .objectAttributes = EK_ATTRIBUTES,
	    .authPolicy = EK_POLICY,
	    .parameters.rsaDetail = { .symmetric = EK_SYMMETRIC,
				      .scheme.scheme = TPM2_ALG_NULL,
				      .keyBits = 2048 },
	    .unique.rsa.size = 256 } },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/*
 * NV indices
 */

static int nv_read_part(ESYS_TR index, ESYS_TR by, uint16_t len, uint16_t offset,
			uint8_t *to)
{
	TPM2B_MAX_NV_BUFFER *part = NULL;
	TSS2_RC rc;

	rc = Esys_NV_Read(tpm, by, index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
			  len, offset, &part);
	if (rc)
		return tpm_error(rc, "TPM2_NV_Read");
	if (part->size == len)
		memcpy(to, part->buffer, len);
	rc = part->size == len ? 0 : 1;
	Esys_Free(part);
	return rc ? -EBADMSG : 0;
}

/* All of an index, as long as it is at most @size bytes.  Its length, or -errno. */
static int nv_read(TPM2_HANDLE handle, uint8_t *to, size_t size)
{
	TPM2B_NV_PUBLIC *about = NULL;
	uint16_t len, at, part;
	ESYS_TR index, by;
	int err;

	err = tpm_error(Esys_TR_FromTPMPublic(tpm, handle, ESYS_TR_NONE, ESYS_TR_NONE,
					      ESYS_TR_NONE, &index),
			"an NV index");
	if (!err)
		err = tpm_error(Esys_NV_ReadPublic(tpm, index, ESYS_TR_NONE, ESYS_TR_NONE,
						   ESYS_TR_NONE, &about, NULL),
				"TPM2_NV_ReadPublic");
	if (err)
		return err;
	len = about->nvPublic.dataSize;
	by = about->nvPublic.attributes & TPMA_NV_AUTHREAD ? index : ESYS_TR_RH_OWNER;
	if (!(about->nvPublic.attributes & TPMA_NV_WRITTEN))
		err = -ENOENT;
	else if (len > size)
		err = -EFBIG;
	Esys_Free(about);
	/* every TPM reads 512 bytes at a time */
	for (at = 0; !err && at < len; at = (uint16_t)(at + part)) {
		part = (uint16_t)(len - at > 512 ? 512 : len - at);
		err = nv_read_part(index, by, part, at, to + at);
	}
	return err ? err : len;
}

/* Some makers fill up the index behind the certificate */
static size_t der_length(const uint8_t *der, size_t len)
{
	size_t body;

	if (len < 4 || der[0] != 0x30)
		return 0;
	if (der[1] < 0x80)
		body = 2 + (size_t)der[1];
	else if (der[1] == 0x81)
		body = 3 + (size_t)der[2];
	else if (der[1] == 0x82)
		body = 4 + ((size_t)der[2] << 8 | der[3]);
	else
		return 0;
	return body <= len ? body : 0;
}

static size_t read_certificate(TPM2_HANDLE handle, uint8_t *to, size_t room)
{
	int len = nv_read(handle, to, room < CERTIFICATE_MAX ? room : CERTIFICATE_MAX);

	return len > 0 ? der_length(to, (size_t)len) : 0;
}

/* Of the EK, and those above it that the maker left there */
static size_t read_certificates(const struct kind *kind, uint8_t *to)
{
	TPM2_HANDLE chain[16];
	size_t len = read_certificate(kind->certificate, to, CERTIFICATES_MAX);
	unsigned int i, n;

	if (!len)
		return 0;
	n = tpm_handles(CHAIN_FIRST, CHAIN_LAST, chain, 16);
	for (i = 0; i < n; i++)
		len += read_certificate(chain[i], to + len, CERTIFICATES_MAX - len);
	return len;
}

/*
 * The key
 */

/* As the profile has it: the maker's template if there is one, with his nonce */
static void make_template(const struct kind *kind, TPM2B_PUBLIC *area)
{
	uint8_t bytes[sizeof(TPMT_PUBLIC)], nonce[256];
	TPMT_PUBLIC theirs = { 0 };
	size_t offset = 0;
	int len;

	area->publicArea = kind->area;
	len = nv_read(kind->template, bytes, sizeof(bytes));
	if (len > 0 &&
	    !Tss2_MU_TPMT_PUBLIC_Unmarshal(bytes, (size_t)len, &offset, &theirs) &&
	    theirs.type == kind->area.type)
		area->publicArea = theirs;
	len = nv_read(kind->nonce, nonce, sizeof(nonce));
	if (len <= 0)
		return;
	if (kind->area.type == TPM2_ALG_RSA) {
		memcpy(area->publicArea.unique.rsa.buffer, nonce, (size_t)len);
		area->publicArea.unique.rsa.size = 256;
	} else if (len <= 32) {
		memcpy(area->publicArea.unique.ecc.x.buffer, nonce, (size_t)len);
		area->publicArea.unique.ecc.x.size = 32;
		area->publicArea.unique.ecc.y.size = 32;
	}
}

static bool same_but_key(const TPM2B_PUBLIC *a, const TPM2B_PUBLIC *b)
{
	uint8_t bytes[2][sizeof(TPMT_PUBLIC)];
	const TPM2B_PUBLIC *area[2] = { a, b };
	size_t len[2] = { 0, 0 };
	TPMT_PUBLIC copy;
	int i;

	for (i = 0; i < 2; i++) {
		copy = area[i]->publicArea;
		memset(&copy.unique, 0, sizeof(copy.unique));
		if (Tss2_MU_TPMT_PUBLIC_Marshal(&copy, bytes[i], sizeof(bytes[i]),
						&len[i]))
			return false;
	}
	return len[0] == len[1] && !memcmp(bytes[0], bytes[1], len[0]);
}

/* Making an RSA key takes a TPM many seconds: it may be there already */
static bool find_persistent(const TPM2B_PUBLIC *template, ESYS_TR *ek, TPM2B_PUBLIC *area)
{
	TPM2_HANDLE handles[16];
	unsigned int i, n = tpm_handles(PERSISTENT_FIRST, PERSISTENT_LAST, handles, 16);

	for (i = 0; i < n; i++)
		if (!tpm_persistent(handles[i], ek, area) && same_but_key(template, area))
			return true;
	*ek = ESYS_TR_NONE;
	return false;
}

/* @made: it has to be flushed */
static int meet_ek(const struct kind *kind, ESYS_TR *ek, TPM2B_PUBLIC *area, bool *made)
{
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	TPML_PCR_SELECTION pcrs = { 0 };
	TPM2B_PUBLIC template = { 0 }, *out = NULL;
	TPM2B_DATA outside = { 0 };
	int err;

	*made = false;
	*ek = ESYS_TR_NONE;
	make_template(kind, &template);
	if (find_persistent(&template, ek, area))
		return 0;
	err = tpm_error(Esys_CreatePrimary(tpm, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
					   ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
					   &template, &outside, &pcrs, ek, &out, NULL,
					   NULL, NULL),
			"TPM2_CreatePrimary of the EK");
	if (err) {
		*ek = ESYS_TR_NONE;
		return err;
	}
	*made = true;
	*area = *out;
	Esys_Free(out);
	return 0;
}

static const struct kind *choose(uint8_t *certificates, size_t *len)
{
	size_t i;

	for (i = 0; i < KINDS; i++) {
		*len = read_certificates(&kinds[i], certificates);
		if (*len)
			return &kinds[i];
	}
	return &kinds[0];
}

int answer_identity(struct job *job)
{
	static uint8_t certificates[CERTIFICATES_MAX];
	const struct kind *kind;
	TPM2B_PUBLIC area;
	ESYS_TR object;
	bool made;
	size_t len;
	int err;

	kind = choose(certificates, &len);
	err = meet_ek(kind, &object, &area, &made);
	if (err)
		return err;
	if (made)
		tpm_flush(&object);
	err = keys_add_area(job->answer, &area, false);
	request_add(job->answer, certificates, len);
	object = ESYS_TR_NONE;
	if (!err)
		err = keys_load_ak(job, &object, &area);
	tpm_flush(&object);
	return err ? err : keys_add_area(job->answer, &area, false);
}

/*
 * Credentials
 */

struct credential {
	TPM2B_ID_OBJECT blob;
	TPM2B_ENCRYPTED_SECRET secret;
};

static int read_credential(const struct job *job, struct credential *c)
{
	const uint8_t *data;
	size_t len, at = 0;
	int err;

	err = job_bytes(job, 0, &data, &len);
	if (err)
		return err;
	memset(c, 0, sizeof(*c));
	if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(data, len, &at, &c->blob) ||
	    Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(data, len, &at, &c->secret) ||
	    at != len)
		return -EBADMSG;
	return 0;
}

static int start_policy(ESYS_TR *session)
{
	TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
	TSS2_RC rc;

	rc = Esys_StartAuthSession(tpm, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_POLICY,
				   &none, TPM2_ALG_SHA256, session);
	if (rc) {
		*session = ESYS_TR_NONE;
		return tpm_error(rc, "TPM2_StartAuthSession");
	}
	return tpm_error(Esys_PolicySecret(tpm, ESYS_TR_RH_ENDORSEMENT, *session,
					   ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
					   NULL, NULL, NULL, 0, NULL, NULL),
			 "TPM2_PolicySecret");
}

static int activate(const struct job *job, const struct credential *c, ESYS_TR ek)
{
	ESYS_TR session = ESYS_TR_NONE, ak = ESYS_TR_NONE;
	TPM2B_DIGEST *secret = NULL;
	TPM2B_PUBLIC area;
	int err;

	err = keys_load_ak(job, &ak, &area);
	if (!err)
		err = start_policy(&session);
	if (!err)
		err = tpm_error(Esys_ActivateCredential(tpm, ak, ek, ESYS_TR_PASSWORD,
							session, ESYS_TR_NONE, &c->blob,
							&c->secret, &secret),
				"TPM2_ActivateCredential");
	tpm_flush(&session);
	tpm_flush(&ak);
	if (err)
		return err;
	request_add(job->answer, secret->buffer, secret->size);
	explicit_bzero(secret, sizeof(*secret));
	Esys_Free(secret);
	return 0;
}

int answer_activate(struct job *job)
{
	static uint8_t certificates[CERTIFICATES_MAX];
	struct credential credential;
	TPM2B_PUBLIC area;
	ESYS_TR ek;
	bool made;
	size_t len;
	int err;

	err = read_credential(job, &credential);
	if (!err)
		err = meet_ek(choose(certificates, &len), &ek, &area, &made);
	if (err)
		return err;
	err = activate(job, &credential, ek);
	if (made)
		tpm_flush(&ek);
	return err;
}
