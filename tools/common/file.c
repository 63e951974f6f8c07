// SPDX-License-Identifier: GPL-2.0-or-later
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

/* The temporary file that a signal has to remove */
static const char *volatile pending;

static void on_signal(int number)
{
	if (pending)
		unlink(pending);
	raise(number); /* SA_RESETHAND: this one kills */
}

static void watch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };
	struct sigaction old;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
}

/* Where @path leads to; 0, or 1 when it has to be written in place */
static int target(struct output *out, const char *path)
{
	struct stat st;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : 1;
	if (realpath(path, out->path))
		return 0;
	if (errno != ENOENT || strlen(path) >= sizeof(out->path))
		return -errno;
	strcpy(out->path, path);
	return 0;
}

static int open_temp(struct output *out, mode_t mode)
{
	mode_t mask = umask(0);
	int err;

	umask(mask);
	if ((size_t)snprintf(out->temp, sizeof(out->temp), "%s.XXXXXX", out->path) >=
	    sizeof(out->temp))
		return -ENAMETOOLONG;
	watch_signals();
	out->fd = mkostemp(out->temp, O_CLOEXEC);
	if (out->fd < 0)
		return -errno;
	pending = out->temp;
	if (!fchmod(out->fd, mode & ~mask))
		return 0;
	err = -errno;
	output_abort(out);
	return err;
}

int output_open(struct output *out, const char *path, mode_t mode)
{
	int ret;

	memset(out, 0, sizeof(*out));
	out->fd = STDOUT_FILENO;
	out->name = path;
	if (!path || !strcmp(path, "-")) {
		out->name = "standard output";
		return 0;
	}
	ret = target(out, path);
	if (ret < 0)
		return ret;
	if (!ret)
		return open_temp(out, mode);
	out->path[0] = '\0';
	out->fd = open(path, O_WRONLY | O_CLOEXEC);
	return out->fd < 0 ? -errno : 0;
}

/* A name that is new or gone has to reach the disk, too */
static int sync_directory(const char *path)
{
	char copy[PATH_MAX];
	int err = 0, fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) && errno != EINVAL)
		err = -errno;
	close(fd);
	return err;
}

int output_commit(struct output *out)
{
	int err, fd = out->fd;

	if (!out->path[0]) {
		out->fd = -1;
		return fd != STDOUT_FILENO && close(fd) ? -errno : 0;
	}
	err = fsync(fd) ? -errno : 0;
	out->fd = -1;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(out->temp, out->path))
		err = -errno;
	if (err) {
		output_abort(out);
		return err;
	}
	pending = NULL;
	return sync_directory(out->path);
}

void output_abort(struct output *out)
{
	if (out->fd >= 0 && out->fd != STDOUT_FILENO)
		close(out->fd);
	out->fd = -1;
	if (pending == out->temp) {
		unlink(out->temp);
		pending = NULL;
	}
}

int write_file(const char *path, const void *data, size_t len, mode_t mode)
{
	struct output out;
	const char *at = data;
	ssize_t n;
	int err;

	err = output_open(&out, path, mode);
	while (!err && len) {
		n = write(out.fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err = -errno;
			output_abort(&out);
			break;
		}
		at += n;
		len -= (size_t)n;
	}
	return err ? err : output_commit(&out);
}

static int read_all(int fd, size_t max, char **data, size_t *len)
{
	size_t done = 0;
	ssize_t n;
	char *buf;

	buf = malloc(max + 1);
	if (!buf)
		return -ENOMEM;
	while (done <= max) {
		n = read(fd, buf + done, max + 1 - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !n)
			break;
		done += (size_t)n;
	}
	if (n < 0 || done > max) {
		n = n < 0 ? -errno : -EFBIG;
		free_secret(buf, done);
		return (int)n;
	}
	buf[done] = '\0';
	*data = buf;
	*len = done;
	return 0;
}

int read_file(const char *path, size_t max, char **data, size_t *len)
{
	int err, fd;

	if (!path || !strcmp(path, "-"))
		return read_all(STDIN_FILENO, max, data, len);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read_all(fd, max, data, len);
	close(fd);
	return err;
}

int remove_file(const char *path)
{
	int gone = unlink(path) ? -errno : 0, err;

	if (gone && gone != -ENOENT)
		return gone;
	/* who removed it before may not have come as far as this */
	err = sync_directory(path);
	return err ? err : gone;
}

void free_secret(void *data, size_t len)
{
	if (data)
		explicit_bzero(data, len);
	free(data);
}
