// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Keys: who is meant by a URI, and the public half.
 */
#include "provider.h"

#include <errno.h>
#include <iotkey.h>
#include <keyutils.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct key *key_new(const struct provider *prov, enum kind kind)
{
	struct key *key = OPENSSL_zalloc(sizeof(*key));

	if (!key)
		return NULL;
	key->prov = prov;
	key->kind = kind;
	atomic_init(&key->refs, 1);
	return key;
}

struct key *key_ref(struct key *key)
{
	atomic_fetch_add(&key->refs, 1);
	return key;
}

void key_unref(struct key *key)
{
	if (!key || atomic_fetch_sub(&key->refs, 1) != 1)
		return;
	EVP_PKEY_free(key->public);
	OPENSSL_free(key->uri);
	OPENSSL_free(key);
}

const char *key_kind_name(const struct key *key)
{
	return key->kind == KIND_EC ? "EC" : "RSA";
}

/* The type of key @serial, where it may be seen */
static int type_of(int32_t serial, enum uri_type *type)
{
	char text[512];

	if (keyctl_describe(serial, text, sizeof(text)) < 0)
		return -errno;
	if (!strncmp(text, "iot;", 4))
		*type = URI_IOT;
	else if (!strncmp(text, "asymmetric;", 11))
		*type = URI_ASYMMETRIC;
	else
		return -ENOMSG;
	return 0;
}

/* @uri->type becomes that of the key.  -ENOMSG: the key is of another type */
static int find(struct uri *uri, int32_t *serial)
{
	enum uri_type type = URI_ANY;
	int err;

	if (!uri->serial) {
		if (uri->type == URI_ANY)
			uri->type = URI_IOT;
		return iotkey_search(uri->type == URI_IOT ? "iot" : "asymmetric",
				     uri->name, serial);
	}
	*serial = uri->serial;
	err = type_of(uri->serial, &type);
	if (err)
		return err;
	if (uri->type != URI_ANY && uri->type != type)
		return -ENOMSG;
	uri->type = type;
	return 0;
}

static EVP_PKEY *parse_spki(const struct provider *prov, const unsigned char *der,
			    size_t len)
{
	const unsigned char *p = der;
	EVP_PKEY *public = d2i_PUBKEY_ex(NULL, &p, (long)len, prov->libctx, NULL);

	if (public && p != der + len) {
		EVP_PKEY_free(public);
		return NULL;
	}
	return public;
}

static int kind_of(EVP_PKEY *public)
{
	if (EVP_PKEY_is_a(public, "EC"))
		return KIND_EC;
	return EVP_PKEY_is_a(public, "RSA") ? KIND_RSA : -1;
}

/*
 * The public half as the kernel knows it.  NULL with 0 in @err: the error stack says why;
 * else nothing is there yet.
 */
static EVP_PKEY *ask_kernel(const struct provider *prov, const struct uri *uri,
			    int32_t serial, const char *text, int *err)
{
	unsigned char der[IOTKEY_PUBLIC_SIZE];
	ssize_t n;

	*err = 0;
	if (uri->type == URI_ASYMMETRIC)
		return rsa_public(prov, serial, text);
	n = iotkey_public(serial, der, sizeof(der));
	if (n >= 0)
		return parse_spki(prov, der, (size_t)n);
	*err = (int)-n;
	return NULL;
}

/* What the file told and what the kernel knows must be the same key. */
static EVP_PKEY *public_half(const struct provider *prov, const struct uri *uri,
			     int32_t serial, const char *text, const unsigned char *spki,
			     size_t len)
{
	EVP_PKEY *told = NULL, *known;
	int err;

	if (spki) {
		told = parse_spki(prov, spki, len);
		if (!told) {
			raise(prov, REASON_FILE, "%s", text);
			return NULL;
		}
	}
	known = ask_kernel(prov, uri, serial, text, &err);
	/* who may use a key need not be allowed to read it */
	if (err == EACCES && told)
		return told;
	if (err)
		raise(prov, err == EOPNOTSUPP ? REASON_KEY_TYPE : err, "%s", text);
	if (known && told && EVP_PKEY_eq(known, told) != 1) {
		raise(prov, REASON_OTHER_KEY, "%s", text);
		EVP_PKEY_free(known);
		known = NULL;
	}
	EVP_PKEY_free(told);
	return known;
}

struct key *key_load(const struct provider *prov, const char *text,
		     const unsigned char *spki, size_t len)
{
	struct key *key;
	struct uri uri;
	const char *wrong = uri_parse(text, &uri);
	int32_t serial;
	int err, kind;

	if (wrong) {
		raise(prov, REASON_URI, "%s: %s", text, wrong);
		return NULL;
	}
	err = find(&uri, &serial);
	if (err) {
		raise(prov, err == -ENOMSG ? REASON_KEY_TYPE : -err, "%s", text);
		return NULL;
	}
	key = key_new(prov, KIND_EC);
	if (!key)
		return NULL;
	key->serial = serial;
	key->uri = OPENSSL_strdup(text);
	key->public = public_half(prov, &uri, serial, text, spki, len);
	kind = key->public ? kind_of(key->public) : -1;
	if (!key->uri || kind < 0) {
		key_unref(key);
		return NULL;
	}
	key->kind = (enum kind)kind;
	return key;
}

int key_give(struct key *key, OSSL_CALLBACK *object, void *arg)
{
	int type = OSSL_OBJECT_PKEY, ok;
	OSSL_PARAM params[4];

	params[0] = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type);
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
						     (char *)key_kind_name(key), 0);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &key,
						      sizeof(key));
	params[3] = OSSL_PARAM_construct_end();
	ok = object(params, arg);
	key_unref(key); /* NULL when it was taken */
	return ok;
}
