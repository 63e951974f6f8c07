/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state directory: one file for each key, whole or not there.
 *
 *	lock		held by the keeper that runs
 *	keys/NAME.blob	what "keyctl pipe" gave of the key NAME
 *	fleet/		see files.h
 *
 * In NAME, what is no letter, digit, "_", "-", "+" or a "." inside is %HH.
 */
#ifndef _IOTKEYD_STORE_H
#define _IOTKEYD_STORE_H

#include <iotkey.h>

/*
 * store_open(): make the directory if need be, lock it, and clear away what a power cut left of
 * a write.  Returns an exit code, and has said what was wrong.
 */
int store_open(const char *state);

/*
 * store_make_directory(): for root's eyes only.  0, or -errno; -EPERM, it is there and is
 * another's, or open to others.
 */
int store_make_directory(const char *path);

/* store_names(): call @fn for each key that is stored; @fn may change the store */
int store_names(int (*fn)(const char *name, void *arg), void *arg);

/*
 * store_read(): the text of key @name, zero-terminated, to be freed with free_secret(), and what
 * its head says (.kind IOTKEY_BLOB_TSS2: nothing).
 * Errors: -ENOENT, it is not stored; -EBADMSG and others of iotkey_blob_parse(); as read(2).
 */
int store_read(const char *name, char **text, size_t *len, struct iotkey_blob *blob);

/*
 * store_write(): returns when it is on the disk.
 * Errors: -ENAMETOOLONG, there is no file of that name; as write(2).
 */
int store_write(const char *name, const char *text, size_t len);

/* store_remove(): likewise.  Errors: -ENOENT; as unlink(2). */
int store_remove(const char *name);

#endif /* _IOTKEYD_STORE_H */
