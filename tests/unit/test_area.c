// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys of public areas, which lib/attest makes and hashes by short ways of its own, are those that
 * OpenSSL makes and hashes.
 *
 * sources: lib/attest/area.c lib/attest/ak.c lib/attest/hash.c
 * libs: -lcrypto
 */
#include <iotkey-fleet.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#include "ktap.h"

#define POINT_MAX (1 + 2 * 66)

static uint8_t area_data[300];
static size_t area_len;

static void put(const void *data, size_t len)
{
	memcpy(area_data + area_len, data, len);
	area_len += len;
}

static void put_u16(size_t value)
{
	uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	put(bytes, 2);
}

/* TPMT_PUBLIC of a signing key; @shorten: a TPM that leaves out leading zeros */
static void make_area(const uint8_t *point, unsigned int curve, size_t size, bool shorten)
{
	static const uint8_t head[] = { 0,    0x23, 0, 0x0b, 0,	   5, 0,
					0x72, 0,    0, 0,    0x10, 0, 0x10 };
	const uint8_t *number;
	size_t len;
	int i;

	area_len = 0;
	put(head, sizeof(head));
	put_u16(curve);
	put_u16(0x10); /* no KDF */
	for (i = 0; i < 2; i++) {
		number = point + 1 + (i ? size : 0);
		for (len = size; shorten && len && !*number; len--)
			number++;
		put_u16(len);
		put(number, len);
	}
}

static bool agrees(EVP_PKEY *key)
{
	uint8_t digest[32], theirs[32], *der = NULL;
	struct iotkey_area area;
	struct iotkey_ak *ak;
	EVP_PKEY *own = NULL;
	int len = i2d_PUBKEY(key, &der);
	bool ok;

	SHA256(der, (size_t)len, theirs);
	OPENSSL_free(der);
	ok = !iotkey_area_parse(area_data, area_len, &area) &&
	     !iotkey_area_pkey(&area, &own) && EVP_PKEY_eq(own, key) == 1 &&
	     !iotkey_area_digest(&area, digest) && !memcmp(digest, theirs, 32);
	EVP_PKEY_free(own);
	if (!ok || iotkey_ak_parse(area_data, area_len, &ak))
		return false;
	ok = !memcmp(iotkey_ak_id(ak), theirs, 32);
	iotkey_ak_free(ak);
	return ok;
}

static void test_curve(const char *name, unsigned int curve, size_t size)
{
	bool full = true, shortened = true, refused = true;
	uint8_t point[POINT_MAX];
	struct iotkey_area area;
	EVP_PKEY *key, *own;
	size_t len;
	int i;

	/* among these some have a number with a zero in front */
	for (i = 0; i < 300; i++) {
		key = EVP_EC_gen(name);
		EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
						sizeof(point), &len);
		make_area(point, curve, size, false);
		full = full && agrees(key);
		make_area(point, curve, size, true);
		shortened = shortened && agrees(key);
		EVP_PKEY_free(key);
	}
	point[len - 1] ^= 1;
	make_area(point, curve, size, false);
	if (!iotkey_area_parse(area_data, area_len, &area) &&
	    !iotkey_area_pkey(&area, &own)) {
		EVP_PKEY_free(own);
		refused = false;
	}
	ktap_ok(full, "%s: key, digest, id", name);
	ktap_ok(shortened, "%s: without leading zeros", name);
	ktap_ok(refused, "%s: a point beside the curve is refused", name);
}

int main(void)
{
	test_curve("P-256", 3, 32);
	test_curve("P-384", 4, 48);
	test_curve("P-521", 5, 66);
	return ktap_done();
}
