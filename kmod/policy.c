// SPDX-License-Identifier: GPL-2.0-only
/* Names and ranges of a policy. Pure. */
#include "policy.h"

static const char * const algorithm_names[] = {
	[IOTKEY_ALGORITHM_NONE] = "root",
	[IOTKEY_ALGORITHM_AES_256_GCM] = "aes-256-gcm",
	[IOTKEY_ALGORITHM_AES_128_CCM] = "aes-128-ccm",
	[IOTKEY_ALGORITHM_XCHACHA20_POLY1305] = "xchacha20-poly1305",
	[IOTKEY_ALGORITHM_HMAC_SHA256] = "hmac-sha256",
	[IOTKEY_ALGORITHM_AES_128_CMAC] = "aes-128-cmac",
	[IOTKEY_ALGORITHM_KDF] = "kdf",
	[IOTKEY_ALGORITHM_ECDSA_P256] = "ecdsa-p256",
};

static const char * const mode_names[] = {
	[IOTKEY_MODE_RANDOM] = "random",
	[IOTKEY_MODE_DERIVE] = "derive",
	[IOTKEY_MODE_RATCHET] = "ratchet",
};

static const char * const provider_names[] = {
	[IOTKEY_PROVIDER_TPM] = "tpm",
	[IOTKEY_PROVIDER_KEY] = "key",
	[IOTKEY_PROVIDER_SOFT] = "soft",
	[IOTKEY_PROVIDER_COMBINED] = "combined",
};

static const char * const state_names[] = {
	[IOTKEY_STATE_PENDING] = "pending",
	[IOTKEY_STATE_ACTIVE] = "active",
	[IOTKEY_STATE_EXPIRING] = "expiring",
	[IOTKEY_STATE_EXPIRED] = "expired",
	[IOTKEY_STATE_REVOKED] = "revoked",
};

static const char *name_of(const char * const *names, size_t count, u8 i)
{
	return i < count ? names[i] : NULL;
}

/* These four give NULL for a value that has no name. */
const char *iot_algorithm_name(u8 algorithm)
{
	return name_of(algorithm_names, ARRAY_SIZE(algorithm_names), algorithm);
}

const char *iot_mode_name(u8 mode)
{
	return name_of(mode_names, ARRAY_SIZE(mode_names), mode);
}

const char *iot_provider_name(u8 provider)
{
	return name_of(provider_names, ARRAY_SIZE(provider_names), provider);
}

const char *iot_state_name(u8 state)
{
	return name_of(state_names, ARRAY_SIZE(state_names), state);
}

/* All that an algorithm can do; 0 for a root, a kdf and an unknown algorithm. */
u8 iot_algorithm_usage(u8 algorithm)
{
	switch (algorithm) {
	case IOTKEY_ALGORITHM_AES_256_GCM:
	case IOTKEY_ALGORITHM_AES_128_CCM:
	case IOTKEY_ALGORITHM_XCHACHA20_POLY1305:
		return IOT_USAGE_ENCRYPT | IOT_USAGE_DECRYPT;
	case IOTKEY_ALGORITHM_HMAC_SHA256:
	case IOTKEY_ALGORITHM_AES_128_CMAC:
	case IOTKEY_ALGORITHM_ECDSA_P256:
		return IOT_USAGE_SIGN | IOT_USAGE_VERIFY;
	default:
		return 0;
	}
}

/* A name must survive /proc/keys, the payload text and a shell unharmed. */
bool iot_name_ok(const char *name, size_t len)
{
	size_t i;

	if (!len || len > IOT_NAME_MAX)
		return false;
	for (i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	}
	return true;
}

static bool same_part(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && !memcmp(a, b, a_len);
}

/**
 * iot_root_next_part() - the parts of "a+b+c", one by one
 * @at: where the next one begins, 0 at first; moves on, past @len after the last
 *
 * Return: the part's length; 0 if it is empty.
 */
size_t iot_root_next_part(const char *name, size_t len, size_t *at)
{
	size_t begin = *at;

	while (*at < len && name[*at] != '+')
		++*at;
	return (*at)++ - begin;
}

/**
 * iot_root_parts() - how many roots "a+b+c" names
 *
 * Return: 1 for the name of a root of its own, up to IOT_PARTS_MAX for a combined one, or
 * -EINVAL.
 */
int iot_root_parts(const char *name, size_t len)
{
	size_t at, other, from, n;
	int parts = 0;

	if (!iot_name_ok(name, len))
		return -EINVAL;
	for (at = 0; at <= len; parts++) {
		from = at;
		n = iot_root_next_part(name, len, &at);
		if (!n || parts == IOT_PARTS_MAX)
			return -EINVAL;
		for (other = 0; other < from;) {
			size_t begin = other;
			size_t m = iot_root_next_part(name, len, &other);

			if (same_part(name + begin, m, name + from, n))
				return -EINVAL;
		}
	}
	return parts;
}

/*
 * Every rule of Documentation/iotkey.rst that one key's options obey, whether
 * they come from text or from a blob: 0 or -EINVAL.
 */
int iot_policy_check(const struct iot_policy *p)
{
	u32 span = p->rotate ?: IOT_ROTATE_MAX;
	bool scheduled = p->mode || p->jitter || p->rotate || p->overlap ||
			 p->ahead || p->lifetime || p->max_ops;

	if (p->algorithm == IOTKEY_ALGORITHM_NONE)
		return scheduled || p->usage ? -EINVAL : 0;
	if (p->algorithm == IOTKEY_ALGORITHM_ECDSA_P256)
		return scheduled || p->start || p->usage &
		       ~iot_algorithm_usage(p->algorithm) ? -EINVAL : 0;

	if (!iot_algorithm_name(p->algorithm) || !iot_mode_name(p->mode))
		return -EINVAL;
	if (p->usage & ~iot_algorithm_usage(p->algorithm))
		return -EINVAL;
	if (p->rotate > IOT_ROTATE_MAX || p->lifetime > IOT_LIFETIME_MAX ||
	    p->max_ops > IOT_OPS_MAX)
		return -EINVAL;
	if (p->start < 0 || p->start > IOT_START_MAX)
		return -EINVAL;
	if (p->overlap > span)
		return -EINVAL;
	if (p->ahead > p->rotate || p->jitter > p->rotate)
		return -EINVAL;
	if (p->jitter && p->mode != IOTKEY_MODE_RANDOM)
		return -EINVAL;
	return 0;
}
