// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Digests of policies (Part 1, 19.7; Part 3, 23.7 and 23.16), and their approval.
 */
#include "fleet_private.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define VALUES_MAX (IOTKEY_HASHES * IOTKEY_PCRS * IOTKEY_DIGEST_MAX)

int iotkey_pcr_digest(struct iotkey_attest *attest,
		      const struct iotkey_pcr_selection *selection,
		      const struct iotkey_pcr_values *values,
		      uint8_t pcr_digest[IOTKEY_POLICY_SIZE])
{
	uint8_t all[VALUES_MAX], out[IOTKEY_DIGEST_MAX];
	struct writer w = { all, sizeof(all), 0, false };
	const struct iotkey_pcrs *pcrs;
	unsigned int i, pcr;
	int err;

	if (!selection->count)
		return -EINVAL;
	for (i = 0; i < selection->count; i++) {
		pcrs = iotkey_pcr_bank(values, selection->bank[i].hash);
		if (!pcrs || selection->bank[i].pcrs & ~pcrs->set)
			return -EINVAL;
		for (pcr = 0; pcr < IOTKEY_PCRS; pcr++)
			if (selection->bank[i].pcrs >> pcr & 1)
				write_bytes(&w, pcrs->value[pcr],
					    iotkey_hash_size(pcrs->hash));
	}
	err = iotkey_digest(attest, IOTKEY_HASH_SHA256, all, w.len, out);
	if (!err)
		memcpy(pcr_digest, out, IOTKEY_POLICY_SIZE);
	return err;
}

int iotkey_policy_pcrs(struct iotkey_attest *attest,
		       const struct iotkey_pcr_selection *selection,
		       const uint8_t pcr_digest[IOTKEY_POLICY_SIZE],
		       uint8_t policy[IOTKEY_POLICY_SIZE])
{
	static const uint8_t zeros[IOTKEY_POLICY_SIZE];
	uint8_t digest[IOTKEY_DIGEST_MAX], pcrs[IOTKEY_PCR_SELECTION_MAX];
	uint8_t text[IOTKEY_POLICY_SIZE + 4 + sizeof(pcrs) + IOTKEY_POLICY_SIZE];
	struct writer w = { text, sizeof(text), 0, false };
	int err;

	write_bytes(&w, zeros, sizeof(zeros));
	write_u32(&w, CC_POLICY_PCR);
	write_bytes(&w, pcrs, iotkey_pcr_selection_marshal(selection, pcrs));
	write_bytes(&w, pcr_digest, IOTKEY_POLICY_SIZE);
	err = iotkey_digest(attest, IOTKEY_HASH_SHA256, text, w.len, digest);
	if (!err)
		memcpy(policy, digest, IOTKEY_POLICY_SIZE);
	return err;
}

/* PolicyUpdate(): the command and the key's name first, the reference in a second step */
int iotkey_policy_authorized(struct iotkey_attest *attest,
			     const uint8_t signer[IOTKEY_SIGNER_SIZE],
			     struct iotkey_bytes reference,
			     uint8_t policy[IOTKEY_POLICY_SIZE])
{
	static const uint8_t zeros[IOTKEY_POLICY_SIZE];
	uint8_t text[IOTKEY_POLICY_SIZE + 4 + IOTKEY_TPM_NAME_MAX];
	struct writer w = { text, sizeof(text), 0, false };
	uint8_t digest[IOTKEY_DIGEST_MAX];
	struct iotkey_area area;
	struct iotkey_name name;
	int err;

	err = iotkey_area_parse(signer, IOTKEY_SIGNER_SIZE, &area);
	if (!err)
		err = iotkey_area_name(attest, &area, &name);
	if (err)
		return err;
	write_bytes(&w, zeros, sizeof(zeros));
	write_u32(&w, CC_POLICY_AUTHORIZE);
	write_bytes(&w, name.data, name.len);
	err = iotkey_digest(attest, IOTKEY_HASH_SHA256, text, w.len, digest);
	if (!err)
		err = attest_digest2(attest, IOTKEY_HASH_SHA256, digest,
				     IOTKEY_POLICY_SIZE, reference.data, reference.len,
				     digest);
	if (!err)
		memcpy(policy, digest, IOTKEY_POLICY_SIZE);
	return err;
}

/* TPMT_SIGNATURE from the DER that OpenSSL writes */
static bool approval_signature(const uint8_t *der, size_t len,
			       uint8_t out[IOTKEY_APPROVAL_SIZE])
{
	struct writer w = { out, IOTKEY_APPROVAL_SIZE, 0, false };
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	uint8_t r[32], s[32];
	bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), r, 32) == 32 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), s, 32) == 32;

	ECDSA_SIG_free(sig);
	if (!ok)
		return false;
	write_u16(&w, ALG_ECDSA);
	write_u16(&w, IOTKEY_HASH_SHA256);
	write_2b(&w, r, sizeof(r));
	write_2b(&w, s, sizeof(s));
	return !w.bad;
}

int pkey_sign(EVP_PKEY *pkey, const void *data, size_t len, uint8_t *sig, size_t *sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	ERR_set_mark();
	ok = ctx &&
	     EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, pkey, NULL) > 0 &&
	     EVP_DigestSign(ctx, sig, sig_len, data, len) > 0;
	ERR_pop_to_mark();
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

/* What is signed: the approved policy and the reference */
#define APPROVED_MAX (IOTKEY_POLICY_SIZE + IOTKEY_REFERENCE_MAX)

static int approved_text(struct iotkey_attest *attest, struct iotkey_bytes reference,
			 const struct iotkey_pcr_selection *selection,
			 const uint8_t pcr_digest[IOTKEY_POLICY_SIZE],
			 uint8_t text[APPROVED_MAX])
{
	if (reference.len > IOTKEY_REFERENCE_MAX)
		return -EINVAL;
	if (reference.len)
		memcpy(text + IOTKEY_POLICY_SIZE, reference.data, reference.len);
	return iotkey_policy_pcrs(attest, selection, pcr_digest, text);
}

int iotkey_policy_approve(struct iotkey_attest *attest, EVP_PKEY *signer,
			  struct iotkey_bytes reference,
			  const struct iotkey_pcr_selection *selection,
			  const uint8_t pcr_digest[IOTKEY_POLICY_SIZE],
			  struct iotkey_approval *approval)
{
	uint8_t text[APPROVED_MAX], der[128];
	size_t len = sizeof(der);
	int err;

	if (!pkey_is_p256(signer))
		return -ENOTSUP;
	err = approved_text(attest, reference, selection, pcr_digest, text);
	if (err)
		return err;
	approval->selection = *selection;
	memcpy(approval->pcr_digest, pcr_digest, IOTKEY_POLICY_SIZE);
	err = pkey_sign(signer, text, IOTKEY_POLICY_SIZE + reference.len, der, &len);
	if (err)
		return err;
	return approval_signature(der, len, approval->signature) ? 0 : -EIO;
}

/* And back: DER, to be freed with OPENSSL_free() */
static int approval_der(const uint8_t in[IOTKEY_APPROVAL_SIZE], uint8_t **der)
{
	static const uint8_t head[] = { 0x00, 0x18, 0x00, 0x0b, 0x00, 0x20 };
	static const uint8_t size[] = { 0x00, 0x20 };
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(in + 6, 32, NULL), *s = BN_bin2bn(in + 40, 32, NULL);
	int len = -1;

	if (sig && r && s && !memcmp(in, head, sizeof(head)) &&
	    !memcmp(in + 38, size, sizeof(size)) && ECDSA_SIG_set0(sig, r, s)) {
		r = s = NULL; /* it has them */
		len = i2d_ECDSA_SIG(sig, der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return len;
}

static bool pkey_verify(EVP_PKEY *pkey, const void *data, size_t len, const uint8_t *sig,
			size_t sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ERR_set_mark();
	ok = ctx &&
	     EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, pkey, NULL) > 0 &&
	     EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
	ERR_pop_to_mark();
	EVP_MD_CTX_free(ctx);
	return ok;
}

int iotkey_approval_check(struct iotkey_attest *attest, EVP_PKEY *signer,
			  struct iotkey_bytes reference,
			  const struct iotkey_approval *approval)
{
	uint8_t text[APPROVED_MAX], *der = NULL;
	int len, err;
	bool ok;

	if (!pkey_is_p256(signer))
		return -ENOTSUP;
	err = approved_text(attest, reference, &approval->selection, approval->pcr_digest,
			    text);
	if (err)
		return err;
	len = approval_der(approval->signature, &der);
	ok = len > 0 && pkey_verify(signer, text, IOTKEY_POLICY_SIZE + reference.len, der,
				    (size_t)len);
	OPENSSL_free(der);
	return ok ? 0 : -EKEYREJECTED;
}
