// SPDX-License-Identifier: GPL-2.0-only
/*
 * keyctl's pkey operations of resident keys.  As in use.c: begin decides under ik->lock and
 * counts, then the TPM works with no lock of the key held.
 *
 * With P-256 only the first 32 octets of a digest count, whatever its hash.  So the
 * TPM is always given those, as a SHA-256, which every TPM takes.
 */
#include <linux/key.h>
#include <linux/keyctl.h>
#include <linux/string.h>
#include "ecdsa.h"
#include "key.h"
#include "resident.h"

#define DIGEST_MAX	64

/* Such a size, or more, lets encrypt and decrypt come as far as to EOPNOTSUPP. */
#define SOME_SIZE	4096

enum encoding {
	ENCODING_DER,
	ENCODING_P1363,
	ENCODING_QUOTE,
};

/* "enc=raw" and "enc=x962" are DER, "enc=p1363" is r || s: IEEE's word for it. */
static int encoding_of(const struct kernel_pkey_params *params)
{
	if (!strcmp(params->encoding, "raw") ||
	    !strcmp(params->encoding, "x962"))
		return ENCODING_DER;
	if (!strcmp(params->encoding, "p1363"))
		return ENCODING_P1363;
	if (!strcmp(params->encoding, "quote") && !params->hash_algo)
		return ENCODING_QUOTE;
	return -EINVAL;
}

/* Is @len the size of a digest of that hash, or of any if none was named? */
static bool digest_ok(const char *hash, size_t len)
{
	static const struct {
		const char *name;
		size_t size;
	} hashes[] = {
		{ "sha256", 32 }, { "sha384", 48 }, { "sha512", 64 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (len == hashes[i].size &&
		    (!hash || !strcmp(hash, hashes[i].name)))
			return true;
	}
	return false;
}

static bool hash_known(const char *hash)
{
	return !hash || digest_ok(hash, 32) || digest_ok(hash, 48) ||
	       digest_ok(hash, 64);
}

/* What can be done in that encoding: a restricted key signs quotes and nothing else. */
static u8 able(const struct iot_key *ik, int encoding)
{
	if (encoding == ENCODING_QUOTE)
		return ik->resident->restricted ? IOT_USAGE_SIGN : 0;
	return ik->resident->restricted ? IOT_USAGE_VERIFY :
					  IOT_USAGE_SIGN | IOT_USAGE_VERIFY;
}

int iot_resident_query(struct iot_key *ik,
		       const struct kernel_pkey_params *params,
		       struct kernel_pkey_query *info)
{
	int encoding = encoding_of(params);

	if (encoding < 0 || !hash_known(params->hash_algo))
		return -EINVAL;
	if (!able(ik, encoding))
		return -EOPNOTSUPP;
	info->supported_ops = READ_ONCE(ik->policy.usage) & able(ik, encoding);
	info->key_size = 256;
	info->max_enc_size = SOME_SIZE;
	info->max_dec_size = SOME_SIZE;
	if (encoding == ENCODING_QUOTE) {
		info->max_data_size = IOT_QUOTE_ASK_MAX;
		info->max_sig_size = IOT_QUOTE_MAX;
	} else {
		info->max_data_size = DIGEST_MAX;
		info->max_sig_size = encoding == ENCODING_DER ?
				     IOT_ECDSA_DER_MAX : IOT_ECDSA_SIZE;
	}
	return 0;
}

static int begin(struct iot_key *ik, int encoding, u8 usage)
{
	int ret;

	if (!(able(ik, encoding) & usage))
		return -EOPNOTSUPP;
	mutex_lock(&ik->lock);
	ret = iot_may_use(ik, usage);
	if (!ret && usage == IOT_USAGE_SIGN)
		ik->state.ops++;
	mutex_unlock(&ik->lock);
	return ret;
}

static long quote(struct iot_key *ik, const u8 *in, size_t len, u8 *out,
		  size_t room)
{
	struct iot_ask ask = {
		.in = in,
		.in_len = len,
		.out = out,
		.room = room,
	};
	int ret;

	ret = begin(ik, ENCODING_QUOTE, IOT_USAGE_SIGN);
	ret = ret ?: iot_resident_sign(ik->resident, &ask);
	return ret ?: (long)ask.out_len;
}

/* Return: length of the signature, or an errno. */
long iot_resident_eds(struct iot_key *ik,
		      const struct kernel_pkey_params *params, const u8 *in,
		      u8 *out)
{
	int encoding = encoding_of(params);
	u8 sig[IOT_ECDSA_SIZE];
	struct iot_ask ask = {
		.in = in,
		.in_len = IOT_P256_SIZE,
		.out = sig,
		.room = sizeof(sig),
	};
	int ret;

	if (encoding < 0)
		return encoding;
	if (params->op != kernel_pkey_sign)
		return -EOPNOTSUPP;
	if (encoding == ENCODING_QUOTE)
		return quote(ik, in, params->in_len, out, params->out_len);
	if (params->out_len < (encoding == ENCODING_DER ? IOT_ECDSA_DER_MAX :
							  IOT_ECDSA_SIZE) ||
	    !digest_ok(params->hash_algo, params->in_len))
		return -EINVAL;
	ret = begin(ik, encoding, IOT_USAGE_SIGN);
	ret = ret ?: iot_resident_sign(ik->resident, &ask);
	if (ret)
		return ret;
	if (encoding == ENCODING_DER)
		return iot_ecdsa_encode(sig, out);
	memcpy(out, sig, sizeof(sig));
	return sizeof(sig);
}

/* Without the TPM. */
int iot_resident_check(struct iot_key *ik,
		       const struct kernel_pkey_params *params, const u8 *in,
		       const u8 *in2)
{
	int encoding = encoding_of(params);
	u8 sig[IOT_ECDSA_SIZE];
	int ret;

	if (encoding < 0 || !digest_ok(params->hash_algo, params->in_len))
		return -EINVAL;
	ret = begin(ik, encoding, IOT_USAGE_VERIFY);
	if (ret)
		return ret;
	if (encoding == ENCODING_DER)
		ret = iot_ecdsa_decode(in2, params->in2_len, sig);
	else if (params->in2_len == sizeof(sig))
		memcpy(sig, in2, sizeof(sig));
	else
		ret = -EBADMSG;
	return ret ?: iot_resident_verify(ik->resident, in, sig);
}
