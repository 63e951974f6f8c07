// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is signed: the file, or its SHA-256 where the key signs digests.
 */
#include "iotkeyctl.h"

#include <errno.h>
#include <fcntl.h>
#include <kcapi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIGEST 32

static int hash(struct kcapi_handle *handle, int fd, char digest[DIGEST])
{
	uint8_t buf[16384];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf)))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		n = kcapi_md_update(handle, buf, (size_t)n);
		if (n < 0)
			return (int)n;
	}
	n = kcapi_md_final(handle, (uint8_t *)digest, DIGEST);
	return n == DIGEST ? 0 : n < 0 ? (int)n : -EIO;
}

static int hash_file(const char *file, char digest[DIGEST])
{
	bool in = !file || !strcmp(file, "-");
	struct kcapi_handle *handle;
	int fd, err;

	fd = in ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return say_file_error(errno, "cannot read '%s'", file);
	if (kcapi_md_init(&handle, "sha256", 0)) {
		say("cannot hash: the kernel has no AF_ALG for sha256; modprobe algif_hash");
		err = EXIT_FAILED;
	} else {
		err = hash(handle, fd, digest);
		kcapi_md_destroy(handle);
		if (err)
			err = say_file_error(err, "cannot hash '%s'", in ? "-" : file);
	}
	if (!in)
		close(fd);
	return err;
}

int read_data(int32_t key, const char *name, const char *file, char **data, size_t *len)
{
	int err;

	err = iotkey_signs_digests(key);
	if (err < 0)
		return say_key_error(err, "cannot sign or verify with key '%s'", name);
	if (err) {
		*len = DIGEST;
		*data = malloc(DIGEST);
		if (!*data)
			return say_key_error(ENOMEM, "cannot hash");
		err = hash_file(file, *data);
		if (err)
			free(*data);
		return err;
	}
	err = read_file(file, IOTKEY_SIGN_MAX, data, len);
	if (err == -EFBIG) {
		say("'%s' is longer than the %d bytes that the key signs; sign its hash",
		    file ? file : "-", IOTKEY_SIGN_MAX);
		return EXIT_FAILED;
	}
	return err ? say_file_error(err, "cannot read '%s'", file ? file : "-") : EXIT_OK;
}
