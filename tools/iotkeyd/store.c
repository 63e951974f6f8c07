// SPDX-License-Identifier: GPL-2.0-or-later
#include "store.h"

#include "../common/file.h"
#include "../common/hex.h"
#include "../common/say.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDING	  ".blob"
#define TEMPORARY ".XXXXXX" /* as write_file() makes them */
#define FILE_MAX  (2 * IOTKEY_PAYLOAD_MAX)

static char keys[PATH_MAX - NAME_MAX - 1]; /* the directory of the keys */

static bool plain(char c, bool first)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '_' || c == '-' || c == '+' ||
	       (c == '.' && !first);
}

/* The file of key @name */
static int path_of(const char *name, char path[PATH_MAX])
{
	char file[3 * IOTKEY_NAME_MAX + sizeof(ENDING)], *at = file;
	const char *p;

	if (!iotkey_name_ok(name))
		return -EINVAL;
	for (p = name; *p; p++) {
		if (plain(*p, p == name))
			*at++ = *p;
		else
			at += sprintf(at, "%%%02x", (unsigned char)*p);
	}
	strcpy(at, ENDING);
	if (strlen(file) + strlen(TEMPORARY) > NAME_MAX)
		return -ENAMETOOLONG;
	snprintf(path, PATH_MAX, "%s/%s", keys, file);
	return 0;
}

/* The key of file @file: false when it is none of ours */
static bool name_of(const char *file, char name[IOTKEY_NAME_MAX + 1])
{
	size_t len = strlen(file), i = 0, n = 0;

	if (len <= strlen(ENDING) || strcmp(file + len - strlen(ENDING), ENDING))
		return false;
	len -= strlen(ENDING);
	while (i < len) {
		if (n == IOTKEY_NAME_MAX)
			return false;
		if (file[i] == '%') {
			if (i + 3 > len ||
			    !hex_read(file + i + 1, 2, (uint8_t *)name + n, 1))
				return false;
			i += 3;
		} else if (plain(file[i], !i)) {
			name[n] = file[i++];
		} else {
			return false;
		}
		n++;
	}
	name[n] = '\0';
	return iotkey_name_ok(name);
}

/* What mkostemp(3) made of a file of ours */
static bool is_temporary(const char *file)
{
	size_t len = strlen(file), cut = strlen(TEMPORARY);
	char copy[NAME_MAX + 1], name[IOTKEY_NAME_MAX + 1];

	if (len <= cut || len > NAME_MAX || file[len - cut] != '.')
		return false;
	memcpy(copy, file, len - cut);
	copy[len - cut] = '\0';
	return name_of(copy, name);
}

static int clear_away(void)
{
	struct dirent *entry;
	int dir_fd;
	DIR *dir;

	dir = opendir(keys);
	if (!dir)
		return -errno;
	dir_fd = dirfd(dir);
	while ((entry = readdir(dir)))
		if (is_temporary(entry->d_name) && !unlinkat(dir_fd, entry->d_name, 0))
			say("removed '%s', which a power cut left", entry->d_name);
	closedir(dir);
	return 0;
}

int store_make_directory(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	if (stat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return st.st_uid != geteuid() || st.st_mode & 077 ? -EPERM : 0;
}

int store_open(const char *state)
{
	char path[PATH_MAX];
	int err, fd;

	snprintf(keys, sizeof(keys), "%s/keys", state);
	err = store_make_directory(state);
	if (!err)
		err = store_make_directory(keys);
	if (err == -EPERM) {
		say("'%s': it must be the agent's own, and closed to others (chmod 700)",
		    state);
		return EXIT_FAILED;
	}
	if (err)
		return say_file_error(err, "cannot make '%s'", keys);
	snprintf(path, sizeof(path), "%s/lock", state);
	/* kept open, and locked, for as long as this process lives */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return say_file_error(-errno, "cannot open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = errno;
		close(fd);
		if (err != EWOULDBLOCK)
			return say_file_error(-err, "cannot lock '%s'", path);
		say("'%s': another agent is at work there", state);
		return EXIT_FAILED;
	}
	err = clear_away();
	return err ? say_file_error(err, "cannot look into '%s'", keys) : EXIT_OK;
}

int store_names(int (*fn)(const char *name, void *arg), void *arg)
{
	char name[IOTKEY_NAME_MAX + 1];
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	dir = opendir(keys);
	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir)))
		if (name_of(entry->d_name, name))
			err = fn(name, arg);
	closedir(dir);
	return err;
}

int store_read(const char *name, char **text, size_t *len, struct iotkey_blob *blob)
{
	char path[PATH_MAX];
	int err;

	err = path_of(name, path);
	if (!err)
		err = read_file(path, FILE_MAX, text, len);
	if (err)
		return err;
	err = iotkey_blob_parse(*text, *len, blob);
	if (err)
		free_secret(*text, *len);
	return err;
}

int store_write(const char *name, const char *text, size_t len)
{
	char path[PATH_MAX];
	int err;

	err = path_of(name, path);
	return err ? err : write_file(path, text, len, 0600);
}

int store_remove(const char *name)
{
	char path[PATH_MAX];
	int err;

	err = path_of(name, path);
	if (err)
		return err;
	return remove_file(path);
}
