// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Keys through add_key(2) and keyctl(2).
 */
#include "lib_private.h"

#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIX_MIN	      16
#define MIX_MAX	      64
#define SIGN_INFO     "enc=raw"
#define DIGEST_MAX    64
#define QUOTE_INFO    "enc=quote"
#define INFO_MAX      16
#define SPEC_TEXT_MAX 1024

int iotkey_present(void)
{
	/* "?" begins no payload, so nothing can come of this */
	if (add_key(IOTKEY_TYPE, "?", "?", 1, KEY_SPEC_USER_KEYRING) >= 0)
		return 0;
	if (errno == ENODEV)
		return -ENOPKG;
	return errno == EPERM || errno == ENOSYS ? -errno : 0;
}

/*
 * add_key(2) says ENODEV for "no such type", too, and a search says ENOKEY:
 * tell those from "no TPM" and "no such key".
 */
static int key_error(int err)
{
	if ((err == ENODEV || err == ENOKEY) && iotkey_present() == -ENOPKG)
		return -ENOPKG;
	return -err;
}

static int number(const char *text, int32_t *serial)
{
	bool hex = !strncmp(text, "0x", 2);
	unsigned long n;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	n = strtoul(text, &end, hex ? 16 : 10);
	if (errno || *end || end == text || !n || n > INT32_MAX)
		return -EINVAL;
	*serial = (int32_t)n;
	return 0;
}

/* The session keyring need not link the user's own, so look there too. */
int iotkey_search(const char *type, const char *name, int32_t *key)
{
	long found;
	int err;

	found = keyctl_search(KEY_SPEC_SESSION_KEYRING, type, name, 0);
	if (found < 0) {
		err = errno;
		found = keyctl_search(KEY_SPEC_USER_KEYRING, type, name, 0);
		if (found < 0) {
			err = err == ENOKEY ? errno : err;
			return strcmp(type, IOTKEY_TYPE) ? -err : key_error(err);
		}
	}
	*key = (int32_t)found;
	return 0;
}

int iotkey_keyring(const char *text, int32_t *keyring)
{
	static const struct {
		const char *name;
		int32_t serial;
	} special[] = {
		{ "@t", KEY_SPEC_THREAD_KEYRING },
		{ "@p", KEY_SPEC_PROCESS_KEYRING },
		{ "@s", KEY_SPEC_SESSION_KEYRING },
		{ "@u", KEY_SPEC_USER_KEYRING },
		{ "@us", KEY_SPEC_USER_SESSION_KEYRING },
		{ "@g", KEY_SPEC_GROUP_KEYRING },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(special); i++) {
		if (!strcmp(text, special[i].name)) {
			*keyring = special[i].serial;
			return 0;
		}
	}
	if (!number(text, keyring))
		return 0;
	if (text[0] == '@' || !text[0])
		return -ENOKEY;
	return iotkey_search("keyring", text, keyring);
}

int iotkey_user_linked(void)
{
	char name[32];
	long ring;

	ring = keyctl_get_keyring_ID(KEY_SPEC_USER_KEYRING, 0);
	if (ring < 0)
		return -errno;
	snprintf(name, sizeof(name), "_uid.%u", getuid());
	return keyctl_search(KEY_SPEC_SESSION_KEYRING, "keyring", name, 0) == ring;
}

static int check_type(int32_t key)
{
	static const char type[] = IOTKEY_TYPE ";";
	char text[512];
	long len;

	len = keyctl_describe(key, text, sizeof(text));
	if (len < 0)
		return errno == EACCES ? 0 : key_error(errno);
	if (strncmp(text, type, sizeof(type) - 1))
		return key_error(ENOKEY);
	return 0;
}

int iotkey_find(const char *text, int32_t *key)
{
	if (!number(text, key))
		return check_type(*key);
	if (!iotkey_name_ok(text))
		return -EINVAL;
	return iotkey_search(IOTKEY_TYPE, text, key);
}

static int add(const char *name, const char *text, size_t len, int32_t keyring,
	       int32_t *key)
{
	long serial;

	serial = add_key(IOTKEY_TYPE, name, text, len, keyring);
	if (serial < 0)
		return key_error(errno);
	*key = (int32_t)serial;
	return 0;
}

int iotkey_new(const char *name, const struct iotkey_spec *spec, int32_t keyring,
	       int32_t *key)
{
	char text[SPEC_TEXT_MAX];
	int len;

	if (!iotkey_name_ok(name) ||
	    (spec->given & IOTKEY_OPTION_PROVIDER && strchr(name, '+')))
		return -EINVAL; /* "a+b" means two roots */
	len = iotkey_spec_text(spec,
			       spec->given & IOTKEY_OPTION_PROVIDER ? IOTKEY_OPTIONS_ROOT
								    : IOTKEY_OPTIONS_KEY,
			       text, sizeof(text));
	if (len < 0)
		return len;
	return add(name, text, (size_t)len, keyring, key);
}

int iotkey_load(const char *name, const char *blob, size_t len, int32_t keyring,
		int32_t *key)
{
	static const char verb[] = "load ";
	size_t size = sizeof(verb) - 1 + len;
	char *text;
	int err;

	if (!iotkey_name_ok(name))
		return -EINVAL;
	if (len > IOTKEY_PAYLOAD_MAX || size > IOTKEY_PAYLOAD_MAX)
		return -E2BIG;
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	memcpy(text, verb, sizeof(verb) - 1);
	memcpy(text + sizeof(verb) - 1, blob, len);
	err = add(name, text, size, keyring, key);
	explicit_bzero(text, size);
	free(text);
	return err;
}

int iotkey_read_blob(int32_t key, char **blob, size_t *len)
{
	size_t size = 0;
	char *text = NULL;
	long n;

	for (;;) {
		n = keyctl_read(key, text, size);
		if (n < 0 || n > 1 << 20 || (text && (size_t)n <= size))
			break;
		if (text)
			explicit_bzero(text, size);
		free(text);
		size = (size_t)n;
		text = calloc(1, size + 1);
		if (!text)
			return -ENOMEM;
	}
	if (n < 0 || n > 1 << 20) {
		n = n < 0 ? key_error(errno) : -EBADMSG;
		free(text);
		return (int)n;
	}
	text[n] = '\0';
	*blob = text;
	if (len)
		*len = (size_t)n;
	return 0;
}

static int update(int32_t key, const char *text)
{
	return keyctl_update(key, text, strlen(text)) < 0 ? key_error(errno) : 0;
}

int iotkey_rotate(int32_t key)
{
	return update(key, "rotate");
}

int iotkey_stored(int32_t key, uint32_t version)
{
	char text[32];

	snprintf(text, sizeof(text), "stored=%u", version);
	return update(key, text);
}

int iotkey_mix(int32_t key, const void *fresh, size_t len)
{
	static const char verb[] = "mix=";
	static const char digits[] = "0123456789abcdef";
	char text[sizeof(verb) + 2 * MIX_MAX];
	const uint8_t *bytes = fresh;
	char *at = text + sizeof(verb) - 1;
	size_t i;
	int err;

	if (len < MIX_MIN || len > MIX_MAX)
		return -EINVAL;
	memcpy(text, verb, sizeof(verb) - 1);
	for (i = 0; i < len; i++) {
		*at++ = digits[bytes[i] >> 4];
		*at++ = digits[bytes[i] & 15];
	}
	*at = '\0';
	err = update(key, text);
	explicit_bzero(text, sizeof(text));
	return err;
}

int iotkey_epoch(int32_t key, uint32_t epoch)
{
	char text[32];

	snprintf(text, sizeof(text), "epoch=%u", epoch);
	return update(key, text);
}

int iotkey_set(int32_t key, const struct iotkey_spec *spec)
{
	char text[SPEC_TEXT_MAX];
	int len;

	len = iotkey_spec_text(spec, IOTKEY_OPTIONS_SET, text, sizeof(text));
	return len < 0 ? len : update(key, text);
}

/* The kernel has linked it where this process finds it first */
static int move(int32_t key, int32_t keyring)
{
	long from = keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0);
	long to = keyctl_get_keyring_ID(keyring, 0);

	if (to < 0 || keyctl_link(key, keyring) < 0)
		return -errno;
	if (from != to && keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING) < 0)
		return errno == ENOENT ? 0 : -errno;
	return 0;
}

int iotkey_publish(int32_t key, const char *name, unsigned int size,
		   const uint32_t *epoch, int32_t keyring, int32_t *published)
{
	char text[IOTKEY_NAME_MAX + 64];
	int len, err;

	if (!iotkey_name_ok(name))
		return -EINVAL;
	len = snprintf(text, sizeof(text), "publish %s size=%u", name, size);
	if (epoch)
		snprintf(text + len, sizeof(text) - (size_t)len, " epoch=%u", *epoch);
	err = update(key, text);
	if (!err)
		err = iotkey_search("logon", name, published);
	if (!err && keyring)
		err = move(*published, keyring);
	return err;
}

int iotkey_revoke(int32_t key)
{
	return keyctl_revoke(key) < 0 ? key_error(errno) : 0;
}

/* The kernel allocates what this says, so it says no more than the message needs. */
static void message_info(char info[INFO_MAX], size_t message)
{
	snprintf(info, INFO_MAX, "enc=%zu", message);
}

ssize_t iotkey_encrypt(int32_t key, const void *in, size_t len, void *out, size_t size)
{
	char info[INFO_MAX];
	long n;

	if (len > IOTKEY_PLAIN_MAX || size < len + IOTKEY_MESSAGE_OVERHEAD)
		return -EINVAL;
	size = len + IOTKEY_MESSAGE_OVERHEAD; /* the kernel takes no more */
	message_info(info, size);
	n = keyctl_pkey_encrypt(key, info, in, len, out, size);
	return n < 0 ? key_error(errno) : n;
}

ssize_t iotkey_decrypt(int32_t key, const void *in, size_t len, void *out, size_t size)
{
	char info[INFO_MAX];
	long n;

	if (len > IOTKEY_MESSAGE_MAX)
		return -EINVAL;
	if (len < IOTKEY_MESSAGE_OVERHEAD)
		return -EBADMSG;
	if (size < len - IOTKEY_MESSAGE_OVERHEAD)
		return -EINVAL;
	size = len - IOTKEY_MESSAGE_OVERHEAD;
	message_info(info, len);
	n = keyctl_pkey_decrypt(key, info, in, len, out, size);
	return n < 0 ? key_error(errno) : n;
}

static int query_sign(int32_t key, struct keyctl_pkey_query *query)
{
	if (keyctl_pkey_query(key, SIGN_INFO, query) < 0)
		return key_error(errno);
	return query->max_sig_size ? 0 : -EOPNOTSUPP;
}

static bool is_for_digests(const struct keyctl_pkey_query *query)
{
	return query->max_data_size <= DIGEST_MAX;
}

int iotkey_signs_digests(int32_t key)
{
	struct keyctl_pkey_query query;
	int err;

	err = query_sign(key, &query);
	return err ? err : is_for_digests(&query);
}

ssize_t iotkey_sign(int32_t key, const void *data, size_t len, void *sig, size_t size)
{
	struct keyctl_pkey_query query;
	int err;
	long n;

	if (len > IOTKEY_SIGN_MAX)
		return -EINVAL;
	err = query_sign(key, &query);
	if (err)
		return err;
	/* the kernel refuses more room than the longest signature of the key needs */
	if (size < query.max_sig_size)
		return -EINVAL;
	n = keyctl_pkey_sign(key, SIGN_INFO, data, len, sig, query.max_sig_size);
	return n < 0 ? key_error(errno) : n;
}

int iotkey_verify(int32_t key, const void *data, size_t len, const void *sig,
		  size_t sig_len)
{
	uint8_t longest[IOTKEY_SIGNATURE_MAX] = { 0 };
	struct keyctl_pkey_query query;
	int err;

	if (len > IOTKEY_SIGN_MAX)
		return -EINVAL;
	err = query_sign(key, &query);
	if (err)
		return err;
	if (sig_len > query.max_sig_size || sig_len > sizeof(longest))
		return -EBADMSG;
	memcpy(longest, sig, sig_len);
	/* the kernel reads as much as the longest takes, so it cannot tell where one ends */
	if (is_for_digests(&query) ? sig_len < 2 || sig_len != 2u + longest[1]
				   : sig_len != query.max_sig_size)
		return -EBADMSG;
	if (keyctl_pkey_verify(key, SIGN_INFO, data, len, longest, query.max_sig_size) <
	    0)
		return key_error(errno);
	return 0;
}

ssize_t iotkey_quote(int32_t key, const void *nonce, size_t nonce_len,
		     const void *selection, size_t selection_len, void *out, size_t size)
{
	struct keyctl_pkey_query query;
	uint8_t request[2 + IOTKEY_NONCE_MAX + 128];
	long n;

	if (nonce_len > IOTKEY_NONCE_MAX || selection_len > 128)
		return -EINVAL;
	request[0] = 0;
	request[1] = (uint8_t)nonce_len;
	memcpy(request + 2, nonce, nonce_len);
	memcpy(request + 2 + nonce_len, selection, selection_len);
	if (keyctl_pkey_query(key, QUOTE_INFO, &query) < 0)
		return key_error(errno);
	if (size < query.max_sig_size)
		return -EINVAL;
	n = keyctl_pkey_sign(key, QUOTE_INFO, request, 2 + nonce_len + selection_len, out,
			     query.max_sig_size);
	return n < 0 ? key_error(errno) : n;
}
