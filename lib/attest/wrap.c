// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Roots for one TPM: what TPM2_Duplicate would make of them for its storage key (Part 1, 23.3;
 * without an inner wrapper), in the file that TPMs' software passes around
 * (draft-bottomley-tpm2-keys; kmod/tss2.c reads it).
 */
#include "fleet_private.h"

#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdlib.h>

#define OID_IMPORTABLE "2.23.133.10.1.4"
#define PEM_LABEL      "TSS2 PRIVATE KEY"

/*
 * The file
 */

typedef struct {
	ASN1_INTEGER *code;
	ASN1_OCTET_STRING *body;
} POLICY_STEP;

ASN1_SEQUENCE(POLICY_STEP) = {
	ASN1_EXP(POLICY_STEP, code, ASN1_INTEGER, 0),
	ASN1_EXP(POLICY_STEP, body, ASN1_OCTET_STRING, 1),
} static_ASN1_SEQUENCE_END(POLICY_STEP)

DEFINE_STACK_OF(POLICY_STEP)

typedef struct {
	ASN1_UTF8STRING *name;
	STACK_OF(POLICY_STEP) * steps;
} SIGNED_POLICY;

ASN1_SEQUENCE(SIGNED_POLICY) = {
	ASN1_EXP_OPT(SIGNED_POLICY, name, ASN1_UTF8STRING, 0),
	ASN1_EXP_SEQUENCE_OF(SIGNED_POLICY, steps, POLICY_STEP, 1),
} static_ASN1_SEQUENCE_END(SIGNED_POLICY)

ASN1_ITEM_TEMPLATE(SIGNED_POLICIES) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, policies, SIGNED_POLICY)
static_ASN1_ITEM_TEMPLATE_END(SIGNED_POLICIES)

DEFINE_STACK_OF(SIGNED_POLICY)

typedef struct {
	ASN1_OBJECT *type;
	ASN1_BOOLEAN empty_auth;
	STACK_OF(POLICY_STEP) * policy;
	ASN1_OCTET_STRING *secret;
	STACK_OF(SIGNED_POLICY) * signed_policies;
	ASN1_INTEGER *parent;
	ASN1_OCTET_STRING *pubkey, *privkey;
} TPM_KEY;

ASN1_SEQUENCE(TPM_KEY) = {
	ASN1_SIMPLE(TPM_KEY, type, ASN1_OBJECT),
	ASN1_EXP_OPT(TPM_KEY, empty_auth, ASN1_BOOLEAN, 0),
	ASN1_EXP_SEQUENCE_OF_OPT(TPM_KEY, policy, POLICY_STEP, 1),
	ASN1_EXP_OPT(TPM_KEY, secret, ASN1_OCTET_STRING, 2),
	ASN1_EXP_SEQUENCE_OF_OPT(TPM_KEY, signed_policies, SIGNED_POLICY, 3),
	ASN1_SIMPLE(TPM_KEY, parent, ASN1_INTEGER),
	ASN1_SIMPLE(TPM_KEY, pubkey, ASN1_OCTET_STRING),
	ASN1_SIMPLE(TPM_KEY, privkey, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(TPM_KEY)

static bool add_step(STACK_OF(POLICY_STEP) *steps, uint32_t code, const struct writer *body)
{
	POLICY_STEP *step = (POLICY_STEP *)ASN1_item_new(ASN1_ITEM_rptr(POLICY_STEP));

	if (step && !body->bad && ASN1_INTEGER_set(step->code, code) &&
	    ASN1_OCTET_STRING_set(step->body, body->data, (int)body->len) &&
	    sk_POLICY_STEP_push(steps, step) > 0)
		return true;
	ASN1_item_free((ASN1_VALUE *)step, ASN1_ITEM_rptr(POLICY_STEP));
	return false;
}

/* The command's parameters: TPM2B_DIGEST, TPML_PCR_SELECTION */
static bool add_pcrs(STACK_OF(POLICY_STEP) * steps,
		     const struct iotkey_pcr_selection *selection,
		     const uint8_t digest[IOTKEY_POLICY_SIZE])
{
	uint8_t body[2 + IOTKEY_POLICY_SIZE + IOTKEY_PCR_SELECTION_MAX];
	uint8_t pcrs[IOTKEY_PCR_SELECTION_MAX];
	struct writer w = { body, sizeof(body), 0, false };

	write_2b(&w, digest, IOTKEY_POLICY_SIZE);
	write_bytes(&w, pcrs, iotkey_pcr_selection_marshal(selection, pcrs));
	return add_step(steps, CC_POLICY_PCR, &w);
}

/* TPM2B_PUBLIC, TPM2B_DIGEST of the reference, TPMT_SIGNATURE or an empty one */
static bool add_authorize(STACK_OF(POLICY_STEP) * steps,
			  const struct iotkey_policy *policy,
			  const struct iotkey_approval *approval)
{
	uint8_t body[2 + IOTKEY_SIGNER_SIZE + 2 + IOTKEY_REFERENCE_MAX +
		     IOTKEY_APPROVAL_SIZE];
	struct writer w = { body, sizeof(body), 0, false };

	write_2b(&w, policy->signer, IOTKEY_SIGNER_SIZE);
	write_2b(&w, policy->reference.data, policy->reference.len);
	if (approval)
		write_bytes(&w, approval->signature, sizeof(approval->signature));
	else
		write_u16(&w, ALG_NULL);
	return add_step(steps, CC_POLICY_AUTHORIZE, &w);
}

static bool add_approval(STACK_OF(SIGNED_POLICY) * all,
			 const struct iotkey_policy *policy,
			 const struct iotkey_approval *approval)
{
	SIGNED_POLICY *one =
		(SIGNED_POLICY *)ASN1_item_new(ASN1_ITEM_rptr(SIGNED_POLICY));

	if (one && add_pcrs(one->steps, &approval->selection, approval->pcr_digest) &&
	    add_authorize(one->steps, policy, approval) &&
	    sk_SIGNED_POLICY_push(all, one) > 0)
		return true;
	ASN1_item_free((ASN1_VALUE *)one, ASN1_ITEM_rptr(SIGNED_POLICY));
	return false;
}

static bool add_policy(TPM_KEY *key, const struct iotkey_policy *policy)
{
	size_t i;

	if (policy->kind == IOTKEY_POLICY_NONE)
		return true;
	key->policy = sk_POLICY_STEP_new_null();
	if (!key->policy)
		return false;
	if (policy->kind == IOTKEY_POLICY_PCRS)
		return add_pcrs(key->policy, policy->selection, policy->pcr_digest);
	key->signed_policies = sk_SIGNED_POLICY_new_null();
	if (!key->signed_policies || !add_authorize(key->policy, policy, NULL))
		return false;
	for (i = 0; i < policy->approvals; i++)
		if (!add_approval(key->signed_policies, policy, &policy->approval[i]))
			return false;
	return true;
}

/* What is written; all of it may be seen by anyone */
struct parts {
	uint8_t digest[IOTKEY_POLICY_SIZE];
	uint8_t area[128], duplicate[256], seed[ENCRYPTED_SECRET_MAX];
	struct writer pubkey, privkey, secret;
};

static bool fill(TPM_KEY *key, const struct parts *parts, uint32_t handle,
		 const struct iotkey_policy *policy)
{
	ASN1_OBJECT_free(key->type);
	key->type = OBJ_txt2obj(OID_IMPORTABLE, 1);
	key->empty_auth = 0xff;
	key->secret = ASN1_OCTET_STRING_new();
	return key->type && key->secret && add_policy(key, policy) &&
	       ASN1_OCTET_STRING_set(key->secret, parts->seed, (int)parts->secret.len) &&
	       ASN1_INTEGER_set_uint64(key->parent, handle) &&
	       ASN1_OCTET_STRING_set(key->pubkey, parts->area, (int)parts->pubkey.len) &&
	       ASN1_OCTET_STRING_set(key->privkey, parts->duplicate,
				     (int)parts->privkey.len);
}

static char *to_pem(const uint8_t *der, long len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *pem = NULL;
	long size;

	if (bio && PEM_write_bio(bio, PEM_LABEL, "", der, len) > 0) {
		size = BIO_get_mem_data(bio, &text);
		pem = strndup(text, (size_t)size);
	}
	BIO_free(bio);
	return pem;
}

static char *write_file(const struct parts *parts, uint32_t handle,
			const struct iotkey_policy *policy)
{
	TPM_KEY *key = (TPM_KEY *)ASN1_item_new(ASN1_ITEM_rptr(TPM_KEY));
	uint8_t *der = NULL;
	char *pem = NULL;
	int len = -1;

	if (key && fill(key, parts, handle, policy))
		len = ASN1_item_i2d((ASN1_VALUE *)key, &der, ASN1_ITEM_rptr(TPM_KEY));
	if (len > 0)
		pem = to_pem(der, len);
	OPENSSL_free(der);
	ASN1_item_free((ASN1_VALUE *)key, ASN1_ITEM_rptr(TPM_KEY));
	return pem;
}

/*
 * The object
 */

/* TPM2B_PUBLIC of sealed data; its unique field is H(seed || data) (Part 1, 27.5.3) */
static int write_area(struct iotkey_attest *attest, struct writer *w, bool policy,
		      const uint8_t digest[IOTKEY_POLICY_SIZE],
		      const uint8_t unique[IOTKEY_SECRET], struct iotkey_name *name)
{
	/* its size comes first, and is known: all but the policy is fixed */
	size_t policy_len = policy ? IOTKEY_POLICY_SIZE : 0, begin = w->len + 2;
	uint8_t out[IOTKEY_DIGEST_MAX];
	int err;

	write_u16(w, (unsigned int)(2 + 2 + 4 + 2 + policy_len + 2 + 2 + IOTKEY_SECRET));
	write_u16(w, ALG_KEYEDHASH);
	write_u16(w, IOTKEY_HASH_SHA256);
	write_u32(w, IOTKEY_NO_DA | (policy ? 0 : IOTKEY_USER_WITH_AUTH));
	write_2b(w, digest, policy_len);
	write_u16(w, ALG_NULL);
	write_2b(w, unique, IOTKEY_SECRET);
	err = w->bad ? -EINVAL
		     : iotkey_digest(attest, IOTKEY_HASH_SHA256, w->data + begin,
				     w->len - begin, out);
	if (err)
		return err;
	name->len = 2 + IOTKEY_SECRET;
	name->data[0] = IOTKEY_HASH_SHA256 >> 8;
	name->data[1] = IOTKEY_HASH_SHA256 & 0xff;
	memcpy(name->data + 2, out, IOTKEY_SECRET);
	return 0;
}

/*
 * TPM2B_SENSITIVE: the password, which is empty (a TPM pads each with zeros, so that its length
 * is not to be seen); a seed that hides the data in .unique; the data
 */
#define SENSITIVE_SIZE (2 + 2 + 3 * (2 + IOTKEY_SECRET))

static void write_sensitive(struct writer *w, const uint8_t seed[IOTKEY_SECRET],
			    const uint8_t secret[IOTKEY_SECRET])
{
	static const uint8_t password[IOTKEY_SECRET];

	write_u16(w, SENSITIVE_SIZE - 2);
	write_u16(w, ALG_KEYEDHASH);
	write_2b(w, password, sizeof(password));
	write_2b(w, seed, IOTKEY_SECRET);
	write_2b(w, secret, IOTKEY_SECRET);
}

/* TPM2B_PRIVATE as TPM2_Import takes it, and what names its key */
static int write_duplicate(const struct iotkey_area *parent,
			   const struct iotkey_name *name,
			   uint8_t sensitive[SENSITIVE_SIZE], struct parts *parts)
{
	uint8_t body[2 + IOTKEY_DIGEST_MAX + SENSITIVE_SIZE];
	struct writer w = { body, sizeof(body), 0, false };
	struct protection protection;
	int err;

	err = protection_make(parent, "DUPLICATE", &protection, &parts->secret);
	if (!err)
		err = protection_apply(&protection, name, sensitive, SENSITIVE_SIZE, &w);
	protection_wipe(&protection);
	write_2b(&parts->privkey, body, w.len);
	return err ? err : w.bad || parts->privkey.bad || parts->secret.bad ? -EINVAL : 0;
}

static int make_parts(struct iotkey_attest *attest, const struct iotkey_area *parent,
		      const uint8_t secret[IOTKEY_SECRET], bool policy,
		      struct parts *parts)
{
	uint8_t seed[IOTKEY_SECRET], unique[IOTKEY_DIGEST_MAX];
	uint8_t sensitive[SENSITIVE_SIZE];
	struct writer w = { sensitive, sizeof(sensitive), 0, false };
	struct iotkey_name name;
	int err;

	if (RAND_priv_bytes(seed, sizeof(seed)) != 1)
		return -ENOMEM;
	err = attest_digest2(attest, IOTKEY_HASH_SHA256, seed, sizeof(seed), secret,
			     IOTKEY_SECRET, unique);
	if (!err)
		err = write_area(attest, &parts->pubkey, policy, parts->digest, unique,
				 &name);
	if (!err) {
		write_sensitive(&w, seed, secret);
		err = write_duplicate(parent, &name, sensitive, parts);
	}
	OPENSSL_cleanse(seed, sizeof(seed));
	OPENSSL_cleanse(sensitive, sizeof(sensitive));
	return err;
}

static bool is_authorized(const struct iotkey_policy *policy)
{
	return policy->kind == IOTKEY_POLICY_AUTHORIZED && policy->approvals &&
	       policy->approvals <= IOTKEY_APPROVALS_MAX &&
	       policy->reference.len <= IOTKEY_REFERENCE_MAX;
}

static int policy_digest(struct iotkey_attest *attest, const struct iotkey_policy *policy,
			 struct parts *parts)
{
	switch (policy->kind) {
	case IOTKEY_POLICY_NONE:
		return 0;
	case IOTKEY_POLICY_PCRS:
		return iotkey_policy_pcrs(attest, policy->selection, policy->pcr_digest,
					  parts->digest);
	case IOTKEY_POLICY_AUTHORIZED:
		if (!is_authorized(policy))
			return -EINVAL;
		return iotkey_policy_authorized(attest, policy->signer, policy->reference,
						parts->digest);
	default:
		return -EINVAL;
	}
}

int iotkey_wrap(struct iotkey_attest *attest, const struct iotkey_area *parent,
		uint32_t handle, const uint8_t secret[IOTKEY_SECRET],
		const struct iotkey_policy *policy, char **pem)
{
	struct parts parts = { 0 };
	int err;

	parts.pubkey = (struct writer){ parts.area, sizeof(parts.area), 0, false };
	parts.privkey =
		(struct writer){ parts.duplicate, sizeof(parts.duplicate), 0, false };
	parts.secret = (struct writer){ parts.seed, sizeof(parts.seed), 0, false };
	if (iotkey_area_flaw(parent, IOTKEY_ROLE_PARENT))
		return -EACCES;
	err = policy_digest(attest, policy, &parts);
	if (!err)
		err = make_parts(attest, parent, secret,
				 policy->kind != IOTKEY_POLICY_NONE, &parts);
	if (err)
		return err;
	*pem = write_file(&parts, handle, policy);
	return *pem ? 0 : -ENOMEM;
}

int iotkey_approvals(const struct iotkey_policy *policy, uint8_t **der, size_t *len)
{
	STACK_OF(SIGNED_POLICY) * all;
	uint8_t *copy = NULL, *out = NULL;
	bool ok = true;
	int size = -1;
	size_t i;

	if (!is_authorized(policy))
		return -EINVAL;
	all = sk_SIGNED_POLICY_new_null();
	for (i = 0; all && ok && i < policy->approvals; i++)
		ok = add_approval(all, policy, &policy->approval[i]);
	if (all && ok)
		size = ASN1_item_i2d((ASN1_VALUE *)all, &out,
				     ASN1_ITEM_rptr(SIGNED_POLICIES));
	if (size > 0)
		copy = malloc((size_t)size);
	if (copy) {
		memcpy(copy, out, (size_t)size);
		*len = (size_t)size;
	}
	OPENSSL_free(out);
	ASN1_item_free((ASN1_VALUE *)all, ASN1_ITEM_rptr(SIGNED_POLICIES));
	*der = copy;
	return copy ? 0 : -ENOMEM;
}
