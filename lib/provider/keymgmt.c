// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * KEYMGMT: what is asked about a key is asked of its public half, which OpenSSL's default
 * provider holds.  A private key comes from the STORE or the DECODER only.
 */
#include "provider.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

static void *ec_new(void *provctx)
{
	return key_new(provctx, KIND_EC);
}

static void *rsa_new(void *provctx)
{
	return key_new(provctx, KIND_RSA);
}

static void keymgmt_free(void *keydata)
{
	key_unref(keydata);
}

/* @reference is where our STORE or DECODER keeps the pointer; the key is ours from now on */
static void *load(const void *reference, size_t size)
{
	struct key *key, **at = (struct key **)reference;

	if (size != sizeof(key))
		return NULL;
	key = *at;
	*at = NULL;
	return key;
}

static void *dup(const void *keydata, int selection)
{
	(void)selection;
	return key_ref((struct key *)keydata);
}

static int has(const void *keydata, int selection)
{
	const struct key *key = keydata;

	if (!key || !key->public)
		return 0;
	return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || key->serial;
}

static int match(const void *a, const void *b, int selection)
{
	const struct key *one = a, *other = b;

	if (!one->public || !other->public)
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_KEYPAIR)
		return EVP_PKEY_eq(one->public, other->public) == 1;
	return EVP_PKEY_parameters_eq(one->public, other->public) == 1;
}

static int validate(const void *keydata, int selection, int type)
{
	(void)type;
	return has(keydata,
		   selection); /* OpenSSL has checked the public half when it came */
}

static const OSSL_PARAM *ec_gettable(void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL,
				       0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return params;
}

static const OSSL_PARAM *rsa_gettable(void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return params;
}

static int get_params(void *keydata, OSSL_PARAM params[])
{
	struct key *key = keydata;

	return key->public && EVP_PKEY_get_params(key->public, params);
}

/* The private half is refused, or OpenSSL would take the copy for a whole key. */
static int export(void *keydata, int selection, OSSL_CALLBACK *fn, void *arg)
{
	struct key *key = keydata;
	OSSL_PARAM *params = NULL;
	int ok;

	if (!key->public || selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return 0;
	if (EVP_PKEY_todata(key->public, selection, &params) != 1)
		return 0;
	ok = fn(params, arg);
	OSSL_PARAM_free(params);
	return ok;
}

/*
 * A public key of another provider: OpenSSL compares it with one of ours.  OpenSSL 3.0 asks for
 * the private half as well, but then gives what there is.
 */
static int import(void *keydata, int selection, const OSSL_PARAM params[])
{
	struct key *key = keydata;
	EVP_PKEY_CTX *ctx;
	int ok;

	if (key->public || OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY) ||
	    OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_D))
		return 0;
	selection &= ~OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
	ctx = EVP_PKEY_CTX_new_from_name(key->prov->libctx, key_kind_name(key), NULL);
	ok = ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	     EVP_PKEY_fromdata(ctx, &key->public, selection, (OSSL_PARAM *)params) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static const OSSL_PARAM *ec_types(int selection)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? NULL : params;
}

static const OSSL_PARAM *rsa_types(int selection)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_END,
	};

	return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? NULL : params;
}

static const char *ec_operation_name(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC";
}

#define COMMON                                                                \
	{ OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))keymgmt_free },             \
		{ OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))load },             \
		{ OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))dup },               \
		{ OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))has },               \
		{ OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))match },           \
		{ OSSL_FUNC_KEYMGMT_VALIDATE, (void (*)(void))validate },     \
		{ OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))get_params }, \
		{ OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void)) export },        \
	{                                                                     \
		OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import              \
	}

const OSSL_DISPATCH ec_keymgmt[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))ec_new },
	COMMON,
	{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))ec_gettable },
	{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))ec_types },
	{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))ec_types },
	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))ec_operation_name },
	{ 0, NULL },
};

const OSSL_DISPATCH rsa_keymgmt[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))rsa_new },
	COMMON,
	{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))rsa_gettable },
	{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))rsa_types },
	{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))rsa_types },
	{ 0, NULL },
};
