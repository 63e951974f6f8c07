// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The OpenSSL provider in one process: loaded late, used by threads and by children of
 * fork() at once, unloaded and loaded again; keys that outlive it.
 *
 * vm: consumers
 * kernel: not debug
 * sources: tests/unit/ktap.c
 * libs: -lcrypto
 */
#include <keyutils.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../unit/ktap.h"

#define THREADS	 16
#define CHILDREN 4
#define SIGNS	 10
#define LOADS	 10

static const char text[] = "sign me";

static EVP_PKEY *load_key(void)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open("iotkey:threads", NULL, NULL, NULL, NULL);
	OSSL_STORE_INFO *info = store ? OSSL_STORE_load(store) : NULL;
	EVP_PKEY *key = info ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;

	OSSL_STORE_INFO_free(info);
	OSSL_STORE_close(store);
	return key;
}

/* Signs and verifies with one context each */
static bool use(EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[256];
	size_t len = sizeof(sig);
	bool good;

	good = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestSign(ctx, sig, &len, (const unsigned char *)text,
			      sizeof(text)) == 1;
	EVP_MD_CTX_reset(ctx);
	good = good && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, sig, len, (const unsigned char *)text,
				sizeof(text)) == 1;
	sig[len - 1] ^= 1;
	EVP_MD_CTX_reset(ctx);
	good = good && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, sig, len, (const unsigned char *)text,
				sizeof(text)) != 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static void *thread(void *arg)
{
	EVP_PKEY *own;
	bool good = true;

	for (int i = 0; good && i < SIGNS; i++)
		good = use(arg);
	own = load_key();
	good = good && own && EVP_PKEY_eq(own, arg) == 1 && use(own);
	EVP_PKEY_free(own);
	return good ? arg : NULL;
}

static bool threads(EVP_PKEY *key)
{
	pthread_t thread_of[THREADS];
	bool good = true;
	void *result;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread_of[i], NULL, thread, key);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread_of[i], &result);
		good = good && result;
	}
	return good;
}

/* Children that were made while threads sign */
static bool children(EVP_PKEY *key)
{
	pthread_t busy;
	bool good = true;
	int status;
	void *result;

	pthread_create(&busy, NULL, thread, key);
	for (int i = 0; i < CHILDREN; i++) {
		if (!fork())
			_exit(!thread(key));
	}
	for (int i = 0; i < CHILDREN; i++)
		good = wait(&status) > 0 && !status && good;
	pthread_join(busy, &result);
	return good && result;
}

static bool load_again(void)
{
	OSSL_PROVIDER *provider;
	EVP_PKEY *key;
	bool good = true;

	for (int i = 0; good && i < LOADS; i++) {
		provider = OSSL_PROVIDER_load(NULL, "iotkey");
		key = provider ? load_key() : NULL;
		OSSL_PROVIDER_unload(provider);
		/* the key holds on to its provider */
		good = key && use(key);
		EVP_PKEY_free(key);
	}
	return good;
}

int main(void)
{
	static const char payload[] = "new ecdsa-p256 parent=0x81000001 mkparent";
	OSSL_PROVIDER *provider;
	unsigned char hash[32];
	EVP_PKEY *key;

	ktap_ok(add_key("iot", "threads", payload, strlen(payload),
			KEY_SPEC_SESSION_KEYRING) > 0,
		"a key");
	ktap_ok(EVP_Digest(text, sizeof(text), hash, NULL, EVP_sha256(), NULL) == 1,
		"OpenSSL is in use");
	OSSL_PROVIDER_load(NULL, "default");
	provider = OSSL_PROVIDER_load(NULL, "iotkey");
	ktap_ok(provider, "the provider comes late");
	key = load_key();
	if (!ktap_ok(key && use(key), "signs"))
		return ktap_done();
	ktap_ok(threads(key), "%d threads sign", THREADS);
	ktap_ok(children(key), "so do %d children, made meanwhile", CHILDREN);
	EVP_PKEY_free(key);
	ktap_ok(OSSL_PROVIDER_unload(provider) == 1, "unloaded");
	ktap_ok(load_again(), "loaded again %d times", LOADS);
	return ktap_done();
}
