// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bulk data through the kernel's ciphers with a logon key: equal to what OpenSSL makes with
 * the same bytes; forgeries; lengths; what befalls the key; threads.  On a kernel
 * that cannot key a cipher by serial number: that it is refused, and how.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c
 * libs: -lcrypto -lpthread
 */
#include <dirent.h>
#include <errno.h>
#include <iotkey.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "common/iot.h"

#define BUF	(IOTKEY_BULK_MAX + 64)
#define KEY_MAX 64
#define THREADS 4
#define ROUNDS	50

static const struct cipher {
	const char *name;
	const EVP_CIPHER *(*evp)(void);
	size_t key, iv;
	bool aead, stream; /* stream: takes any length */
} ciphers[] = {
	{ "gcm(aes)", EVP_aes_256_gcm, 32, 12, true, true },
	{ "rfc7539(chacha20,poly1305)", EVP_chacha20_poly1305, 32, 12, true, true },
	{ "ctr(aes)", EVP_aes_256_ctr, 32, 16, false, true },
	{ "cbc(aes)", EVP_aes_256_cbc, 32, 16, false, false },
	{ "xts(aes)", EVP_aes_256_xts, 64, 16, false, true },
};

static uint8_t secret[KEY_MAX], iv[16], aad[IOTKEY_BULK_AAD_MAX];
static uint8_t data[BUF], sealed[BUF], opened[BUF], expected[BUF];

static void fill(uint8_t *p, size_t len, uint32_t seed)
{
	while (len--) {
		seed = seed * 1664525 + 1013904223;
		*p++ = seed >> 24;
	}
}

static key_serial_t logon(const char *name, size_t size)
{
	char text[64];

	snprintf(text, sizeof(text), "bulk:%s", name);
	return add_key("logon", text, secret, size, KEY_SPEC_SESSION_KEYRING);
}

static struct iotkey_bulk_params params_of(const struct cipher *c, size_t aad_len)
{
	return (struct iotkey_bulk_params){ iv, c->iv, aad, c->aead ? aad_len : 0 };
}

/* What OpenSSL makes of @data; its length. */
static size_t openssl(const struct cipher *c, size_t aad_len, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, more = 0;
	bool done;

	done = EVP_EncryptInit_ex(ctx, c->evp(), NULL, secret, iv) &&
	       EVP_CIPHER_CTX_set_padding(ctx, 0) &&
	       (!c->aead || !aad_len ||
		EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aad_len)) &&
	       EVP_EncryptUpdate(ctx, expected, &n, data, (int)len) &&
	       EVP_EncryptFinal_ex(ctx, expected + n, &more);
	if (done && c->aead)
		done = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, IOTKEY_BULK_TAG,
					   expected + len);
	EVP_CIPHER_CTX_free(ctx);
	return done ? len + (c->aead ? IOTKEY_BULK_TAG : 0) : 0;
}

static bool agrees(struct iotkey_bulk *bulk, const struct cipher *c, size_t aad_len,
		   size_t len)
{
	struct iotkey_bulk_params params = params_of(c, aad_len);
	size_t size = openssl(c, aad_len, len);
	ssize_t n;

	memset(sealed, 0xee, size + 2);
	n = iotkey_bulk_encrypt(bulk, &params, data, len, sealed + 1, size);
	if (!size || n != (ssize_t)size || memcmp(sealed + 1, expected, size) ||
	    sealed[0] != 0xee || sealed[size + 1] != 0xee) {
		printf("# %s, %zu bytes: %zd of %zu\n", c->name, len, n, size);
		return false;
	}
	memset(opened, 0xee, len + 1);
	n = iotkey_bulk_decrypt(bulk, &params, sealed + 1, size, opened, len);
	return n == (ssize_t)len && !memcmp(opened, data, len) && opened[len] == 0xee;
}

static void test_agrees(const struct cipher *c, struct iotkey_bulk *bulk)
{
	static const size_t any[] = { 1, 15, 17, 4095, 4097, 65535 };
	static const size_t blocks[] = { 16, 32, 4096, IOTKEY_BULK_MAX };
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(blocks) / sizeof(*blocks); i++)
		good = good && agrees(bulk, c, i * 7, blocks[i]);
	/* a block is the least that XTS takes */
	for (i = 0; c->stream && i < sizeof(any) / sizeof(*any); i++)
		if (any[i] >= 16 || c->key != 64)
			good = good && agrees(bulk, c, i * 13, any[i]);
	if (c->aead)
		good = good && agrees(bulk, c, IOTKEY_BULK_AAD_MAX, 100);
	ktap_ok(good, "%s: what OpenSSL makes of it, and back", c->name);
}

static void test_in_place(const struct cipher *c, struct iotkey_bulk *bulk)
{
	struct iotkey_bulk_params params = params_of(c, 5);
	size_t size = openssl(c, 5, 4096);
	ssize_t n;
	bool good;

	memcpy(opened, data, 4096);
	n = iotkey_bulk_encrypt(bulk, &params, opened, 4096, opened, BUF);
	good = n == (ssize_t)size && !memcmp(opened, expected, size);
	n = iotkey_bulk_decrypt(bulk, &params, opened, size, opened, BUF);
	ktap_ok(good && n == 4096 && !memcmp(opened, data, 4096), "%s: in place",
		c->name);
}

/* Refused, and nothing of the plaintext is left. */
static bool refused(struct iotkey_bulk *bulk, const struct iotkey_bulk_params *params,
		    size_t size)
{
	static const uint8_t zeros[1000];

	memset(opened, 0xee, sizeof(zeros));
	return iotkey_bulk_decrypt(bulk, params, sealed, size, opened, BUF) == -EBADMSG &&
	       !memcmp(opened, zeros, size - IOTKEY_BULK_TAG);
}

static void test_forged(const struct cipher *c, struct iotkey_bulk *bulk)
{
	struct iotkey_bulk_params params = params_of(c, 20);
	size_t len = 1000, size = len + IOTKEY_BULK_TAG;
	static const size_t where[] = { 0, 999, 1000, 1015 };
	bool good;
	size_t i;

	good = iotkey_bulk_encrypt(bulk, &params, data, len, sealed, BUF) ==
	       (ssize_t)size;
	for (i = 0; i < sizeof(where) / sizeof(*where); i++) {
		sealed[where[i]] ^= 1;
		good = good && refused(bulk, &params, size);
		sealed[where[i]] ^= 1;
	}
	aad[19] ^= 1;
	good = good && refused(bulk, &params, size);
	aad[19] ^= 1;
	iv[3] ^= 1;
	good = good && refused(bulk, &params, size);
	iv[3] ^= 1;
	params.aad_len--;
	good = good && refused(bulk, &params, size);
	params.aad_len++;
	good = good && refused(bulk, &params, size - 1);
	ktap_ok(good && iotkey_bulk_decrypt(bulk, &params, sealed, IOTKEY_BULK_TAG - 1,
					    opened, BUF) == -EBADMSG,
		"%s: data, tag, AAD or IV changed or cut is EBADMSG, and no plaintext",
		c->name);
	ktap_ok(iotkey_bulk_decrypt(bulk, &params, sealed, size, opened, BUF) ==
			(ssize_t)len,
		"%s: after which the true one is opened", c->name);
}

static void test_empty(const struct cipher *c, struct iotkey_bulk *bulk)
{
	struct iotkey_bulk_params params = params_of(c, 3);
	size_t tag = c->aead ? IOTKEY_BULK_TAG : 0;

	openssl(c, 3, 0);
	ktap_ok(iotkey_bulk_encrypt(bulk, &params, data, 0, sealed, BUF) ==
				(ssize_t)tag &&
			(!tag || !memcmp(sealed, expected, tag)) &&
			!iotkey_bulk_decrypt(bulk, &params, sealed, tag, opened, 0),
		"%s: no data", c->name);
}

static void test_lengths(const struct cipher *c, struct iotkey_bulk *bulk)
{
	struct iotkey_bulk_params params = params_of(c, 0), p;
	size_t tag = c->aead ? IOTKEY_BULK_TAG : 0;
	bool good = true;

#define INVALID(params, len, size) \
	(iotkey_bulk_encrypt(bulk, params, data, len, sealed, size) == -EINVAL)

	good = INVALID(&params, IOTKEY_BULK_MAX + 1, BUF) &&
	       INVALID(&params, 32, 32 + tag - 1) &&
	       iotkey_bulk_decrypt(bulk, &params, data, IOTKEY_BULK_MAX + tag + 1, opened,
				   BUF) == -EINVAL &&
	       iotkey_bulk_decrypt(bulk, &params, data, 32 + tag, opened, 31) == -EINVAL;
	ktap_ok(good, "%s: too much data or too little room is EINVAL", c->name);
	p = params;
	p.iv_len = 0;
	good = INVALID(&p, 32, BUF);
	p.iv_len = c->iv - 1;
	good = good && INVALID(&p, 32, BUF);
	p.iv_len = IOTKEY_BULK_IV_MAX + 1;
	good = good && INVALID(&p, 32, BUF);
	ktap_ok(good, "%s: an IV of another size, or none, is EINVAL", c->name);
	p = params;
	p.aad = aad;
	p.aad_len = c->aead ? IOTKEY_BULK_AAD_MAX + 1 : 1;
	good = INVALID(&p, 32, BUF);
	if (!c->stream)
		good = good && INVALID(&params, 17, BUF);
	ktap_ok(good, "%s: AAD or data that it does not take is EINVAL", c->name);
}

static void test_cipher(const struct cipher *c)
{
	key_serial_t key = logon("cipher", c->key);
	struct iotkey_bulk *bulk = NULL;
	int err = iotkey_bulk_open(key, c->name, &bulk);

	ktap_ok(!err, "%s: opened (%s)", c->name, errno_name(-err));
	if (err)
		return;
	test_agrees(c, bulk);
	test_in_place(c, bulk);
	if (c->aead)
		test_forged(c, bulk);
	test_empty(c, bulk);
	test_lengths(c, bulk);
	iotkey_bulk_close(bulk);
	iot_drop(key);
}

/* The errno of opening; what should not have come off is closed. */
static int open_error(key_serial_t key, const char *cipher)
{
	struct iotkey_bulk *bulk = NULL;
	int err = iotkey_bulk_open(key, cipher, &bulk);

	if (!err)
		iotkey_bulk_close(bulk);
	return -err;
}

#define IS_ERROR(expected, key, cipher, text)                                          \
	do {                                                                           \
		int e_ = open_error(key, cipher);                                      \
		ktap_ok(e_ == (expected), "%s is %s (%s)", text, errno_name(expected), \
			errno_name(e_));                                               \
	} while (0)

/* The same on every kernel. */
static void test_refusals(void)
{
	char name[100];
	key_serial_t key;

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	key = logon("refused", 32);
	IS_ERROR(ENOENT, key, "no(such)", "a cipher that there is not");
	IS_ERROR(ENOENT, key, "sha256", "a hash");
	IS_ERROR(ENOENT, key, "hmac(sha256)", "a MAC");
	IS_ERROR(EINVAL, key, "", "no name");
	IS_ERROR(EINVAL, key, name, "a name that is too long");
	iot_drop(key);
	IS_ERROR(ENOKEY, key, "gcm(aes)", "a key that there is not");
	key = iot_add("bulk-root", "new root provider=soft");
	IS_ERROR(EINVAL, key, "gcm(aes)", "an iot key itself");
	iot_drop(key);
}

static void test_keys(void)
{
	key_serial_t key = logon("size", 31);

	IS_ERROR(EINVAL, key, "gcm(aes)", "a key that is too short");
	iot_drop(key);

	key = logon("perm", 32);
	keyctl_setperm(key, KEY_POS_VIEW | KEY_POS_SETATTR | KEY_USR_VIEW);
	IS_ERROR(EACCES, key, "gcm(aes)", "a key without SEARCH permission");
	iot_drop(key);

	key = logon("revoked", 32);
	keyctl_revoke(key);
	IS_ERROR(EKEYREVOKED, key, "gcm(aes)", "a revoked key");
	iot_drop(key);

	key = logon("expired", 32);
	keyctl_set_timeout(key, 1);
	sleep(2);
	IS_ERROR(EKEYEXPIRED, key, "gcm(aes)", "a key past its time");
	iot_drop(key);
}

/* Is it what OpenSSL makes with the secret as it is? */
static bool is_current(struct iotkey_bulk *bulk)
{
	return agrees(bulk, &ciphers[0], 4, 64);
}

/* The key was copied: that is the contract's word, and the kernel's doing. */
static void test_changes(void)
{
	key_serial_t key = logon("changes", 32);
	struct iotkey_bulk *old, *new;
	uint8_t later[KEY_MAX];
	bool good;

	if (iotkey_bulk_open(key, "gcm(aes)", &old)) {
		ktap_ok(false, "opened before the change");
		return;
	}
	fill(later, sizeof(later), 77);
	good = !keyctl_update(key, later, 32);
	ktap_ok(good && is_current(old), "an open cipher goes on with the key as it was");
	memcpy(secret, later, sizeof(secret));
	good = !iotkey_bulk_open(key, "gcm(aes)", &new);
	ktap_ok(good && is_current(new), "opened again it has the new one");
	if (good) {
		keyctl_revoke(key);
		ktap_ok(is_current(new), "a revocation does not reach it");
		iotkey_bulk_close(new);
	}
	iotkey_bulk_close(old);
	iotkey_bulk_close(NULL);
	iot_drop(key);
}

/* HKDF-Expand of one block, as in "Derivations": info is label || 00 || context. */
static void derive(const uint8_t key[32], const char *label, const void *context,
		   size_t len, uint8_t out[32])
{
	uint8_t info[256];
	size_t n = strlen(label) + 1;

	memcpy(info, label, n);
	memcpy(info + n, context, len);
	info[n + len] = 1;
	HMAC(EVP_sha256(), key, 32, info, n + len + 1, out, NULL);
}

/* From the root's secret to what was sealed: nothing of it came from the kernel. */
static void test_published(void)
{
	static const uint8_t version[] = { 6, 1, 'k', 0, 0, 0, 0 };
	static const uint8_t publish[] = { 32, 'b', 'u', 'l', 'k', ':', 'p' };
	struct iotkey_bulk *bulk;
	key_serial_t root, key, published;
	uint8_t blob[2000];
	size_t len;
	int err;

	root = iot_add("bulk-root", "new root provider=soft");
	len = iot_save(root, blob, sizeof(blob));
	key = iot_add("bulk-key", "new kdf root=bulk-root mode=derive label=k");
	err = iot_update(key, "publish bulk:p size=32");
	published = keyctl_search(KEY_SPEC_SESSION_KEYRING, "logon", "bulk:p", 0);
	if (err || published < 0 || len < 64) {
		ktap_ok(false, "published (%s)", errno_name(err));
		return;
	}
	derive(blob + len - 64, "iotkey/1 derive", version, sizeof(version), secret);
	derive(secret, "iotkey/1 publish", publish, sizeof(publish), secret);
	err = iotkey_bulk_open(published, "gcm(aes)", &bulk);
	ktap_ok(!err && is_current(bulk), "a key that an iot key published (%s)",
		errno_name(-err));
	if (!err)
		iotkey_bulk_close(bulk);
	iot_drop(key);
	iot_drop(root);
}

static struct iotkey_bulk *shared;

static void *user(void *arg)
{
	uint8_t plain[3000], out[3000 + IOTKEY_BULK_TAG], nonce[12] = { 0 };
	struct iotkey_bulk_params params = { nonce, sizeof(nonce), "x", 1 };
	bool good = true;
	int i;

	nonce[0] = (uint8_t)(uintptr_t)arg;
	fill(plain, sizeof(plain), nonce[0]);
	for (i = 0; good && i < ROUNDS; i++) {
		nonce[1] = (uint8_t)i;
		good = iotkey_bulk_encrypt(shared, &params, plain, sizeof(plain), out,
					   sizeof(out)) == sizeof(out);
		memset(plain, 0, sizeof(plain));
		good = good && iotkey_bulk_decrypt(shared, &params, out, sizeof(out),
						   plain, sizeof(plain)) == sizeof(plain);
	}
	fill(out, sizeof(plain), nonce[0]);
	return good && !memcmp(out, plain, sizeof(plain)) ? arg : NULL;
}

static void test_threads(void)
{
	key_serial_t key = logon("threads", 32);
	pthread_t threads[THREADS];
	bool good = true;
	void *result;
	uintptr_t i;

	if (iotkey_bulk_open(key, "gcm(aes)", &shared)) {
		ktap_ok(false, "opened for the threads");
		return;
	}
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, user, (void *)(i + 1));
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		good = good && result;
	}
	ktap_ok(good, "%d threads share a cipher", THREADS);
	iotkey_bulk_close(shared);
	iot_drop(key);
}

static unsigned int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* The option came with Linux 6.2. */
static bool kernel_can(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	return major > 6 || (major == 6 && minor >= 2);
}

static void test_too_old(void)
{
	key_serial_t key = logon("old", 32);
	int err = open_error(key, "gcm(aes)");

	ktap_ok(err == ENOPROTOOPT, "an AEAD is refused (%s)", errno_name(err));
	err = open_error(key, "ctr(aes)");
	ktap_ok(err == ENOPROTOOPT, "a cipher is refused (%s)", errno_name(err));
	ktap_ok(strstr(iotkey_strerror(err), "serial number"), "it says: %s",
		iotkey_strerror(err));
	iot_drop(key);
}

int main(void)
{
	unsigned int files, i;

	fill(secret, sizeof(secret), 1);
	fill(iv, sizeof(iv), 2);
	fill(aad, sizeof(aad), 3);
	fill(data, sizeof(data), 4);
	files = open_files();

	test_refusals();
	if (kernel_can()) {
		for (i = 0; i < sizeof(ciphers) / sizeof(*ciphers); i++)
			test_cipher(&ciphers[i]);
		test_keys();
		test_changes();
		test_published();
		test_threads();
	} else {
		test_too_old();
	}
	ktap_ok(open_files() == files, "no file is left open");
	return ktap_done();
}
