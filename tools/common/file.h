/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are either the old ones or the new ones, never half of both.
 */
#ifndef _COMMON_FILE_H
#define _COMMON_FILE_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A file being written: under a temporary name beside @path until
 * output_commit().  What is no regular file (a pipe, a device), and stdout,
 * is written in place.
 */
struct output {
	const char *name; /* for messages */
	int fd;
	char path[PATH_MAX]; /* empty: in place */
	char temp[PATH_MAX];
};

/*
 * output_open(): begin to write @path (NULL or "-": stdout), to become a file
 * of @mode less the umask.  One at a time; an interrupting signal removes the
 * temporary file.  All return 0 or -errno.
 */
int output_open(struct output *out, const char *path, mode_t mode);

/* output_commit(): to the disk, then under its name, then that to the disk */
int output_commit(struct output *out);

/* output_abort(): as if it had never been; nothing after a commit */
void output_abort(struct output *out);

/* write_file(): all of the above at once */
int write_file(const char *path, const void *data, size_t len, mode_t mode);

/*
 * read_file(): all of @path (NULL or "-": stdin), zero-terminated, to be freed
 * with free_secret(); -EFBIG when it is longer than @max.
 */
int read_file(const char *path, size_t max, char **data, size_t *len);

/* remove_file(): returns 0 when that is on the disk; or -errno, -ENOENT: there was none */
int remove_file(const char *path);

/* free_secret(): zeroise @len bytes, then free */
void free_secret(void *data, size_t len);

#endif /* _COMMON_FILE_H */
