// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bulk data with AES-256-GCM: through libiotkey and AF_ALG, with a key that a kdf key published
 * and that no process has; beside what would be taken instead: OpenSSL in the program, with
 * a key that it has read from a file, and libkcapi with the same key.
 *
 * All make and open the same message: 32 bytes of associated data, ciphertext, tag, the IV given.
 * The peers get every advantage: one context or one socket for all messages, buffers on pages,
 * and the cheaper one of libkcapi's two ways into the kernel.
 */
#include <fcntl.h>
#include <iotkey.h>
#include <kcapi.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"

#define KEY_FILE "/tmp/bulk.key"
#define KEY_SIZE 32
#define IV_SIZE	 12
#define AAD	 32
#define TAG	 IOTKEY_BULK_TAG
#define ROOM	 (AAD + IOTKEY_BULK_MAX + TAG)

static const size_t sizes[] = { 64, 1024, 4096, 16384, 65536 };
static const uint8_t iv[IV_SIZE] = "a nonce";

/* A message behind its associated data: in the clear, and sealed. */
static uint8_t *clear, *sealed;

struct side {
	size_t size; /* of the plaintext */
	int32_t key;
	struct iotkey_bulk *bulk;
	EVP_CIPHER_CTX *ctx;
	struct kcapi_handle *handle;
	int access;
};

static void bulk_encrypt(void *arg)
{
	const struct side *s = arg;
	const struct iotkey_bulk_params params = { iv, IV_SIZE, clear, AAD };

	if (iotkey_bulk_encrypt(s->bulk, &params, clear + AAD, s->size, sealed + AAD,
				s->size + TAG) < 0)
		die("iotkey_bulk_encrypt");
}

static void bulk_decrypt(void *arg)
{
	const struct side *s = arg;
	const struct iotkey_bulk_params params = { iv, IV_SIZE, clear, AAD };

	if (iotkey_bulk_decrypt(s->bulk, &params, sealed + AAD, s->size + TAG,
				clear + AAD, s->size) < 0)
		die("iotkey_bulk_decrypt");
}

static void openssl_encrypt(void *arg)
{
	const struct side *s = arg;
	int n;

	if (!EVP_EncryptInit_ex(s->ctx, NULL, NULL, NULL, iv) ||
	    !EVP_EncryptUpdate(s->ctx, NULL, &n, clear, AAD) ||
	    !EVP_EncryptUpdate(s->ctx, sealed + AAD, &n, clear + AAD, (int)s->size) ||
	    !EVP_EncryptFinal_ex(s->ctx, sealed + AAD + n, &n) ||
	    !EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, TAG,
				 sealed + AAD + s->size))
		die("OpenSSL: encrypt");
}

static void openssl_decrypt(void *arg)
{
	const struct side *s = arg;
	int n;

	if (!EVP_DecryptInit_ex(s->ctx, NULL, NULL, NULL, iv) ||
	    !EVP_DecryptUpdate(s->ctx, NULL, &n, clear, AAD) ||
	    !EVP_DecryptUpdate(s->ctx, clear + AAD, &n, sealed + AAD, (int)s->size) ||
	    !EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, TAG,
				 sealed + AAD + s->size) ||
	    EVP_DecryptFinal_ex(s->ctx, clear + AAD + n, &n) <= 0)
		die("OpenSSL: decrypt");
}

static void kcapi_seal(void *arg)
{
	const struct side *s = arg;

	if (kcapi_aead_encrypt(s->handle, clear, AAD + s->size, iv, sealed,
			       AAD + s->size + TAG, s->access) < 0)
		die("libkcapi: encrypt");
}

static void kcapi_open(void *arg)
{
	const struct side *s = arg;

	if (kcapi_aead_decrypt(s->handle, sealed, AAD + s->size + TAG, iv, clear,
			       AAD + s->size, s->access) < 0)
		die("libkcapi: decrypt");
}

/* From nothing to a cipher that is keyed, and back. */
static void bulk_cipher(void *arg)
{
	struct side *s = arg;
	int err = iotkey_bulk_open(s->key, "gcm(aes)", &s->bulk);

	if (err)
		die("iotkey_bulk_open: %s", iotkey_strerror(err));
}

static void bulk_start(void *arg)
{
	struct side *s = arg;

	bulk_cipher(s);
	iotkey_bulk_close(s->bulk);
}

static void read_key(uint8_t key[KEY_SIZE])
{
	int fd = open(KEY_FILE, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, key, KEY_SIZE) != KEY_SIZE)
		die(KEY_FILE);
	close(fd);
}

static void openssl_cipher(void *arg)
{
	struct side *s = arg;
	uint8_t key[KEY_SIZE];

	read_key(key);
	s->ctx = EVP_CIPHER_CTX_new();
	if (!s->ctx || !EVP_CipherInit_ex(s->ctx, EVP_aes_256_gcm(), NULL, key, iv, 1))
		die("OpenSSL");
}

static void openssl_start(void *arg)
{
	struct side *s = arg;

	openssl_cipher(s);
	EVP_CIPHER_CTX_free(s->ctx);
}

static void kcapi_cipher(void *arg)
{
	struct side *s = arg;
	uint8_t key[KEY_SIZE];

	read_key(key);
	if (kcapi_aead_init(&s->handle, "gcm(aes)", 0) ||
	    kcapi_aead_setkey(s->handle, key, KEY_SIZE) ||
	    kcapi_aead_settaglen(s->handle, TAG))
		die("libkcapi");
	kcapi_aead_setassoclen(s->handle, AAD);
}

static void kcapi_start(void *arg)
{
	struct side *s = arg;

	kcapi_cipher(s);
	kcapi_aead_destroy(s->handle);
}

/* The cheaper way into the kernel for this message. */
static double kcapi_measure(void (*operation)(void *), struct side *s)
{
	double copied, spliced;

	s->access = KCAPI_ACCESS_SENDMSG;
	copied = measure(operation, s);
	s->access = KCAPI_ACCESS_VMSPLICE;
	spliced = measure(operation, s);
	return copied < spliced ? copied : spliced;
}

static void say(const char *peer, const char *what, size_t size, double iotkey,
		double value)
{
	char name[64];

	snprintf(name, sizeof(name), "bulk/%s/%zu/%s", what, size, peer);
	row(name, "instructions", iotkey, peer, value);
}

static void bench_size(struct side *s, size_t size)
{
	double sealing, opening;

	s->size = size;
	sealing = measure(bulk_encrypt, s);
	opening = measure(bulk_decrypt, s);
	say("OpenSSL", "encrypt", size, sealing, measure(openssl_encrypt, s));
	say("OpenSSL", "decrypt", size, opening, measure(openssl_decrypt, s));
	say("libkcapi", "encrypt", size, sealing, kcapi_measure(kcapi_seal, s));
	say("libkcapi", "decrypt", size, opening, kcapi_measure(kcapi_open, s));
}

static uint8_t *pages(void)
{
	void *p;

	if (posix_memalign(&p, 4096, ROOM))
		die("memory");
	memset(p, 0x5a, ROOM);
	return p;
}

/* Makes the key for the kernel, and the one in a file. */
static int32_t make_keys(void)
{
	static const uint8_t secret[KEY_SIZE] = { 1, 2, 3 };
	int fd = open(KEY_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int32_t published;
	serial kdf;

	if (fd < 0 || write(fd, secret, sizeof(secret)) != sizeof(secret))
		die(KEY_FILE);
	close(fd);
	soft_root();
	kdf = add("iot", "bulk-kdf", "new kdf root=soft mode=derive",
		  KEY_SPEC_SESSION_KEYRING);
	if (iotkey_publish(kdf, "bench:bulk", KEY_SIZE, NULL, KEY_SPEC_SESSION_KEYRING,
			   &published))
		die("publish");
	return published;
}

void bench_bulk(void)
{
	struct side s = { .key = make_keys() };
	double start = measure(bulk_start, &s);

	row("bulk/open/OpenSSL", "instructions", start, "OpenSSL",
	    measure(openssl_start, &s));
	row("bulk/open/libkcapi", "instructions", start, "libkcapi",
	    measure(kcapi_start, &s));
	clear = pages();
	sealed = pages();
	bulk_cipher(&s);
	openssl_cipher(&s);
	kcapi_cipher(&s);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		bench_size(&s, sizes[i]);
	iotkey_bulk_close(s.bulk);
	EVP_CIPHER_CTX_free(s.ctx);
	kcapi_aead_destroy(s.handle);
	free(clear);
	free(sealed);
	unlink(KEY_FILE);
}
