// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The words of the contract and the sentences of its errno table.
 */
#include "lib_private.h"

#include <string.h>

static const char *const algorithms[] = {
	[IOTKEY_ALGORITHM_NONE] = "none",
	[IOTKEY_ALGORITHM_AES_256_GCM] = "aes-256-gcm",
	[IOTKEY_ALGORITHM_AES_128_CCM] = "aes-128-ccm",
	[IOTKEY_ALGORITHM_XCHACHA20_POLY1305] = "xchacha20-poly1305",
	[IOTKEY_ALGORITHM_HMAC_SHA256] = "hmac-sha256",
	[IOTKEY_ALGORITHM_AES_128_CMAC] = "aes-128-cmac",
	[IOTKEY_ALGORITHM_KDF] = "kdf",
	[IOTKEY_ALGORITHM_ECDSA_P256] = "ecdsa-p256",
};

static const char *const modes[] = {
	[IOTKEY_MODE_NONE] = "none",
	[IOTKEY_MODE_RANDOM] = "random",
	[IOTKEY_MODE_DERIVE] = "derive",
	[IOTKEY_MODE_RATCHET] = "ratchet",
};

static const char *const providers[] = {
	[IOTKEY_PROVIDER_NONE] = "none",	 [IOTKEY_PROVIDER_TPM] = "tpm",
	[IOTKEY_PROVIDER_KEY] = "key",		 [IOTKEY_PROVIDER_SOFT] = "soft",
	[IOTKEY_PROVIDER_COMBINED] = "combined",
};

static const char *const states[] = {
	[IOTKEY_STATE_PENDING] = "pending",   [IOTKEY_STATE_ACTIVE] = "active",
	[IOTKEY_STATE_EXPIRING] = "expiring", [IOTKEY_STATE_EXPIRED] = "expired",
	[IOTKEY_STATE_REVOKED] = "revoked",
};

static const char *const events[] = {
	[IOTKEY_EVENT_NONE] = "none",	      [IOTKEY_EVENT_CREATED] = "created",
	[IOTKEY_EVENT_LOADED] = "loaded",     [IOTKEY_EVENT_ROTATED] = "rotated",
	[IOTKEY_EVENT_EXPIRING] = "expiring", [IOTKEY_EVENT_EXPIRED] = "expired",
	[IOTKEY_EVENT_REVOKED] = "revoked",   [IOTKEY_EVENT_DESTROYED] = "destroyed",
	[IOTKEY_EVENT_FAILED] = "failed",
};

/* By bit number */
static const char *const flags[] = {
	"root",		 "unsafe",     "unstored",   "overdue",
	"clock-trusted", "pcr-policy", "restricted", "signed-policy",
};

static const char *const usages[] = { "encrypt", "decrypt", "sign", "verify" };

static const struct {
	int err;
	const char *text;
} sentences[] = {
	{ 0, "success" },
	{ EINVAL,
	  "an option, value, name or size is not what the kernel takes; see the tables in iotkey.rst" },
	{ EEXIST,
	  "the name or the identity belongs to a live key; choose another name, or revoke and unlink that key first" },
	{ ENOKEY,
	  "the key, its root or its provider's key is not in your keyrings; load it or link it there" },
	{ EKEYREJECTED,
	  "wrong root, TPM or parent for this blob, or the signature does not match" },
	{ EBADMSG, "the data is damaged or forged; take another copy" },
	{ EXDEV,
	  "the blob was made under another name; load it under the name it carries" },
	{ EPROTONOSUPPORT,
	  "this format is not known; a newer release may have written it" },
	{ EOPNOTSUPP,
	  "the key cannot do this, the kernel lacks its algorithm, or the TPM wants a password; see 'iotkeyctl show'" },
	{ EACCES,
	  "the key's usage= or its permissions do not allow this; see 'iotkeyctl show'" },
	{ EAGAIN,
	  "no stored version yet; save the blob and say stored=N ('iotkeyctl save')" },
	{ ETIME,
	  "too early: start= lies ahead, or the message is from the future; check the clock" },
	{ EKEYEXPIRED,
	  "the key, or the version that the message names, is past its time; make a new key" },
	{ EKEYREVOKED, "the key or its root is revoked; make a new key" },
	{ EOVERFLOW,
	  "max-ops= is used up and no version may follow yet; save the blob, or rotate the key" },
	{ EPERM,
	  "the PCRs are not those that the root is bound to; boot the software it was made with" },
	{ ENODEV, "there is no TPM 2.0; see 'iotkeyctl doctor'" },
	{ ENXIO, "there is no object at parent=; say mkparent" },
	{ EBUSY, "the TPM is busy, in lockout, suspended or out of slots; try again" },
	{ EIO, "the TPM failed in another way; see the tracepoint iotkey:tpm" },
	{ ENOMEM, "out of memory" },
	{ EDQUOT,
	  "the key quota is used up; raise kernel.keys.maxkeys and maxbytes, or drop keys" },
	{ ENOPKG, "this kernel has no iot key type; load the module (modprobe iotkey)" },
	{ ENODATA, "the data ends early; take a complete copy" },
	{ ENOPROTOOPT,
	  "this kernel cannot key a cipher by a key's serial number; it takes Linux 6.2 with AF_ALG" },
	{ ENOENT, "the kernel has no such cipher; see /proc/crypto" },
	{ E2BIG, "longer than a payload may be (16 KiB)" },
	{ ENOBUFS, "events were lost because they were read too slowly" },
};

static const char *word(const char *const *words, size_t n, unsigned int value)
{
	return value < n ? words[value] : "?";
}

/* "none" is no word of the payload grammar */
static int value(const char *const *words, size_t n, const char *text)
{
	size_t i;

	for (i = 1; i < n; i++)
		if (!strcmp(words[i], text))
			return (int)i;
	return -EINVAL;
}

const char *iotkey_algorithm_name(unsigned int algorithm)
{
	return word(algorithms, ARRAY_SIZE(algorithms), algorithm);
}

const char *iotkey_mode_name(unsigned int mode)
{
	return word(modes, ARRAY_SIZE(modes), mode);
}

const char *iotkey_provider_name(unsigned int provider)
{
	return word(providers, ARRAY_SIZE(providers), provider);
}

const char *iotkey_state_name(unsigned int state)
{
	return word(states, ARRAY_SIZE(states), state);
}

const char *iotkey_event_name(unsigned int event)
{
	return word(events, ARRAY_SIZE(events), event);
}

int iotkey_algorithm_value(const char *text)
{
	return value(algorithms, ARRAY_SIZE(algorithms), text);
}

int iotkey_mode_value(const char *text)
{
	return value(modes, ARRAY_SIZE(modes), text);
}

int iotkey_provider_value(const char *text)
{
	return value(providers, ARRAY_SIZE(providers), text);
}

const char *iotkey_flag_name(unsigned int bit)
{
	return bit < ARRAY_SIZE(flags) ? flags[bit] : NULL;
}

const char *iotkey_usage_name(unsigned int bit)
{
	return bit < ARRAY_SIZE(usages) ? usages[bit] : NULL;
}

const char *iotkey_strerror(int err)
{
	size_t i;

	if (err < 0)
		err = -err;
	for (i = 0; i < ARRAY_SIZE(sentences); i++)
		if (sentences[i].err == err)
			return sentences[i].text;
	return strerror(err);
}
