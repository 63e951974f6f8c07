// SPDX-License-Identifier: GPL-2.0-only
/*
 * Encrypt, decrypt, sign and verify: keyctl's pkey operations. The core holds a
 * reference to the key and nothing else.
 *
 * An operation has two halves. begin: under ik->lock, decide whether it may be,
 * count it, and copy out the one secret it needs. Then the work, with no lock held.
 * So an operation races with nothing: it is as of the moment of its begin, and a
 * rotation, revocation or expiry after that moment does not reach it.
 */
#include <crypto/algapi.h>
#include <keys/asymmetric-type.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/key.h>
#include <linux/keyctl.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "aead.h"
#include "clock.h"
#include "compat.h"
#include "key.h"
#include "notify.h"
#include "schedule.h"

/* Documentation/iotkey.rst, "Message". */
#define MAGIC_0		'i'
#define MAGIC_1		'K'
#define FORMAT		1
#define AT_VERSION	4
#define AT_NONCE	8
#define SHORT_HEAD	8
#define HEAD		(SHORT_HEAD + IOT_NONCE_SIZE)
#define OVERHEAD	(HEAD + IOT_TAG_SIZE)

/* Largest messages; the core allocates (and clears) as much for every call. */
#define MESSAGE_RAW	(4096 + OVERHEAD)
#define MESSAGE_LARGE	32768
#define DATA_MAX	32768

/* What begin copies out. */
struct use {
	bool news;		/* a later version: if authentic, follow it */
	struct iot_aead_key key;
};

/* May the key be used at all, and for this? Settles it. ik->lock held. */
int iot_may_use(struct iot_key *ik, u8 usage)
{
	u8 able = iot_algorithm_usage(ik->policy.algorithm);
	int ret;

	ret = key_validate(ik->key);
	if (ret)
		return ret;
	if (!(able & usage))
		return -EOPNOTSUPP;
	if (!(ik->policy.usage & usage))
		return -EACCES;
	return iot_settle(ik);
}

static int count_use(struct iot_key *ik)
{
	int ret;

	if (ik->policy.max_ops && ik->state.ops >= ik->policy.max_ops) {
		ret = iot_rotate_by_hand(ik);
		if (ret)
			return ret == -EAGAIN ? -EOVERFLOW : ret;
	}
	ik->state.ops++;
	return 0;
}

/* For encrypt and sign: the current version. */
static int begin_make(struct iot_key *ik, u8 usage, struct use *use)
{
	int ret;

	mutex_lock(&ik->lock);
	ret = iot_may_use(ik, usage);
	ret = ret ?: iot_may_begin(ik);
	if (!ret)
		ret = count_use(ik);
	if (!ret) {
		use->key.owner = ik;
		use->key.algorithm = ik->policy.algorithm;
		use->key.version = ik->state.version;
		memcpy(use->key.nonce, ik->salt, sizeof(ik->salt));
		put_unaligned_be64(ik->counter++,
				   use->key.nonce + sizeof(ik->salt));
		ret = iot_secret_of(ik, use->key.version, use->key.secret);
	}
	mutex_unlock(&ik->lock);
	return ret;
}

/*
 * News may move a key forward where nothing better says what time it is: the clock
 * is not trusted, or the key has no period.
 */
static int check_window(struct iot_key *ik, struct use *use)
{
	s64 now = iot_key_now(ik);
	int ret;

	if (now < ik->policy.start - (s64)ik->policy.ahead)
		return -ETIME;
	ret = iot_schedule_window(&ik->policy, &ik->state, use->key.version, now);
	if (ret == -ETIME && (!ik->policy.rotate || !iot_clock_trusted())) {
		use->news = true;
		ret = 0;
	}
	return ret;
}

/* For decrypt and verify: use->key.version. */
static int begin_open(struct iot_key *ik, u8 usage, struct use *use)
{
	int ret;

	mutex_lock(&ik->lock);
	ret = iot_may_use(ik, usage);
	if (!ret)
		ret = check_window(ik, use);
	if (!ret)
		ret = iot_secret_of(ik, use->key.version, use->key.secret);
	/* what a later version's secret is may still change */
	if (use->key.version <= ik->state.version)
		use->key.owner = ik;
	use->key.algorithm = ik->policy.algorithm;
	mutex_unlock(&ik->lock);
	return ret;
}

/* The message was authentic. What became of the key meanwhile is its own affair. */
static void follow_news(struct iot_key *ik, const struct use *use)
{
	if (!use->news)
		return;
	mutex_lock(&ik->lock);
	if (!iot_settle(ik))
		iot_rotate_to_news(ik, use->key.version);
	mutex_unlock(&ik->lock);
}

static void write_head(const struct use *use, u8 *out)
{
	out[0] = MAGIC_0;
	out[1] = MAGIC_1;
	out[2] = FORMAT;
	out[3] = use->key.algorithm;
	put_unaligned_be32(use->key.version, out + AT_VERSION);
}

/* Return: 0, -EBADMSG, or -EPROTONOSUPPORT for a format of another time. */
static int read_head(const struct iot_key *ik, const u8 *in, size_t len,
		     struct use *use)
{
	if (len < SHORT_HEAD || in[0] != MAGIC_0 || in[1] != MAGIC_1)
		return -EBADMSG;
	if (in[2] != FORMAT)
		return -EPROTONOSUPPORT;
	if (in[3] != ik->policy.algorithm)
		return -EBADMSG;
	use->key.version = get_unaligned_be32(in + AT_VERSION);
	return use->key.version ? 0 : -EBADMSG;
}

/* The end of the key may have come during the work, which then left something behind. */
static void forget_if_dead(struct iot_key *ik)
{
	if (!READ_ONCE(ik->held))
		iot_aead_forget(ik);
}

static long encrypt(struct iot_key *ik, const u8 *in, size_t len, u8 *out,
		    size_t room)
{
	struct use use = {};
	long ret;

	if (room < OVERHEAD || len > room - OVERHEAD)
		return -EINVAL;
	ret = begin_make(ik, IOT_USAGE_ENCRYPT, &use);
	if (!ret) {
		write_head(&use, out);
		memcpy(out + AT_NONCE, use.key.nonce, IOT_NONCE_SIZE);
		ret = iot_aead_seal(&use.key, out, HEAD, in, len);
		forget_if_dead(ik);
	}
	memzero_explicit(&use, sizeof(use));
	return ret ?: (long)(len + OVERHEAD);
}

static long decrypt(struct iot_key *ik, const u8 *in, size_t len, u8 *out,
		    size_t room)
{
	struct use use = {};
	long ret;

	if (!(iot_algorithm_usage(ik->policy.algorithm) & IOT_USAGE_DECRYPT))
		return -EOPNOTSUPP;
	if (len < OVERHEAD)
		return -EBADMSG;
	if (len - OVERHEAD > room)
		return -EINVAL;
	ret = read_head(ik, in, len, &use);
	if (!ret)
		ret = begin_open(ik, IOT_USAGE_DECRYPT, &use);
	if (!ret) {
		memcpy(use.key.nonce, in + AT_NONCE, IOT_NONCE_SIZE);
		ret = iot_aead_open(&use.key, in, HEAD, len, out);
		forget_if_dead(ik);
	}
	if (!ret)
		follow_news(ik, &use);
	memzero_explicit(&use, sizeof(use));
	return ret ?: (long)(len - OVERHEAD);
}

static size_t tag_size(u8 algorithm)
{
	return algorithm == IOTKEY_ALGORITHM_HMAC_SHA256 ? IOT_SHA256_SIZE :
							   IOT_CMAC_SIZE;
}

static int make_tag(const struct use *use, const u8 *in, size_t len, u8 *tag)
{
	struct iot_part part = { in, len };

	if (use->key.algorithm != IOTKEY_ALGORITHM_HMAC_SHA256)
		return iot_aes_cmac(use->key.secret, in, len, tag);
	iot_hmac_sha256(use->key.secret, IOT_SECRET_SIZE, &part, 1, tag);
	return 0;
}

static long sign(struct iot_key *ik, const u8 *in, size_t len, u8 *out,
		 size_t room)
{
	size_t size = SHORT_HEAD + tag_size(ik->policy.algorithm);
	struct use use = {};
	long ret;

	if (room < size || len > DATA_MAX)
		return -EINVAL;
	ret = begin_make(ik, IOT_USAGE_SIGN, &use);
	if (!ret) {
		write_head(&use, out);
		ret = make_tag(&use, in, len, out + SHORT_HEAD);
	}
	memzero_explicit(&use, sizeof(use));
	return ret ?: (long)size;
}

static int verify(struct iot_key *ik, const u8 *in, size_t len, const u8 *sig,
		  size_t sig_len)
{
	size_t size = tag_size(ik->policy.algorithm);
	u8 tag[IOT_SHA256_SIZE];
	struct use use = {};
	int ret;

	if (!(iot_algorithm_usage(ik->policy.algorithm) & IOT_USAGE_VERIFY))
		return -EOPNOTSUPP;
	if (sig_len != SHORT_HEAD + size)
		return -EBADMSG;
	ret = read_head(ik, sig, sig_len, &use);
	if (!ret)
		ret = begin_open(ik, IOT_USAGE_VERIFY, &use);
	if (!ret)
		ret = make_tag(&use, in, len, tag);
	if (!ret && crypto_memneq(tag, sig + SHORT_HEAD, size))
		ret = -EKEYREJECTED;
	if (!ret)
		follow_news(ik, &use);
	memzero_explicit(tag, sizeof(tag));
	memzero_explicit(&use, sizeof(use));
	return ret;
}

/* "enc=raw", "enc=large" or "enc=SIZE", and no "hash=": the largest message, or -EINVAL. */
static int message_max(const struct kernel_pkey_params *params)
{
	unsigned int size;

	if (params->hash_algo)
		return -EINVAL;
	if (!strcmp(params->encoding, "raw"))
		return MESSAGE_RAW;
	if (!strcmp(params->encoding, "large"))
		return MESSAGE_LARGE;
	if (!isdigit(*params->encoding) ||
	    kstrtouint(params->encoding, 10, &size) ||
	    size < OVERHEAD || size > MESSAGE_LARGE)
		return -EINVAL;
	return size;
}

/*
 * The largest plaintext.  keyctl(1) takes this and the above each for the wrong
 * direction, so they are the same but where the caller knew what it wanted.
 */
static int text_max(const struct kernel_pkey_params *params, int message)
{
	return isdigit(*params->encoding) ? max(message - OVERHEAD, 1) : message;
}

static struct iot_key *key_in_use(const struct kernel_pkey_params *params)
{
	struct iot_key *ik = iot_key_of(params->key);

	return key_is_positive(params->key) && ik ? ik : ERR_PTR(-ENOKEY);
}

static u16 key_bits(u8 algorithm)
{
	return algorithm == IOTKEY_ALGORITHM_AES_128_CCM ||
	       algorithm == IOTKEY_ALGORITHM_AES_128_CMAC ? 128 : 256;
}

/**
 * iot_use_query() - what the key can do, and how much at a time
 *
 * Sizes are given for all operations, as the core takes a size of 0 for EINVAL before
 * we can say EOPNOTSUPP.
 */
int iot_use_query(const struct kernel_pkey_params *params,
		  struct kernel_pkey_query *info)
{
	struct iot_key *ik = key_in_use(params);
	int message = message_max(params);
	int ret;

	BUILD_BUG_ON(KEYCTL_SUPPORTS_ENCRYPT != IOT_USAGE_ENCRYPT ||
		     KEYCTL_SUPPORTS_DECRYPT != IOT_USAGE_DECRYPT ||
		     KEYCTL_SUPPORTS_SIGN != IOT_USAGE_SIGN ||
		     KEYCTL_SUPPORTS_VERIFY != IOT_USAGE_VERIFY);
	/* on the caller's stack, not cleared, and copied to user space */
	memset(info, 0, sizeof(*info));
	if (IS_ERR(ik))
		return PTR_ERR(ik);
	if (ik->resident) {
		ret = iot_resident_query(ik, params, info);
		return ret ? iot_refuse(params->key->serial, ret) : 0;
	}
	if (message < 0)
		return iot_refuse(params->key->serial, message);
	if (iot_key_is_root(ik))
		return -EOPNOTSUPP;

	info->supported_ops = READ_ONCE(ik->policy.usage);
	info->key_size = key_bits(ik->policy.algorithm);
	info->max_enc_size = message;
	info->max_dec_size = text_max(params, message);
	info->max_data_size = DATA_MAX;
	info->max_sig_size = SHORT_HEAD + tag_size(ik->policy.algorithm);
	return 0;
}

static long finish(struct iot_key *ik, long ret)
{
	if (ret < 0)
		return iot_refuse(ik->key->serial, ret);
	atomic64_inc(&iot_stats.operations);
	return ret;
}

/**
 * iot_use_eds() - encrypt, decrypt or sign
 *
 * Return: bytes written to @out, never more than params->out_len, or an errno
 * of Documentation/iotkey.rst.
 */
int iot_use_eds(struct kernel_pkey_params *params, const void *in, void *out)
{
	struct iot_key *ik = key_in_use(params);
	long ret;

	if (IS_ERR(ik))
		return PTR_ERR(ik);
	if (ik->resident)
		return finish(ik, iot_resident_eds(ik, params, in, out));
	switch (params->op) {
	case kernel_pkey_encrypt:
		ret = encrypt(ik, in, params->in_len, out, params->out_len);
		break;
	case kernel_pkey_decrypt:
		ret = decrypt(ik, in, params->in_len, out, params->out_len);
		break;
	case kernel_pkey_sign:
		ret = sign(ik, in, params->in_len, out, params->out_len);
		break;
	default:
		ret = -EOPNOTSUPP;
	}
	return finish(ik, ret);
}

/* Return: 0, -EKEYREJECTED when it is not this data's signature, or an errno. */
int iot_use_verify(struct kernel_pkey_params *params, const void *in,
		   const void *in2)
{
	struct iot_key *ik = key_in_use(params);

	if (IS_ERR(ik))
		return PTR_ERR(ik);
	if (ik->resident)
		return finish(ik, iot_resident_check(ik, params, in, in2));
	return finish(ik, verify(ik, in, params->in_len, in2, params->in2_len));
}
