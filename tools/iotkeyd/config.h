/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file: lines "name = value"; "#" begins a comment.
 */
#ifndef _IOTKEYD_CONFIG_H
#define _IOTKEYD_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONFIG_FILE "/etc/iotkey/iotkeyd.conf"

struct config {
	char state[PATH_MAX - 512]; /* state = DIRECTORY */
	bool has_group;		    /* group = NAME */
	gid_t group;
	uint64_t checkpoint; /* checkpoint = DURATION, seconds */
	char run[256];	     /* run = DIRECTORY */

	/* a fleet's device */
	char registrar[256];   /* registrar = https://HOST[:PORT]; empty: it is none */
	char ca[1024];	       /* ca = FILE | sha256:HEX; empty: none */
	bool first_use;	       /* trust-on-first-use = yes | no */
	char token_file[1024]; /* token-file = FILE; empty: none */
	char name[65];	       /* name = TEXT; empty: none */
	uint64_t attest;       /* attest = DURATION, seconds */
	char net_user[33];     /* net-user = NAME */
	uid_t net_uid;
	gid_t net_gid;
	uint32_t parent; /* parent = HANDLE, of the storage parent */
	char pcrs[256];	 /* pcrs = BANK:N,... */
};

/*
 * config_read(): @path, or the defaults where @path is the default one and there is no such
 * file.  Returns an exit code; every mistake has been told, with its line.
 */
int config_read(struct config *config, const char *path);

#endif /* _IOTKEYD_CONFIG_H */
