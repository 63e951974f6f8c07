/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which roots the fleet has given, and which it has taken back; fleet/roots has a line for each:
 *
 *	NAME VERSION device|group coming|here|old|revoked ID
 *
 * ID is the kernel's identity of the root that was here last, 32 hex digits, or zeros.
 *
 * The version of a root only goes up when a signed statement has said that the one before is
 * over: it is revoked, or (old) others have left the group.  Until then no other root takes
 * its place, whatever the process with the net says.
 */
#ifndef _IOTKEYD_ROOTS_H
#define _IOTKEYD_ROOTS_H

#include <iotkey.h>
#include <stdbool.h>
#include <stdint.h>

#define ROOTS_MAX 128 /* lines */

enum root_state {
	ROOT_NONE,
	ROOT_COMING, /* it is being loaded: it may be in the kernel */
	ROOT_HERE,
	ROOT_OLD,
	ROOT_REVOKED, /* this version, and those before */
};

struct root {
	char name[IOTKEY_NAME_MAX + 1];
	uint32_t version;
	bool group;
	enum root_state state;
	uint8_t id[IOTKEY_ID_SIZE];
};

/* roots_open(): returns an exit code, and has said what was wrong */
int roots_open(void);

/* roots_find(): NULL, nothing is known of it */
const struct root *roots_find(const char *name);

/* roots_set(): on the disk when it returns.  -EDQUOT, there are ROOTS_MAX. */
int roots_set(const struct root *root);

/* roots_text(): lines "NAME VERSION" of those that are here, into @text; cut if need be */
void roots_text(char *text, size_t size);

/* roots_each(): @fn may call roots_set() for the same name */
void roots_each(void (*fn)(const struct root *root, void *arg), void *arg);

#endif /* _IOTKEYD_ROOTS_H */
