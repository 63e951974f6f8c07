/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file: lines "name = value"; "#" begins a comment.
 */
#ifndef _IOTKEYD_CONFIG_H
#define _IOTKEYD_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CONFIG_FILE "/etc/iotkey/iotkeyd.conf"

struct config {
	char state[PATH_MAX - 512]; /* state = DIRECTORY */
	bool has_group;		    /* group = NAME */
	gid_t group;
	uint64_t checkpoint; /* checkpoint = DURATION, seconds */
};

/*
 * config_read(): @path, or the defaults where @path is the default one and there is no such
 * file.  Returns an exit code; every mistake has been told, with its line.
 */
int config_read(struct config *config, const char *path);

#endif /* _IOTKEYD_CONFIG_H */
