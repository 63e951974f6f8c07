// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Streams, with messages made as Documentation/iotkey.rst says by an
 * implementation of its own: XAES-256-GCM on OpenSSL.  Every way to take a
 * stream apart and put it together differently must be noticed.
 *
 * sources: lib/stream.c lib/key.c lib/spec.c lib/words.c tests/unit/ktap.c
 * libs: -lcrypto -lkeyutils
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../lib/lib_private.h"
#include "ktap.h"

#define HEADER 32
#define TAG    16
#define FRAME  (4 + HEADER + 25 + TAG) /* what a chunk adds to its data */

static const uint8_t key_bytes[32] = "not a secret, only for this test";

static void aes_block(const uint8_t *in, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, key_bytes, NULL);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	EVP_EncryptUpdate(ctx, out, &n, in, 16);
	EVP_CIPHER_CTX_free(ctx);
}

/* C2SP XAES-256-GCM: the message key from the first half of the nonce */
static void message_key(const uint8_t *nonce, uint8_t *out)
{
	uint8_t zero[16] = { 0 }, l[16], k1[16], m[16];
	int i, half;

	aes_block(zero, l);
	for (i = 0; i < 16; i++)
		k1[i] = (uint8_t)(l[i] << 1 | (i < 15 ? l[i + 1] >> 7 : 0));
	if (l[0] & 0x80)
		k1[15] ^= 0x87;
	for (half = 0; half < 2; half++) {
		memcpy(m, "\0\1X\0", 4);
		m[1] = (uint8_t)(half + 1);
		memcpy(m + 4, nonce, 12);
		for (i = 0; i < 16; i++)
			m[i] ^= k1[i];
		aes_block(m, out + 16 * half);
	}
}

static ssize_t gcm(int encrypt, const uint8_t *head, const uint8_t *in, size_t len,
		   uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t key[32];
	int n, good;

	message_key(head + 8, key);
	EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, head + 20, encrypt);
	EVP_CipherUpdate(ctx, NULL, &n, head, HEADER);
	if (len)
		EVP_CipherUpdate(ctx, out, &n, in, (int)len);
	if (!encrypt)
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag);
	good = EVP_CipherFinal_ex(ctx, out + len, &n);
	if (encrypt)
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag);
	EVP_CIPHER_CTX_free(ctx);
	return good ? (ssize_t)len : -EBADMSG;
}

static ssize_t seal(const struct iotkey__cipher *cipher, const void *in, size_t len,
		    void *out, size_t size)
{
	uint8_t *head = out;

	(void)cipher;
	if (len > IOTKEY_PLAIN_MAX || size < len + HEADER + TAG)
		return -EINVAL;
	memcpy(head, "iK\1\1\0\0\0\1", 8);
	RAND_bytes(head + 8, 24);
	gcm(1, head, in, len, head + HEADER, head + HEADER + len);
	return (ssize_t)(len + HEADER + TAG);
}

static ssize_t unseal(const struct iotkey__cipher *cipher, const void *in, size_t len,
		      void *out, size_t size)
{
	uint8_t head[HEADER], tag[TAG];

	(void)cipher;
	if (len < HEADER + TAG || size < len - HEADER - TAG)
		return -EBADMSG;
	memcpy(head, in, HEADER);
	memcpy(tag, (const uint8_t *)in + len - TAG, TAG);
	return gcm(0, head, (const uint8_t *)in + HEADER, len - HEADER - TAG, out, tag);
}

static const struct iotkey__cipher cipher = { .encrypt = seal, .decrypt = unseal };

static int file_with(const void *data, size_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	if (write(fd, data, len) != (ssize_t)len)
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

struct bytes {
	uint8_t *data;
	size_t len;
};

static struct bytes contents(int fd)
{
	struct bytes b = { .len = (size_t)lseek(fd, 0, SEEK_END) };

	b.data = malloc(b.len + 1);
	if (pread(fd, b.data, b.len, 0) != (ssize_t)b.len)
		abort();
	close(fd);
	return b;
}

static struct bytes encrypt(const uint8_t *data, size_t len)
{
	struct iotkey_stream stream = { 0 };
	int in = file_with(data, len), out = memfd_create("out", 0);

	if (iotkey__stream_encrypt(&cipher, in, out, &stream) || stream.bytes != len)
		abort();
	close(in);
	return contents(out);
}

static int decrypt(const uint8_t *data, size_t len, struct bytes *plain)
{
	struct iotkey_stream stream = { 0 };
	int in = file_with(data, len), out = memfd_create("out", 0);
	int ret;

	ret = iotkey__stream_decrypt(&cipher, in, out, &stream);
	close(in);
	*plain = contents(out);
	return ret;
}

/* @result, and that what came out is the beginning of @want */
static void expect(const uint8_t *data, size_t len, int result, const uint8_t *want,
		   size_t want_len, const char *what)
{
	struct bytes plain;
	int ret = decrypt(data, len, &plain);

	ktap_ok(ret == result && plain.len <= want_len &&
			(ret || plain.len == want_len) &&
			!memcmp(plain.data, want, plain.len),
		"%s", what);
	free(plain.data);
}

static void test_sizes(const uint8_t *data)
{
	static const size_t sizes[] = { 0,
					1,
					IOTKEY_STREAM_CHUNK - 1,
					IOTKEY_STREAM_CHUNK,
					IOTKEY_STREAM_CHUNK + 1,
					2 * IOTKEY_STREAM_CHUNK,
					3 * IOTKEY_STREAM_CHUNK + 5 };
	struct bytes s;
	char what[64];
	size_t i, chunks;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		s = encrypt(data, sizes[i]);
		chunks = sizes[i] ? (sizes[i] - 1) / IOTKEY_STREAM_CHUNK + 1 : 1;
		snprintf(what, sizeof(what), "%zu bytes there and back", sizes[i]);
		ktap_ok(s.len == 4 + chunks * FRAME + sizes[i], "%zu bytes: %zu chunks",
			sizes[i], chunks);
		expect(s.data, s.len, 0, data, sizes[i], what);
		free(s.data);
	}
}

/* Builds a stream of the given chunks of @s ('0'..'2'), full but the last */
static void rebuild(const struct bytes *s, const char *order, int result,
		    const uint8_t *want, size_t want_len)
{
	const size_t full = FRAME + IOTKEY_STREAM_CHUNK;
	struct bytes out = { .data = malloc(8 * full), .len = 4 };
	char what[64];
	const char *p;
	size_t at, len;

	memcpy(out.data, s->data, 4);
	for (p = order; *p; p++) {
		at = 4 + (size_t)(*p - '0') * full;
		len = s->len - at < full ? s->len - at : full;
		memcpy(out.data + out.len, s->data + at, len);
		out.len += len;
	}
	snprintf(what, sizeof(what), "chunks in the order \"%s\"", order);
	expect(out.data, out.len, result, want, want_len, what);
	free(out.data);
}

static void test_order(const uint8_t *data)
{
	size_t len = 2 * IOTKEY_STREAM_CHUNK + 9;
	struct bytes s = encrypt(data, len);

	rebuild(&s, "012", 0, data, len);
	rebuild(&s, "", -EBADMSG, data, len);
	rebuild(&s, "01", -EBADMSG, data, len);
	rebuild(&s, "02", -EBADMSG, data, len);
	rebuild(&s, "12", -EBADMSG, data, len);
	rebuild(&s, "2", -EBADMSG, data, len);
	rebuild(&s, "102", -EBADMSG, data, len);
	rebuild(&s, "0012", -EBADMSG, data, len);
	rebuild(&s, "0112", -EBADMSG, data, len);
	rebuild(&s, "0122", -EBADMSG, data, len);
	rebuild(&s, "0120", -EBADMSG, data, len);
	free(s.data);
}

static void test_mixed(const uint8_t *data)
{
	const size_t full = FRAME + IOTKEY_STREAM_CHUNK;
	size_t len = IOTKEY_STREAM_CHUNK + 9;
	struct bytes a = encrypt(data, len), b = encrypt(data, len);

	memcpy(a.data + 4 + full, b.data + 4 + full, FRAME + 9);
	expect(a.data, a.len, -EBADMSG, data, len,
	       "a chunk of another stream of the same data");
	free(a.data);
	free(b.data);
}

static void test_damage(const uint8_t *data)
{
	struct bytes s = encrypt(data, 100), plain;
	bool all = true;
	size_t i;
	int ret;

	for (i = 0; i < s.len; i++) {
		s.data[i] ^= 0x10;
		ret = decrypt(s.data, s.len, &plain);
		all &= ret < 0 && !plain.len;
		free(plain.data);
		s.data[i] ^= 0x10;
	}
	ktap_ok(all, "every byte changed: refused, nothing given out");
	all = true;
	for (i = 0; i < s.len; i++) {
		ret = decrypt(s.data, i, &plain);
		all &= ret == (i == 4 ? -EBADMSG : -ENODATA) && !plain.len;
		free(plain.data);
	}
	ktap_ok(all, "every length cut: refused, nothing given out");
	s.data = realloc(s.data, s.len + 1);
	s.data[s.len] = 0;
	expect(s.data, s.len + 1, -EBADMSG, data, 0, "a byte behind the end");
	free(s.data);
}

static void test_message(const uint8_t *data)
{
	uint8_t message[IOTKEY_MESSAGE_MAX + 1] = { 0 };
	ssize_t n = seal(&cipher, data, 1000, message, sizeof(message));

	expect(message, (size_t)n, 0, data, 1000, "a bare message");
	expect(message, (size_t)n - 1, -EBADMSG, data, 0, "a cut one");
	expect(message, 20, -ENODATA, data, 0, "one without a tag");
	expect(message, sizeof(message), -EBADMSG, data, 0, "one too long");
	n = seal(&cipher, data, IOTKEY_PLAIN_MAX, message, sizeof(message));
	expect(message, (size_t)n, 0, data, IOTKEY_PLAIN_MAX, "the longest");
	expect((const uint8_t *)"hello world", 11, -EPROTONOSUPPORT, data, 0,
	       "something else");
	expect((const uint8_t *)"iKs2", 4, -EPROTONOSUPPORT, data, 0, "a later format");
}

static int stop_at_once(const struct iotkey_stream *stream)
{
	return stream->chunks ? -ECANCELED : 0;
}

static void test_sides(const uint8_t *data)
{
	struct iotkey_stream stream = { 0 };
	int in, pipes[2], ret;

	ret = iotkey__stream_encrypt(&cipher, -1, STDOUT_FILENO - 1, &stream);
	ktap_ok(ret < 0 && stream.side != IOTKEY_SIDE_KEY, "bad descriptors");
	in = file_with(data, 10);
	if (pipe(pipes))
		abort();
	close(pipes[0]);
	ret = iotkey__stream_encrypt(&cipher, in, pipes[1], &stream);
	ktap_ok(ret == -EPIPE && stream.side == IOTKEY_SIDE_OUTPUT,
		"the reader has gone");
	close(pipes[1]);
	close(in);
	in = file_with(data, 10);
	stream.progress = stop_at_once;
	pipes[1] = memfd_create("out", 0);
	ret = iotkey__stream_encrypt(&cipher, in, pipes[1], &stream);
	ktap_ok(ret == -ECANCELED, "progress may stop it");
	close(pipes[1]);
	close(in);
}

int main(void)
{
	size_t i, len = 4 * IOTKEY_STREAM_CHUNK;
	uint8_t *data = malloc(len);

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	test_sizes(data);
	test_order(data);
	test_mixed(data);
	test_damage(data);
	test_message(data);
	test_sides(data);
	free(data);
	return ktap_done();
}
