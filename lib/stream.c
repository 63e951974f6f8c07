// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Data of any size as a stream of messages; the format is in <iotkey.h>.
 */
#include "lib_private.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define MAGIC	    IOTKEY_STREAM_MAGIC
#define MAGIC_SIZE  4
#define LENGTH_SIZE 4
#define ID_SIZE	    16
#define NUMBER_AT   16
#define FINAL_AT    24
#define PREFIX	    IOTKEY_STREAM_PREFIX
#define CHUNK	    IOTKEY_STREAM_CHUNK
#define MESSAGE_MAX IOTKEY_MESSAGE_MAX

/* Locked where the limit allows, in no core dump, gone when the call ends */
struct work {
	uint8_t plain[IOTKEY_MESSAGE_MAX];
	uint8_t ahead[CHUNK + 1]; /* the input behind .plain */
	uint8_t message[LENGTH_SIZE + MESSAGE_MAX];
	uint8_t id[ID_SIZE];
};

static struct work *work_new(void)
{
	void *work;

	work = mmap(NULL, sizeof(struct work), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (work == MAP_FAILED)
		return NULL;
	(void)mlock(work, sizeof(struct work));
	(void)madvise(work, sizeof(struct work), MADV_DONTDUMP);
	return work;
}

static void work_free(struct work *work)
{
	explicit_bzero(work, sizeof(*work));
	munmap(work, sizeof(*work));
}

/* Up to @len bytes; fewer only at the end of the input */
static ssize_t read_full(int fd, void *buf, size_t len, struct iotkey_stream *stream)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = read(fd, (char *)buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			stream->side = IOTKEY_SIDE_INPUT;
			return -errno;
		}
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int write_full(int fd, const void *buf, size_t len, struct iotkey_stream *stream)
{
	const char *at = buf;
	ssize_t n;

	while (len) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			stream->side = IOTKEY_SIDE_OUTPUT;
			return -errno;
		}
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int advance(struct iotkey_stream *stream, size_t bytes)
{
	stream->bytes += bytes;
	stream->chunks++;
	return stream->progress ? stream->progress(stream) : 0;
}

static void stream_begin(struct iotkey_stream *stream)
{
	stream->bytes = 0;
	stream->chunks = 0;
	stream->side = IOTKEY_SIDE_KEY;
}

static void prefix_put(uint8_t *prefix, const uint8_t *id, uint64_t number, bool final)
{
	memcpy(prefix, id, ID_SIZE);
	put_be64(number, prefix + NUMBER_AT);
	prefix[FINAL_AT] = final;
}

/*
 * One chunk out: @len bytes of data lie behind the room for the prefix.  Nothing is
 * written, not even the magic, before the key has shown that it can encrypt.
 */
static int seal_chunk(const struct iotkey__cipher *cipher, struct work *work, size_t len,
		      bool final, int out, struct iotkey_stream *stream)
{
	ssize_t n;
	int err;

	prefix_put(work->plain, work->id, stream->chunks, final);
	n = cipher->encrypt(cipher, work->plain, PREFIX + len,
			    work->message + LENGTH_SIZE, MESSAGE_MAX);
	if (n < 0)
		return (int)n;
	put_be32((uint32_t)n, work->message);
	err = stream->chunks ? 0 : write_full(out, MAGIC, MAGIC_SIZE, stream);
	if (!err)
		err = write_full(out, work->message, LENGTH_SIZE + (size_t)n, stream);
	return err ? err : advance(stream, len);
}

static int encrypt_chunks(const struct iotkey__cipher *cipher, struct work *work, int in,
			  int out, struct iotkey_stream *stream)
{
	size_t have = 0; /* bytes that were read ahead */
	ssize_t n;
	int err;

	/* a chunk is final when not one more byte follows it */
	for (;;) {
		n = read_full(in, work->ahead + have, CHUNK + 1 - have, stream);
		if (n < 0)
			return (int)n;
		have += (size_t)n;
		if (have <= CHUNK)
			break;
		memcpy(work->plain + PREFIX, work->ahead, CHUNK);
		err = seal_chunk(cipher, work, CHUNK, false, out, stream);
		if (err)
			return err;
		work->ahead[0] = work->ahead[CHUNK];
		have = 1;
	}
	memcpy(work->plain + PREFIX, work->ahead, have);
	return seal_chunk(cipher, work, have, true, out, stream);
}

int iotkey__stream_encrypt(const struct iotkey__cipher *cipher, int in, int out,
			   struct iotkey_stream *stream)
{
	struct work *work;
	int err;

	stream_begin(stream);
	work = work_new();
	if (!work)
		return -ENOMEM;
	if (getrandom(work->id, ID_SIZE, 0) != ID_SIZE)
		err = -EIO;
	else
		err = encrypt_chunks(cipher, work, in, out, stream);
	work_free(work);
	return err;
}

/* The next message of the stream into work->message; its length */
static ssize_t read_chunk(struct work *work, int in, struct iotkey_stream *stream)
{
	uint8_t length[LENGTH_SIZE];
	uint32_t len;
	ssize_t n;

	n = read_full(in, length, sizeof(length), stream);
	if (n < 0)
		return n;
	if (!n)
		return -EBADMSG; /* no final chunk */
	if (n < LENGTH_SIZE)
		return -ENODATA;
	len = get_be32(length);
	if (len < IOTKEY_MESSAGE_OVERHEAD + PREFIX || len > MESSAGE_MAX)
		return -EBADMSG;
	n = read_full(in, work->message, len, stream);
	if (n < 0)
		return n;
	return n < (ssize_t)len ? -ENODATA : n;
}

/*
 * Whether the prefix in work->plain belongs here; @len is that of the data
 * behind it.  The first chunk says which stream this is.
 */
static int check_prefix(struct work *work, uint64_t number, size_t len, bool *final)
{
	const uint8_t *prefix = work->plain;

	if (!number)
		memcpy(work->id, prefix, ID_SIZE);
	if (memcmp(work->id, prefix, ID_SIZE) || get_be64(prefix + NUMBER_AT) != number ||
	    prefix[FINAL_AT] > 1)
		return -EBADMSG;
	*final = prefix[FINAL_AT];
	return !*final && len != CHUNK ? -EBADMSG : 0;
}

/* Nothing may follow the final chunk */
static int check_end(struct work *work, int in, struct iotkey_stream *stream)
{
	ssize_t n;

	n = read_full(in, work->ahead, 1, stream);
	if (n < 0)
		return (int)n;
	return n ? -EBADMSG : 0;
}

/* One chunk in; data goes out only after everything about it was checked */
static int open_chunk(const struct iotkey__cipher *cipher, struct work *work, int in,
		      int out, bool *final, struct iotkey_stream *stream)
{
	ssize_t n;
	int err;

	n = read_chunk(work, in, stream);
	if (n < 0)
		return (int)n;
	n = cipher->decrypt(cipher, work->message, (size_t)n, work->plain,
			    sizeof(work->plain));
	if (n < 0)
		return (int)n;
	if (n < PREFIX || n > IOTKEY_PLAIN_MAX)
		return -EBADMSG;
	err = check_prefix(work, stream->chunks, (size_t)n - PREFIX, final);
	if (!err && *final)
		err = check_end(work, in, stream);
	if (!err)
		err = write_full(out, work->plain + PREFIX, (size_t)n - PREFIX, stream);
	return err ? err : advance(stream, (size_t)n - PREFIX);
}

static int decrypt_chunks(const struct iotkey__cipher *cipher, struct work *work, int in,
			  int out, struct iotkey_stream *stream)
{
	bool final = false;
	int err = 0;

	while (!err && !final)
		err = open_chunk(cipher, work, in, out, &final, stream);
	return err;
}

/* One message alone, MAGIC_SIZE bytes of which were read */
static int decrypt_message(const struct iotkey__cipher *cipher, struct work *work, int in,
			   int out, struct iotkey_stream *stream)
{
	ssize_t n;
	int err;

	n = read_full(in, work->message + MAGIC_SIZE, MESSAGE_MAX + 1 - MAGIC_SIZE,
		      stream);
	if (n < 0)
		return (int)n;
	n += MAGIC_SIZE;
	if (n > MESSAGE_MAX)
		return -EBADMSG;
	if (n < IOTKEY_MESSAGE_OVERHEAD)
		return -ENODATA;
	n = cipher->decrypt(cipher, work->message, (size_t)n, work->plain,
			    sizeof(work->plain));
	if (n < 0)
		return (int)n;
	err = write_full(out, work->plain, (size_t)n, stream);
	return err ? err : advance(stream, (size_t)n);
}

static int decrypt_any(const struct iotkey__cipher *cipher, struct work *work, int in,
		       int out, struct iotkey_stream *stream)
{
	ssize_t n;

	n = read_full(in, work->message, MAGIC_SIZE, stream);
	if (n < 0)
		return (int)n;
	if (n < MAGIC_SIZE)
		return memcmp(work->message, MAGIC, (size_t)n) ? -EPROTONOSUPPORT
							       : -ENODATA;
	if (!memcmp(work->message, MAGIC, MAGIC_SIZE))
		return decrypt_chunks(cipher, work, in, out, stream);
	if (!memcmp(work->message, "iK\1", 3))
		return decrypt_message(cipher, work, in, out, stream);
	return -EPROTONOSUPPORT;
}

int iotkey__stream_decrypt(const struct iotkey__cipher *cipher, int in, int out,
			   struct iotkey_stream *stream)
{
	struct work *work;
	int err;

	stream_begin(stream);
	work = work_new();
	if (!work)
		return -ENOMEM;
	err = decrypt_any(cipher, work, in, out, stream);
	work_free(work);
	return err;
}

static ssize_t kernel_encrypt(const struct iotkey__cipher *cipher, const void *in,
			      size_t len, void *out, size_t size)
{
	return iotkey_encrypt(cipher->key, in, len, out, size);
}

static ssize_t kernel_decrypt(const struct iotkey__cipher *cipher, const void *in,
			      size_t len, void *out, size_t size)
{
	return iotkey_decrypt(cipher->key, in, len, out, size);
}

int iotkey_stream_encrypt(int32_t key, int in, int out, struct iotkey_stream *stream)
{
	struct iotkey__cipher kernel = { .encrypt = kernel_encrypt, .key = key };

	return iotkey__stream_encrypt(&kernel, in, out, stream);
}

int iotkey_stream_decrypt(int32_t key, int in, int out, struct iotkey_stream *stream)
{
	struct iotkey__cipher kernel = { .decrypt = kernel_decrypt, .key = key };

	return iotkey__stream_decrypt(&kernel, in, out, stream);
}
