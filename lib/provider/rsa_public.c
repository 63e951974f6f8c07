// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The public half of a key of type "asymmetric", which the kernel does not tell.  It does
 * encrypt, c(m) = m^e mod n, and that is enough: c(a) c(b) - c(ab) is a multiple of n, and
 * the greatest common divisor of a few such is n.
 */
#include "provider.h"

#include <errno.h>
#include <keyutils.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#define SIZE_MAX_BYTES 1024 /* RSA-8192 */
#define PAIRS_MAX      32

/* c(@m) of a key of @size bytes */
static bool encrypt(int32_t serial, size_t size, const BIGNUM *m, BIGNUM *c)
{
	unsigned char in[SIZE_MAX_BYTES], out[SIZE_MAX_BYTES];
	long n;

	if (BN_bn2binpad(m, in, (int)size) < 0)
		return false;
	n = keyctl_pkey_encrypt(serial, "enc=raw", in, size, out, size);
	return n > 0 && BN_bin2bn(out, (int)n, c);
}

/* @n becomes gcd(@n, another multiple of the modulus).  @a * @b must be less than it. */
static bool reduce(int32_t serial, size_t size, BIGNUM *n, BN_CTX *bn)
{
	const int half = (int)size * 4 - 2;
	BIGNUM *a, *b, *ca, *cb;
	bool ok;

	BN_CTX_start(bn);
	a = BN_CTX_get(bn);
	b = BN_CTX_get(bn);
	ca = BN_CTX_get(bn);
	cb = BN_CTX_get(bn);
	ok = cb && BN_rand(a, half, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	     BN_rand(b, half, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	     encrypt(serial, size, a, ca) && encrypt(serial, size, b, cb) &&
	     BN_mul(a, a, b, bn) && encrypt(serial, size, a, b) &&
	     BN_mul(ca, ca, cb, bn) && BN_sub(ca, ca, b) && BN_gcd(n, n, ca, bn);
	BN_CTX_end(bn);
	return ok;
}

/* Whether @e is the exponent: tried on one message */
static bool exponent_is(int32_t serial, size_t size, const BIGNUM *n, const BIGNUM *e,
			BN_CTX *bn)
{
	BIGNUM *m, *c, *want;
	bool ok;

	BN_CTX_start(bn);
	m = BN_CTX_get(bn);
	c = BN_CTX_get(bn);
	want = BN_CTX_get(bn);
	ok = want && BN_rand(m, (int)size * 8 - 2, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	     encrypt(serial, size, m, c) && BN_mod_exp(want, m, e, n, bn) &&
	     !BN_cmp(c, want);
	BN_CTX_end(bn);
	return ok;
}

static bool find_numbers(int32_t serial, size_t size, BIGNUM *n, BIGNUM *e, BN_CTX *bn)
{
	static const BN_ULONG exponents[] = { 65537, 3, 5, 17, 257 };
	size_t i;

	BN_zero(n);
	for (i = 0; i < PAIRS_MAX; i++) {
		if (!reduce(serial, size, n, bn))
			return false;
		/* a multiple of it would be longer */
		if (i > 0 && BN_num_bits(n) <= (int)size * 8)
			break;
	}
	for (i = 0; i < ARRAY_SIZE(exponents); i++) {
		if (BN_set_word(e, exponents[i]) && exponent_is(serial, size, n, e, bn))
			return true;
	}
	return false;
}

static EVP_PKEY *make_key(OSSL_LIB_CTX *libctx, const BIGNUM *n, const BIGNUM *e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, "RSA", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *public = NULL;

	if (build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
		params = OSSL_PARAM_BLD_to_param(build);
	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &public, EVP_PKEY_PUBLIC_KEY, params) != 1)
	public = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	return public;
}

EVP_PKEY *rsa_public(const struct provider *prov, int32_t serial, const char *uri)
{
	struct keyctl_pkey_query query;
	EVP_PKEY *public = NULL;
	BN_CTX *bn;
	BIGNUM *n, *e;
	size_t size;

	if (keyctl_pkey_query(serial, "enc=raw", &query) < 0) {
		raise(prov, errno, "%s", uri);
		return NULL;
	}
	size = query.max_enc_size;
	if (!(query.supported_ops & KEYCTL_SUPPORTS_DECRYPT) || size < 128 ||
	    size > SIZE_MAX_BYTES) {
		raise(prov, REASON_KEY_TYPE, "%s", uri);
		return NULL;
	}
	bn = BN_CTX_new_ex(prov->libctx);
	if (!bn)
		return NULL;
	BN_CTX_start(bn);
	n = BN_CTX_get(bn);
	e = BN_CTX_get(bn);
	if (e && find_numbers(serial, size, n, e, bn))
	public = make_key(prov->libctx, n, e);
	if (!public)
		raise(prov, REASON_PUBLIC, "%s", uri);
	BN_CTX_end(bn);
	BN_CTX_free(bn);
	return public;
}
