// SPDX-License-Identifier: GPL-2.0-only
/* A root derived from another kernel key: trusted, encrypted or logon. */
#include <keys/encrypted-type.h>
#include <keys/trusted-type.h>
#include <keys/user-type.h>
#include <linux/key.h>
#include <linux/slab.h>
#include "crypto.h"
#include "root.h"

#define KEY_MIN		32
#define PART_MAX	(16 + 1 + IOT_NAME_MAX)

struct key_source {
	const char *name;
	struct key_type *type;
	/* key->sem read-held; the payload is there */
	const u8 *(*payload)(const struct key *key, size_t *len);
};

static const u8 *logon_payload(const struct key *key, size_t *len)
{
	const struct user_key_payload *p = user_key_payload_locked(key);

	*len = p ? p->datalen : 0;
	return p ? p->data : NULL;
}

#if IS_REACHABLE(CONFIG_ENCRYPTED_KEYS)
static const u8 *encrypted_payload(const struct key *key, size_t *len)
{
	const struct encrypted_key_payload *p = key->payload.data[0];

	*len = p ? p->decrypted_datalen : 0;
	return p ? p->decrypted_data : NULL;
}
#endif

#if IS_REACHABLE(CONFIG_TRUSTED_KEYS)
static const u8 *trusted_payload(const struct key *key, size_t *len)
{
	const struct trusted_key_payload *p = key->payload.data[0];

	*len = p ? p->key_len : 0;
	return p ? p->key : NULL;
}
#endif

static const struct key_source sources[] = {
	{ "logon", &key_type_logon, logon_payload },
#if IS_REACHABLE(CONFIG_ENCRYPTED_KEYS)
	{ "encrypted", &key_type_encrypted, encrypted_payload },
#endif
#if IS_REACHABLE(CONFIG_TRUSTED_KEYS)
	{ "trusted", &key_type_trusted, trusted_payload },
#endif
};

/*
 * @part is "TYPE:NAME", terminated; it is cut in two.  @unknown is the errno of a TYPE
 * that there is not: a wrong word in a payload, damage in a blob.
 */
static int derive_from(char *part, u8 *secret, int unknown)
{
	static const char salt[] = "iotkey/1 key";
	const struct key_source *source = NULL;
	char *name = strchr(part, ':');
	struct iot_part bytes;
	struct key *key;
	u8 prk[IOT_SHA256_SIZE];
	size_t i;
	int ret;

	if (!name)
		return -EBADMSG;
	*name++ = '\0';
	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!strcmp(sources[i].name, part))
			source = &sources[i];
	}
	if (!source)
		return strcmp(part, "trusted") && strcmp(part, "encrypted") ?
		       unknown : -EOPNOTSUPP;

	key = request_key(source->type, name, NULL);
	if (IS_ERR(key))
		return PTR_ERR(key);
	down_read(&key->sem);
	ret = key_validate(key);
	if (!ret) {
		bytes.data = source->payload(key, &bytes.len);
		if (!bytes.data)
			ret = -EKEYREVOKED;
		else if (bytes.len < KEY_MIN)
			ret = -EINVAL;
	}
	if (!ret) {
		iot_hmac_sha256(salt, strlen(salt), &bytes, 1, prk);
		iot_kdf(prk, "iotkey/1 root", NULL, 0, secret, IOT_SECRET_SIZE);
		memzero_explicit(prk, sizeof(prk));
	}
	up_read(&key->sem);
	key_put(key);
	return ret;
}

static int source_create(const struct iot_root_spec *spec, u8 *secret,
			 struct iot_bytes *part)
{
	char text[PART_MAX + 1];
	int len, ret;

	if (spec->key_type.len > 16)
		return -EINVAL;
	len = snprintf(text, sizeof(text), "%.*s:%.*s",
		       (int)spec->key_type.len, spec->key_type.p,
		       (int)spec->key_name.len, spec->key_name.p);
	part->data = kmemdup(text, len, GFP_KERNEL);
	if (!part->data)
		return -ENOMEM;
	part->len = len;
	ret = derive_from(text, secret, -EINVAL);
	if (ret)
		iot_bytes_free(part);
	return ret;
}

static int source_open(const u8 *part, size_t len, u8 *secret)
{
	char text[PART_MAX + 1];

	if (len > PART_MAX || memchr(part, 0, len))
		return -EBADMSG;
	memcpy(text, part, len);
	text[len] = '\0';
	return derive_from(text, secret, -EBADMSG);
}

const struct iot_root_ops iot_root_key_ops = {
	.provider = IOTKEY_PROVIDER_KEY,
	.name = "key",
	.create = source_create,
	.open = source_open,
};
