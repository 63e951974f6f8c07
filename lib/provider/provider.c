// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The OpenSSL provider "iotkey": signatures with private keys that the kernel holds, for
 * programs that know nothing of it.  See iotkey-provider(7).
 */
#include "provider.h"

#include <assert.h>
#include <errno.h>
#include <iotkey.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <stdarg.h>

#define EC_NAMES  "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define RSA_NAMES "RSA:rsaEncryption:1.2.840.113549.1.1.1"

static const OSSL_ALGORITHM keymgmts[] = {
	{ EC_NAMES, PROPERTIES, ec_keymgmt, "EC keys of the kernel" },
	{ RSA_NAMES, PROPERTIES, rsa_keymgmt, "RSA keys of the kernel" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM signatures[] = {
	{ "ECDSA", PROPERTIES, ecdsa_signature, "ECDSA by the kernel" },
	{ RSA_NAMES, PROPERTIES, rsa_signature, "RSA signatures by the kernel" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM stores[] = {
	{ URI_SCHEME, PROPERTIES, store_functions, "keys of the kernel by their URI" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM decoders[] = {
	{ "DER", PROPERTIES ",input=pem", pem_decoder, REFERENCE_LABEL },
	{ EC_NAMES, PROPERTIES ",input=der,structure=" STRUCTURE, ec_decoder,
	  REFERENCE_LABEL },
	{ RSA_NAMES, PROPERTIES ",input=der,structure=" STRUCTURE, rsa_decoder,
	  REFERENCE_LABEL },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM encoders[] = {
	{ EC_NAMES, PROPERTIES ",output=pem,structure=PrivateKeyInfo", pem_encoder,
	  REFERENCE_LABEL },
	{ RSA_NAMES, PROPERTIES ",output=pem,structure=PrivateKeyInfo", pem_encoder,
	  REFERENCE_LABEL },
	{ EC_NAMES, PROPERTIES ",output=text", text_encoder, "EC keys of the kernel" },
	{ RSA_NAMES, PROPERTIES ",output=text", text_encoder, "RSA keys of the kernel" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *query_operation(void *provctx, int operation, int *no_store)
{
	(void)provctx;
	*no_store = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT:
		return keymgmts;
	case OSSL_OP_SIGNATURE:
		return signatures;
	case OSSL_OP_STORE:
		return stores;
	case OSSL_OP_DECODER:
		return decoders;
	case OSSL_OP_ENCODER:
		return encoders;
	}
	return NULL;
}

static const OSSL_PARAM *gettable_params(void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
		OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
		OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return params;
}

static int get_params(void *provctx, OSSL_PARAM params[])
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);

	(void)provctx;
	if (p && !OSSL_PARAM_set_utf8_ptr(p, "iotkey"))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_VERSION);
	if (p && !OSSL_PARAM_set_utf8_ptr(p, IOTKEY_VERSION_STRING))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
	return !p || OSSL_PARAM_set_int(p, 1);
}

/* OpenSSL asks for these once, when the provider is loaded. */
static const OSSL_ITEM *get_reason_strings(void *provctx)
{
	struct provider *prov = provctx;

	return prov->reasons;
}

/* Errnos of the contract that can come from a signature, or from the search of a key */
static const int errnos[] = { EINVAL,	 ENOKEY, EKEYREJECTED, EBADMSG,	    EOPNOTSUPP,
			      EACCES,	 EAGAIN, ETIME,	       EKEYEXPIRED, EKEYREVOKED,
			      EOVERFLOW, EPERM,	 ENODEV,       ENXIO,	    EBUSY,
			      EIO,	 ENOMEM, ENOPKG };

static const OSSL_ITEM own_reasons[] = {
	{ REASON_URI, "this is no URI of a kernel key" },
	{ REASON_FILE, "the file is damaged" },
	{ REASON_OTHER_KEY,
	  "the kernel has another key of that name than the one this file was written for; write it again (iotkeyctl pem)" },
	{ REASON_KEY_TYPE,
	  "this key makes no signatures; an ecdsa-p256 iot key or an asymmetric RSA key does" },
	{ REASON_PUBLIC, "the public half of the key cannot be had" },
	{ REASON_DIGEST, "the key does not sign with this digest" },
	{ REASON_PARAMETER, "the key does not sign in this way" },
	{ REASON_PRIVATE, "the private half never leaves the kernel" },
	{ REASON_OPENSSL, "OpenSSL failed" },
};

static_assert(ARRAY_SIZE(errnos) + ARRAY_SIZE(own_reasons) < REASONS_MAX, "reasons");

static void fill_reasons(OSSL_ITEM *item)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++, item++) {
		item->id = (unsigned int)errnos[i];
		item->ptr = (void *)iotkey_strerror(errnos[i]);
	}
	for (i = 0; i < ARRAY_SIZE(own_reasons); i++)
		*item++ = own_reasons[i];
}

void *provider_newctx(void *provctx)
{
	return provctx;
}

void provider_freectx(void *ctx)
{
	(void)ctx;
}

int provider_wants_private(void *provctx, int selection)
{
	(void)provctx;
	return !selection || selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
}

void raise_error(const struct provider *prov, const char *file, int line,
		 const char *function, int reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	prov->new_error(prov->core);
	prov->set_error_debug(prov->core, file, line, function);
	prov->vset_error(prov->core, (uint32_t)reason, format, args);
	va_end(args);
}

static void teardown(void *provctx)
{
	struct provider *prov = provctx;

	OSSL_LIB_CTX_free(prov->libctx);
	OPENSSL_free(prov);
}

static const OSSL_DISPATCH provider_functions[] = {
	{ OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown },
	{ OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable_params },
	{ OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params },
	{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation },
	{ OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, (void (*)(void))get_reason_strings },
	{ 0, NULL },
};

static bool take_core_functions(struct provider *prov, const OSSL_DISPATCH *in)
{
	for (; in->function_id; in++) {
		switch (in->function_id) {
		case OSSL_FUNC_CORE_NEW_ERROR:
			prov->new_error = OSSL_FUNC_core_new_error(in);
			break;
		case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
			prov->set_error_debug = OSSL_FUNC_core_set_error_debug(in);
			break;
		case OSSL_FUNC_CORE_VSET_ERROR:
			prov->vset_error = OSSL_FUNC_core_vset_error(in);
			break;
		}
	}
	return prov->new_error && prov->set_error_debug && prov->vset_error;
}

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
		       const OSSL_DISPATCH **out, void **provctx)
{
	struct provider *prov = OPENSSL_zalloc(sizeof(*prov));

	if (!prov)
		return 0;
	prov->core = handle;
	fill_reasons(prov->reasons);
	/* Its BIOs reach those of the core; its algorithms are the default provider's. */
	prov->libctx = OSSL_LIB_CTX_new_from_dispatch(handle, in);
	if (!prov->libctx || !take_core_functions(prov, in)) {
		teardown(prov);
		return 0;
	}
	*out = provider_functions;
	*provctx = prov;
	return 1;
}
