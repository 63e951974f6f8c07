/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libiotkey-attest, second half: what the two sides of a fleet make for each other's
 * TPMs and check of them, without a TPM.
 *
 * A registrar knows a TPM by its endorsement key (EK), makes a credential that only that
 * TPM opens, believes its attestation key (AK) from then on, has the AK certify other
 * keys, wraps roots so that only that TPM imports them, and signs statements.
 *
 * The conventions are those of <iotkey-attest.h>: 0 or a count, or -errno; input is hostile;
 * parsers copy nothing; nothing is printed.  Secrets that a function made for itself are
 * wiped before it returns.  evp_pkey_st, x509_st and X509_req_st are OpenSSL's EVP_PKEY,
 * X509 and X509_REQ; one key may be used by several threads.
 *
 * "Part 1, 2, 3" is the TPM 2.0 Library Specification of the Trusted Computing Group.
 */
#ifndef _IOTKEY_FLEET_H
#define _IOTKEY_FLEET_H

#include <iotkey-attest.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evp_pkey_st;
struct X509_req_st;

#define IOTKEY_DEVICE_ID 16 /* bytes */
#define IOTKEY_SECRET	 32 /* bytes of a root */

/*
 * Public areas (lib/attest/area.c)
 */

/* TPMA_OBJECT (Part 2, 8.3) */
enum iotkey_attribute {
	IOTKEY_FIXED_TPM = 1 << 1,
	IOTKEY_FIXED_PARENT = 1 << 4,
	IOTKEY_SENSITIVE_DATA_ORIGIN = 1 << 5,
	IOTKEY_USER_WITH_AUTH = 1 << 6,
	IOTKEY_ADMIN_WITH_POLICY = 1 << 7,
	IOTKEY_NO_DA = 1 << 10,
	IOTKEY_RESTRICTED = 1 << 16,
	IOTKEY_DECRYPT = 1 << 17,
	IOTKEY_SIGN = 1 << 18,
};

/* TPMT_PUBLIC of an RSA or ECC key (Part 2, 12.2.4); algorithms are TPM_ALG_ID */
struct iotkey_area {
	struct iotkey_bytes whole; /* TPMT_PUBLIC: what the name is over */
	bool is_ec;
	uint16_t hash;	     /* of its name; enum iotkey_hash */
	uint32_t attributes; /* enum iotkey_attribute */
	struct iotkey_bytes policy;
	uint16_t symmetric, symmetric_bits, symmetric_mode; /* of a storage key */
	uint16_t scheme, scheme_hash;
	uint16_t bits;		  /* RSA */
	uint32_t exponent;	  /* RSA; 0: 65537 */
	uint16_t curve;		  /* TPM_ECC_CURVE: 3, 4, 5 are P-256, P-384, P-521 */
	struct iotkey_bytes x, y; /* RSA: the modulus, and nothing */
};

/*
 * iotkey_area_parse(): TPM2B_PUBLIC (as tpm2_readpublic -o writes it) or TPMT_PUBLIC.
 * Errors: -EBADMSG, it is none, or longer than it says; -ENOTSUP, of neither RSA nor
 * one of those curves, or with an algorithm not known here.
 */
int iotkey_area_parse(const void *data, size_t len, struct iotkey_area *area);

#define IOTKEY_TPM_NAME_MAX (2 + IOTKEY_DIGEST_MAX)

/* TPM2B_NAME without its size: algorithm and digest (Part 1, 16) */
struct iotkey_name {
	size_t len;
	uint8_t data[IOTKEY_TPM_NAME_MAX];
};

/* iotkey_area_name(): the name of the key.  Errors: as iotkey_digest(). */
int iotkey_area_name(struct iotkey_attest *attest, const struct iotkey_area *area,
		     struct iotkey_name *name);

/* iotkey_name_is(): whether these bytes are that name */
bool iotkey_name_is(const struct iotkey_name *name, struct iotkey_bytes bytes);

/* What a key is to be */
enum iotkey_role {
	IOTKEY_ROLE_EK, /* made in the TPM; decrypts for the TPM alone */
	IOTKEY_ROLE_AK, /* made in the TPM; signs what the TPM says, and nothing else */
	IOTKEY_ROLE_PARENT, /* made in the TPM, ECC P-256 and SHA-256; keeps other objects */
	IOTKEY_ROLE_KEY,    /* made in the TPM; signs anything */
};

/*
 * iotkey_area_flaw(): why a key is not fit for a role: a sentence without a full stop, as
 * "it is not fixedTPM"; NULL, it is.
 */
const char *iotkey_area_flaw(const struct iotkey_area *area, enum iotkey_role role);

/*
 * iotkey_area_pkey(): the key for OpenSSL, to be freed with EVP_PKEY_free().
 * Errors: -EBADMSG, there is no such key (the point is not on the curve); -ENOMEM.
 */
int iotkey_area_pkey(const struct iotkey_area *area, struct evp_pkey_st **pkey);

/*
 * iotkey_area_digest(): SHA-256 of the key's DER SubjectPublicKeyInfo, by which EKs are known.
 * Errors: -EBADMSG, there is no such key (that a point is on the curve iotkey_area_pkey()
 * finds out); -ENOMEM.
 */
int iotkey_area_digest(const struct iotkey_area *area, uint8_t digest[32]);

/*
 * iotkey_area_signer(): TPMT_PUBLIC of a key outside of any TPM that approves policies, as
 * TPM2_LoadExternal takes it.  Returns its length, IOTKEY_SIGNER_SIZE.
 * Errors: -ENOTSUP, it is not on ECC P-256.
 */
#define IOTKEY_SIGNER_SIZE 86
ssize_t iotkey_area_signer(const struct evp_pkey_st *pkey,
			   uint8_t out[IOTKEY_SIGNER_SIZE]);

/*
 * iotkey_device_id(): by which a fleet knows a device: the first half of SHA-256 of the DER
 * SubjectPublicKeyInfo of its endorsement key (or of its IDevID's key).
 * Errors: -ENOMEM.
 */
int iotkey_device_id(const struct evp_pkey_st *pkey, uint8_t id[IOTKEY_DEVICE_ID]);

/*
 * Endorsement key certificates (lib/attest/ek.c), TCG EK Credential Profile
 */
struct iotkey_makers;

/*
 * iotkey_makers_load(): whom to believe: a file of certificates (PEM, one or more; or
 * DER), or a directory of such files.  To be freed with iotkey_makers_free().  Each of
 * them is believed by itself, a root or not.
 * Errors: -errno of opening; -ENODATA, an empty directory; -EBADMSG, a file holds something
 * else, or nothing; -ENOMEM.
 */
int iotkey_makers_load(const char *path, struct iotkey_makers **makers);
void iotkey_makers_free(struct iotkey_makers *makers); /* NULL is fine */

#define IOTKEY_EK_CERTIFICATES_MAX 8

/*
 * iotkey_ek_check(): whether a maker vouches for this EK.  The first certificate (DER) is
 * the EK's, others may help from there to a maker's; @now in seconds.
 * Errors: -ENODATA, there is none; -E2BIG, more than IOTKEY_EK_CERTIFICATES_MAX;
 * -EBADMSG, one is no certificate; -EXDEV, it is for another key; -EKEYEXPIRED, it or
 * one above it is over, or not yet valid; -EPROTOTYPE, it is no EK's (a CA's, or of
 * another purpose or usage, or with a critical extension that nobody here knows); -ENOKEY, no maker
 * is known; -EKEYREJECTED, a signature does not fit, or the chain is wrong in itself;
 * -ENOMEM.
 */
int iotkey_ek_check(const struct iotkey_makers *makers, const struct iotkey_bytes *certs,
		    size_t count, const struct iotkey_area *ek, int64_t now);

/*
 * Credentials (lib/attest/credential.c), Part 1, 24
 */

/* TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, one after the other */
#define IOTKEY_CREDENTIAL_MAX (2 + 2 + 64 + 2 + 64 + 2 + 1024)

/*
 * iotkey_credential_make(): what TPM2_MakeCredential makes of @secret (1 to as many bytes as the
 * EK's hash has): the TPM with @ek opens it by TPM2_ActivateCredential, and only if it
 * holds the key @name.  Returns the length.
 * Errors: -EINVAL, the secret's length; -ENOTSUP, an EK without AES in CFB mode;
 * -EBADMSG, as iotkey_area_pkey(); -ENOMEM.
 */
ssize_t iotkey_credential_make(const struct iotkey_area *ek,
			       const struct iotkey_name *name, const void *secret,
			       size_t len, uint8_t out[IOTKEY_CREDENTIAL_MAX]);

/*
 * Certified keys (lib/attest/certify.c)
 */

/* TPMS_ATTEST of TPM2_Certify (Part 2, 10.12.12), as tpm2_certify -o writes it */
struct iotkey_certified {
	struct iotkey_bytes signer;    /* qualified name of the attestation key */
	struct iotkey_bytes nonce;     /* extraData */
	uint32_t resets, restarts;     /* of the TPM */
	struct iotkey_bytes name;      /* of the key that it is about */
	struct iotkey_bytes qualified; /* and its qualified name */
};

/* iotkey_certified_parse(): errors as iotkey_quote_parse() */
int iotkey_certified_parse(const void *data, size_t len,
			   struct iotkey_certified *certified);

/* What TPM2_Certify gave, and the public area of the key */
struct iotkey_key_evidence {
	struct iotkey_bytes attest;    /* TPMS_ATTEST */
	struct iotkey_bytes signature; /* TPMT_SIGNATURE */
	struct iotkey_bytes area;      /* TPMT_PUBLIC or TPM2B_PUBLIC */
};

/*
 * iotkey_key_check(): whether the TPM with @ak holds the key @evidence->area, which is fit
 * for @role, and said so after @nonce was given.  @area is filled from -EACCES on.
 * Errors, the first that is found: -EBADMSG, something is malformed; -EPROTOTYPE, it
 * attests something else, or was signed by another kind of key; -ENOTSUP, a hash
 * that is weak or not known; -EKEYREJECTED, the signature does not fit;
 * -ESTALE, another nonce; -EXDEV, it is about another key; -EACCES, the key is not fit for
 * the role (iotkey_area_flaw() tells why); -ENOMEM.
 */
int iotkey_key_check(struct iotkey_attest *attest, const struct iotkey_ak *ak,
		     struct iotkey_bytes nonce, enum iotkey_role role,
		     const struct iotkey_key_evidence *evidence,
		     struct iotkey_area *area);

/*
 * Evidence in a certificate request (lib/attest/csr.c)
 *
 * Attribute id-aa-attestation, 1.2.840.113549.1.9.16.2.59 (draft-ietf-lamps-csr-attestation
 * from -22 on), with one value:
 *
 *	AttestationBundle ::= SEQUENCE {
 *		attestations	SEQUENCE SIZE (1..MAX) OF AttestationStatement,
 *		certs		SEQUENCE SIZE (1..MAX) OF LimitedCertChoices OPTIONAL }
 *	AttestationStatement ::= SEQUENCE {
 *		type		OBJECT IDENTIFIER,  -- 2.23.133.20.1, tcg-attest-tpm-certify
 *		stmt		Tcg-attest-certify }
 *	Tcg-attest-certify ::= SEQUENCE {
 *		tpmSAttest	OCTET STRING,
 *		signature	OCTET STRING,
 *		tpmTPublic	OCTET STRING OPTIONAL }
 *
 * Statements of other types are skipped, and certs are not looked at.
 */

/* iotkey_csr_add(): put evidence into a request that is not signed yet.  Errors: -ENOMEM. */
int iotkey_csr_add(struct X509_req_st *req, const struct iotkey_key_evidence *evidence);

/*
 * iotkey_csr_find(): the evidence in a request, which lives as long as *@owner, to be freed with
 * iotkey_csr_release().
 * Errors: -ENODATA, there is none; -EBADMSG, it is malformed, or without the
 * public area; -ENOMEM.
 */
struct iotkey_csr_evidence;
int iotkey_csr_find(const struct X509_req_st *req, struct iotkey_key_evidence *evidence,
		    struct iotkey_csr_evidence **owner);
void iotkey_csr_release(struct iotkey_csr_evidence *owner); /* NULL is fine */

/*
 * iotkey_csr_check(): whether the key in the request lives in the TPM with @ak, which said so
 * after @nonce was given.  The request's own signature is not looked at.
 * Errors: -ENODATA, no evidence; -ENOKEY, evidence of another key than the request's; or as
 * iotkey_key_check() for IOTKEY_ROLE_KEY.
 */
int iotkey_csr_check(struct iotkey_attest *attest, const struct X509_req_st *req,
		     const struct iotkey_ak *ak, struct iotkey_bytes nonce);

/*
 * Policies (lib/attest/policy.c), Part 1, 19.7
 */

#define IOTKEY_POLICY_SIZE 32 /* digest, SHA-256 */

/*
 * iotkey_pcr_digest(): what TPM2_PolicyPCR takes for these values: their SHA-256.
 * Errors: -EINVAL, nothing is selected, or a value is missing; as iotkey_digest().
 */
int iotkey_pcr_digest(struct iotkey_attest *attest,
		      const struct iotkey_pcr_selection *selection,
		      const struct iotkey_pcr_values *values,
		      uint8_t pcr_digest[IOTKEY_POLICY_SIZE]);

/*
 * iotkey_policy_pcrs(): the policy of one TPM2_PolicyPCR.
 * Errors: as iotkey_digest().
 */
int iotkey_policy_pcrs(struct iotkey_attest *attest,
		       const struct iotkey_pcr_selection *selection,
		       const uint8_t pcr_digest[IOTKEY_POLICY_SIZE],
		       uint8_t policy[IOTKEY_POLICY_SIZE]);

/*
 * iotkey_policy_authorized(): the policy of one TPM2_PolicyAuthorize: whatever the key @signer
 * (iotkey_area_signer()) approves for @reference, which may be empty.
 */
int iotkey_policy_authorized(struct iotkey_attest *attest,
			     const uint8_t signer[IOTKEY_SIGNER_SIZE],
			     struct iotkey_bytes reference,
			     uint8_t policy[IOTKEY_POLICY_SIZE]);

/* TPMT_SIGNATURE of ECDSA on P-256 with SHA-256 */
#define IOTKEY_APPROVAL_SIZE (4 + 2 * (2 + 32))

/* Values that a signer approved */
struct iotkey_approval {
	struct iotkey_pcr_selection selection;
	uint8_t pcr_digest[IOTKEY_POLICY_SIZE];
	uint8_t signature[IOTKEY_APPROVAL_SIZE]; /* over H(policy || reference) */
};

/*
 * iotkey_policy_approve(): sign the policy of these values.
 * Errors: as iotkey_policy_pcrs(); -EINVAL, the reference is too long; -ENOTSUP, the key is
 * not on ECC P-256; -EIO, it did not sign.
 */
int iotkey_policy_approve(struct iotkey_attest *attest, struct evp_pkey_st *signer,
			  struct iotkey_bytes reference,
			  const struct iotkey_pcr_selection *selection,
			  const uint8_t pcr_digest[IOTKEY_POLICY_SIZE],
			  struct iotkey_approval *approval);

/*
 * iotkey_approval_check(): whether the signer (its public half will do) approved that.
 * Errors: -EKEYREJECTED, it did not; as iotkey_policy_approve().
 */
int iotkey_approval_check(struct iotkey_attest *attest, struct evp_pkey_st *signer,
			  struct iotkey_bytes reference,
			  const struct iotkey_approval *approval);

/*
 * Wrapped roots (lib/attest/wrap.c), Part 1, 23.3
 */

enum iotkey_policy_kind {
	IOTKEY_POLICY_NONE,	  /* that TPM, in any state */
	IOTKEY_POLICY_PCRS,	  /* and with these values */
	IOTKEY_POLICY_AUTHORIZED, /* and with values that a signer approves */
};

struct iotkey_policy {
	enum iotkey_policy_kind kind;
	/* IOTKEY_POLICY_PCRS */
	const struct iotkey_pcr_selection *selection;
	const uint8_t *pcr_digest; /* IOTKEY_POLICY_SIZE */
	/* IOTKEY_POLICY_AUTHORIZED; the approvals, one or more, are tried in order */
	const uint8_t *signer; /* IOTKEY_SIGNER_SIZE */
	struct iotkey_bytes reference;
	const struct iotkey_approval *approval;
	size_t approvals;
};

/* Most approvals in one file, as the kernel takes them, and longest reference */
#define IOTKEY_APPROVALS_MAX 8
#define IOTKEY_REFERENCE_MAX 32

/*
 * iotkey_wrap(): a secret as an importable TSS2 PRIVATE KEY (PEM,
 * draft-bottomley-tpm2-keys) for the TPM with the storage key @parent, which lies there at
 * @handle.  The object can be unsealed, and neither be moved on nor be used by password
 * where there is a policy.  *@pem is zero-terminated, to be freed with free(3).
 * Errors: -EACCES, the parent is not fit (IOTKEY_ROLE_PARENT); -EINVAL, the policy;
 * -EBADMSG, as iotkey_area_pkey(); -ENOMEM.
 */
int iotkey_wrap(struct iotkey_attest *attest, const struct iotkey_area *parent,
		uint32_t handle, const uint8_t secret[IOTKEY_SECRET],
		const struct iotkey_policy *policy, char **pem);

/*
 * iotkey_approvals(): the approvals of an IOTKEY_POLICY_AUTHORIZED for a root that is loaded
 * already: DER of a SEQUENCE OF TPMAuthPolicy, whose base64 keyctl update ROOT "policy BASE64"
 * takes.  *@der is to be freed with free(3).
 * Errors: -EINVAL, the policy; -ENOMEM.
 */
int iotkey_approvals(const struct iotkey_policy *policy, uint8_t **der, size_t *len);

/*
 * Statements (lib/attest/statement.c)
 *
 * What a fleet revokes, numbered, signed by its CA, each chained to the one before it
 * (Documentation/fleet.rst, "Statements").
 */
#define IOTKEY_STATEMENT_MAX	(1u << 20)
#define IOTKEY_STATEMENT_DIGEST 32

enum iotkey_revoked {
	IOTKEY_REVOKED_DEVICE = 1,
	IOTKEY_REVOKED_KEY = 2,	    /* .name */
	IOTKEY_REVOKED_VERSION = 3, /* .version of .name */
	IOTKEY_REVOKED_MEMBER = 4,  /* the device leaves the group .name */
};

struct iotkey_revocation {
	uint8_t type;		      /* enum iotkey_revoked */
	uint8_t id[IOTKEY_DEVICE_ID]; /* zeros: every device */
	uint32_t version;
	struct iotkey_bytes name; /* 1 to 255 printable ASCII without spaces */
};

struct iotkey_statement {
	struct iotkey_bytes whole; /* one statement, with its signature */
	uint64_t sequence;	   /* from 1 */
	uint64_t time;		   /* seconds since 1970 */
	const uint8_t *fleet;	   /* 16 bytes: iotkey_device_id() of the CA's key */
	const uint8_t *previous; /* digest of the whole previous statement; zeros for 1 */
	unsigned int sections;
	struct iotkey_bytes body; /* the sections */
	struct iotkey_bytes signature;

	/* for iotkey_statement_next() */
	size_t offset;
	unsigned int left_sections;
	uint8_t type;
	uint32_t left;
};

/*
 * iotkey_statement_parse(): the first statement in @data, where others may follow (at
 * .whole.len).  All of it is checked but the signature.
 * Errors: -ENODATA, it ends in the midst; -EPROTONOSUPPORT, of a version or with a
 * section not known here; -EBADMSG, it is none; -EFBIG, it is longer than
 * IOTKEY_STATEMENT_MAX.
 */
int iotkey_statement_parse(const void *data, size_t len,
			   struct iotkey_statement *statement);

/* iotkey_statement_next(): 1, the next revocation; 0, there is none any more */
int iotkey_statement_next(struct iotkey_statement *statement,
			  struct iotkey_revocation *revocation);

/*
 * iotkey_statement_verify(): whether the CA signed it for its fleet.
 * Errors: -EXDEV, it is of another fleet; -EKEYREJECTED, the signature does not
 * fit; -ENOTSUP, the key is not of ECC; -ENOMEM.
 */
int iotkey_statement_verify(struct iotkey_attest *attest,
			    const struct iotkey_statement *statement,
			    const struct evp_pkey_st *ca);

/* Where a reader of statements stands: begin with zeros */
struct iotkey_chain {
	uint64_t sequence; /* of the last one */
	uint8_t digest[IOTKEY_STATEMENT_DIGEST];
};

/*
 * iotkey_statement_follow(): whether it is the next one, and if so, go on to it.  To be
 * asked after iotkey_statement_verify().
 * Errors: -EALREADY, it was passed; -ERANGE, some before it are missing;
 * -EKEYREJECTED, it follows another one than that; -ENOMEM.
 */
int iotkey_statement_follow(struct iotkey_attest *attest, struct iotkey_chain *chain,
			    const struct iotkey_statement *statement);

/*
 * iotkey_statement_make(): the statement after @chain, to be freed with free(3); @chain stays as
 * it is.  Those revocations that have the same type should stand together.
 * Errors: -EINVAL, a revocation is none, or there is none; -EFBIG; -ENOTSUP, the key is
 * not of ECC; -EIO, it did not sign; -ENOMEM.
 */
int iotkey_statement_make(struct evp_pkey_st *ca, const struct iotkey_chain *chain,
			  uint64_t time, const struct iotkey_revocation *revocations,
			  size_t count, uint8_t **out, size_t *len);

#ifdef __cplusplus
}
#endif

#endif /* _IOTKEY_FLEET_H */
