// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * STORE: one key per URI.
 */
#include "provider.h"

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/store.h>

struct store {
	const struct provider *prov;
	char *uri;
	int expect; /* OSSL_STORE_INFO_..., 0: anything */
	bool done;
};

static int store_close(void *ctx)
{
	struct store *store = ctx;

	OPENSSL_free(store->uri);
	OPENSSL_free(store);
	return 1;
}

static void *store_open(void *provctx, const char *uri)
{
	struct store *store = OPENSSL_zalloc(sizeof(*store));

	if (!store)
		return NULL;
	store->prov = provctx;
	store->uri = OPENSSL_strdup(uri);
	if (store->uri)
		return store;
	store_close(store);
	return NULL;
}

static const OSSL_PARAM *settable(void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return params;
}

static int set_params(void *ctx, const OSSL_PARAM params[])
{
	struct store *store = ctx;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);

	return !p || OSSL_PARAM_get_int(p, &store->expect);
}

static int load(void *ctx, OSSL_CALLBACK *object, void *arg,
		OSSL_PASSPHRASE_CALLBACK *pass, void *pass_arg)
{
	struct store *store = ctx;
	struct key *key;

	(void)pass;
	(void)pass_arg;
	store->done = true;
	if (store->expect && store->expect != OSSL_STORE_INFO_PKEY &&
	    store->expect != OSSL_STORE_INFO_PUBKEY)
		return 1;
	key = key_load(store->prov, store->uri, NULL, 0);
	if (!key)
		return 0;
	if (store->expect == OSSL_STORE_INFO_PUBKEY)
		key->serial = 0;
	return key_give(key, object, arg);
}

static int eof(void *ctx)
{
	struct store *store = ctx;

	return store->done;
}

const OSSL_DISPATCH store_functions[] = {
	{ OSSL_FUNC_STORE_OPEN, (void (*)(void))store_open },
	{ OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))settable },
	{ OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))set_params },
	{ OSSL_FUNC_STORE_LOAD, (void (*)(void))load },
	{ OSSL_FUNC_STORE_EOF, (void (*)(void))eof },
	{ OSSL_FUNC_STORE_CLOSE, (void (*)(void))store_close },
	{ 0, NULL },
};
