// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files through a stream call of the library.
 */
#include "iotkeyctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE (16u << 20) /* from here on progress is shown */
#define STEP  (1u << 20)

/* Plaintext passes through: no core dump, no ptrace, no swap if possible */
static void protect_memory(void)
{
	const struct rlimit none = { 0 };

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	(void)mlockall(MCL_CURRENT);
}

static bool is_stdio(const char *path)
{
	return !path || !strcmp(path, "-");
}

static bool same_file(int in, const char *path)
{
	struct stat a, b;

	return !is_stdio(path) && !fstat(in, &a) && !stat(path, &b) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino && S_ISREG(a.st_mode);
}

static int show_progress(const struct iotkey_stream *stream)
{
	const uint64_t *total = stream->arg;
	uint64_t last = stream->bytes - IOTKEY_STREAM_CHUNK;

	if (stream->bytes < *total && stream->bytes / STEP == last / STEP)
		return 0;
	fprintf(stderr, "\r%llu of %llu MiB", (unsigned long long)(stream->bytes / STEP),
		(unsigned long long)(*total / STEP));
	return 0;
}

static int explain(int err, const struct iotkey_stream *stream, const char *verb,
		   const char *key, const char *in, const char *out)
{
	if (stream->side == IOTKEY_SIDE_INPUT)
		return say_file_error(err, "cannot read %s", in);
	if (stream->side == IOTKEY_SIDE_OUTPUT)
		return say_file_error(err, "cannot write %s", out);
	return say_key_error(err, "cannot %s %s with key '%s' (chunk %llu)", verb, in,
			     key, (unsigned long long)stream->chunks);
}

static int run(struct context *ctx, const char *name, int32_t key, int in,
	       const char *in_name, struct output *out, crypt_fn *fn)
{
	struct iotkey_stream stream = { 0 };
	struct stat st;
	uint64_t total;
	int err;

	if (!ctx->quiet && isatty(STDERR_FILENO) && !fstat(in, &st) &&
	    S_ISREG(st.st_mode) && st.st_size >= (off_t)LARGE) {
		total = (uint64_t)st.st_size;
		stream.arg = &total;
		stream.progress = show_progress;
	}
	err = fn(key, in, out->fd, &stream);
	if (stream.progress)
		fputc('\n', stderr);
	if (err) {
		output_abort(out);
		return explain(err, &stream, ctx->command->name, name, in_name,
			       out->name);
	}
	err = output_commit(out);
	return err ? say_file_error(err, "cannot write %s", out->name) : EXIT_OK;
}

int crypt_files(struct context *ctx, char **args, crypt_fn *fn, mode_t mode)
{
	const char *in_path = args[1], *out_path = args[1] ? args[2] : NULL;
	const char *in_name = is_stdio(in_path) ? "standard input" : in_path;
	int err, in = STDIN_FILENO;
	struct output out;
	int32_t key;

	protect_memory();
	if (!is_stdio(in_path))
		in = open(in_path, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return say_file_error(errno, "cannot read %s", in_name);
	if (same_file(in, out_path))
		usage_error(ctx, "OUT '%s': it must not be IN", out_path);
	err = find_key(args[0], &key);
	if (err)
		return err;
	err = output_open(&out, out_path, mode);
	if (err)
		return say_file_error(err, "cannot write %s", out_path);
	return run(ctx, args[0], key, in, in_name, &out, fn);
}
