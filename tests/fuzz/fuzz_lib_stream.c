// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any input to the stream reader, with a cipher that opens everything: the fuzzer
 * gets to all that is behind the authentication.  The first byte says how many good
 * chunks go before the rest of its input, as full ones are too long for it to invent.
 * What comes out as complete must be the one stream that its plaintext has.
 *
 * covers: lib/stream.c
 * sources: lib/stream.c lib/key.c lib/spec.c lib/words.c
 * libs: -lkeyutils
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../lib/lib_private.h"

#define HEAD  32
#define TAG   (IOTKEY_MESSAGE_OVERHEAD - HEAD)
#define FRAME (4 + IOTKEY_MESSAGE_OVERHEAD + IOTKEY_STREAM_PREFIX)

static ssize_t open_any(const struct iotkey__cipher *cipher, const void *in, size_t len,
			void *out, size_t size)
{
	(void)cipher;
	if (len < IOTKEY_MESSAGE_OVERHEAD || size < len - IOTKEY_MESSAGE_OVERHEAD)
		abort(); /* the reader has to have looked */
	memcpy(out, (const uint8_t *)in + HEAD, len - IOTKEY_MESSAGE_OVERHEAD);
	return (ssize_t)(len - IOTKEY_MESSAGE_OVERHEAD);
}

static const struct iotkey__cipher cipher = { .decrypt = open_any };

/* The chunks of a good stream, one after another, hold @plain and nothing else */
static void check_stream(const uint8_t *data, size_t size, const uint8_t *plain,
			 size_t len, uint64_t chunks)
{
	const uint8_t *id = data + 8 + HEAD;
	uint64_t i;
	size_t n;

	if (size != 4 + chunks * FRAME + len)
		abort();
	data += 4;
	for (i = 0; i < chunks; i++) {
		n = len < IOTKEY_STREAM_CHUNK ? len : IOTKEY_STREAM_CHUNK;
		if (get_be32(data) != n + FRAME - 4 || memcmp(data + 4 + HEAD, id, 16) ||
		    get_be64(data + 4 + HEAD + 16) != i ||
		    data[4 + HEAD + 24] != (i == chunks - 1) ||
		    memcmp(data + FRAME - TAG, plain, n))
			abort();
		data += FRAME + n;
		plain += n;
		len -= n;
	}
}

/* The magic and @full chunks of stream 0, with nothing but zeros in them */
static size_t begin_stream(uint8_t *to, unsigned int full)
{
	uint8_t *at = to + 4;
	unsigned int i;

	memcpy(to, IOTKEY_STREAM_MAGIC, 4);
	for (i = 0; i < full; i++) {
		memset(at, 0, FRAME + IOTKEY_STREAM_CHUNK);
		put_be32(IOTKEY_MESSAGE_MAX, at);
		put_be64(i, at + 4 + HEAD + 16);
		at += FRAME + IOTKEY_STREAM_CHUNK;
	}
	return (size_t)(at - to);
}

static uint8_t *contents(int fd, size_t *len)
{
	uint8_t *bytes;

	*len = (size_t)lseek(fd, 0, SEEK_END);
	bytes = malloc(*len + 1);
	if (!bytes || pread(fd, bytes, *len, 0) != (ssize_t)*len)
		abort();
	return bytes;
}

static void decrypt(const uint8_t *data, size_t size)
{
	struct iotkey_stream stream = { 0 };
	int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC);
	uint8_t *plain;
	size_t len;
	int err;

	if (in < 0 || out < 0 || write(in, data, size) != (ssize_t)size)
		abort();
	lseek(in, 0, SEEK_SET);
	err = iotkey__stream_decrypt(&cipher, in, out, &stream);
	if (err && err != -EBADMSG && err != -ENODATA && err != -EPROTONOSUPPORT)
		abort();
	plain = contents(out, &len);
	if (len != stream.bytes)
		abort();
	if (!err && size >= 4 && !memcmp(data, IOTKEY_STREAM_MAGIC, 4))
		check_stream(data, size, plain, len, stream.chunks);
	free(plain);
	close(in);
	close(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int full = size ? data[0] & 3 : 0;
	uint8_t *stream = malloc(4 + 3 * (FRAME + IOTKEY_STREAM_CHUNK) + size);
	size_t n = 0;

	if (!stream)
		abort();
	if (full)
		n = begin_stream(stream, full);
	if (size)
		memcpy(stream + n, data + 1, size - 1);
	decrypt(stream, size ? n + size - 1 : 0);
	free(stream);
	return 0;
}
