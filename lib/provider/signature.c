// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SIGNATURE: digests are made here, by OpenSSL; each signature is one call of the kernel.
 * What is verified is verified by OpenSSL with the public half.
 */
#include "provider.h"

#include <errno.h>
#include <keyutils.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#ifndef RSA_PSS_SALTLEN_AUTO_DIGEST_MAX
#define RSA_PSS_SALTLEN_AUTO_DIGEST_MAX (-4) /* since OpenSSL 3.1 */
#endif

#define SCALAR	  32   /* bytes of a number modulo the order of P-256 */
#define ECDSA_MAX 72   /* bytes of a DER signature with it */
#define RSA_MAX	  1024 /* bytes of a signature of RSA-8192 */

struct signature {
	const struct provider *prov;
	enum kind kind;
	int operation; /* EVP_PKEY_OP_SIGN... */
	struct key *key;
	EVP_MD *md; /* NULL: what is signed is no digest */
	EVP_MD_CTX *digest;
	/* RSA */
	int padding;  /* RSA_..._PADDING */
	int salt_len; /* or RSA_PSS_SALTLEN_... */
	EVP_MD *mgf1; /* NULL: .md */
};

static struct signature *new_signature(const struct provider *prov, enum kind kind)
{
	struct signature *sig = OPENSSL_zalloc(sizeof(*sig));

	if (!sig)
		return NULL;
	sig->prov = prov;
	sig->kind = kind;
	sig->padding = RSA_PKCS1_PADDING;
	sig->salt_len = RSA_PSS_SALTLEN_AUTO;
	return sig;
}

static void *ecdsa_newctx(void *provctx, const char *properties)
{
	(void)properties;
	return new_signature(provctx, KIND_EC);
}

static void *rsa_newctx(void *provctx, const char *properties)
{
	(void)properties;
	return new_signature(provctx, KIND_RSA);
}

static void freectx(void *ctx)
{
	struct signature *sig = ctx;

	if (!sig)
		return;
	key_unref(sig->key);
	EVP_MD_free(sig->md);
	EVP_MD_free(sig->mgf1);
	EVP_MD_CTX_free(sig->digest);
	OPENSSL_free(sig);
}

static void *dupctx(void *ctx)
{
	const struct signature *old = ctx;
	struct signature *sig = OPENSSL_zalloc(sizeof(*sig));

	if (!sig)
		return NULL;
	*sig = *old;
	sig->digest = NULL;
	if (sig->key)
		key_ref(sig->key);
	if (sig->md)
		EVP_MD_up_ref(sig->md);
	if (sig->mgf1)
		EVP_MD_up_ref(sig->mgf1);
	if (!old->digest)
		return sig;
	sig->digest = EVP_MD_CTX_new();
	if (sig->digest && EVP_MD_CTX_copy_ex(sig->digest, old->digest) == 1)
		return sig;
	freectx(sig);
	return NULL;
}

/* The kernel's name of a digest for RSA: with PKCS #1 it writes the name into what it signs */
static const char *kernel_digest(const EVP_MD *md)
{
	static const struct {
		const char *ours, *kernel;
	} names[] = {
		{ "SHA2-256", "sha256" }, { "SHA2-384", "sha384" },
		{ "SHA2-512", "sha512" }, { "SHA2-224", "sha224" },
		{ "SHA1", "sha1" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (EVP_MD_is_a(md, names[i].ours))
			return names[i].kernel;
	return NULL;
}

static bool set_digest(struct signature *sig, EVP_MD **md, const char *name)
{
	EVP_MD *new;

	/* OpenSSL tries what there is: who does not know a digest is silent */
	ERR_set_mark();
	new = EVP_MD_fetch(sig->prov->libctx, name, NULL);
	ERR_pop_to_mark();
	if (!new || EVP_MD_get_flags(new) & EVP_MD_FLAG_XOF) {
		EVP_MD_free(new);
		raise(sig->prov, REASON_DIGEST, "%s", name);
		return false;
	}
	EVP_MD_free(*md);
	*md = new;
	return true;
}

static int set_ctx_params(void *ctx, const OSSL_PARAM params[]);

static bool start(struct signature *sig, struct key *key, int operation,
		  const OSSL_PARAM params[])
{
	sig->operation = operation;
	if (key) {
		if (!key->public || key->kind != sig->kind)
			return false;
		key_ref(key);
		key_unref(sig->key);
		sig->key = key;
	}
	if (!sig->key)
		return false;
	if (operation == EVP_PKEY_OP_SIGN && !sig->key->serial) {
		raise(sig->prov, REASON_PRIVATE, "a public key");
		return false;
	}
	return set_ctx_params(sig, params);
}

static int sign_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return start(ctx, key, EVP_PKEY_OP_SIGN, params);
}

static int verify_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return start(ctx, key, EVP_PKEY_OP_VERIFY, params);
}

static bool digest_start(struct signature *sig, const char *name, struct key *key,
			 int operation, const OSSL_PARAM params[])
{
	const char *wanted = name && *name ? name : "SHA256";

	if (!set_digest(sig, &sig->md, wanted) || !start(sig, key, operation, params))
		return false;
	EVP_MD_CTX_free(sig->digest);
	sig->digest = EVP_MD_CTX_new();
	return sig->digest && EVP_DigestInit_ex(sig->digest, sig->md, NULL) == 1;
}

static int digest_sign_init(void *ctx, const char *name, void *key,
			    const OSSL_PARAM params[])
{
	return digest_start(ctx, name, key, EVP_PKEY_OP_SIGN, params);
}

static int digest_verify_init(void *ctx, const char *name, void *key,
			      const OSSL_PARAM params[])
{
	return digest_start(ctx, name, key, EVP_PKEY_OP_VERIFY, params);
}

static int digest_update(void *ctx, const unsigned char *data, size_t len)
{
	struct signature *sig = ctx;

	return sig->digest && EVP_DigestUpdate(sig->digest, data, len) == 1;
}

/*
 * ECDSA takes the leftmost bits of a digest, as many as the order has, and a shorter one as
 * the number that it is: so any digest is signed as 32 bytes, and the TPM need not know it.
 */
static long ecdsa_call(int32_t serial, const unsigned char *tbs, size_t len,
		       unsigned char *out)
{
	unsigned char scalar[SCALAR] = { 0 };

	if (len >= SCALAR)
		memcpy(scalar, tbs, SCALAR);
	else
		memcpy(scalar + SCALAR - len, tbs, len);
	return keyctl_pkey_sign(serial, "enc=x962", scalar, SCALAR, out, ECDSA_MAX);
}

static size_t rsa_bits(const struct signature *sig)
{
	return (size_t)EVP_PKEY_get_bits(sig->key->public);
}

/* RFC 8017 9.1: the salt of OpenSSL's words */
static bool salt_length(const struct signature *sig, size_t *len)
{
	size_t hash = (size_t)EVP_MD_get_size(sig->md), em = (rsa_bits(sig) + 6) / 8;

	if (em < hash + 2)
		return false;
	switch (sig->salt_len) {
	case RSA_PSS_SALTLEN_DIGEST:
		*len = hash;
		break;
	case RSA_PSS_SALTLEN_AUTO:
	case RSA_PSS_SALTLEN_MAX:
		*len = em - hash - 2;
		break;
	case RSA_PSS_SALTLEN_AUTO_DIGEST_MAX:
		*len = em - hash - 2 < hash ? em - hash - 2 : hash;
		break;
	default:
		*len = (size_t)sig->salt_len;
	}
	return *len <= em - hash - 2;
}

/* The kernel has no word for PSS, but it does the bare private operation. */
static long pss_call(const struct signature *sig, const unsigned char *tbs,
		     unsigned char *out, size_t size)
{
	unsigned char em[RSA_MAX] = { 0 };
	size_t bits = rsa_bits(sig) - 1, salt;

	if (!sig->md || !salt_length(sig, &salt) ||
	    !pss_encode(sig->md, sig->mgf1 ? sig->mgf1 : sig->md, salt, tbs, bits,
			sig->prov->libctx, em + size - (bits + 7) / 8)) {
		errno = 0;
		return -1;
	}
	return keyctl_pkey_decrypt(sig->key->serial, "enc=raw", em, size, out, size);
}

static long rsa_call(const struct signature *sig, const unsigned char *tbs, size_t len,
		     unsigned char *out, size_t size)
{
	const char *name = sig->md ? kernel_digest(sig->md) : NULL;
	char info[32];

	if (sig->padding == RSA_PKCS1_PSS_PADDING)
		return pss_call(sig, tbs, out, size);
	snprintf(info, sizeof(info), "enc=pkcs1%s%s", name ? " hash=" : "",
		 name ? name : "");
	return keyctl_pkey_sign(sig->key->serial, info, tbs, len, out, size);
}

static bool ask_kernel(const struct signature *sig, const unsigned char *tbs, size_t len,
		       unsigned char *out, size_t size, size_t *out_len)
{
	long n;

	/* A signal that did not end the program shall not fail a handshake. */
	do {
		if (sig->kind == KIND_EC)
			n = ecdsa_call(sig->key->serial, tbs, len, out);
		else
			n = rsa_call(sig, tbs, len, out, size);
	} while (n < 0 && errno == EINTR);
	if (n <= 0) {
		raise(sig->prov, n < 0 && errno ? errno : REASON_OPENSSL, "%s",
		      sig->key->uri);
		return false;
	}
	*out_len = (size_t)n;
	return true;
}

static int sign(void *ctx, unsigned char *out, size_t *out_len, size_t size,
		const unsigned char *tbs, size_t len)
{
	const struct signature *sig = ctx;
	size_t max;

	if (!sig->key)
		return 0;
	max = (size_t)EVP_PKEY_get_size(sig->key->public);
	if (!out) {
		*out_len = max;
		return 1;
	}
	if (size < max || (sig->md && len != (size_t)EVP_MD_get_size(sig->md)) ||
	    (sig->kind == KIND_EC && len > EVP_MAX_MD_SIZE)) {
		raise(sig->prov, REASON_PARAMETER, "%s", sig->key->uri);
		return 0;
	}
	return ask_kernel(sig, tbs, len, out, max, out_len);
}

static int digest_sign_final(void *ctx, unsigned char *out, size_t *out_len, size_t size)
{
	struct signature *sig = ctx;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (out && (!sig->digest || EVP_DigestFinal_ex(sig->digest, digest, &len) != 1))
		return 0;
	return sign(sig, out, out_len, size, digest, len);
}

/* OpenSSL verifies: with the same parameters. */
static int verify(void *ctx, const unsigned char *value, size_t value_len,
		  const unsigned char *tbs, size_t len)
{
	struct signature *sig = ctx;
	OSSL_PARAM params[5], *p = params;
	EVP_PKEY_CTX *pkey;
	int ok;

	if (!sig->key)
		return 0;
	if (sig->md)
		*p++ = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST,
							(char *)EVP_MD_get0_name(sig->md),
							0);
	if (sig->kind == KIND_RSA)
		*p++ = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PAD_MODE,
						&sig->padding);
	if (sig->kind == KIND_RSA && sig->padding == RSA_PKCS1_PSS_PADDING) {
		*p++ = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN,
						&sig->salt_len);
		if (sig->mgf1)
			*p++ = OSSL_PARAM_construct_utf8_string(
				OSSL_SIGNATURE_PARAM_MGF1_DIGEST,
				(char *)EVP_MD_get0_name(sig->mgf1), 0);
	}
	*p = OSSL_PARAM_construct_end();
	pkey = EVP_PKEY_CTX_new_from_pkey(sig->prov->libctx, sig->key->public, NULL);
	ok = pkey && EVP_PKEY_verify_init_ex(pkey, params) == 1 &&
	     EVP_PKEY_verify(pkey, value, value_len, tbs, len) == 1;
	EVP_PKEY_CTX_free(pkey);
	return ok;
}

static int digest_verify_final(void *ctx, const unsigned char *value, size_t value_len)
{
	struct signature *sig = ctx;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (!sig->digest || EVP_DigestFinal_ex(sig->digest, digest, &len) != 1)
		return 0;
	return verify(sig, value, value_len, digest, len);
}

/* Of certificates and the like.  PSS tells its parameters, which must be what is signed. */
static X509_ALGOR *pss_algorithm(const struct signature *sig)
{
	const EVP_MD *mgf1 = sig->mgf1 ? sig->mgf1 : sig->md;
	RSA_PSS_PARAMS *pss = RSA_PSS_PARAMS_new();
	X509_ALGOR *algorithm = X509_ALGOR_new(), *inner = X509_ALGOR_new();
	ASN1_STRING *packed = NULL;
	size_t salt;
	bool ok;

	ok = pss && algorithm && inner && salt_length(sig, &salt);
	if (ok) {
		pss->hashAlgorithm = X509_ALGOR_new();
		pss->maskGenAlgorithm = X509_ALGOR_new();
		pss->saltLength = ASN1_INTEGER_new();
		ok = pss->hashAlgorithm && pss->maskGenAlgorithm && pss->saltLength &&
		     ASN1_INTEGER_set(pss->saltLength, (long)salt);
	}
	if (ok) {
		X509_ALGOR_set_md(pss->hashAlgorithm, sig->md);
		X509_ALGOR_set_md(inner, mgf1);
		ok = ASN1_item_pack(inner, ASN1_ITEM_rptr(X509_ALGOR), &packed) &&
		     X509_ALGOR_set0(pss->maskGenAlgorithm, OBJ_nid2obj(NID_mgf1),
				     V_ASN1_SEQUENCE, packed);
		packed = ok ? NULL : packed;
	}
	ok = ok && ASN1_item_pack(pss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), &packed) &&
	     X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE,
			     packed);
	if (!ok) {
		ASN1_STRING_free(packed);
		X509_ALGOR_free(algorithm);
		algorithm = NULL;
	}
	X509_ALGOR_free(inner);
	RSA_PSS_PARAMS_free(pss);
	return algorithm;
}

static X509_ALGOR *algorithm_of(const struct signature *sig)
{
	const int key_nid =
		sig->kind == KIND_EC ? NID_X9_62_id_ecPublicKey : NID_rsaEncryption;
	X509_ALGOR *algorithm;
	int nid;

	if (!sig->md)
		return NULL;
	if (sig->kind == KIND_RSA && sig->padding == RSA_PKCS1_PSS_PADDING)
		return pss_algorithm(sig);
	if (!OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(sig->md), key_nid))
		return NULL;
	algorithm = X509_ALGOR_new();
	if (algorithm &&
	    X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid),
			    sig->kind == KIND_EC ? V_ASN1_UNDEF : V_ASN1_NULL, NULL))
		return algorithm;
	X509_ALGOR_free(algorithm);
	return NULL;
}

static bool get_algorithm(const struct signature *sig, OSSL_PARAM *p)
{
	X509_ALGOR *algorithm = algorithm_of(sig);
	unsigned char *der = NULL;
	int len = algorithm ? i2d_X509_ALGOR(algorithm, &der) : -1;
	bool ok = len > 0 && OSSL_PARAM_set_octet_string(p, der, (size_t)len);

	OPENSSL_free(der);
	X509_ALGOR_free(algorithm);
	return ok;
}

/* OpenSSL speaks of paddings and lengths of salt in words or in numbers. */
struct word {
	const char *text;
	int value;
};

static const struct word paddings[] = {
	{ OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING },
	{ OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING },
	{ NULL, 0 },
};

static const struct word salts[] = {
	{ OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST },
	{ OSSL_PKEY_RSA_PSS_SALT_LEN_MAX, RSA_PSS_SALTLEN_MAX },
	{ OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, RSA_PSS_SALTLEN_AUTO },
	{ "auto-digestmax", RSA_PSS_SALTLEN_AUTO_DIGEST_MAX },
	{ NULL, 0 },
};

static bool get_word(OSSL_PARAM *p, const struct word *words, int value)
{
	char number[16];

	if (p->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_set_int(p, value);
	for (; words->text; words++)
		if (words->value == value)
			return OSSL_PARAM_set_utf8_string(p, words->text);
	snprintf(number, sizeof(number), "%d", value);
	return OSSL_PARAM_set_utf8_string(p, number);
}

static bool set_word(const OSSL_PARAM *p, const struct word *words, int *value)
{
	const char *text;
	char *end;
	long n;

	if (p->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_int(p, value);
	if (!OSSL_PARAM_get_utf8_string_ptr(p, &text))
		return false;
	for (; words->text; words++) {
		if (!strcmp(words->text, text)) {
			*value = words->value;
			return true;
		}
	}
	n = strtol(text, &end, 10);
	*value = (int)n;
	return end != text && !*end && n >= 0 && n <= RSA_MAX;
}

static const OSSL_PARAM ecdsa_params[] = {
	OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL),
	OSSL_PARAM_END,
};

static const OSSL_PARAM rsa_params[] = {
	OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
	OSSL_PARAM_END,
};

static const OSSL_PARAM *params_of(void *ctx, void *provctx)
{
	const struct signature *sig = ctx;

	(void)provctx;
	return sig && sig->kind == KIND_RSA ? rsa_params : ecdsa_params;
}

static int get_ctx_params(void *ctx, OSSL_PARAM params[])
{
	const struct signature *sig = ctx;
	const EVP_MD *mgf1 = sig->mgf1 ? sig->mgf1 : sig->md;
	OSSL_PARAM *p;

	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
	if (p && !get_algorithm(sig, p))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
	if (p && !OSSL_PARAM_set_utf8_string(p, sig->md ? EVP_MD_get0_name(sig->md) : ""))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST_SIZE);
	if (p &&
	    !OSSL_PARAM_set_size_t(p, sig->md ? (size_t)EVP_MD_get_size(sig->md) : 0))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
	if (p && !OSSL_PARAM_set_utf8_string(p, mgf1 ? EVP_MD_get0_name(mgf1) : ""))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p && !get_word(p, paddings, sig->padding))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	return !p || get_word(p, salts, sig->salt_len);
}

/* A digest that is being made cannot be another. */
static bool set_digest_param(struct signature *sig, EVP_MD **md, const OSSL_PARAM *p)
{
	const char *name;

	if (!OSSL_PARAM_get_utf8_string_ptr(p, &name))
		return false;
	if (md == &sig->md && sig->digest && !EVP_MD_is_a(sig->md, name)) {
		raise(sig->prov, REASON_DIGEST, "%s", name);
		return false;
	}
	return set_digest(sig, md, name);
}

static bool set_rsa_params(struct signature *sig, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p;

	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p && (!set_word(p, paddings, &sig->padding) ||
		  (sig->padding != RSA_PKCS1_PADDING &&
		   sig->padding != RSA_PKCS1_PSS_PADDING)))
		return false;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	if (p && (!set_word(p, salts, &sig->salt_len) ||
		  sig->salt_len < RSA_PSS_SALTLEN_AUTO_DIGEST_MAX))
		return false;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
	if (p && !set_digest_param(sig, &sig->mgf1, p))
		return false;
	/* the kernel writes the digest's name into PKCS #1 v1.5 */
	return sig->padding == RSA_PKCS1_PSS_PADDING || !sig->md ||
	       kernel_digest(sig->md);
}

static int set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	struct signature *sig = ctx;
	const OSSL_PARAM *p;

	p = params ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST) : NULL;
	if (p && !set_digest_param(sig, &sig->md, p))
		return 0;
	if (sig->kind == KIND_EC || set_rsa_params(sig, params))
		return 1;
	raise(sig->prov, REASON_PARAMETER, "%s",
	      sig->key && sig->key->uri ? sig->key->uri : "");
	return 0;
}

#define COMMON                                                                          \
	{ OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))freectx },                       \
		{ OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))dupctx },                 \
		{ OSSL_FUNC_SIGNATURE_SIGN_INIT, (void (*)(void))sign_init },           \
		{ OSSL_FUNC_SIGNATURE_SIGN, (void (*)(void))sign },                     \
		{ OSSL_FUNC_SIGNATURE_VERIFY_INIT, (void (*)(void))verify_init },       \
		{ OSSL_FUNC_SIGNATURE_VERIFY, (void (*)(void))verify },                 \
		{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT,                                 \
		  (void (*)(void))digest_sign_init },                                   \
		{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE,                               \
		  (void (*)(void))digest_update },                                      \
		{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL,                                \
		  (void (*)(void))digest_sign_final },                                  \
		{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT,                               \
		  (void (*)(void))digest_verify_init },                                 \
		{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE,                             \
		  (void (*)(void))digest_update },                                      \
		{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL,                              \
		  (void (*)(void))digest_verify_final },                                \
		{ OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, (void (*)(void))get_ctx_params }, \
		{ OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (void (*)(void))params_of }, \
		{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))set_ctx_params }, \
		{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))params_of }, \
	{                                                                               \
		0, NULL                                                                 \
	}

const OSSL_DISPATCH ecdsa_signature[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))ecdsa_newctx },
	COMMON,
};

const OSSL_DISPATCH rsa_signature[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))rsa_newctx },
	COMMON,
};
