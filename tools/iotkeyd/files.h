/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small files of the state directory beside the keys, in fleet/: each is the old one or the new
 * one, whenever the power goes.
 */
#ifndef _IOTKEYD_FILES_H
#define _IOTKEYD_FILES_H

#include <stddef.h>

/* files_open(): make the directory if need be.  Returns an exit code, and has said what was wrong. */
int files_open(const char *state);

/* files_read(): zero-terminated, to be freed with free_secret().  -ENOENT; -EFBIG; as read(2). */
int files_read(const char *name, size_t max, char **text, size_t *len);

/* files_write(), files_remove(): return when it is on the disk; what could not be done is said */
int files_write(const char *name, const void *data, size_t len);
int files_remove(const char *name); /* 0, too, when there was none */

#endif /* _IOTKEYD_FILES_H */
