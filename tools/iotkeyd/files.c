// SPDX-License-Identifier: GPL-2.0-or-later
#include "files.h"

#include "../common/file.h"
#include "../common/say.h"
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[PATH_MAX - NAME_MAX - 1];

static void path_of(const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", directory, name);
}

/* What write_file() was about to do when the power went: a name of ours, ".", six letters */
static void clear_away(void)
{
	struct dirent *entry;
	size_t len;
	DIR *dir;

	dir = opendir(directory);
	while (dir && (entry = readdir(dir))) {
		len = strlen(entry->d_name);
		if (len > 7 && entry->d_name[len - 7] == '.' && entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

int files_open(const char *state)
{
	int err;

	snprintf(directory, sizeof(directory), "%s/fleet", state);
	err = store_make_directory(directory);
	if (err)
		return say_file_error(err, "cannot make '%s'", directory);
	clear_away();
	return EXIT_OK;
}

int files_read(const char *name, size_t max, char **text, size_t *len)
{
	char path[PATH_MAX];

	path_of(name, path);
	return read_file(path, max, text, len);
}

int files_write(const char *name, const void *data, size_t len)
{
	char path[PATH_MAX];
	int err;

	path_of(name, path);
	err = write_file(path, data, len, 0600);
	if (err)
		say_file_error(err, "cannot write '%s'", path);
	return err;
}

int files_remove(const char *name)
{
	char path[PATH_MAX];
	int err;

	path_of(name, path);
	err = remove_file(path);
	if (err == -ENOENT)
		return 0;
	if (err)
		say_file_error(err, "cannot remove '%s'", path);
	return err;
}
