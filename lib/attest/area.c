// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Public areas of keys: reading them (Part 2, 12.2), their names (Part 1, 16), what they may be
 * trusted with, and the same keys for OpenSSL.
 */
#include "fleet_private.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define RSA_BITS_MIN  2048
#define RSA_BYTES_MAX 1024

static const struct {
	uint16_t curve;
	size_t size;
	const char *group;
} curves[] = { { 3, 32, "P-256" }, { 4, 48, "P-384" }, { 5, 66, "P-521" } };

size_t area_coordinate(const struct iotkey_area *area)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(curves); i++)
		if (area->is_ec && curves[i].curve == area->curve)
			return curves[i].size;
	return 0;
}

/* Each algorithm with what it needs; false for one that is not known */
static bool read_symmetric(struct reader *reader, struct iotkey_area *area)
{
	area->symmetric = read_u16(reader);
	switch (area->symmetric) {
	case ALG_NULL:
		return true;
	case ALG_AES:
	case ALG_SM4:
	case ALG_CAMELLIA:
		area->symmetric_bits = read_u16(reader);
		area->symmetric_mode = read_u16(reader);
		return true;
	default:
		return false;
	}
}

static bool read_scheme(struct reader *reader, uint16_t *scheme, uint16_t *hash)
{
	*scheme = read_u16(reader);
	*hash = 0;
	if (*scheme == ALG_NULL || *scheme == ALG_RSAES)
		return true;
	/* RSASSA to ECMQV, and key derivations; one has a counter besides */
	if ((*scheme < ALG_RSASSA || *scheme > ALG_ECMQV) &&
	    (*scheme < ALG_KDF1 || *scheme > ALG_KDF2))
		return false;
	*hash = read_u16(reader);
	if (*scheme == ALG_ECDAA)
		read_u16(reader);
	return true;
}

static int read_unique(struct reader *reader, struct iotkey_area *area)
{
	uint16_t kdf, hash;

	if (area->is_ec) {
		area->curve = read_u16(reader);
		if (!read_scheme(reader, &kdf, &hash))
			return reader->bad ? -EBADMSG : -ENOTSUP;
		area->x = read_block(reader, read_u16(reader));
		area->y = read_block(reader, read_u16(reader));
	} else {
		area->bits = read_u16(reader);
		area->exponent = read_u32(reader);
		area->x = read_block(reader, read_u16(reader));
	}
	if (reader->bad || reader->offset != reader->len)
		return -EBADMSG;
	if (area->is_ec) {
		if (!area_coordinate(area))
			return -ENOTSUP;
		return area->x.len > area_coordinate(area) ||
				       area->y.len > area_coordinate(area)
			       ? -EBADMSG
			       : 0;
	}
	return area->x.len > RSA_BYTES_MAX ? -ENOTSUP : 0;
}

int iotkey_area_parse(const void *data, size_t len, struct iotkey_area *area)
{
	struct reader reader = { data, len, 0, true, false };
	unsigned int type;

	memset(area, 0, sizeof(*area));
	/* TPM2B_PUBLIC has its length first */
	if (read_u16(&reader) != len - 2)
		reader.offset = 0;
	area->whole.data = reader.data + reader.offset;
	area->whole.len = len - reader.offset;
	type = read_u16(&reader);
	area->hash = read_u16(&reader);
	area->attributes = read_u32(&reader);
	area->policy = read_block(&reader, read_u16(&reader));
	if (reader.bad)
		return -EBADMSG;
	if ((type != ALG_RSA && type != ALG_ECC) || !iotkey_hash_size(area->hash))
		return -ENOTSUP;
	if (area->policy.len && area->policy.len != iotkey_hash_size(area->hash))
		return -EBADMSG;
	area->is_ec = type == ALG_ECC;
	if (!read_symmetric(&reader, area) ||
	    !read_scheme(&reader, &area->scheme, &area->scheme_hash))
		return reader.bad ? -EBADMSG : -ENOTSUP;
	return read_unique(&reader, area);
}

int iotkey_area_name(struct iotkey_attest *attest, const struct iotkey_area *area,
		     struct iotkey_name *name)
{
	uint8_t digest[IOTKEY_DIGEST_MAX];
	size_t size = iotkey_hash_size(area->hash);
	int err = iotkey_digest(attest, area->hash, area->whole.data, area->whole.len,
				digest);

	if (err)
		return err;
	name->len = 2 + size;
	name->data[0] = (uint8_t)(area->hash >> 8);
	name->data[1] = (uint8_t)area->hash;
	memcpy(name->data + 2, digest, size);
	return 0;
}

bool iotkey_name_is(const struct iotkey_name *name, struct iotkey_bytes bytes)
{
	return bytes.len == name->len && !memcmp(bytes.data, name->data, bytes.len);
}

/*
 * Roles
 */

static const char *attributes_flaw(const struct iotkey_area *area, uint32_t all,
				   uint32_t none)
{
	static const struct {
		uint32_t bit;
		const char *lacks, *has;
	} words[] = {
		{ IOTKEY_FIXED_TPM, "it is not fixedTPM", "it is fixedTPM" },
		{ IOTKEY_FIXED_PARENT, "it is not fixedParent", "it is fixedParent" },
		{ IOTKEY_SENSITIVE_DATA_ORIGIN, "it was not made in a TPM",
		  "it was made in a TPM" },
		{ IOTKEY_RESTRICTED, "it is not restricted", "it is restricted" },
		{ IOTKEY_DECRYPT, "it does not decrypt", "it decrypts" },
		{ IOTKEY_SIGN, "it does not sign", "it signs" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (all & words[i].bit && !(area->attributes & words[i].bit))
			return words[i].lacks;
		if (none & words[i].bit && area->attributes & words[i].bit)
			return words[i].has;
	}
	return NULL;
}

/* Keys that are strong enough, by a hash that is */
static const char *strength_flaw(const struct iotkey_area *area)
{
	if (area->hash == IOTKEY_HASH_SHA1)
		return "its name is by SHA-1";
	if (!area->is_ec && (area->bits < RSA_BITS_MIN || area->x.len != area->bits / 8u))
		return "it has fewer than 2048 bits, or another modulus than it says";
	return NULL;
}

static const char *parent_flaw(const struct iotkey_area *area)
{
	if (!area->is_ec || area->curve != curves[0].curve ||
	    area->hash != IOTKEY_HASH_SHA256)
		return "it is not on ECC P-256 with SHA-256";
	return NULL;
}

/* What keeps or opens secrets has a cipher */
static const char *cipher_flaw(const struct iotkey_area *area)
{
	if (area->symmetric != ALG_AES || area->symmetric_mode != ALG_CFB ||
	    (area->symmetric_bits != 128 && area->symmetric_bits != 192 &&
	     area->symmetric_bits != 256))
		return "its cipher is not AES in CFB mode";
	return NULL;
}

const char *iotkey_area_flaw(const struct iotkey_area *area, enum iotkey_role role)
{
	const uint32_t made =
		IOTKEY_FIXED_TPM | IOTKEY_FIXED_PARENT | IOTKEY_SENSITIVE_DATA_ORIGIN;
	const uint32_t storage = made | IOTKEY_RESTRICTED | IOTKEY_DECRYPT;
	const char *flaw = NULL;

	switch (role) {
	case IOTKEY_ROLE_EK:
	case IOTKEY_ROLE_PARENT:
		flaw = attributes_flaw(area, storage, IOTKEY_SIGN);
		if (!flaw)
			flaw = cipher_flaw(area);
		if (!flaw && role == IOTKEY_ROLE_PARENT)
			flaw = parent_flaw(area);
		break;
	case IOTKEY_ROLE_AK:
		flaw = attributes_flaw(area, made | IOTKEY_RESTRICTED | IOTKEY_SIGN,
				       IOTKEY_DECRYPT);
		break;
	case IOTKEY_ROLE_KEY:
		flaw = attributes_flaw(area, made | IOTKEY_SIGN, IOTKEY_RESTRICTED);
		break;
	}
	return flaw ? flaw : strength_flaw(area);
}

/*
 * For OpenSSL
 */

static EVP_PKEY *from_params(const char *type, int selection, OSSL_PARAM_BLD *build)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *pkey = NULL;

	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &pkey, selection, params) <= 0)
		pkey = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *make_rsa(const struct iotkey_area *area)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(area->x.data, (int)area->x.len, NULL), *e = BN_new();
	EVP_PKEY *pkey = NULL;

	if (build && n && e && BN_set_word(e, area->exponent ? area->exponent : 65537) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
		pkey = from_params("RSA", EVP_PKEY_PUBLIC_KEY, build);
	BN_free(n);
	BN_free(e);
	OSSL_PARAM_BLD_free(build);
	return pkey;
}

/*
 * Keys without a point, for OpenSSL needs longer to set up a curve than for a signature; they are
 * copied.  NULL: there is no memory.
 */
static EVP_PKEY *on_curve[ARRAY_SIZE(curves)];
static CRYPTO_ONCE curves_once = CRYPTO_ONCE_STATIC_INIT;

static void make_curves(void)
{
	OSSL_PARAM_BLD *build;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(curves); i++) {
		build = OSSL_PARAM_BLD_new();
		if (build &&
		    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
						    curves[i].group, 0))
			on_curve[i] = from_params("EC", EVP_PKEY_KEY_PARAMETERS, build);
		OSSL_PARAM_BLD_free(build);
	}
}

/* Which of the curves; ARRAY_SIZE(curves): none, or the coordinates are too long for it */
static size_t make_point(uint16_t curve, struct iotkey_bytes x, struct iotkey_bytes y,
			 uint8_t point[1 + 2 * EC_BYTES_MAX])
{
	size_t i, size;

	for (i = 0; i < ARRAY_SIZE(curves) && curves[i].curve != curve; i++)
		;
	size = i < ARRAY_SIZE(curves) ? curves[i].size : 0;
	if (x.len > size || y.len > size)
		return ARRAY_SIZE(curves);
	/* coordinates may come without leading zeros */
	memset(point, 0, 1 + 2 * size);
	point[0] = 4;
	memcpy(point + 1 + size - x.len, x.data, x.len);
	memcpy(point + 1 + 2 * size - y.len, y.data, y.len);
	return i;
}

EVP_PKEY *pkey_from_point(uint16_t curve, struct iotkey_bytes x, struct iotkey_bytes y)
{
	uint8_t point[1 + 2 * EC_BYTES_MAX];
	size_t i = make_point(curve, x, y, point);
	EVP_PKEY *pkey = NULL;

	if (i < ARRAY_SIZE(curves) && CRYPTO_THREAD_run_once(&curves_once, make_curves) &&
	    on_curve[i])
		pkey = EVP_PKEY_dup(on_curve[i]);
	if (!pkey ||
	    EVP_PKEY_set1_encoded_public_key(pkey, point, 1 + 2 * curves[i].size) == 1)
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

int iotkey_area_pkey(const struct iotkey_area *area, EVP_PKEY **pkey)
{
	ERR_set_mark(); /* what fails is not left to the caller's error queue */
	*pkey = area->is_ec ? pkey_from_point(area->curve, area->x, area->y)
			    : make_rsa(area);
	ERR_pop_to_mark();
	return *pkey ? 0 : -EBADMSG;
}

bool area_is_of(const struct iotkey_area *area, const EVP_PKEY *pkey)
{
	uint8_t own[1 + 2 * EC_BYTES_MAX], theirs[1 + 2 * EC_BYTES_MAX];
	EVP_PKEY *key;
	char group[32];
	size_t i;
	bool same;

	if (area->is_ec) {
		i = make_point(area->curve, area->x, area->y, own);
		return i < ARRAY_SIZE(curves) &&
		       EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) &&
		       OBJ_sn2nid(group) == EC_curve_nist2nid(curves[i].group) &&
		       pkey_point(pkey, theirs, curves[i].size) &&
		       !memcmp(own, theirs, 1 + 2 * curves[i].size);
	}
	if (iotkey_area_pkey(area, &key))
		return false;
	same = EVP_PKEY_eq(key, pkey) == 1;
	EVP_PKEY_free(key);
	return same;
}

bool pkey_point(const EVP_PKEY *pkey, uint8_t point[1 + 2 * EC_BYTES_MAX], size_t size)
{
	size_t len;

	return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
	       EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
					       1 + 2 * EC_BYTES_MAX, &len) &&
	       len == 1 + 2 * size && point[0] == 4;
}

bool pkey_is_p256(const EVP_PKEY *pkey)
{
	char group[32];

	return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) &&
	       !strcmp(group, SN_X9_62_prime256v1);
}

ssize_t iotkey_area_signer(const EVP_PKEY *pkey, uint8_t out[IOTKEY_SIGNER_SIZE])
{
	uint8_t point[1 + 2 * EC_BYTES_MAX];
	struct writer w = { out, IOTKEY_SIGNER_SIZE, 0, false };

	if (!pkey_is_p256(pkey) || !pkey_point(pkey, point, 32))
		return -ENOTSUP;
	write_u16(&w, ALG_ECC);
	write_u16(&w, IOTKEY_HASH_SHA256);
	write_u32(&w, IOTKEY_USER_WITH_AUTH | IOTKEY_SIGN);
	write_u16(&w, 0); /* policy */
	write_u16(&w, ALG_NULL);
	write_u16(&w, ALG_NULL); /* scheme: any */
	write_u16(&w, curves[0].curve);
	write_u16(&w, ALG_NULL); /* KDF */
	write_2b(&w, point + 1, 32);
	write_2b(&w, point + 33, 32);
	return w.bad ? -EINVAL : (ssize_t)w.len;
}

static int spki_digest(const EVP_PKEY *pkey, uint8_t digest[SHA256_DIGEST_LENGTH])
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(pkey, &der), ok;

	ok = len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return ok ? 0 : -ENOMEM;
}

int iotkey_area_digest(const struct iotkey_area *area, uint8_t digest[32])
{
	/* all that DER has before the point */
	static const struct {
		uint8_t len, der[30];
	} heads[ARRAY_SIZE(curves)] = {
		{ 26, { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
			0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
			0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 } },
		{ 23, { 0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
			0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
			0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00 } },
		{ 25, { 0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
			0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
			0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00 } },
	};
	uint8_t der[30 + 1 + 2 * EC_BYTES_MAX];
	EVP_PKEY *pkey;
	size_t i;
	int err;

	if (area->is_ec) {
		i = make_point(area->curve, area->x, area->y, der + 30);
		if (i == ARRAY_SIZE(curves))
			return -EBADMSG;
		memcpy(der + 30 - heads[i].len, heads[i].der, heads[i].len);
		SHA256(der + 30 - heads[i].len, heads[i].len + 1 + 2 * curves[i].size,
		       digest);
		return 0;
	}
	err = iotkey_area_pkey(area, &pkey);
	if (!err) {
		err = spki_digest(pkey, digest);
		EVP_PKEY_free(pkey);
	}
	return err;
}

int iotkey_device_id(const EVP_PKEY *pkey, uint8_t id[IOTKEY_DEVICE_ID])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	int err = spki_digest(pkey, digest);

	if (!err)
		memcpy(id, digest, IOTKEY_DEVICE_ID);
	return err;
}
